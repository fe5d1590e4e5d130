#pragma once
/// @file
/// Field: one configuration key. The table of fields defines the YAML file, `--set`, the options and their
/// help, the effective configuration in the result, the deviations and docs/configuration.md.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config.hh"

namespace synfin::app {

/// Reads and writes a field's value in the configuration.
class FieldAccess {
  public:
    virtual ~FieldAccess() = default;
    /// Parses and stores one value.
    /// @param first true: the first value of a list, which replaces the list; later ones are appended
    /// @return the error text; empty on success
    virtual std::string set(Config& config, std::string_view text, bool first) const = 0;
    virtual nlohmann::ordered_json get(const Config& config) const = 0;
};

/// The string_view members refer to string literals.
struct Field {
    enum class Kind : uint8_t {
        scalar,
        flag,  ///< an option without a value, `--connect-only`; in YAML true or false
        list   ///< repeatable; each source (YAML, --set, options) replaces the whole list
    };
    std::string_view key;  ///< the YAML path, "load.response-size"; its last part is the option's long name,
                           ///< but for --pass
    std::string_view options;  ///< "-c,--connections"; empty: YAML and --set only
    unsigned commands = 0;     ///< bits of Command: the subcommands that use it
    Kind kind = Kind::scalar;
    std::string_view value_name;  ///< in the help: "N", "TIME"
    std::string_view help;
    std::string_view
        when_absent{};    ///< text of the default when no value expresses it: "5s, or until --count"
    std::string allowed;  ///< "1 to 4094", "fin or rst"; empty if value_name and help suffice
    bool in_bytes = false;
    bool of_class = false;  ///< also a key of each element of load.classes, without "load."
    std::shared_ptr<const FieldAccess> access;

    bool concerns(Command command) const noexcept { return (commands & static_cast<unsigned>(command)) != 0; }
    std::string set(Config& config, std::string_view text, bool first) const {
        return access->set(config, text, first);
    }
    nlohmann::ordered_json get(const Config& config) const;
    /// The default, written as a user would write it; empty: there is none.
    std::string default_text() const;
    /// The help text, followed by the default if there is one.
    std::string help_text() const;
};

/// Every field, in the order of the help and of the effective configuration.
const std::vector<Field>& fields();
const Field* find_field(std::string_view key);

/// The field of a key in load.classes; null: there is none. `requests` is short for requests-per-connection.
const Field* find_class_field(std::string_view key);
/// The error text for a key that find_class_field() does not know.
std::string unknown_class_key(std::string_view word);

/// The error text for an unknown key: `unknown key 'x'; did you mean 'y'?`. The suggestion is the nearest key
/// of the section, the key of the option with that name, or the same key in another section.
std::string unknown_key(std::string_view section, std::string_view word);

/// `path.to.key=value` from the command line. Throws UserError(usage).
void apply_set(Config& config, std::string_view assignment);

/// The effective configuration, limited to the fields that the command uses, nested as in YAML.
nlohmann::ordered_json effective(const Config& config, Command command);

/// The settings that make a run's figures incomparable with those of default runs: every changed `tcp` and
/// `validity` key, RST close, connections without data, and loss on purpose. One sentence each.
std::vector<std::string> deviations(const Config& config, Command command);

}  // namespace synfin::app
