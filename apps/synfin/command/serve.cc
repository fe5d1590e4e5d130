/// @file
/// synfin serve: a server on a device.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>

#include "config/device_config.hh"
#include "config/fields.hh"
#include "host/address_lock.hh"
#include "host/host_facts.hh"
#include "interrupt.hh"
#include "results/monitor.hh"
#include "results/publish.hh"
#include "servers/serve_apps.hh"
#include "servers/server_run.hh"
#include "subcommand.hh"
#include "traffic/common_end.hh"

namespace synfin::app {

namespace {

constexpr Duration kShowEvery = 10ms;

void say_listening(const Config& config) {
    std::string lines;
    for (const auto& [ports, app] : config.serve.listeners())
        for (const Cidr& cidr : config.addresses)
            lines += fmt::format("listening on {}:{}\n", cidr.addr.text(),
                                 ports.size() == 1 ? fmt::format("{}", ports.first)
                                                   : fmt::format("{}-{}", ports.first, ports.last));
    std::fputs(lines.c_str(), stdout);
    std::fflush(stdout);
}

/// A server has no offers of its own: what was offered is what arrived.
LoadTally tally_of(const ServerTally& server, const Counters& counters, uint64_t half_open) {
    LoadTally tally;
    tally.established = server.established;
    tally.completed = server.completed;
    uint64_t ended = 0;
    for (size_t i = 0; i < server.ended_by.size(); ++i) {
        ended += server.ended_by[i];
        if (static_cast<CloseReason>(i) != CloseReason::fin) tally.failed_by[i] += server.ended_by[i];
    }
    tally.failed_after = ended - server.completed;
    tally.unfinished = server.established - ended;
    tally.failed_before = counters[Counter::half_open_expired];
    tally.failed_by[static_cast<size_t>(CloseReason::syn_timed_out)] += tally.failed_before;
    tally.pending = half_open;
    tally.opened = tally.established + tally.failed_before + tally.pending;
    tally.skipped_by[static_cast<size_t>(Skip::no_memory)] = counters[DropReason::backlog_full];
    tally.offered = tally.opened + tally.skipped();
    tally.requests = tally.responses = server.requests;
    return tally;
}

/// What http has to give. Throws UserError(usage).
std::shared_ptr<const HttpSite> make_site(const ServeConfig& config) {
    auto site = std::make_shared<HttpSite>(config.response_size);
    for (const Route& route : config.routes) site->add(route);
    if (!config.root.empty())
        for (const std::string& why : site->load(config.root))
            std::fputs(fmt::format("--root: left out: {}\n", why).c_str(), stderr);
    return site;
}

using Runs = std::deque<ServerRun<ServeApps>>;

Exit conclude(const Config& config, Runtime& runtime, const TscGauge& gauge, const Runs& runs,
              double seconds) {
    RunResult result;
    ServerTally tally;
    Side server;
    uint64_t half_open = 0;
    for (unsigned i = 0; i < runs.size(); ++i) {
        tally += runs[i].tally();
        server.final += runtime.stack(i).counters();
        server.cycles += runs[i].cycles;
        half_open += runtime.stack(i).occupancy().half_open;
        result.cores.push_back({.core = runtime.core_of(i),
                                .role = "server",
                                .busy = runs[i].cycles.share(),
                                .established = runs[i].tally().established});
    }
    server.measured = server.final;
    result.command = Command::serve;
    result.config = config;
    result.report = runtime.report();
    result.tsc_hz = gauge.hz();
    result.duration_s = seconds;
    result.tally = result.measured = tally_of(tally, server.final, half_open);
    result.server = server;
    result.device = runtime.device_stats();
    result.resident_bytes = resident_bytes();
    result.interrupted = interrupted().load(std::memory_order_relaxed);
    result.deviations = deviations(config, Command::serve);
    result.served = tally;
    publish(result, config.json);
    refuse_if_gone(config, result.device);
    return Exit::done;
}

Exit run(const Config& config) {
    validate_network(config);
    validate_serve(config);
    check_json_path(config.json);
    catch_interrupts();
    const auto site = make_site(config.serve);
    const AddressLock lock(config.device, config.addresses);
    stack::StackConfig stack = stack_config(config);
    stack.max_connections = static_cast<uint32_t>(config.serve.max_connections);
    stack.max_half_open = static_cast<uint32_t>(config.serve.backlog);
    stack.max_time_wait = static_cast<uint32_t>(config.serve.max_time_wait);
    const auto runtime = open_device(config, stack, Command::serve);
    const TscGauge gauge(*runtime);

    const auto listeners = config.serve.listeners();
    std::vector<PortRange> ports;
    for (const ServeConfig::Listen& each : listeners) ports.push_back(each.ports);
    Runs runs;
    for (unsigned i = 0; i < runtime->stacks(); ++i) {
        runs.emplace_back(ports, listeners, config.serve.time_outs, site, stack.max_connections);
        if (const auto done = runs.back().listen(runtime->stack(i)); !done)
            throw run_error(fmt::format("listen: {}", describe(done.error())),
                            "choose other ports with --listen");
    }
    std::vector<EngineWatch> watches(runtime->stacks());
    std::vector<Census> census(runtime->stacks());
    const Instant start = runtime->now();
    CommonEnd common_end(runtime->cores().size());
    {
        const Monitor monitor({.command = "serve",
                               .device_name = config.device,
                               .control = config.control,
                               .show_progress = true,
                               .on_begin = [&config] { say_listening(config); },
                               .device = [&runtime] { return runtime->device_stats(); }},
                              watches);
        run_engines(*runtime, [&](std::span<const unsigned> stacks, unsigned) {
            Idle idle(runtime->idle_policy());
            BusyMeter meter;
            Instant show_at = start;
            for (bool ended = false, said = false; !ended;) {
                const Instant now = runtime->now();
                const bool stop =
                    interrupted().load(std::memory_order_relaxed) ||
                    (config.serve.duration > Duration::zero() && now - start >= config.serve.duration);
                bool busy = false, over = true;
                for (const unsigned index : stacks) {
                    ServerRun<ServeApps>& each = runs[index];
                    if (stop) each.end(runtime->stack(index), now, config.serve.drain);
                    const bool did = each.turn(runtime->stack(index), now);
                    meter.turn(did, each.cycles);
                    busy |= did;
                    over &= each.over();
                }
                ended = common_end.reached(over, said);
                if (now >= show_at || ended) {
                    show_at = now + kShowEvery;
                    for (const unsigned index : stacks) {
                        EngineSnapshot snapshot;
                        snapshot.counters = runtime->stack(index).counters();
                        census[index].take(runtime->stack(index), snapshot);
                        snapshot.take(runs[index].tally());
                        snapshot.cycles = runs[index].cycles;
                        snapshot.turns = 1;
                        watches[index].show(snapshot);
                    }
                }
                idle.turn(busy);
            }
        });
    }
    const std::chrono::duration<double> seconds = runtime->now() - start;
    return conclude(config, *runtime, gauge, runs, seconds.count());
}

}  // namespace

const Subcommand kServeCommand{
    Command::serve,
    "serve",
    "serve echo, discard, chargen or http on a device",
    "  synfin serve --device af_packet:veth0 --address 10.0.0.2/24 --app http --response-size 1KiB\n"
    "  synfin serve --device pci:0000:3b:00.0 --address 10.0.0.2/24 --app echo --listen 7000-7099 --cores "
    "0-3\n"
    "  synfin serve --device tap:syn0 --address 10.0.0.2/24 --listen 80=http --listen 7=echo --root ./site\n"
    "  synfin serve --device tap:syn0 --address 10.0.0.2/24 --route /slow=200,1KiB,250ms --route /gone=410\n"
    "  synfin serve -f config/serve-http.yaml --set tcp.msl=1s\n",
    "",
    run};

}  // namespace synfin::app
