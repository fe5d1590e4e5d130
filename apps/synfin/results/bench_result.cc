#include "bench_result.hh"

#include <fmt/format.h>

#include <algorithm>

#include "config/fields.hh"
#include "traffic/bench_plan.hh"
#include "verdict.hh"

namespace synfin::app {

namespace {

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

void add_cores(RunResult& result, Runtime& runtime, unsigned client_stack, const PairEnds& pair) {
    const auto add = [&](unsigned stack, std::string role, const BusyCycles& cycles) {
        const EngineSnapshot last = runtime.inspector().snapshot(stack);
        result.cores.push_back({.core = runtime.core_of(stack),
                                .role = std::move(role),
                                .busy = cycles.share(),
                                .lost = pair.run->share_of(last.lost),
                                .longest_gap = last.longest_gap});
    };
    const unsigned server_stack = client_stack + 1;
    if (runtime.core_of(client_stack) == runtime.core_of(server_stack)) {
        BusyCycles both = pair.run->measured_cycles();
        both += pair.server.cycles;
        add(client_stack, "both", both);
        return;
    }
    add(client_stack, "client", pair.run->measured_cycles());
    add(server_stack, "server", pair.server.cycles);
}

/// Adds both ends of one pair. With background connections, the final counters are those at the end of the
/// profile's last connection.
void add_sides(RunResult& result, Runtime& runtime, unsigned client_stack, const PairEnds& pair) {
    const bool has_background = pair.run->background() != nullptr;
    Side& client = *result.client;
    client.measured += pair.run->measured_counters();
    client.final += has_background ? pair.run->counters() : runtime.stack(client_stack).counters();
    client.cycles += pair.run->measured_cycles();
    Side& server = *result.server;
    server.measured += pair.server.measured;
    server.final += has_background ? pair.server.final : runtime.stack(client_stack + 1).counters();
    server.cycles += pair.server.cycles;
}

void add_memory(BenchFigures& bench, const PairEnds& pair) {
    bench.client_memory.engine += pair.client.memory;
    bench.server_memory.engine += pair.server.memory;
    bench.client_memory.application += pair.run->generator().memory_bytes();
    bench.server_memory.application += pair.server.application;
    if (const Generator* const background = pair.run->background())
        bench.client_memory.application += background->memory_bytes();
}

void add_pairs(RunResult& result, Runtime& runtime, std::span<const PairEnds> pairs, LoadTimes& times) {
    BenchFigures& bench = *result.bench;
    result.client.emplace();
    result.server.emplace();
    unsigned client_stack = 0;
    for (const PairEnds& pair : pairs) {
        const ClientRun& run = *pair.run;
        result.measured += run.measured();
        result.tally += run.generator().tally();
        times += run.generator().times();
        result.duration_s = std::max(result.duration_s, seconds(run.duration()));
        result.resident_bytes = std::max(result.resident_bytes, pair.client.resident);
        add_sides(result, runtime, client_stack, pair);
        add_memory(bench, pair);
        add_cores(result, runtime, client_stack, pair);
        client_stack += 2;
    }
}

/// Computes the memory per open connection, for the profile `idle` only. The other profiles keep few
/// connections open, so the quotient would reflect the tables' sizes.
void divide_by_connections(RunResult& result, std::span<const PairEnds> pairs, uint64_t resident_before) {
    const uint64_t open = result.measured.open_now();
    if (result.config.bench.profile != BenchConfig::Profile::idle || open == 0) return;
    BenchFigures& bench = *result.bench;
    const uint64_t resident = result.resident_bytes;
    bench.bytes_per_connection = (bench.client_memory.total() + bench.server_memory.total()) / (2 * open);
    bench.resident_per_connection = (resident - std::min(resident, resident_before)) / (2 * open);
    IdleTimes& idle = bench.idle.emplace();
    for (const PairEnds& pair : pairs) {
        idle.filled_s = std::max(idle.filled_s, seconds(pair.run->filled_in()));
        idle.emptied_s = std::max(idle.emptied_s, seconds(pair.run->emptied_in()));
    }
}

void add_ledgers(BenchFigures& bench, Runtime& runtime) {
    for (unsigned i = 0; i < runtime.stacks(); ++i) {
        Stack& stack = runtime.stack(i);
        const Counters& counters = stack.counters();
        bench.ledgers.push_back(
            {stack.ledger(), counters[Counter::rx_packets], counters[Counter::tx_packets]});
    }
}

/// Makes the run invalid unless all background connections existed for the whole run.
void judge_background(RunResult& result, std::span<const PairEnds> pairs) {
    const uint64_t asked = result.config.bench.beside * pairs.size();
    if (asked == 0) return;
    LoadTally& background = result.bench->beside.emplace();
    for (const PairEnds& pair : pairs) background += pair.run->background()->tally();
    if (background.completed != asked)
        result.invalid_because.push_back(
            fmt::format("of {} background connections (--beside), {} were established and {} closed", asked,
                        background.established, background.completed));
}

/// Counts the records left after TIME-WAIT; any record makes the run invalid.
void count_what_is_left(RunResult& result, Runtime& runtime) {
    LeftOver& left = result.bench->left.emplace();
    for (unsigned i = 0; i < runtime.stacks(); ++i)
        (i % 2 == 0 ? left.client : left.server) += runtime.stack(i).occupancy();
    if (const uint64_t sum = left.client.sum() + left.server.sum(); sum != 0)
        result.invalid_because.push_back(fmt::format("{} records were left after TIME-WAIT", sum));
}

Config in_force(const Config& config, const Runtime& runtime) {
    Config used = config;
    used.cores.assign(runtime.cores().begin(), runtime.cores().end());
    used.bench.connections = concurrency(config.bench);
    used.bench.duration = opening_time(config.bench);
    used.bench.close_by = shape_of(config.bench).close_by;
    return used;
}

}  // namespace

RunResult bench_result(const Config& config, Runtime& runtime, std::span<const PairEnds> pairs,
                       const BenchContext& context, LoadTimes& times) {
    RunResult result;
    BenchFigures& bench = result.bench.emplace();
    result.command = Command::bench;
    result.config = in_force(config, runtime);
    result.report = runtime.report();
    result.device = runtime.device_stats();
    result.tsc_hz = context.tsc_hz;
    result.interrupted = context.interrupted;
    result.time_wait_at = shape_of(config.bench).close_by;
    result.deviations = deviations(config, Command::bench);
    result.times = &times;
    bench.sources = kBenchSources;
    bench.server_ports = bench_ports(config.bench).size();
    if (runtime.cores().size() >= 2) bench.core_round_trip = context.round_trip;
    add_pairs(result, runtime, pairs, times);
    divide_by_connections(result, pairs, context.resident_before);
    if (config.bench.ledger) add_ledgers(bench, runtime);
    reach_verdict(result, {assumed_criterion("0.1%")}, config.validity);
    judge_background(result, pairs);
    if (config.bench.await_time_wait) count_what_is_left(result, runtime);
    return result;
}

}  // namespace synfin::app
