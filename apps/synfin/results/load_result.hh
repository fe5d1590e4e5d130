#pragma once
/// @file
/// Builds the result of a load from the counters of its engines' runs.

#include <deque>

#include "run_result.hh"
#include "series_collector.hh"
#include "traffic/client_run.hh"

namespace synfin::app {

/// What a load's result says beside its engines' runs.
struct LoadContext {
    double tsc_hz = 0;
    bool interrupted = false;     ///< a signal or the loss of the device ended the run
    DeviceStats device_before{};  ///< at the beginning of the run
};

/// The result with its verdict.
/// @param runs one for each of the runtime's engines
/// @param series finished; its latencies are those of the result
/// @param times receives the sums of the latencies; the result refers to it
RunResult load_result(const Config& config, Runtime& runtime, const std::deque<ClientRun>& runs,
                      const SeriesCollector& series, const LoadContext& context, LoadTimes& times);

/// The error text for a run that opened nothing because no next hop answered ARP or neighbour
/// discovery; else empty.
std::string nobody_answered(const Config& config, const std::deque<ClientRun>& runs);
/// The remedy for it.
inline constexpr std::string_view kCheckNextHop = "check the device, the address, its prefix and --gateway";

}  // namespace synfin::app
