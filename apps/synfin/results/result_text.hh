#pragma once
/// @file
/// Formats the result of a run as text, from the JSON object, so that both show the same numbers.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace synfin::app {

/// @param result `synfin.result/1`
std::string to_text(const nlohmann::ordered_json& result);

}  // namespace synfin::app
