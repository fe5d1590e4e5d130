#pragma once
/// @file
/// The builder of the table of fields, for the *_fields.cc files.

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "codec.hh"
#include "fields.hh"

namespace synfin::app {

/// Returns the value's place in the configuration.
template <typename T>
using Place = T& (*)(Config&);
/// AT(load.rate) returns a reference to config.load.rate.
#define AT(place)              \
    +[](Config & c) -> auto& { \
        return c.place;        \
    }

using Access = std::shared_ptr<const FieldAccess>;

// field_table.cc instantiates these for each type of a field. Defined here, they would be compiled once per
// section.
template <typename T>
Access scalar_access(const Codec<T>& codec, Place<T> at);
template <typename T>
Access optional_access(const Codec<T>& codec, Place<std::optional<T>> at);
template <typename T>
Access list_access(const Codec<T>& codec, Place<std::vector<T>> at);
/// The members of TcpConfig have several integer widths; the codecs use 64 bits.
template <typename T, typename V>
Access tcp_access(const Codec<V>& codec, T TcpConfig::*member);
/// One value may hold several criteria, separated by commas.
Access criteria_access(Place<std::vector<Criterion>> at);
/// One of each family. In JSON: null, a string, or a list of two.
Access gateway_access();

/// The commands that use a field.
inline constexpr unsigned kBench = static_cast<unsigned>(Command::bench);
inline constexpr unsigned kServe = static_cast<unsigned>(Command::serve);
inline constexpr unsigned kLoad = static_cast<unsigned>(Command::load);
inline constexpr unsigned kDevices = static_cast<unsigned>(Command::devices);
inline constexpr unsigned kDoctor = static_cast<unsigned>(Command::doctor);
inline constexpr unsigned kCompare = static_cast<unsigned>(Command::compare);
inline constexpr unsigned kReport = static_cast<unsigned>(Command::report);
inline constexpr unsigned kDevice = kServe | kLoad;
inline constexpr unsigned kAll = kBench | kServe | kLoad;
inline constexpr unsigned kLook = kDevices | kDoctor;

inline constexpr uint64_t kMillions = 1'000'000;

/// Appends fields in the order of the calls.
class FieldTable {
  public:
    explicit FieldTable(std::vector<Field>& all) : all_(all) {}

    /// @return the field, so that the caller can set optional members such as `.when_absent`
    template <typename T>
    Field& scalar(std::string_view key, std::string_view options, unsigned commands,
                  std::string_view value_name, const Codec<T>& codec, Place<T> at, std::string_view help) {
        return add(Field::Kind::scalar, key, options, commands, value_name, codec, scalar_access(codec, at),
                   help);
    }
    /// A value that may be absent; the result then shows null.
    template <typename T>
    Field& optional(std::string_view key, std::string_view options, unsigned commands,
                    std::string_view value_name, const Codec<T>& codec, Place<std::optional<T>> at,
                    std::string_view help) {
        return add(Field::Kind::scalar, key, options, commands, value_name, codec, optional_access(codec, at),
                   help);
    }
    template <typename T>
    Field& list(std::string_view key, std::string_view options, unsigned commands,
                std::string_view value_name, const Codec<T>& codec, Place<std::vector<T>> at,
                std::string_view help) {
        return add(Field::Kind::list, key, options, commands, value_name, codec, list_access(codec, at),
                   help);
    }
    Field& flag(std::string_view key, std::string_view options, unsigned commands, Place<bool> at,
                std::string_view help) {
        const Codec<bool> codec = boolean();
        return add(Field::Kind::flag, key, options, commands, "BOOL", codec, scalar_access(codec, at), help);
    }
    template <typename T, typename V>
    Field& of_tcp(std::string_view key, std::string_view options, std::string_view value_name,
                  const Codec<V>& codec, T TcpConfig::*member, std::string_view help) {
        return add(Field::Kind::scalar, key, options, kAll, value_name, codec, tcp_access(codec, member),
                   help);
    }
    Field& criteria(std::string_view key, std::string_view options, unsigned commands,
                    Place<std::vector<Criterion>> at, std::string_view help) {
        return add(Field::Kind::list, key, options, commands, "CRITERIA", any_text(), criteria_access(at),
                   help);
    }

    /// The fields that follow are also keys of load.classes, until end_of_class().
    void begin_of_class() noexcept { is_of_class_ = true; }
    void end_of_class() noexcept { is_of_class_ = false; }

    Field& gateways(std::string_view key, std::string_view options, unsigned commands,
                    std::string_view help) {
        return add(Field::Kind::list, key, options, commands, "IP[@MAC]|auto", any_text(), gateway_access(),
                   help);
    }

  private:
    template <typename T>
    Field& add(Field::Kind kind, std::string_view key, std::string_view options, unsigned commands,
               std::string_view value_name, const Codec<T>& codec, Access access, std::string_view help) {
        return put({.key = key,
                    .options = options,
                    .commands = commands,
                    .kind = kind,
                    .value_name = value_name,
                    .help = help,
                    .allowed = codec.allowed,
                    .in_bytes = codec.in_bytes,
                    .of_class = is_of_class_,
                    .access = std::move(access)});
    }
    Field& put(Field field);

    std::vector<Field>& all_;
    bool is_of_class_ = false;
};

// Each is in a file of its own.
void add_common_fields(FieldTable& table);
void add_serve_fields(FieldTable& table);
void add_traffic_fields(FieldTable& table);
void add_content_fields(FieldTable& table);
void add_load_fields(FieldTable& table);
void add_scenario_fields(FieldTable& table);
void add_bench_fields(FieldTable& table);
void add_validity_fields(FieldTable& table);
void add_tcp_fields(FieldTable& table);

}  // namespace synfin::app
