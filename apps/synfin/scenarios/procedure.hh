#pragma once
/// @file
/// Procedure: the steps of a scenario (RFC 9411 7.x.4): qualify at a tenth of the target value, run at the
/// target value, and if that misses a criterion, search for the greatest value that meets all of them.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/config.hh"

namespace synfin::app {

/// Runs one load to its end, and returns its result as `load --json` writes it.
using RunLoad = std::function<nlohmann::ordered_json(const Config&)>;

/// Runs the scenario of the configuration, and prints each trial on standard error.
/// @param config with resolved targets, after scenario_base()
/// @param run called for each trial, in order
/// @param can_go_on asked before each trial; false ends the procedure
/// @return `procedure` of the result: name, section, title, unit, target, initial, phases, rows [{object,
/// trials,
///         found, kpi}], passed, departures. docs/scenarios.md describes it.
nlohmann::ordered_json run_procedure(const Config& config, const RunLoad& run,
                                     const std::function<bool()>& can_go_on);

/// The procedure as text: one line for each row, then the departures.
std::string procedure_text(const nlohmann::ordered_json& procedure);

}  // namespace synfin::app
