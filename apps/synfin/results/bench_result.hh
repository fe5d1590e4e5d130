#pragma once
/// @file
/// Builds the result of a bench from the counters of its pairs.

#include <span>

#include "run_result.hh"
#include "traffic/bench_ends.hh"

namespace synfin::app {

/// Measurements taken before and after the run.
struct BenchContext {
    double tsc_hz = 0;
    uint64_t resident_before = 0;  ///< resident bytes of the process before the first connection
    CoreRoundTrip round_trip{};    ///< between the first two cores, if there are two
    bool interrupted = false;
};

/// The result with its verdict, but without the floor, which needs the runtime's memory.
/// @param times receives the sums of the latencies; the result refers to it
RunResult bench_result(const Config& config, Runtime& runtime, std::span<const PairEnds> pairs,
                       const BenchContext& context, LoadTimes& times);

/// The plan of the floor measurement: as many packets, of the same mean sizes. None if no connection
/// completed.
std::optional<FloorPlan> floor_plan(const RunResult& result);

}  // namespace synfin::app
