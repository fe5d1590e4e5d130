#pragma once
/// @file
/// Rules for the keys that say when a class opens connections and sends requests.

#include <functional>
#include <string_view>

#include "content_rules.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// Why rates, arrivals, think times and held connections contradict each other; empty: they do not.
/// @param was_given whether the user gave the key, without "load.", for this class
Objection timing_objection(const TrafficConfig& traffic, Duration ramp, const WasGiven& was_given);

}  // namespace synfin::app
