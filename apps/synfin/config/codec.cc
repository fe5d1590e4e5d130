#include "codec.hh"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "impair_text.hh"
#include "servers/http_site.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

// -- numbers ------------------------------------------------------------------------------------------------

Parsed<uint64_t> within(Parsed<uint64_t> parsed, std::string_view text, const Range& range) {
    if (parsed && (*parsed.value < range.low || *parsed.value > range.high))
        return Parsed<uint64_t>::refuse(
            expected_but_found(fmt::format("a number from {} to {}", range.low, range.high), text));
    return parsed;
}
ordered_json number_json(const uint64_t& value) {
    return value;
}

Parsed<Duration> duration_within(std::string_view text, const Range& range) {
    auto parsed = parse_duration(text);
    if (!parsed) return parsed;
    const auto refuse = [&](std::string_view bound, uint64_t ns) {
        const std::string limit = duration_text(Duration(static_cast<int64_t>(ns)));
        return Parsed<Duration>::refuse(
            expected_but_found(fmt::format("a duration of at {} {}", bound, limit), text));
    };
    const auto ns = static_cast<uint64_t>(parsed.value->count());
    if (ns > range.high) return refuse("most", range.high);
    if (ns < range.low) return refuse("least", range.low);
    return parsed;
}

// -- texts --------------------------------------------------------------------------------------------------

ordered_json text_json(const std::string& value) {
    return value;
}
Codec<std::string> text_codec(Parsed<std::string> (*parse)(std::string_view, const Range&)) {
    return {parse, text_json};
}

std::string ports_text(const PortRange& range) {
    return range.size() == 1 ? fmt::format("{}", range.first) : fmt::format("{}-{}", range.first, range.last);
}

ordered_json distribution_json(const Distribution& value) {
    return value.text;
}

// -- choices ------------------------------------------------------------------------------------------------

template <typename E>
struct Named {
    std::string_view name;
    E value;
};
using App = ServeConfig::App;
using Close = LoadConfig::Close;
using Profile = BenchConfig::Profile;

constexpr std::array<Named<App>, 4> names_of(App) {
    return {{{"echo", App::echo}, {"discard", App::discard}, {"chargen", App::chargen}, {"http", App::http}}};
}
constexpr std::array<Named<Close>, 2> names_of(Close) {
    return {{{"fin", Close::fin}, {"rst", Close::rst}}};
}
constexpr std::array<Named<CloseBy>, 2> names_of(CloseBy) {
    return {{{"client", CloseBy::client}, {"server", CloseBy::server}}};
}
constexpr std::array<Named<SearchConfig::Kind>, 4> names_of(SearchConfig::Kind) {
    using Kind = SearchConfig::Kind;
    return {{{"none", Kind::none},
             {"rate", Kind::rate},
             {"request-rate", Kind::request_rate},
             {"connections", Kind::connections}}};
}
constexpr std::array<Named<Dad>, 3> names_of(Dad) {
    return {{{"off", Dad::off}, {"optimistic", Dad::optimistic}, {"wait", Dad::wait}}};
}
constexpr std::array<Named<Profile>, 6> names_of(Profile) {
    return {{{"connect", Profile::connect},
             {"crr", Profile::crr},
             {"http", Profile::http},
             {"rr", Profile::rr},
             {"stream", Profile::stream},
             {"idle", Profile::idle}}};
}

constexpr std::array<Named<Pacing>, 3> names_of(Pacing) {
    return {{{"off", Pacing::off}, {"auto", Pacing::automatic}, {"on", Pacing::on}}};
}

constexpr size_t kControllers = 0
#define SYNFIN_CONGESTION_CONTROL(name, meaning) +1
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    ;
constexpr std::array<Named<CongestionControl>, kControllers> names_of(CongestionControl) {
    return {{
#define SYNFIN_CONGESTION_CONTROL(name, meaning) {#name, CongestionControl::name},
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    }};
}

