#pragma once
/// @file
/// Subcommand: the interface between main() and a subcommand; each subcommand's file defines one.

#include <string_view>

#include "config/config.hh"
#include "config/user_error.hh"

namespace synfin::app {

struct Subcommand {
    Command command;
    std::string_view name;
    std::string_view summary;
    std::string_view example;     ///< example lines, printed at the end of its help
    std::string_view positional;  ///< name of the positional argument: "TARGET", "FILE"; empty: none
    Exit (*run)(const Config&);
};

extern const Subcommand kBenchCommand;
extern const Subcommand kServeCommand;
extern const Subcommand kLoadCommand;
extern const Subcommand kCheckCommand;
extern const Subcommand kDevicesCommand;
extern const Subcommand kDoctorCommand;
extern const Subcommand kCompareCommand;
extern const Subcommand kReportCommand;

}  // namespace synfin::app
