#pragma once
/// @file
/// The result of a run as `synfin.result/1`: docs/result.schema.json. The screen shows the same object.

#include <nlohmann/json_fwd.hpp>

#include "run_result.hh"

namespace synfin::app {

/// What was dropped, by reason: by the engines, the device and its port. Zeros are left out.
nlohmann::ordered_json drops(const Counters& counters, const DeviceStats& device);

/// All keys of the contract, in its order.
nlohmann::ordered_json to_json(const RunResult& result);

}  // namespace synfin::app
