#pragma once
/// @file
/// The result of a load, from what its engines' runs have counted.

#include <deque>

#include "run_result.hh"
#include "traffic/client_run.hh"

namespace synfin::app {

/// Judged.
/// @param runs one for each of the runtime's engines
/// @param interrupted whether a signal, or a device that is gone, ended the run
/// @param times where the latencies are summed; the result refers to it
RunResult load_result(const Config& config, Runtime& runtime, const std::deque<ClientRun>& runs,
                      double tsc_hz, bool interrupted, LoadTimes& times);

/// Who did not answer ARP, for a run that therefore opened nothing; empty for others.
std::string nobody_answered(const Config& config, const std::deque<ClientRun>& runs);
/// What to do about that.
inline constexpr std::string_view kCheckArp = "check the device, the address, its prefix and --gateway";

}  // namespace synfin::app
