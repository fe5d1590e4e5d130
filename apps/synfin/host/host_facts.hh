#pragma once
/// @file
/// Facts about the host, needed to repeat a measurement.

#include <nlohmann/json_fwd.hpp>

#include "synfin/runtime.hh"

namespace synfin::app {

/// `host` of the result: processor, cores, kernel, DPDK, memory pages, TSC frequency.
nlohmann::ordered_json host_facts(const DeviceReport& report, double tsc_hz);

/// The opened device: its properties, and which offloads are used and why.
nlohmann::ordered_json device_facts(const DeviceReport& report);

/// Time in ns for one cache line to go to the other core and back: the least of ten series of 2,000 round
/// trips. It bounds from below the cost of a handover between two cores. 0 for one core.
double core_round_trip_ns(unsigned core_a, unsigned core_b);

/// Resident memory of this process in bytes.
uint64_t resident_bytes();

}  // namespace synfin::app