/// "fin|rst"
std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string all;
    for (const std::string& word : words) all += fmt::format("{}{}", all.empty() ? "" : between, word);
    return all;
}

template <typename E>
std::vector<std::string> words_of() {
    std::vector<std::string> words;
    for (const Named<E>& each : names_of(E{})) words.emplace_back(each.name);
    return words;
}

template <typename E>
Parsed<E> parse_choice(std::string_view text, const Range&) {
    for (const Named<E>& each : names_of(E{}))
        if (each.name == text) return each.value;
    const std::vector<std::string> words = words_of<E>();
    std::string why = expected_but_found(joined(words, "|"), text);
    if (const auto meant = nearest(text, words)) why += fmt::format("; did you mean '{}'?", *meant);
    return Parsed<E>::refuse(why);
}

template <typename E>
ordered_json choice_json(const E& value) {
    for (const Named<E>& each : names_of(E{}))
        if (each.value == value) return each.name;
    return nullptr;
}

// -- addresses and the like ---------------------------------------------------------------------------------

Parsed<IpAddress::Family> parse_family(std::string_view text, const Range&) {
    if (text == "4") return IpAddress::Family::v4;
    if (text == "6") return IpAddress::Family::v6;
    return Parsed<IpAddress::Family>::refuse(expected_but_found("4 or 6", text));
}

Parsed<ServeConfig::Listen> parse_listen(std::string_view text, const Range& range) {
    const size_t equals = text.find('=');
    const auto ports = parse_ports(text.substr(0, equals));
    if (!ports) return Parsed<ServeConfig::Listen>::refuse(ports.error);
    if (equals == text.npos) return ServeConfig::Listen{*ports.value, std::nullopt};
    const auto app = parse_choice<App>(text.substr(equals + 1), range);
    if (!app) return Parsed<ServeConfig::Listen>::refuse(app.error);
    return ServeConfig::Listen{*ports.value, *app.value};
}
ordered_json listen_json(const ServeConfig::Listen& value) {
    std::string text = ports_text(value.ports);
    if (value.app) text += fmt::format("={}", name(*value.app));
    return text;
}

ordered_json requests_json(const CountRange& range) {
    if (range.most != 0 && range.least == range.most) return range.most;
    return count_range_text(range);
}

}  // namespace

Codec<uint64_t> count(uint64_t low, uint64_t high) {
    return {[](std::string_view text, const Range& range) { return within(parse_count(text), text, range); },
            number_json,
            high >= kNoLimit ? std::string{}
                             : fmt::format("{} to {}", exact_count_text(low), exact_count_text(high)),
            {low, high}};
}
Codec<uint64_t> size(uint64_t low, uint64_t high) {
    return {[](std::string_view text, const Range& range) { return within(parse_bytes(text), text, range); },
            number_json,
            fmt::format("{} to {}", exact_bytes_text(low), exact_bytes_text(high)),
            {low, high},
            true};
}
Codec<Duration> duration(Duration least, Duration most) {
    std::string allowed;
    const auto days = std::chrono::duration_cast<std::chrono::hours>(most).count() / 24;
    if (least > Duration::zero()) allowed = fmt::format("at least {}", duration_text(least));
    if (most < Duration::max())
        allowed += fmt::format("{}at most {}", allowed.empty() ? "" : ", ",
                               days != 0 ? fmt::format("{} days", days) : duration_text(most));
    return {duration_within,
            [](const Duration& value) { return ordered_json(duration_text(value)); },
            std::move(allowed),
            {static_cast<uint64_t>(least.count()), static_cast<uint64_t>(most.count())}};
}
Codec<Distribution> times() {
    return {[](std::string_view text, const Range&) { return parse_times(text); }, distribution_json};
}
Codec<Distribution> sizes() {
    return {[](std::string_view text, const Range&) { return parse_sizes(text); }, distribution_json};
}
Codec<ArrivalPattern> arrivals() {
    return {[](std::string_view text, const Range&) { return parse_arrivals(text); },
            [](const ArrivalPattern& value) { return ordered_json(value.text); }};
}
Codec<Impairments> impairments() {
    return {[](std::string_view text, const Range&) { return parse_impairments(text); },
            [](const Impairments& faults) {
                return faults.any() ? ordered_json(text_of(faults)) : ordered_json();
            }};
}
Codec<uint64_t> percent() {
    return {[](std::string_view text, const Range&) { return parse_percent(text); },
            [](const uint64_t& ppm) { return ordered_json(percent_text(ppm)); }, "0% to 100%"};
}
Codec<bool> boolean() {
    return {[](std::string_view text, const Range&) { return parse_bool(text); },
            [](const bool& value) { return ordered_json(value); }, "true or false"};
}

