#pragma once
/// @file
/// The text of --impair: `loss=1%,delay=10ms` for both directions, `rx.loss=1%,tx.rate=100M` for one.

#include <string>
#include <string_view>

#include "config/quantity.hh"
#include "synfin/impairment.hh"

namespace synfin::app {

/// Keys: loss, duplicate, corrupt, reorder (percent); delay, jitter, reorder-delay, queue (times); rate (bits
/// per second), each alone or with "rx." or "tx." in front; and seed. Each at most once for a direction.
/// Refuses a queue without a rate, and a reorder-delay without reorder.
Parsed<Impairments> parse_impairments(std::string_view text);
/// The text that parse_impairments() reads back as the same; empty without faults.
std::string text_of(const Impairments& faults);

}  // namespace synfin::app
