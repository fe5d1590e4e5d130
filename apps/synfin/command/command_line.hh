#pragma once
/// @file
/// The command line: options from the table of fields, the YAML file and `--set`, in the order of precedence.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.hh"
#include "subcommand.hh"

namespace synfin::app {

/// What was asked: a subcommand with its effective configuration, or a text to print (--help, --version).
struct Request {
    const Subcommand* subcommand = nullptr;
    Config config;
    std::string text;  ///< to print, when no subcommand is to run
};

/// @param arguments  without the program's name
/// Throws UserError(usage).
Request parse_command_line(const std::vector<std::string>& arguments,
                           std::span<const Subcommand* const> subcommands);

}  // namespace synfin::app
