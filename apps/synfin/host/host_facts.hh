#pragma once
/// @file
/// The host under a figure: without it no figure can be repeated.

#include <nlohmann/json_fwd.hpp>

#include "synfin/runtime.hh"

namespace synfin::app {

/// `host` of the result: processor, cores, kernel, DPDK, memory pages, TSC frequency.
nlohmann::ordered_json host_facts(const DeviceReport& report, double tsc_hz);

/// What was opened, and what of it is used and why.
nlohmann::ordered_json device_facts(const DeviceReport& report);

/// Nanoseconds for one cache line to go to the other core and back: the least of several rounds of a counter
/// passed to and fro. What two engines on two cores pay at least for every handover; 0 for one core.
double core_round_trip_ns(unsigned core_a, unsigned core_b);

/// Bytes of this process that are in memory now.
uint64_t resident_bytes();

}  // namespace synfin::app
