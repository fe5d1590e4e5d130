/// @file
/// synfin check: validates a configuration and explains what it will need.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "config/fields.hh"
#include "config/quantity.hh"
#include "scenarios/scenario.hh"
#include "servers/serve_site.hh"
#include "subcommand.hh"
#include "synfin/stack.hh"
#include "traffic/bench_plan.hh"
#include "traffic/load_plan.hh"
#include "trials/scaled_load.hh"

namespace synfin::app {

namespace {

// Bytes of the engine's records and their places in the connection table, as lib/tcp and lib/net lay them
// out.
constexpr double kTimeWaitBytes = 32, kHalfOpenBytes = 64, kPlaceBytes = 12;
/// The peer's IPv6 address beside a record (net/remote_addresses.hh). The first IPv6 record maps the array.
constexpr double kAddressBytes = 16;
/// Packets in both directions of a connection with one small request and response: SYN, SYN-ACK, ACK,
/// request, response, their ACKs, and a FIN from each side, one of them with an ACK of its own.
constexpr double kPacketsPerConnection = 9;

void line(std::string_view label, const std::string& text) {
    fmt::print("  {:<14}{}\n", label, text);
}

using Family = IpAddress::Family;

/// What IPv6 adds to a record, if the configuration has an IPv6 address.
double address_bytes(const Config& config) {
    return has_family(config.addresses, Family::v6) ? kAddressBytes : 0;
}

/// Memory of an open connection: its control block and its slot in the connection table.
double open_bytes(const Config& config) {
    return 2 * Stack::tcb_bytes() + kPlaceBytes + address_bytes(config);
}

/// The entries of the neighbour caches (net/neighbours.hh): one for each on-link address, within bounds.
double neighbours(const Config& config) {
    constexpr double kLeast = 1'024, kMost = 65'536;
    double sum = 0;
    for (const Family family : {Family::v4, Family::v6}) {
        double on_link = 0;
        for (const AddressRange& range : config.addresses)
            if (range.last.family == family)
                on_link += std::exp2(std::min(32, (range.is_v4() ? 32 : 128) - range.first.prefix));
        if (has_family(config.addresses, family)) sum += std::clamp(on_link, kLeast, kMost);
    }
    return sum;
}

bool section_given(const Config& config, std::string_view section) {
    return std::any_of(config.given.begin(), config.given.end(),
                       [&](const std::string& key) { return key.starts_with(section); });
}

void explain_network(const Config& config) {
    line("device", config.device);
    std::string addresses;
    for (const AddressRange& range : config.addresses)
        addresses += fmt::format("{}{}{}", addresses.empty() ? "" : ", ", range.text(),
                                 range.size() == 1 ? "" : fmt::format(" ({})", range.size()));
    line("addresses", addresses);
    for (const Family family : {Family::v4, Family::v6}) {
        if (!has_family(config.addresses, family)) continue;
        const Gateway* const gateway = gateway_of(config.gateways, family);
        const std::string hop = gateway == nullptr ? "on link only"
                                : gateway->is_auto
                                    ? "the router that advertises itself, for destinations off link"
                                    : gateway->text() + " for destinations off link";
        line("next hop", config.addresses.front().is_v4() && !has_family(config.addresses, Family::v6)
                             ? hop
                             : fmt::format("{}: {}", name(family), hop));
    }
    line("neighbours",
         fmt::format("at most {} on-link hosts are remembered", count_text(neighbours(config))));
    line("cores", config.cores.empty() ? "1 (the first that the process may use)"
                                       : fmt::format("{}: one engine on each", config.cores.size()));
}

void explain_serve(const Config& config) {
    const double engines = static_cast<double>(std::max<size_t>(1, config.cores.size()));
    const auto listeners = config.serve.listeners();
    std::string apps, ports;
    for (const ServeConfig::Listen& each : listeners) {
        const PortRange range = each.ports;
        if (const std::string app(name(*each.app)); apps.find(app) == apps.npos)
            apps += (apps.empty() ? "" : ", ") + app;
        ports += ports.empty() ? "" : ", ";
        ports += range.size() == 1 ? fmt::format("{}", range.first)
                                   : fmt::format("{}-{} ({})", range.first, range.last, range.size());
        if (listeners.size() > 1) ports += fmt::format(" {}", name(*each.app));
    }
    fmt::print("serve: {}\n", apps);
    explain_network(config);
    line("ports", ports);
    const auto connections = static_cast<double>(config.serve.max_connections);
    line("memory",
         fmt::format("up to {} for {} open connections on each of {:.0f} engines, {} for half-open ones; "
                     "allocated as it is used",
                     bytes_text(connections * open_bytes(config)), count_text(connections), engines,
                     bytes_text(static_cast<double>(config.serve.backlog) *
                                (kHalfOpenBytes + address_bytes(config)))));
    line("time-wait", fmt::format("{} for each connection that this end closes first ({:.0f} B each)",
                                  duration_text(2 * config.tcp.msl), kTimeWaitBytes + address_bytes(config)));
}

/// "2 addresses x 28232 source ports x 1 targets", one term for each family that has targets.
std::string tuples_text(const Config& config, const PortRange& ports) {
    std::string text;
    for (const Family family : {Family::v4, Family::v6}) {
        std::set<std::string> servers;  // classes may share them
        for (const TrafficConfig& traffic : config.load.traffic())
            for (const Target& target : traffic.targets)
                if (family_of(config, target) == family)
                    servers.insert(fmt::format("{}:{}", target.host, target.peer.port));
        const size_t n = servers.size();
        if (n == 0) continue;
        text += fmt::format("{}{} {}addresses x {} source ports x {} targets", text.empty() ? "" : " + ",
                            count_addresses(config.addresses, family), family == Family::v6 ? "IPv6 " : "",
                            ports.size(), n);
    }
    return text;
}

std::string targets_text(const TrafficConfig& traffic) {
    std::string text;
    for (const Target& each : traffic.targets) text += (text.empty() ? "" : ", ") + each.text();
    return text;
}

/// What a class does: "2.00k connections/s", "100 connections at once, 500 requests/s".
std::string amount_text(const TrafficConfig& traffic) {
    const auto number = [](uint64_t n) { return count_text(static_cast<double>(n)); };
    if (traffic.rate != 0) return fmt::format("{} connections/s", number(traffic.rate));
    std::string text = fmt::format("{} connections at once", number(concurrency_of(traffic)));
    if (traffic.request_rate != 0) return text + fmt::format(", {} requests/s", number(traffic.request_rate));
    return traffic.hold ? text + ", held" : text + ", as fast as the target answers";
}

/// Packets per second in both directions that an open loop brings.
double packets_per_s(const TrafficConfig& traffic) {
    const auto rate = static_cast<double>(traffic.rate);
    const double exchanges =
        rate * static_cast<double>(std::max<uint64_t>(traffic.requests_per_connection.most, 1));
    return traffic.connect_only ? 7 * rate : (kPacketsPerConnection - 3) * rate + 3 * exchanges;
}

void explain_load(const Config& config) {
    const LoadConfig& load = config.load;
    const auto all = load.traffic();
    fmt::print("load: {}\n",
               load.classes.empty() ? targets_text(load) : fmt::format("{} classes", all.size()));
    explain_network(config);
    for (const TrafficConfig& each : load.classes)
        line("class", fmt::format("{}: {}; {}", each.name, targets_text(each), amount_text(each)));
    const PortRange ports = load.source_ports.value_or(PortRange{32'768, 60'999});
    const auto tuples = static_cast<double>(tuple_count(config, ports.size()));
    const auto connections = static_cast<double>(load_concurrency(config));
    double rate = 0, packets = 0;
    bool bounded = true;
    for (const TrafficConfig& each : all) {
        rate += static_cast<double>(each.rate);
        packets += packets_per_s(each);
        bounded &= each.rate == 0 || each.connections.has_value();
    }
    line("tuples", fmt::format("{} ({})", count_text(tuples), tuples_text(config, ports)));
    line("connections",
         fmt::format("{}{} at once{}", rate == 0 ? "" : "up to ", count_text(connections),
                     bounded && connections > tuples ? "  MORE THAN THERE ARE TUPLES: give more --address or "
                                                       "--source-ports"
                                                     : ""));
    line("memory", fmt::format("{} for open connections",
                               bytes_text(std::min(connections, tuples) * open_bytes(config))));
    std::string criteria;
    for (const Criterion& each : load.criteria) criteria += (criteria.empty() ? "" : ", ") + each.text();
    line("passes", criteria.empty() ? "failed<1%" : criteria);
    if (load.classes.empty() && rate == 0) line("rate", amount_text(load));
    if (rate == 0) return;
    line("rate", fmt::format("{} connections/s, about {} packets/s in both directions together",
                             count_text(rate), count_text(packets)));
    const double held = rate * std::chrono::duration<double>(2 * config.tcp.msl).count();
    line("time-wait",
         fmt::format("where this end closes first: up to {} records ({}); {}",
                     count_text(std::min(held, tuples)),
                     bytes_text(std::min(held, tuples) * (kTimeWaitBytes + address_bytes(config))),
                     held <= tuples               ? "tuples suffice without reuse"
                     : config.tcp.time_wait_reuse ? "tuples are opened anew while in TIME-WAIT (RFC 6191)"
                                                  : "NOT ENOUGH TUPLES without time-wait-reuse"));
}

void explain_trials(const Config& config) {
    const LoadConfig& load = config.load;
    if (load.repeat > 1)
        line("repeats", fmt::format("{} runs of {}", load.repeat, duration_text(load.opening_time())));
    if (load.search.kind == SearchConfig::Kind::none) return;
    const SearchPlan plan = search_plan(config);
    line("search",
         fmt::format("from {} {}, to {} at most, within {}; trials of {}, and {} to confirm",
                     exact_count_text(plan.first), unit_of(load.search.kind), exact_count_text(plan.most),
                     percent_text(plan.resolution_ppm), duration_text(plan.trial), duration_text(plan.full)));
    const Config largest = largest_load(config);
    const auto connections = static_cast<double>(load_concurrency(largest));
    line("", fmt::format("memory for the ceiling: {} for {} open connections, allocated as it is used",
                         bytes_text(connections * open_bytes(config)), count_text(connections)));
}

void explain_bench(const Config& config) {
    fmt::print("bench: {}\n", find_field("bench.profile")->get(config).get<std::string>());
    line("device", "none: an in-memory wire for each pair of engines");
    if (config.bench.family == Family::v6) line("family", "IPv6: each packet has 20 bytes more");
    line("cores", config.cores.size() < 2
                      ? "1: both engines on it"
                      : fmt::format("{}: {} pairs", config.cores.size(), config.cores.size() / 2));
    line("connections", config.bench.connections
                            ? count_text(static_cast<double>(*config.bench.connections)) + " at once"
                            : "the profile's own number at once");
}

/// Checks both ends of a scenario, and explains its steps. The file may leave the device to the command line,
/// because both ends read it.
void check_scenario(Config config) {
    validate_scenario(config);
    if (config.device.empty()) config.device = "tap:unknown";
    const Scenario& scenario = *find_scenario(config.scenario.name);
    const Config serve = scenario_serve(config), base = scenario_base(config);
    validate_network(serve);
    validate_serve(serve);
    static_cast<void>(site_of(serve.serve));
    validate_network(base);
    fmt::print("scenario: {}: {}, {}\n", scenario.name, scenario.section, scenario.title);
    const auto target = static_cast<double>(config.scenario.target);
    line("target", fmt::format("{} {}, after a step at {}", count_text(target), text_of(scenario.unit),
                               count_text(static_cast<double>(config.scenario.initial.value_or(
                                   std::max<uint64_t>(1, config.scenario.target / 10))))));
    const PhasesConfig& phases = base.load.phases;
    line("phases", fmt::format("init {}, ramp-up {}, sustain {}, ramp-down {} in each step",
                               duration_text(phases.init), duration_text(phases.ramp_up),
                               duration_text(phases.sustain), duration_text(phases.ramp_down)));
    for (const uint64_t object : objects_of(scenario, config.scenario)) {
        const Config load = scenario_load(base, scenario, object, config.scenario.target);
        validate_load(load);
        static_cast<void>(load_plans(load, 0, 1));
        const std::string row = object == 0 ? "" : fmt::format("objects of {}: ", exact_bytes_text(object));
        if (scenario.unit == Scenario::Unit::connections) {
            const double interval_s = load.load.think->a / 1e9;
            line("row", fmt::format("{}a request of each connection every {:.3g} s, {} transactions/s", row,
                                    interval_s, count_text(target / interval_s)));
        } else {
            line("row", fmt::format("{}up to {} connections/s", row,
                                    count_text(static_cast<double>(load.load.rate))));
        }
    }
    for (const std::string& each : departures(scenario, config)) line("departure", each);
}

Exit run(const Config& config) {
    if (!config.scenario.name.empty()) {
        check_scenario(config);
        fmt::print("{}: valid\n", config.file);
        return Exit::done;
    }
    const bool load = section_given(config, "load."), bench = section_given(config, "bench.");
    const bool serve = section_given(config, "serve.") || (!load && !bench);
    if (serve) {
        validate_network(config);
        validate_serve(config);
        static_cast<void>(site_of(config.serve));  // reads what --root and --route name
        explain_serve(config);
    }
    if (load) {
        validate_network(config);
        validate_load(config);
        validate_trials(config);
        static_cast<void>(load_plans(config, 0, 1));  // reads what --body names
        explain_load(config);
        explain_trials(config);
    }
    if (bench) {
        validate_bench(config);
        explain_bench(config);
    }
    for (const auto& [command, asked] :
         {std::pair{Command::load, load}, {Command::serve, serve}, {Command::bench, bench}})
        if (asked)
            for (const std::string& deviation : deviations(config, command)) line("deviation", deviation);
    fmt::print("{}: valid\n", config.file);
    return Exit::done;
}

}  // namespace

const Subcommand kCheckCommand{Command::check,
                               "check",
                               "validate a configuration file and explain what it will need",
                               "  synfin check config/load-open-loop.yaml\n",
                               "FILE",
                               run};

}  // namespace synfin::app
