#pragma once
/// @file
/// Runs the scenario of a configuration on a device, and publishes its result.

#include "config/config.hh"
#include "config/user_error.hh"

namespace synfin::app {

/// @return done if each row has a value that met the criteria, else invalid. Throws UserError.
Exit run_scenario(const Config& given);

}  // namespace synfin::app
