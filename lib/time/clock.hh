#pragma once
/// @file
/// Clock: the one thing an engine asks of time. Implemented by TscClock; by FakeClock in tests.

#include <concepts>

#include "synfin/units.hh"

namespace synfin {

/// now() never goes back, and all clocks of one kind in a process share their origin.
template <typename C>
concept Clock = requires(const C& clock) {
    { clock.now() }
    noexcept->std::same_as<Instant>;
};

}  // namespace synfin
