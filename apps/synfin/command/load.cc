/// @file
/// synfin load: the load generator.

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <string_view>

#include "config/device_config.hh"
#include "config/fields.hh"
#include "host/address_lock.hh"
#include "host/host_facts.hh"
#include "interrupt.hh"
#include "results/monitor.hh"
#include "results/publish.hh"
#include "results/verdict.hh"
#include "subcommand.hh"
#include "traffic/client_run.hh"
#include "traffic/common_end.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

constexpr Duration kShowEvery = 10ms;

/// Share number `index` of n things among `engines`.
uint64_t share(uint64_t n, unsigned index, unsigned engines) {
    return n / engines + (index < n % engines ? 1 : 0);
}

/// `--body @FILE`: what the file holds.
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

/// Looks up the names among the targets, once, before anything is sent, and says what they are.
Config resolved(Config config) {
    for (Target& target : config.load.targets) {
        if (target.is_resolved()) continue;
        addrinfo hints{}, *found = nullptr;
        hints.ai_family = AF_INET;
        hints.ai_socktype = SOCK_STREAM;
        if (const int error = getaddrinfo(target.host.c_str(), nullptr, &hints, &found); error != 0)
            throw run_error(fmt::format("{}: no address for this name: {}", target.host, gai_strerror(error)),
                            "check the name and /etc/resolv.conf, or give an address");
        const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
        target.peer.addr = Ipv4{ntohl(address->sin_addr.s_addr)};
        freeaddrinfo(found);
        fmt::print(stderr, "{} is {}\n", target.host, target.peer.addr.text());
    }
    return config;
}

StatusSet expected_statuses(const LoadConfig& load) {
    if (load.expect_status.empty()) return successful_statuses();
    StatusSet all;
    for (const std::string& each : load.expect_status) all |= *parse_statuses(each).value;
    return all;
}

GeneratorPlan plan_of(const Config& config, unsigned engine, unsigned engines) {
    const LoadConfig& load = config.load;
    GeneratorPlan plan;
    const HttpAsk ask{.method = load.method, .headers = load.headers, .body = body_of(load.body)};
    for (const Target& target : load.targets) {
        GeneratorPlan::Call call{.peer = target.peer, .request = {}, .last_request = {}};
        if (target.protocol == Target::Protocol::http) {
            const std::string authority = authority_of(target.host, target.peer.port);
            call.request = http_request(authority, target.path, false, ask);
            if (load.close_by == CloseBy::server)
                call.last_request = http_request(authority, target.path, true, ask);
        } else {
            call.request = pattern_request(load.request_size.value_or(64));
        }
        plan.calls.push_back(std::move(call));
    }
    for (const Cidr& cidr : config.addresses) plan.sources.push_back(cidr.addr);
    const bool http = load.targets.front().protocol == Target::Protocol::http;
    plan.talk = load.connect_only ? GeneratorPlan::Talk::nothing
                : http            ? GeneratorPlan::Talk::http
                                  : GeneratorPlan::Talk::tcp;
    plan.ending = load.close == LoadConfig::Close::rst ? GeneratorPlan::Ending::rst
                  : load.close_by == CloseBy::server   ? GeneratorPlan::Ending::fin_by_peer
                                                       : GeneratorPlan::Ending::fin;
    plan.response_size = load.response_size.value_or(load.request_size.value_or(64));
    const CountRange& requests = load.requests_per_connection;
    plan.requests_per_connection = requests.most;
    if (requests.least != requests.most) plan.requests_at_least = requests.least;
    plan.to_head = load.method == "HEAD";
    plan.idempotent = ask.is_idempotent();
    plan.expected = expected_statuses(load);
    plan.timeout = load.timeout;
    // Fewer connections at once than engines: some of these have none to open.
    const uint64_t at_once = load_concurrency(config);
    engines = static_cast<unsigned>(std::min<uint64_t>(engines, at_once));
    if (engine >= engines) {
        plan.limit = 0;
    } else {
        plan.connections = static_cast<uint32_t>(share(at_once, engine, engines));
        if (load.count != 0) plan.limit = share(load.count, engine, engines);
    }
    plan.ramp = load.ramp;
    plan.open_loop = load.rate != 0;
    plan.rate = static_cast<double>(load.rate);
    plan.engine = engine;
    plan.engines = engines;
    return plan;
}

