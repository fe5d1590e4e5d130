#pragma once
/// @file
/// Where results go: the screen, and the file of --json.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "run_result.hh"

namespace synfin::app {

/// Throws UserError(failed) when the file of --json can't be written: before the run, not after it.
void check_json_path(const std::string& json_path);

/// Writes the JSON where --json says, and the text to standard output, or to standard error when the JSON
/// goes there. Throws UserError(failed) when the file or standard output can't be written: the other is.
void publish(const RunResult& result, const std::string& json_path);
/// The same with both given.
void publish(const nlohmann::ordered_json& result, const std::string& text, const std::string& json_path);

}  // namespace synfin::app
