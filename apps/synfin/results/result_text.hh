#pragma once
/// @file
/// The result of a run for people, made from the object that is written as JSON: both show the same numbers.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace synfin::app {

/// @param result `synfin.result/1`
std::string to_text(const nlohmann::ordered_json& result);

}  // namespace synfin::app