stack::StackConfig stack_of(const Config& config, unsigned engines) {
    stack::StackConfig stack = stack_config(config);
    if (config.load.source_ports) {
        stack.port_low = config.load.source_ports->first;
        stack.port_high = config.load.source_ports->last;
    }
    const uint64_t each = load_concurrency(config) / engines + 1;
    // A connection that has been answered and is closing still has its record when the next one opens.
    stack.max_connections = static_cast<uint32_t>(2 * each + 1'024);
    stack.expected_connections = stack.max_connections;
    const uint64_t tuples = uint64_t{config.addresses.size()} * config.load.targets.size() *
                            (static_cast<uint64_t>(stack.port_high - stack.port_low) + 1);
    stack.max_time_wait = static_cast<uint32_t>(std::clamp<uint64_t>(tuples, 1u << 16, 1u << 24));
    return stack;
}

/// Why nothing came of any connection; empty when something came of one.
std::string nothing_worked(const Config& config, const LoadTally& tally) {
    if (tally.completed + tally.unfinished != tally.unanswered || tally.offered == 0) return {};
    std::string causes;
    const auto add = [&](uint64_t n, std::string_view what) {
        if (n != 0) causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", n, what);
    };
    for (size_t i = 0; i < tally.failed_by.size(); ++i) add(tally.failed_by[i], failure_name(i));
    for (size_t i = 0; i < tally.skipped_by.size(); ++i)
        add(tally.skipped_by[i], fmt::format("not opened ({})", name(static_cast<Skip>(i))));
    add(tally.pending, "without an answer to their SYN");
    add(tally.unfinished, "established, then without an answer");
    return fmt::format("{}: none of {} connections completed: {}", config.load.targets.front().text(),
                       tally.offered, causes);
}

constexpr std::string_view kCheckArp = "check the device, the address, its prefix and --gateway";

/// Who did not answer ARP, for a run that therefore opened nothing; empty for others.
std::string nobody_answered(const Config& config, const std::deque<ClientRun>& runs) {
    if (!std::all_of(runs.begin(), runs.end(), [](const ClientRun& run) { return run.is_unreached(); }))
        return {};
    const Target& target = config.load.targets.front();
    const Ipv4 host = target.peer.addr.v4;
    const bool on_link = std::any_of(config.addresses.begin(), config.addresses.end(),
                                     [&](const Cidr& cidr) { return cidr.contains(host); });
    const Ipv4 next_hop = on_link || !config.gateway ? host : config.gateway->addr;
    return fmt::format("{}: no ARP reply from {}", target.text(), next_hop.text());
}

std::string what_to_do(const LoadTally& tally) {
    const auto failed = [&](CloseReason reason) { return tally.failed_by[static_cast<size_t>(reason)] != 0; };
    if (failed(CloseReason::refused)) return "nothing listens there: check the target's port";
    if (failed(CloseReason::unreachable)) return fmt::format("no ARP reply: {}", kCheckArp);
    const bool timed_out = tally.failed_by[static_cast<size_t>(Failure::connect_timeout)] != 0;
    if (failed(CloseReason::syn_timed_out) || timed_out || tally.pending != 0)
        return "the SYNs went out, no SYN-ACK came back: check filters on the way";
    return "the result's failed_by and skipped_by name the causes";
}

/// The configuration with what was left to us filled in.
Config in_force(const Config& config, const Runtime& runtime) {
    Config used = config;
    used.cores.assign(runtime.cores().begin(), runtime.cores().end());
    LoadConfig& load = used.load;
    load.connections = load_concurrency(config);
    load.duration = load.opening_time();
    const stack::StackConfig stack;
    if (!load.source_ports) load.source_ports = PortRange{stack.port_low, stack.port_high};
    if (load.targets.front().protocol == Target::Protocol::tcp && !load.connect_only) {
        if (!load.request_size) load.request_size = 64;
        if (!load.response_size) load.response_size = load.request_size;
    }
    return used;
}

/// Everything after the last packet.
Exit conclude(const Config& config, Runtime& runtime, const TscGauge& gauge,
              const std::deque<ClientRun>& runs, const std::vector<LostTime>& lost) {
    RunResult result;
    LoadTimes times;
    Side client;
    for (unsigned i = 0; i < runs.size(); ++i) {
        const ClientRun& run = runs[i];
        result.measured += run.measured();
        result.tally += run.generator().tally();
        times += run.generator().times();
        client.measured += run.measured_counters();
        client.final += runtime.stack(i).counters();
        client.cycles += run.measured_cycles();
        result.duration_s =
            std::max(result.duration_s, std::chrono::duration<double>(run.duration()).count());
        result.cores.push_back({.core = runtime.core_of(i),
                                .role = "client",
                                .busy = run.measured_cycles().share(),
                                .lost = run.share_of(lost[i].total()),
                                .longest_gap = lost[i].longest(),
                                .established = run.generator().tally().established});
    }
    result.command = Command::load;
    result.config = in_force(config, runtime);
    result.open_loop = config.load.rate != 0;
    result.count = config.load.count;
    // An open loop offers all that is due, whether it can be opened or not.
    if (result.open_loop) result.asked = result.tally.offered;
    result.report = runtime.report();
    result.tsc_hz = gauge.hz();
    result.times = &times;
    result.client = client;
    result.device = runtime.device_stats();
    // A device that is gone ends the run by the same flag, but nobody has interrupted it.
    result.interrupted = interrupted().load(std::memory_order_relaxed) && !result.device.is_gone;
    result.resident_bytes = resident_bytes();
    if (config.load.close == LoadConfig::Close::fin) result.time_wait_at = config.load.close_by;
    result.deviations = deviations(config, Command::load);
    const bool has_criteria = !config.load.criteria.empty();
    reach_verdict(result, has_criteria ? config.load.criteria : std::vector{assumed_criterion("1%")},
                  config.validity);
    const std::string unreached = nobody_answered(config, runs);
    if (!unreached.empty()) result.invalid_because.insert(result.invalid_because.begin(), unreached);
    if (const std::string why = nothing_worked(config, result.tally); !why.empty())
        result.warnings.push_back(fmt::format("{}; {}", why, what_to_do(result.tally)));
    publish(result, config.json);
    refuse_if_gone(config, result.device);
    if (!unreached.empty()) throw run_error(unreached, std::string(kCheckArp));
    return exit_of(result);
}

Exit run(const Config& given) {
    validate_network(given);
    validate_load(given);
    const Config config = resolved(given);
    validate_load(config);
    check_json_path(config.json);
    catch_interrupts();
    const unsigned engines = std::max<unsigned>(1, static_cast<unsigned>(config.cores.size()));
    const AddressLock lock(config.device, config.addresses);
    const auto runtime = open_device(config, stack_of(config, engines), Command::load);
    const TscGauge gauge(*runtime);

    std::deque<ClientRun> runs;
    for (unsigned i = 0; i < runtime->stacks(); ++i)
        runs.emplace_back(plan_of(config, i, runtime->stacks()), config.load.opening_time(), interrupted());
    std::vector<EngineWatch> watches(runtime->stacks());
    std::vector<Census> census(runtime->stacks());
    std::vector<LostTime> lost(runtime->stacks(), LostTime(config.validity.gap, runtime->now()));
    {
        const Monitor monitor({.command = "load",
                               .device_name = config.device,
                               .control = config.control,
                               .show_progress = true,
                               .on_begin = {},
                               .device = [&runtime] { return runtime->device_stats(); }},
                              watches);
        const Instant start = runtime->now();  // one schedule for all engines
        CommonEnd common_end(runtime->cores().size());
        run_engines(*runtime, [&](std::span<const unsigned> stacks, unsigned) {
            Idle idle(runtime->idle_policy());
            BusyMeter meter;
            Instant show_at = start;
            for (const unsigned index : stacks) runs[index].start(start);
            LostTime away(config.validity.gap, runtime->now());
            for (bool ended = false, said = false; !ended;) {
                const Instant now = runtime->now();
                away.look(now);
                bool busy = false, over = true, is_measured = true;
                for (const unsigned index : stacks) {
                    ClientRun& each = runs[index];
                    const bool did = each.turn(runtime->stack(index), now);
                    meter.turn(did, each.cycles);
                    busy |= did;
                    over &= each.over();
                    is_measured &= each.is_measured();
                }
                away.turn(busy && !is_measured);
                ended = common_end.reached(over, said);
                if (now >= show_at || ended) {
                    show_at = now + kShowEvery;
                    for (const unsigned index : stacks) {
                        EngineSnapshot snapshot;
                        snapshot.counters = runtime->stack(index).counters();
                        census[index].take(runtime->stack(index), snapshot);
                        snapshot.take(runs[index].generator().tally());
                        snapshot.cycles = runs[index].cycles;
                        snapshot.turns = 1;
                        watches[index].show(snapshot);
                    }
                }
                if (!busy) away.look(runtime->now());
                idle.turn(busy);
                if (busy) continue;
                away.rested(runtime->now());
                meter.turn(false, runs[stacks.front()].cycles);
            }
            for (const unsigned index : stacks) lost[index] = away;
        });
    }
    return conclude(config, *runtime, gauge, runs, lost);
}

}  // namespace

const Subcommand kLoadCommand{
    Command::load,
    "load",
    "generate connections against servers: closed loop (-c) or open loop (-R)",
    "  synfin load http://10.0.0.2:80/ --device af_packet:veth0 --address 10.0.0.1/24 -c 64 -d 10s\n"
    "  synfin load http://10.0.0.2:80/ --device pci:0000:3b:00.0 --address 10.0.0.1/24 -c 64k -R 1M -d 30s\n"
    "  synfin load tcp://10.0.0.2:7 -f config/load-nic.yaml --request-size 1KiB -n 100k --json result.json\n",
    "TARGET",
    run};

}  // namespace synfin::app
