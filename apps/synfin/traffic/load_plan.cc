#include "load_plan.hh"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "config/user_error.hh"
#include "http/http_ask.hh"

namespace synfin::app {

namespace {

/// The share of engine `index` if `engines` engines divide n.
uint64_t share(uint64_t n, unsigned index, unsigned engines) {
    return n / engines + (index < n % engines ? 1 : 0);
}

/// The body of the option: its text, or the content of the file for `@FILE`.
std::string body_of(const std::string& option) {
    if (!option.starts_with("@")) return option;
    constexpr size_t kMost = 64u << 20;
    const std::string name = option.substr(1);
    std::ifstream file(name, std::ios::binary);
    std::string body(kMost + 1, '\0');
    if (!file.read(body.data(), static_cast<std::streamsize>(body.size())) && !file.eof())
        throw usage_error(fmt::format("--body {}: the file can't be read", option), "give a readable file");
    body.resize(static_cast<size_t>(file.gcount()));
    if (body.size() > kMost)
        throw usage_error(fmt::format("--body {}: the file is larger than 64 MiB", option),
                          "give a smaller one");
    return body;
}

StatusSet expected_statuses(const TrafficConfig& traffic) {
    if (traffic.expect_status.empty()) return successful_statuses();
    StatusSet all;
    for (const std::string& each : traffic.expect_status) all |= *parse_statuses(each).value;
    return all;
}

}  // namespace

Config resolved(Config config, Lookup lookup) {
    using Family = IpAddress::Family;
    const bool has_v4 = has_family(config.addresses, Family::v4),
               has_v6 = has_family(config.addresses, Family::v6);
    const auto resolve = [&](Target& target) {
        if (target.is_resolved()) return;
        std::string error;
        const std::vector<IpAddress> found = lookup(target.host, error);
        if (found.empty())
            throw run_error(fmt::format("{}: no address for this name: {}", target.host, error),
                            "check the name and /etc/resolv.conf, or give an address");
        const auto chosen = choose_address(found, config.load.family, has_v4, has_v6);
        if (!chosen) {
            const Family other = found.front().family;
            throw run_error(fmt::format("{}: the name has only {} addresses, such as {}", target.host,
                                        name(other), found.front().text()),
                            fmt::format("give an {} --address{}", name(other),
                                        config.load.family ? ", and leave --family out" : ""));
        }
        target.peer.addr = *chosen;
        fmt::print(stderr, "{} is {}\n", target.host, target.peer.addr.text());
    };
    if (config.load.classes.empty())
        for (Target& target : config.load.targets) resolve(target);
    for (TrafficConfig& traffic : config.load.classes)
        for (Target& target : traffic.targets) resolve(target);
    return config;
}

uint64_t tuple_count(const Config& config, uint64_t ports) {
    uint64_t sum = 0;
    std::set<std::string> servers;  // classes may share them
    for (const TrafficConfig& traffic : config.load.traffic())
        for (const Target& target : traffic.targets)
            if (servers.insert(fmt::format("{}:{}", target.host, target.peer.port)).second)
                sum += count_addresses(config.addresses, family_of(config, target)) * ports;
    return sum;
}

namespace {

void add_calls(GeneratorPlan& plan, const TrafficConfig& traffic, const HttpAsk& ask) {
    for (const Target& target : traffic.targets) {
        GeneratorPlan::Call call{.peer = target.peer, .request = {}, .last_request = {}};
        if (target.protocol == Target::Protocol::http) {
            const std::string authority = authority_of(target.host, target.peer.port);
            call.request = http_request(authority, target.path, false, ask);
            if (traffic.close_by == CloseBy::server)
                call.last_request = http_request(authority, target.path, true, ask);
        } else {
            call.request = pattern_request(traffic.request_size.value_or(64));
        }
        plan.calls.push_back(std::move(call));
    }
}

/// What the class's connections say and expect. Steps may say how they end.
void set_content(GeneratorPlan& plan, const TrafficConfig& traffic) {
    plan.verify = traffic.verify;
    if (traffic.steps.empty()) return;
    const std::vector<Step> steps = *parse_conversation(traffic.steps).value;
    if (steps.back().kind == Step::Kind::close) plan.ending = GeneratorPlan::Ending::fin;
    if (steps.back().kind == Step::Kind::reset) plan.ending = GeneratorPlan::Ending::rst;
    plan.steps = std::make_shared<const StepList>(steps);
}

/// How much of the class this engine does.
void set_amount(GeneratorPlan& plan, const TrafficConfig& traffic, unsigned engine, unsigned engines) {
    // With fewer concurrent connections than engines, some engines open none.
    const uint64_t at_once = concurrency_of(traffic);
    engines = static_cast<unsigned>(std::min<uint64_t>(engines, at_once));
    if (engine >= engines) {
        plan.limit = 0;
    } else {
        plan.connections = static_cast<uint32_t>(share(at_once, engine, engines));
        if (traffic.count != 0) plan.limit = share(traffic.count, engine, engines);
    }
    plan.open_loop = traffic.rate != 0;
    plan.rate = static_cast<double>(traffic.rate + traffic.request_rate);
    plan.engine = engine;
    plan.engines = engines;
    if (traffic.hold && plan.open_loop) plan.limit = plan.limit == 0 ? 0 : plan.connections;
    plan.pattern = traffic.arrivals;
    if (!plan.pattern.trace) return;
    const std::vector<Duration> all = plan.pattern.trace->times_of(traffic.name);
    for (size_t i = engine; i < all.size(); i += engines) plan.trace.push_back(all[i]);
}

/// When the class sends its requests.
void set_timing(GeneratorPlan& plan, const TrafficConfig& traffic) {
    using Timing = GeneratorPlan::Timing;
    if (traffic.request_rate != 0) {
        plan.timing = Timing::arrivals;
    } else if (traffic.think) {
        plan.timing = Timing::think;
        plan.think = *traffic.think;
    } else if (traffic.hold && traffic.heartbeat > Duration::zero()) {
        plan.timing = Timing::heartbeat;
        plan.heartbeat = traffic.heartbeat;
    } else if (traffic.hold) {
        plan.purpose = GeneratorPlan::Purpose::hold;
    }
}

/// Random numbers of the engines and classes differ; those of engine i are from seed + i on.
uint64_t seed_of(const Config& config, size_t of_class) {
    return (config.load.seed << 20) + (of_class << 12);
}

GeneratorPlan plan_of(const Config& config, const TrafficConfig& traffic, unsigned engine, unsigned engines) {
    GeneratorPlan plan;
    const HttpAsk ask{.method = traffic.method, .headers = traffic.headers, .body = body_of(traffic.body)};
    add_calls(plan, traffic, ask);
    for (const Cidr& cidr : each_address(config.addresses)) plan.sources.push_back(cidr.addr);
    const bool http = traffic.targets.front().protocol == Target::Protocol::http;
    plan.purpose = traffic.connect_only     ? GeneratorPlan::Purpose::nothing
                   : http                   ? GeneratorPlan::Purpose::http
                   : !traffic.steps.empty() ? GeneratorPlan::Purpose::steps
                                            : GeneratorPlan::Purpose::tcp;
    plan.ending = traffic.close == TrafficConfig::Close::rst ? GeneratorPlan::Ending::rst
                  : traffic.close_by == CloseBy::server      ? GeneratorPlan::Ending::fin_by_peer
                                                             : GeneratorPlan::Ending::fin;
    plan.response_size = traffic.response_size.value_or(traffic.request_size.value_or(64));
    const CountRange& requests = traffic.requests_per_connection;
    plan.requests_per_connection = requests.most;
    if (requests.least != requests.most) plan.requests_at_least = requests.least;
    plan.to_head = traffic.method == "HEAD";
    plan.idempotent = ask.is_idempotent();
    plan.expected = expected_statuses(traffic);
    plan.timeout = traffic.timeout;
    plan.ramp = config.load.timeline().ramp;
    set_content(plan, traffic);
    set_amount(plan, traffic, engine, engines);
    set_timing(plan, traffic);
    return plan;
}

}  // namespace

std::vector<GeneratorPlan> load_plans(const Config& config, unsigned engine, unsigned engines) {
    std::vector<GeneratorPlan> plans;
    for (const TrafficConfig& traffic : config.load.traffic()) {
        const uint64_t seed = seed_of(config, plans.size());
        plans.push_back(plan_of(config, traffic, engine, engines));
        plans.back().seed = seed;
    }
    return plans;
}

ClientRun::Plan load_run(const Config& config, unsigned engine, unsigned engines) {
    const Timeline time = config.load.timeline();
    ClientRun::Plan plan{.load = load_plans(config, engine, engines), .duration = time.opening};
    plan.init = time.init;
    plan.lead = time.lead;
    plan.ramp_down = time.ramp_down;
    plan.has_intervals = true;
    return plan;
}

stack::StackConfig load_stack(const Config& config, unsigned engines) {
    stack::StackConfig stack = stack_config(config);
    if (config.load.source_ports) {
        stack.port_low = config.load.source_ports->first;
        stack.port_high = config.load.source_ports->last;
    }
    const uint64_t each = load_concurrency(config) / engines + 1;
    // A closing connection keeps its record while the next one opens.
    stack.max_connections = static_cast<uint32_t>(2 * each + 1'024);
    stack.expected_connections = stack.max_connections;
    const uint64_t tuples = tuple_count(config, static_cast<uint64_t>(stack.port_high - stack.port_low) + 1);
    stack.max_time_wait = static_cast<uint32_t>(std::clamp<uint64_t>(tuples, 1u << 16, 1u << 24));
    return stack;
}

}  // namespace synfin::app
