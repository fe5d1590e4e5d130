#pragma once
/// @file
/// The verdict on a run. Valid: the generator did what it was asked to, so that the figures are the target's.
/// Passed: the target met the criteria.

#include "config/config.hh"
#include "config/user_error.hh"
#include "run_result.hh"

namespace synfin::app {

/// Fills in `invalid_because` and `warnings`, by the limits of `validity.*`, and `criteria`. Each sentence
/// has its figure, the limit and what to do. Asks the result for everything but configuration and memory.
void reach_verdict(RunResult& result, const std::vector<Criterion>& criteria, const ValidityConfig& limits);

/// Whether every criterion's verdict is pass.
bool has_passed(const RunResult& result) noexcept;

/// invalid, when the run is not valid or did not pass.
Exit exit_of(const RunResult& result) noexcept;

}  // namespace synfin::app
