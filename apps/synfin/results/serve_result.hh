#pragma once
/// @file
/// Builds the result of a run of serve.

#include <span>

#include "run_result.hh"

namespace synfin::app {

/// The totals of one engine's servers after the run.
struct ServedEngine {
    ServerTally tally;
    BusyCycles cycles{};
};

/// Measurements of the run as a whole.
struct ServeContext {
    double tsc_hz = 0;
    double seconds = 0;  ///< from the first turn to the last
    bool interrupted = false;
};

/// @param engines one for each of the runtime's
RunResult serve_result(const Config& config, Runtime& runtime, std::span<const ServedEngine> engines,
                       const ServeContext& context);

}  // namespace synfin::app