Codec<bool> on_off() {
    return {[](std::string_view text, const Range&) -> Parsed<bool> {
                if (text == "on" || text == "true") return true;
                if (text == "off" || text == "false") return false;
                return Parsed<bool>::refuse(expected_but_found("on or off", text));
            },
            [](const bool& value) -> ordered_json { return value ? "on" : "off"; }, "on or off"};
}

Codec<std::string> text() {
    return text_codec([](std::string_view text, const Range&) -> Parsed<std::string> {
        if (text.empty()) return Parsed<std::string>::refuse(expected_but_found("a name", text));
        return std::string(text);
    });
}
Codec<std::string> any_text() {
    return text_codec(
        [](std::string_view text, const Range&) -> Parsed<std::string> { return std::string(text); });
}
Codec<std::string> method() {
    return text_codec([](std::string_view text, const Range&) { return parse_method(text); });
}
Codec<std::string> header() {
    return text_codec([](std::string_view text, const Range&) { return parse_header(text); });
}
Codec<std::string> statuses() {
    return text_codec([](std::string_view text, const Range&) -> Parsed<std::string> {
        if (const auto parsed = parse_statuses(text); !parsed)
            return Parsed<std::string>::refuse(parsed.error);
        return std::string(text);
    });
}

Codec<PortRange> ports() {
    return {[](std::string_view text, const Range&) { return parse_ports(text); },
            [](const PortRange& range) { return ordered_json(ports_text(range)); }, "1 to 65535"};
}
Codec<CountRange> requests() {
    return {[](std::string_view text, const Range&) { return parse_count_range(text); }, requests_json,
            "at most 1G"};
}
Codec<std::vector<unsigned>> cores() {
    return {[](std::string_view text, const Range&) { return parse_cores(text); },
            [](const std::vector<unsigned>& list) { return ordered_json(list); }};
}
Codec<AddressRange> addresses() {
    return {[](std::string_view text, const Range&) { return AddressRange::parse(text); },
            [](const AddressRange& value) { return ordered_json(value.text()); }};
}
Codec<IpAddress::Family> family() {
    return {parse_family,
            [](const IpAddress::Family& value) { return ordered_json(static_cast<unsigned>(value)); },
            "4, 6"};
}
Codec<Target> target() {
    return {[](std::string_view text, const Range&) { return Target::parse(text); },
            [](const Target& value) { return ordered_json(value.text()); }};
}
Codec<Route> route() {
    return {[](std::string_view text, const Range&) { return Route::parse(text); },
            [](const Route& value) { return ordered_json(value.text()); }};
}
Codec<ServeConfig::Listen> listen() {
    return {parse_listen, listen_json};
}

template <typename E>
Codec<E> choice() {
    return {parse_choice<E>, choice_json<E>, joined(words_of<E>(), ", ")};
}
template Codec<App> choice<App>();
template Codec<CongestionControl> choice<CongestionControl>();
template Codec<Pacing> choice<Pacing>();
template Codec<Close> choice<Close>();
template Codec<CloseBy> choice<CloseBy>();
template Codec<Profile> choice<Profile>();
template Codec<Dad> choice<Dad>();
template Codec<SearchConfig::Kind> choice<SearchConfig::Kind>();

}  // namespace synfin::app
