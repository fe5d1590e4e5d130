#pragma once
/// @file
/// Publishes results: on the screen, and in the file of --json.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "run_result.hh"

namespace synfin::app {

/// Throws UserError(failed) when the file of --json can't be written. Call it before the run.
void check_json_path(const std::string& json_path);

/// The same for the file of --report.
void check_report_path(const std::string& report_path);

/// Writes the JSON to `json_path`, and the text to standard output, or to standard error if the JSON goes to
/// standard output. Throws UserError(failed) when one of them can't be written, after writing the other.
/// Then writes the page of --report.
void publish(const RunResult& result, const std::string& json_path);
/// The same, with the JSON and the text given.
void publish(const nlohmann::ordered_json& result, const std::string& text, const std::string& json_path);

}  // namespace synfin::app
