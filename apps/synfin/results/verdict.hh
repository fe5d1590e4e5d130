#pragma once
/// @file
/// The verdict on a run. Valid: the generator kept to its task, so the figures describe the target. Passed:
/// the run met the criteria.

#include "config/config.hh"
#include "config/user_error.hh"
#include "run_result.hh"

namespace synfin::app {

/// Fills in `invalid_because` and `warnings` by the limits of `validity.*`, and `criteria`. Each sentence
/// states the figure, the limit and the remedy. It reads all members except `config` and the memory figures.
void reach_verdict(RunResult& result, const std::vector<Criterion>& criteria, const ValidityConfig& limits);

/// True if every criterion passed.
bool has_passed(const RunResult& result) noexcept;

/// Exit::invalid if the run is invalid or did not pass, else Exit::done.
Exit exit_of(const RunResult& result) noexcept;

}  // namespace synfin::app
