#pragma once
/// @file
/// Field: one thing that can be configured. The YAML file, `--set`, the options, their help, the effective
/// configuration in the result, the list of deviations and docs/configuration.md all follow from this one
/// table.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config.hh"

namespace synfin::app {

/// Where a field's value is in the configuration, and how it is written.
class FieldAccess {
  public:
    virtual ~FieldAccess() = default;
    /// Parses and stores one value; the error text, or empty. `first` of a list replaces.
    virtual std::string set(Config& config, std::string_view text, bool first) const = 0;
    virtual nlohmann::ordered_json get(const Config& config) const = 0;
};

/// Its texts are literals.
struct Field {
    enum class Kind : uint8_t {
        scalar,
        flag,  ///< as an option it stands alone: `--connect-only`; in YAML it is true or false
        list   ///< repeatable; the first value of a source replaces those of the source before
    };
    std::string_view key;  ///< the YAML path, "load.response-size"; its last part is the option's long name
    std::string_view options;  ///< "-c,--connections"; empty: YAML and --set only
    unsigned commands = 0;     ///< sum of Command: where it means something
    Kind kind = Kind::scalar;
    std::string_view value_name;  ///< in the help: "N", "TIME"
    std::string_view help;
    std::string_view
        when_absent{};    ///< the default where no value of the field says it: "5s, or until --count"
    std::string allowed;  ///< "1 to 4094", "fin or rst"; empty where value_name and help say it
    bool in_bytes = false;
    std::shared_ptr<const FieldAccess> access;

    bool concerns(Command command) const noexcept { return (commands & static_cast<unsigned>(command)) != 0; }
    std::string set(Config& config, std::string_view text, bool first) const {
        return access->set(config, text, first);
    }
    nlohmann::ordered_json get(const Config& config) const;
    /// What holds when nobody sets it, as one would write it; empty: nothing does.
    std::string default_text() const;
    /// The help, and the default where there is one.
    std::string help_text() const;
};

/// Every field, in the order of the help and of the effective configuration.
const std::vector<Field>& fields();
const Field* find_field(std::string_view key);

/// `unknown key 'x'; did you mean 'y'?`, with the nearest of the keys beside it, the key of the option of
/// that name, or the full path where the same word stands in another section.
std::string unknown_key(std::string_view section, std::string_view word);

/// `path.to.key=value` from the command line. Throws UserError(usage).
void apply_set(Config& config, std::string_view assignment);

/// The effective configuration as far as it concerns the command, nested as in YAML.
nlohmann::ordered_json effective(const Config& config, Command command);

/// What the run does otherwise than by default where the default is a promise: every `tcp` and
/// `validity` key that was changed, RST close, connections without data. One sentence each.
std::vector<std::string> deviations(const Config& config, Command command);

}  // namespace synfin::app
