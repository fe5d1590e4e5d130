#pragma once
/// @file
/// The result of a server's run.

#include <span>

#include "run_result.hh"

namespace synfin::app {

/// What one engine's servers have done, after the run.
struct ServedEngine {
    ServerTally tally;
    BusyCycles cycles{};
};

/// What was measured around the run.
struct ServeContext {
    double tsc_hz = 0;
    double seconds = 0;  ///< from the first turn to the last
    bool interrupted = false;
};

/// @param engines one for each of the runtime's
RunResult serve_result(const Config& config, Runtime& runtime, std::span<const ServedEngine> engines,
                       const ServeContext& context);

}  // namespace synfin::app
