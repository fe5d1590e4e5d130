#include "fields.hh"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "class_texts.hh"
#include "field_table.hh"
#include "impair_text.hh"
#include "step.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

std::string_view last_part(std::string_view key) {
    const size_t dot = key.rfind('.');
    return dot == key.npos ? key : key.substr(dot + 1);
}

constexpr std::string_view kOfLoad = "load.";

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
        add_traffic_fields(table);
        add_content_fields(table);
        add_load_fields(table);
        add_scenario_fields(table);
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

const Field* find_class_field(std::string_view key) {
    if (key == "requests") key = "requests-per-connection";
    const Field* const field = find_field(fmt::format("{}{}", kOfLoad, key));
    return field != nullptr && field->of_class ? field : nullptr;
}

std::string unknown_class_key(std::string_view word) {
    std::set<std::string> known = {"name", "share", "requests"};
    for (const Field& field : fields())
        if (field.of_class) known.emplace(field.key.substr(kOfLoad.size()));
    std::string message = fmt::format("unknown key '{}' of a class", word);
    if (const auto meant = nearest(word, {known.begin(), known.end()}))
        return message + fmt::format("; did you mean '{}'?", *meant);
    message += "; known here:";
    for (const std::string& key : known)
        message += fmt::format("{} {}", key == *known.begin() ? "" : ",", key);
    return message;
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

namespace {
constexpr std::string_view kClassesPrefix = "load.classes.";

/// `load.classes.NAME.KEY=VALUE`
void set_in_class(Config& config, std::string_view assignment, std::string_view key, std::string_view value) {
    const std::string_view path = key.substr(kClassesPrefix.size());
    const size_t dot = path.find('.');
    const std::string_view of = path.substr(0, dot), word = dot == path.npos ? "" : path.substr(dot + 1);
    auto& texts = config.load.class_texts;
    const auto found =
        std::find_if(texts.begin(), texts.end(), [&](const auto& each) { return each.name == of; });
    if (found == texts.end()) {
        std::vector<std::string> names;
        for (const auto& each : texts) names.push_back(each.name);
        const auto meant = nearest(of, names);
        throw usage_error(fmt::format("--set {}: no class has the name '{}'{}", assignment, of,
                                      meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
    }
    const std::string why = set_class_value(*found, word, {std::string(value)});
    if (!why.empty()) throw usage_error(fmt::format("--set {}: {}", assignment, why));
    config.given.emplace_back(key);
}
}  // namespace

void apply_set(Config& config, std::string_view assignment) {
    const size_t equals = assignment.find('=');
    if (equals == assignment.npos)
        throw usage_error(fmt::format("--set: {}", expected_but_found("path.to.key=value", assignment)),
                          "for example --set tcp.msl=2s");
    const std::string_view key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    if (key.starts_with(kClassesPrefix)) return set_in_class(config, assignment, key, value);
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

namespace {
ordered_json effective_classes(const Config& config) {
    ordered_json all = ordered_json::array();
    Config scratch = config;
    for (const TrafficConfig& each : config.load.classes) {
        static_cast<TrafficConfig&>(scratch.load) = each;
        ordered_json one = ordered_json::object();
        one["name"] = each.name;
        if (each.share) one["share"] = percent_text(*each.share);
        for (const Field& field : fields())
            if (field.of_class) one[std::string(last_part(field.key))] = field.get(scratch);
        all.push_back(std::move(one));
    }
    return all;
}
}  // namespace

ordered_json effective(const Config& config, Command command) {
    ordered_json all = ordered_json::object();
    for (const Field& field : fields()) {
        if (!field.concerns(command)) continue;
        ordered_json* section = &all;
        size_t begin = 0;
        for (size_t dot; (dot = field.key.find('.', begin)) != field.key.npos; begin = dot + 1)
            section = &(*section)[std::string(field.key.substr(begin, dot - begin))];
        (*section)[std::string(last_part(field.key))] = field.get(config);
    }
    if (command == Command::load && !config.load.classes.empty())
        all["load"]["classes"] = effective_classes(config);
    return all;
}

namespace {
bool ends_with_reset(const std::vector<std::string>& texts) {
    const auto steps = parse_conversation(texts);
    return steps && steps.value->back().kind == Step::Kind::reset;
}
}  // namespace

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
    if (command == Command::load)
        for (const TrafficConfig& traffic : config.load.traffic()) {
            const std::string of =
                traffic.name.empty() ? "load" : fmt::format("load.classes.{}", traffic.name);
            if (traffic.close == TrafficConfig::Close::rst)
                list.push_back(of + ".close rst: connections end by RST, without FIN and TIME-WAIT");
            if (ends_with_reset(traffic.steps))
                list.push_back(of + ".steps: connections end by RST, without FIN and TIME-WAIT");
            if (traffic.connect_only) list.push_back(of + ".connect-only: connections carry no data");
        }
    if (config.impair.any())
        list.push_back(fmt::format("impair {}: the device has faults on purpose", text_of(config.impair)));
    if (command == Command::bench && config.bench.loss_ppm != 0)
        list.push_back(fmt::format("bench.loss {} (seed {}): the wire loses frames on purpose",
                                   percent_text(config.bench.loss_ppm), config.bench.loss_seed));
    return list;
}

}  // namespace synfin::app
