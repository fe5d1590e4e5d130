#pragma once
/// @file
/// The command line: combines the YAML file, `--set` and the options, each overriding the one before.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.hh"
#include "subcommand.hh"

namespace synfin::app {

/// The request: a subcommand with its effective configuration, or a text to print (--help, --version).
struct Request {
    const Subcommand* subcommand = nullptr;
    Config config;
    std::string text;  ///< printed if `subcommand` is null
};

/// @param arguments  without the program's name
/// Throws UserError(usage).
Request parse_command_line(const std::vector<std::string>& arguments,
                           std::span<const Subcommand* const> subcommands);

}  // namespace synfin::app
