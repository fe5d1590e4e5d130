#pragma once
/// @file
/// The JSON result of a run: `synfin.result/1`, defined by docs/result.schema.json. The screen shows the same
/// object.

#include <nlohmann/json_fwd.hpp>

#include "run_result.hh"

namespace synfin::app {

/// The packets that the engines, the device and its port dropped, by reason, without zeros.
nlohmann::ordered_json drops(const Counters& counters, const DeviceStats& device);

/// The whole result, with keys in the order of the schema.
nlohmann::ordered_json to_json(const RunResult& result);

}  // namespace synfin::app
