#include "scenario.hh"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/user_error.hh"

namespace synfin::app {

namespace {

using Unit = Scenario::Unit;
using Traffic = Scenario::Traffic;

/// RFC 9411 does not define KByte; we take 1,000 bytes.
constexpr uint64_t kKilobyte = 1'000;
constexpr uint16_t kPort = 80;
constexpr uint64_t kTenRequests = 10;
/// Connections of dash/hero that are held for each new one per second: 15 M beside 3.75 M.
constexpr uint64_t kHeldForEach = 4;
/// Bytes beside the body of a response that is not split: head, TCP, IP and Ethernet headers, roughly.
constexpr uint64_t kOverhead = 250;

std::string path_of(uint64_t object) {
    return object == 0 ? "/" : fmt::format("/object/{}", object);
}

void set_fixed(Distribution& think, Duration time) {
    think = {};
    think.a = static_cast<double>(time.count());
    think.text = duration_text(time);
}

/// How often a held connection asks: each has its ten requests within ramp-up and sustain (RFC 9411 7.5.3.3).
Duration spread_time(const PhasesConfig& phases) {
    return (phases.ramp_up + phases.sustain) / static_cast<int64_t>(kTenRequests);
}

/// Adds the class of held connections of dash/hero to the one that opens and closes.
void add_held(LoadConfig& load, uint64_t value) {
    TrafficConfig opened = load;
    opened.name = "cps";
    TrafficConfig held = load;
    held.name = "held";
    held.rate = 0;
    held.connect_only = false;
    held.connections = kHeldForEach * value;
    held.hold = true;
    held.heartbeat = 1s;
    held.requests_per_connection = {0, 0};
    load.classes = {std::move(opened), std::move(held)};
}

std::string known_names() {
    std::string all;
    for (const Scenario& each : scenarios()) all += fmt::format("{}{}", all.empty() ? "" : ", ", each.name);
    return all;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all = {
        {"dash/hero",
         "SONiC DASH, program scale testing",
         "connections per second beside held connections",
         Unit::connections_per_s,
         Traffic::beside_held,
         "ab",
         {}},
        {"rfc3511/teardown-rate",
         "RFC 3511 5.4",
         "maximum teardown rate",
         Unit::connections_per_s,
         Traffic::teardown,
         "ab",
         {}},
        {"rfc9411/http-concurrency",
         "RFC 9411 7.5",
         "concurrent TCP connections capacity with HTTP",
         Unit::connections,
         Traffic::spread_over,
         "abcd",
         {kKilobyte}},
        {"rfc9411/http-cps",
         "RFC 9411 7.2",
         "TCP connections per second with HTTP",
         Unit::connections_per_s,
         Traffic::request_each,
         "abcd",
         {kKilobyte, 2 * kKilobyte, 4 * kKilobyte, 16 * kKilobyte, 64 * kKilobyte}},
        {"rfc9411/http-latency",
         "RFC 9411 7.4",
         "HTTP transaction latency",
         Unit::connections_per_s,
         Traffic::request_each,
         "abcde",
         {kKilobyte, 16 * kKilobyte, 64 * kKilobyte},
         50,
         false},
        {"rfc9411/http-throughput",
         "RFC 9411 7.3",
         "HTTP throughput",
         Unit::bits_per_s,
         Traffic::ten_requests,
         "acd",
         {kKilobyte, 16 * kKilobyte, 64 * kKilobyte, 256 * kKilobyte}},
    };
    return all;
}

const Scenario* find_scenario(std::string_view name) {
    const auto found = std::find_if(scenarios().begin(), scenarios().end(),
                                    [&](const Scenario& each) { return each.name == name; });
    return found == scenarios().end() ? nullptr : &*found;
}

std::string_view text_of(Unit unit) noexcept {
    switch (unit) {
        case Unit::connections_per_s: return "connections/s";
        case Unit::connections: return "connections";
        case Unit::bits_per_s: return "bit/s";
    }
    return "";
}

std::vector<uint64_t> objects_of(const Scenario& scenario, const ScenarioConfig& config) {
    if (scenario.objects.empty()) return {0};
    return config.objects.empty() ? scenario.objects : config.objects;
}

PhasesConfig phases_of(const Config& config) {
    const PhasesConfig& given = config.load.phases;
    const bool is_short = config.scenario.is_short;
    const auto or_else = [](Duration time, Duration other) { return time > Duration::zero() ? time : other; };
    PhasesConfig phases;
    phases.init = or_else(given.init, is_short ? 1s : 5s);
    phases.ramp_up = or_else(given.ramp_up, is_short ? 2s : 30s);
    phases.sustain = or_else(given.sustain, is_short ? 5s : 300s);
    phases.ramp_down = or_else(given.ramp_down, phases.ramp_up);
    return phases;
}

void validate_scenario(const Config& config) {
    const ScenarioConfig& given = config.scenario;
    const Scenario* const scenario = find_scenario(given.name);
    if (scenario == nullptr) {
        std::vector<std::string> names;
        for (const Scenario& each : scenarios()) names.emplace_back(each.name);
        const auto meant = nearest(given.name, names);
        throw usage_error(fmt::format("--scenario {}: there is no such scenario{}", given.name,
                                      meant ? fmt::format("; did you mean '{}'?", *meant) : ""),
                          "the scenarios are " + known_names());
    }
    if (given.target == 0)
        throw usage_error(fmt::format("--scenario {}: no target value", given.name),
                          fmt::format("give scenario.target: the {} to reach", text_of(scenario->unit)));
    if (given.initial > given.target)
        throw usage_error("scenario.initial is greater than scenario.target", "give a smaller one");
    if (!given.objects.empty() && scenario->objects.empty())
        throw usage_error(fmt::format("scenario.objects: {} transfers no objects", given.name),
                          "leave it out");
    if (config.load.search.kind != SearchConfig::Kind::none || config.load.repeat != 1)
        throw usage_error("--scenario, and --search or --repeat", "the scenario says which trials to run");
    if (!config.load.classes.empty())
        throw usage_error("--scenario, and load.classes", "the scenario says what the classes are");
}

Config scenario_serve(Config config) {
    if (config.scenario.name.empty()) return config;
    validate_scenario(config);
    const Scenario& scenario = *find_scenario(config.scenario.name);
    if (config.addresses.empty()) config.addresses = config.scenario.servers;
    for (const uint64_t object : objects_of(scenario, config.scenario))
        if (object != 0)
            config.serve.routes.push_back(
                {.path = path_of(object), .status = 200, .size = object, .delay = {}});
    return config;
}

Config scenario_base(Config config) {
    if (config.addresses.empty()) config.addresses = config.scenario.clients;
    LoadConfig& load = config.load;
    if (load.targets.empty())
        for (const Cidr& server : each_address(config.scenario.servers)) {
            Target target;
            target.protocol = Target::Protocol::http;
            target.host = server.addr.is_v6() ? fmt::format("[{}]", server.addr.text()) : server.addr.text();
            target.peer = {server.addr, kPort};
            load.targets.push_back(std::move(target));
        }
    load.phases = phases_of(config);
    load.close_by = CloseBy::client;
    load.expect_status = {"200"};
    return config;
}

Config scenario_load(const Config& base, const Scenario& scenario, uint64_t object, uint64_t value) {
    Config config = base;
    LoadConfig& load = config.load;
    for (Target& target : load.targets) target.path = path_of(object);
    load.rate = value;
    switch (scenario.traffic) {
        case Traffic::request_each: load.requests_per_connection = {1, 1}; break;
        case Traffic::ten_requests:
            load.requests_per_connection = {kTenRequests, kTenRequests};
            load.rate = std::max<uint64_t>(1, value / (8 * kTenRequests * (object + kOverhead)));
            break;
        case Traffic::spread_over:
            load.rate = 0;
            load.connections = value;
            load.requests_per_connection = {0, 0};
            set_fixed(load.think.emplace(), spread_time(load.phases));
            break;
        case Traffic::teardown:
        case Traffic::beside_held: load.connect_only = true; break;
    }
    if (scenario.traffic == Traffic::beside_held) add_held(load, value);
    return config;
}

std::vector<std::string> departures(const Scenario& scenario, const Config& config) {
    std::vector<std::string> all;
    const PhasesConfig phases = phases_of(config);
    const bool is_rfc9411 = scenario.name.starts_with("rfc9411/");
    if (is_rfc9411 && phases.sustain < 300s)
        all.push_back(
            fmt::format("sustain lasts {}; RFC 9411 4.3.4 recommends 300s", duration_text(phases.sustain)));
    if (is_rfc9411 && phases.init < 5s)
        all.push_back(fmt::format("init lasts {}; RFC 9411 4.3.4 recommends 5s", duration_text(phases.init)));
    if (config.scenario.is_short)
        all.emplace_back(
            "short: a share whose sample is too small to decide counts as met if nothing failed");
    if (is_rfc9411) {
        all.emplace_back("no reference run without the device under test (RFC 9411 5)");
        all.emplace_back("KByte is 1,000 bytes");
        all.emplace_back("the criteria follow draft-ietf-bmwg-ngfw-performance-13, not the text of the RFC");
        if (!objects_of(scenario, config.scenario).empty() &&
            objects_of(scenario, config.scenario) != scenario.objects)
            all.emplace_back("the sizes of objects are the configuration's, not the standard's");
    }
    if (scenario.traffic == Traffic::request_each && scenario.percent_of_target != 100)
        all.emplace_back("10 transactions per connection (7.4, second load) are not run");
    if (scenario.traffic == Traffic::ten_requests)
        all.emplace_back("the mixed object sizes of 7.3 are not run");
    if (scenario.traffic == Traffic::teardown)
        all.emplace_back("connections are opened and closed at the same rate, not first all opened");
    if (scenario.traffic == Traffic::beside_held) {
        all.emplace_back("no background UDP flows");
        all.push_back(
            fmt::format("{} held connections for each new one per second, with one request and one "
                        "response per second",
                        kHeldForEach));
    }
    return all;
}

}  // namespace synfin::app
