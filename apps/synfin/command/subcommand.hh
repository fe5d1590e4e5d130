#pragma once
/// @file
/// Subcommand: what main() knows of each; one file per subcommand fills one in.

#include <string_view>

#include "config/config.hh"
#include "config/user_error.hh"

namespace synfin::app {

struct Subcommand {
    Command command;
    std::string_view name;
    std::string_view summary;
    std::string_view example;     ///< lines for the end of its help
    std::string_view positional;  ///< "TARGET", "FILE"; empty: takes none
    Exit (*run)(const Config&);
};

extern const Subcommand kBenchCommand;
extern const Subcommand kServeCommand;
extern const Subcommand kLoadCommand;
extern const Subcommand kCheckCommand;
extern const Subcommand kDevicesCommand;
extern const Subcommand kDoctorCommand;

}  // namespace synfin::app
