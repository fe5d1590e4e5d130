#pragma once
/// @file
/// Reads a YAML file into the configuration. Every error names the file, line and column.

#include <string>
#include <string_view>

#include "config.hh"

namespace synfin::app {

/// Reads the file into config and records its keys in Config::given. Throws UserError(usage) with
/// `FILE:LINE:COLUMN: what was expected and what was found`.
void read_yaml_file(Config& config, const std::string& path);

/// The same for YAML text in memory; messages use `name` as the file name.
void read_yaml(Config& config, const std::string& text, const std::string& name);

}  // namespace synfin::app
