#pragma once
/// @file
/// The result of a bench, from what its pairs have counted.

#include <span>

#include "run_result.hh"
#include "traffic/bench_ends.hh"

namespace synfin::app {

/// What was measured around the run.
struct BenchContext {
    double tsc_hz = 0;
    uint64_t resident_before = 0;  ///< bytes of the process before the first connection
    CoreRoundTrip round_trip{};    ///< of the first two cores, where there are two
    bool interrupted = false;
};

/// Judged, but without the floor, which needs the runtime's memory.
/// @param times where the latencies are summed; the result refers to it
RunResult bench_result(const Config& config, Runtime& runtime, std::span<const PairEnds> pairs,
                       const BenchContext& context, LoadTimes& times);

/// The floor under a result: as many packets of the same mean sizes. None where no connection completed.
std::optional<FloorPlan> floor_plan(const RunResult& result);

}  // namespace synfin::app
