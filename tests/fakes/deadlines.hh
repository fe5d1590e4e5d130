#pragma once
/// @file
/// Moves an engine's time on in tests that hold the clock themselves.

#include <algorithm>

#include "synfin/stack.hh"

namespace synfin::fakes {

/// Advances `now` by `d`: calls turn() at each deadline on the way, and once at the end.
template <typename Turn>
void advance(Stack& stack, Instant& now, Duration d, Turn&& turn) {
    const Instant until = now + d;
    for (auto due = stack.next_deadline(); due && *due <= until; due = stack.next_deadline()) {
        now = std::max(now, *due);
        turn();
    }
    now = until;
    turn();
}

}  // namespace synfin::fakes
