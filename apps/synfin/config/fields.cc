#include "fields.hh"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "field_table.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

std::string_view last_part(std::string_view key) {
    const size_t dot = key.rfind('.');
    return dot == key.npos ? key : key.substr(dot + 1);
}

/// The long name of the field's option: "pass" for "--pass"; empty if it has no option.
std::string_view long_name(const Field& field) {
    const size_t dashes = field.options.find("--");
    return dashes == field.options.npos ? std::string_view{} : field.options.substr(dashes + 2);
}

}  // namespace

ordered_json Field::get(const Config& config) const {
    return access->get(config);
}

std::string Field::default_text() const {
    if (!when_absent.empty()) return std::string(when_absent);
    const ordered_json value = get(Config{});
    if (value.is_null() || value.is_array()) return {};
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_number()) return value.dump();
    const auto number = value.get<uint64_t>();
    return in_bytes ? exact_bytes_text(number) : exact_count_text(number);
}

std::string Field::help_text() const {
    const std::string value = kind == Kind::flag ? std::string{} : default_text();
    return value.empty() ? std::string(help) : fmt::format("{} (default: {})", help, value);
}

const std::vector<Field>& fields() {
    static const std::vector<Field> all = [] {
        std::vector<Field> list;
        FieldTable table(list);
        add_common_fields(table);
        add_serve_fields(table);
        add_load_fields(table);
        add_bench_fields(table);
        add_validity_fields(table);
        add_tcp_fields(table);
        return list;
    }();
    return all;
}

const Field* find_field(std::string_view key) {
    const auto found =
        std::find_if(fields().begin(), fields().end(), [&](const Field& field) { return field.key == key; });
    return found == fields().end() ? nullptr : &*found;
}

std::string unknown_key(std::string_view section, std::string_view word) {
    const std::string prefix = section.empty() ? "" : fmt::format("{}.", section);
    std::string message = fmt::format("unknown key '{}{}'", prefix, word);
    std::set<std::string> beside;
    for (const Field& field : fields()) {
        if (last_part(field.key) == word) return message + fmt::format("; did you mean '{}'?", field.key);
        if (!field.key.starts_with(prefix)) continue;
        const std::string_view key = field.key.substr(prefix.size());
        if (long_name(field) == word) return message + fmt::format("; did you mean '{}'?", key);
        beside.emplace(key.substr(0, key.find('.')));
    }
    if (const auto meant = nearest(word, {beside.begin(), beside.end()}))
        return message + fmt::format("; did you mean '{}'?", *meant);
    message += "; known here:";
    for (const std::string& known : beside)
        message += fmt::format("{} {}", known == *beside.begin() ? "" : ",", known);
    return message;
}

void apply_set(Config& config, std::string_view assignment) {
    const size_t equals = assignment.find('=');
    if (equals == assignment.npos)
        throw usage_error(fmt::format("--set: {}", expected_but_found("path.to.key=value", assignment)),
                          "for example --set tcp.msl=2s");
    const std::string_view key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    const Field* field = find_field(key);
    if (field == nullptr) {
        const size_t dot = key.rfind('.');
        const std::string_view section = dot == key.npos ? std::string_view{} : key.substr(0, dot);
        throw usage_error(fmt::format("--set {}: {}", assignment, unknown_key(section, last_part(key))));
    }
    // --set replaces a whole list: --set address=10.0.0.1/24,10.0.0.2/24
    bool first = true;
    for (std::string_view rest = value;;) {
        const size_t comma = field->kind == Field::Kind::list ? rest.find(',') : rest.npos;
        const std::string why = field->set(config, rest.substr(0, comma), std::exchange(first, false));
        if (!why.empty()) throw usage_error(fmt::format("--set {}: {}", field->key, why));
        if (comma == rest.npos) break;
        rest.remove_prefix(comma + 1);
    }
    config.given.emplace_back(key);
}

ordered_json effective(const Config& config, Command command) {
    ordered_json all = ordered_json::object();
    for (const Field& field : fields()) {
        if (!field.concerns(command)) continue;
        const size_t dot = field.key.find('.');
        ordered_json& section = dot == field.key.npos ? all : all[std::string(field.key.substr(0, dot))];
        section[std::string(last_part(field.key))] = field.get(config);
    }
    return all;
}

std::vector<std::string> deviations(const Config& config, Command command) {
    std::vector<std::string> list;
    const Config by_default;
    for (const Field& field : fields()) {
        const bool is_promise = field.key.starts_with("tcp.") || field.key.starts_with("validity.");
        if (!is_promise || !field.concerns(command)) continue;
        const ordered_json value = field.get(config), expected = field.get(by_default);
        if (value != expected)
            list.push_back(fmt::format("{} {} (default {})", field.key, value.dump(), expected.dump()));
    }
    for (std::string& line : list) line.erase(std::remove(line.begin(), line.end(), '"'), line.end());
    if (command == Command::load && config.load.close == LoadConfig::Close::rst)
        list.emplace_back("load.close rst: connections end by RST, without FIN and TIME-WAIT");
    if (command == Command::load && config.load.connect_only)
        list.emplace_back("load.connect-only: connections carry no data");
    if (command == Command::bench && config.bench.loss_ppm != 0)
        list.push_back(fmt::format("bench.loss {} (seed {}): the wire loses frames on purpose",
                                   percent_text(config.bench.loss_ppm), config.bench.loss_seed));
    return list;
}

}  // namespace synfin::app
