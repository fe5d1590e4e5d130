#pragma once
/// @file
/// Field: one thing that can be configured. The YAML file, `--set`, the options, their help, the effective
/// configuration in the result and the list of deviations all follow from this one table.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config.hh"

namespace synfin::app {

struct Field {
    enum class Kind : uint8_t {
        scalar,
        flag,  ///< as an option it stands alone: `--connect-only`; in YAML it is true or false
        list   ///< repeatable; the first value of a source replaces those of the source before
    };
    std::string key;      ///< the YAML path, "load.response-size"; its last part is the option's long name
    std::string options;  ///< "-c,--connections"; empty: YAML and --set only
    unsigned commands;    ///< sum of Command: where it means something
    Kind kind = Kind::scalar;
    std::string value_name;  ///< in the help: "N", "TIME"
    std::string help;
    /// Parses and stores one value; the error text, or empty. `first` of a list replaces.
    std::function<std::string(Config&, std::string_view text, bool first)> set;
    std::function<nlohmann::ordered_json(const Config&)> get;

    bool concerns(Command command) const noexcept { return (commands & static_cast<unsigned>(command)) != 0; }
};

/// Every field, in the order of the help and of the effective configuration.
const std::vector<Field>& fields();
const Field* find_field(std::string_view key);

/// `unknown key 'x'; did you mean 'y'?`, with the nearest of the keys beside it, or the full path where the
/// same word stands in another section.
std::string unknown_key(std::string_view section, std::string_view word);

/// `path.to.key=value` from the command line. Throws UserError(usage).
void apply_set(Config& config, std::string_view assignment);

/// The effective configuration as far as it concerns the command, nested as in YAML.
nlohmann::ordered_json effective(const Config& config, Command command);

/// What the run does otherwise than by default where the default is a promise: every `tcp` and
/// `validity` key that was changed, RST close, connections without data. One sentence each.
std::vector<std::string> deviations(const Config& config, Command command);

}  // namespace synfin::app
