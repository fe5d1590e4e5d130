#pragma once
/// @file
/// Writes searches and repeats: the keys `search` and `repeats` of the result, and the first lines of the
/// screen.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "trial_runs.hh"

namespace synfin::app {

nlohmann::ordered_json to_json(const SearchReport& search);
nlohmann::ordered_json to_json(const Repeats& repeats);

/// The result's JSON, with `search` and `repeats`.
nlohmann::ordered_json to_json(const TrialRuns& runs);
/// What the search found and whether the repeats agree: the first lines of the screen. Empty for a single
/// run. @param result as to_json() makes it
std::string trials_text(const nlohmann::ordered_json& result);
/// The trials of the search and the figures of the repeats: the last lines.
std::string trials_tables(const nlohmann::ordered_json& result);

/// As publish() in results/publish.hh.
void publish_trials(const TrialRuns& runs, const std::string& json_path);

}  // namespace synfin::app
