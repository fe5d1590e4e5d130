#pragma once
/// @file
/// The loads that a search tries: the given one with another rate or number of connections.

#include "config/config.hh"
#include "search.hh"
#include "trial_verdict.hh"

namespace synfin::app {

/// The same load with `value` in place of its rate, request rate or connections. Classes get their shares of
/// it; classes with an amount of their own keep theirs. @param config with resolved targets
Config scaled_load(const Config& config, uint64_t value);
/// The load of one step: scaled, with the duration of the step. With phases the step's duration is that of
/// `sustain`. The criteria of the search count as well as those of --pass.
Config load_of(const Config& config, const SearchStep& step);

/// What the search looks for, and where it begins: at the load's own amount if one was given.
SearchPlan search_plan(const Config& config);
/// What a trial with this value is judged by.
TrialTask task_of(const Config& config, uint64_t value);

/// The largest of the loads that will run: it sizes the pools.
Config largest_load(const Config& config);

/// Throws UserError(usage) for searches and repeats that can't run. @param config after validate_load()
void validate_trials(const Config& config);

/// "connections/s", "requests/s", "connections".
std::string_view unit_of(SearchConfig::Kind kind) noexcept;
/// "rate", "request-rate", "connections".
std::string_view name(SearchConfig::Kind kind) noexcept;

}  // namespace synfin::app
