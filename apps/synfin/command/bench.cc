/// @file
/// synfin bench: client and server engines in one process, joined by in-memory wires.

#include <fmt/format.h>

#include "config/device_config.hh"
#include "host/host_facts.hh"
#include "host/interrupt.hh"
#include "results/bench_result.hh"
#include "results/monitor.hh"
#include "results/publish.hh"
#include "results/verdict.hh"
#include "servers/discard_server.hh"
#include "servers/http_server.hh"
#include "servers/reply_server.hh"
#include "subcommand.hh"
#include "traffic/bench_plan.hh"
#include "traffic/bench_work.hh"

namespace synfin::app {

namespace {

using Profile = BenchConfig::Profile;

/// Time between two snapshots. Only the progress line reads them, and rarer snapshots disturb the bench less.
constexpr Duration kShowEvery = 100ms;

double round_trip_ns(const Runtime& runtime) {
    const auto cores = runtime.cores();
    return cores.size() < 2 ? 0 : core_round_trip_ns(cores[0], cores[1]);
}

/// Runs all pairs until their last connection has ended.
template <Server S>
void run_pairs(const Config& config, Runtime& runtime, BenchWork<S>& work) {
    const Monitor monitor({.command = "bench",
                           .control = {},
                           .serve_control = false,
                           .show_progress = true,
                           .on_begin = {},
                           .device = {}},
                          runtime.inspector(), work.board());
    for (unsigned i = 0; i < runtime.stacks(); ++i) runtime.stack(i).ledger().keep(config.bench.ledger);
    work.start(runtime.now());
    refuse_unless_run(Runner(runtime, work, {.gap = config.validity.gap, .show_every = kShowEvery}).run());
}

/// Runs the bench with servers of type S.
/// @param arguments passed to each server's constructor
template <Server S, typename... Arguments>
Exit run_bench(const Config& config, const Arguments&... arguments) {
    auto runtime =
        open_wires(config, bench_stack(config, true), bench_stack(config, false), wire_bytes(config.bench));
    BenchWork<S> work(runtime->stacks(), config.bench.await_time_wait, interrupted());
    for (unsigned i = 0; i < runtime->stacks(); i += 2)
        if (const auto done = work.add(runtime->stack(i + 1), client_plan(config.bench),
                                       bench_listens(config.bench), arguments...);
            !done)
            throw run_error(fmt::format("listen: {}", describe(done.error())));
    BenchContext context;
    context.round_trip.before_ns = round_trip_ns(*runtime);
    const TscGauge gauge(*runtime);
    context.resident_before = resident_bytes();
    run_pairs(config, *runtime, work);
    context.tsc_hz = gauge.hz();
    context.round_trip.after_ns = round_trip_ns(*runtime);
    context.interrupted = interrupted().load(std::memory_order_relaxed);
    LoadTimes times;
    RunResult result = bench_result(config, *runtime, work.ends(), context, times);
    // Free the run's wires first: the floor measurement needs the same memory.
    runtime.reset();
    if (const auto plan = floor_plan(result)) result.bench->floor = measure_floor(*plan);
    publish(result, config.json);
    return exit_of(result);
}

Exit run(const Config& config) {
    validate_bench(config);
    const BenchConfig& bench = config.bench;
    check_json_path(config.json);
    check_report_path(config.report);
    catch_interrupts();
    switch (bench.profile) {
        case Profile::http:
            return run_bench<HttpServer>(config, bench.response_size,
                                         bench_stack(config, false).max_connections);
        case Profile::stream: return run_bench<DiscardServer>(config);
        case Profile::connect:
        case Profile::crr:
        case Profile::rr:
        case Profile::idle: break;
    }
    return run_bench<ReplyServer>(
        config, ReplyServer::Shape{.request_size = static_cast<uint32_t>(bench.request_size),
                                   .response_size = static_cast<uint32_t>(bench.response_size),
                                   .close_after_reply = shape_of(bench).close_by == CloseBy::server});
}

}  // namespace

const Subcommand kBenchCommand{
    Command::bench,
    "bench",
    "measure connections per second on this machine: client and server in one process, no device",
    "  synfin bench\n"
    "  synfin bench --profile http --cores 0-1 -c 512 -d 10s --json result.json\n"
    "  synfin bench --profile idle -c 1M --hold 1s --await-time-wait\n"
    "  synfin bench --family 6\n"
    "  synfin bench --loss 1%\n"
    "  synfin bench --beside 10M\n",
    "",
    run};

}  // namespace synfin::app
