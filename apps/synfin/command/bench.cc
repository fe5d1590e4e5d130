/// @file
/// synfin bench: client and server engines in one process, joined by in-memory wires.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>

#include "bench_plan.hh"
#include "config/device_config.hh"
#include "config/fields.hh"
#include "host/host_facts.hh"
#include "interrupt.hh"
#include "results/monitor.hh"
#include "results/publish.hh"
#include "results/verdict.hh"
#include "servers/discard_server.hh"
#include "servers/http_server.hh"
#include "servers/reply_server.hh"
#include "servers/server_run.hh"
#include "subcommand.hh"

namespace synfin::app {

namespace {

using Profile = BenchConfig::Profile;
using Phase = ClientRun::Phase;

constexpr Duration kShowEvery = 100ms;

/// Both ends of a pair, and what the two threads tell each other.
template <Server S>
struct Pair {
    template <typename... Arguments>
    Pair(const BenchConfig& bench, const std::atomic<bool>& stop, const Arguments&... arguments)
        : client(client_plan(bench), stop), server(bench_listens(bench), arguments...) {}

    ClientRun client;
    MemoryUse client_memory;  ///< at the end of the measured time
    uint64_t resident = 0;    ///< then, of the whole process
    std::atomic<Phase> phase{client.phase()};
    std::atomic<bool> server_over{false};

    alignas(64) ServerRun<S> server;
    Phase server_phase = client.phase();  ///< as far as the server's thread has noticed
    Counters server_before;               ///< at the beginning of the measured time
    BusyCycles server_cycles_before;
    Side server_side;
    MemoryUse server_memory;  ///< at the end of the measured time
};

template <Server S>
class Bench {
  public:
    template <typename... Arguments>
    explicit Bench(const Config& config, const Arguments&... arguments)
        : config_(config),
          runtime_(open_wires(config, bench_stack(config, true), bench_stack(config, false),
                              wire_bytes(config.bench))),
          lost_(runtime_->stacks(), LostTime(config.validity.gap, runtime_->now())) {
        for (unsigned i = 0; i < runtime_->stacks(); i += 2) {
            Pair<S>& pair = pairs_.emplace_back(config.bench, interrupted(), arguments...);
            if (const auto done = pair.server.listen(runtime_->stack(i + 1)); !done)
                throw run_error(fmt::format("listen: {}", describe(done.error())));
        }
    }

    Exit run() {
        const double round_trip_before = round_trip();
        const TscGauge gauge(*runtime_);
        std::vector<EngineWatch> watches(runtime_->stacks());
        resident_before_ = resident_bytes();
        {
            const Monitor monitor({.command = "bench",
                                   .control = {},
                                   .serve_control = false,
                                   .show_progress = true,
                                   .on_begin = {},
                                   .device = {}},
                                  watches);
            const Instant start = runtime_->now();
            run_engines(*runtime_,
                        [&](std::span<const unsigned> stacks, unsigned) { loop(stacks, start, watches); });
        }
        gather(gauge.hz(), round_trip_before, round_trip());
        measure_the_floor();
        publish(result_, config_.json);
        return exit_of(result_);
    }

  private:
    void loop(std::span<const unsigned> stacks, Instant start, std::vector<EngineWatch>& watches) {
        Idle idle(runtime_->idle_policy());
        BusyMeter meter;
        Instant show_at = start;
        for (const unsigned index : stacks) runtime_->stack(index).ledger().keep(config_.bench.ledger);
        for (const unsigned index : stacks)
            if (index % 2 == 0) pairs_[index / 2].client.start(start);
        LostTime away(config_.validity.gap, runtime_->now());
        for (bool over = false; !over;) {
            bool busy = false, is_measured = true;
            over = true;
            Instant now{};
            for (const unsigned index : stacks) {
                // Time is read for each end: what one end's turn costs is part of the other's latency.
                now = runtime_->now();
                away.look(now);
                Pair<S>& pair = pairs_[index / 2];
                const bool client = index % 2 == 0;
                const bool did = client ? client_turn(pair, index, now) : server_turn(pair, index, now);
                meter.turn(did, client ? pair.client.cycles : pair.server.cycles);
                busy |= did;
                const Phase phase = client ? pair.client.phase() : pair.server_phase;
                is_measured &= phase != Phase::opening;
                // The server may still need an ACK of its FIN: the client's engine stays until it is done.
                over &= pair.server_over.load(std::memory_order_acquire) && may_leave(index);
            }
            if (now >= show_at || over) {
                show_at = now + kShowEvery;
                for (const unsigned index : stacks) show(watches[index], index);
                meter.skip();
            }
            away.turn(busy && !is_measured);
            if (!busy) away.look(runtime_->now());
            idle.turn(busy);
            if (busy) continue;
            away.rested(runtime_->now());
            Pair<S>& pair = pairs_[stacks.front() / 2];
            meter.turn(false, stacks.front() % 2 == 0 ? pair.client.cycles : pair.server.cycles);
        }
        for (const unsigned index : stacks) lost_[index] = away;
    }

    bool client_turn(Pair<S>& pair, unsigned index, Instant now) {
        const bool was_measured = pair.client.is_measured();
        const bool did = pair.client.turn(runtime_->stack(index), now);
        if (pair.client.is_measured() && !was_measured) {
            pair.client_memory = runtime_->stack(index).memory();
            pair.resident = resident_bytes();
        }
        if (const Phase phase = pair.client.phase(); phase != pair.phase.load(std::memory_order_relaxed))
            pair.phase.store(phase, std::memory_order_release);
        return did;
    }

    bool server_turn(Pair<S>& pair, unsigned index, Instant now) {
        Stack& stack = runtime_->stack(index);
        if (const Phase phase = pair.phase.load(std::memory_order_acquire); phase != pair.server_phase) {
            note(pair, phase, stack);
            if (phase == Phase::over) pair.server.end(stack, now);
        }
        const bool did = pair.server.turn(stack, now);
        if (pair.server.over()) pair.server_over.store(true, std::memory_order_release);
        return did;
    }

    /// The client has come to this phase, maybe past others.
    static void note(Pair<S>& pair, Phase phase, const Stack& stack) {
        const auto has_come = [&](Phase to) { return pair.server_phase < to && phase >= to; };
        if (has_come(Phase::opening)) {
            pair.server_before = stack.counters();
            pair.server_cycles_before = pair.server.cycles;
        }
        if (has_come(Phase::draining)) {
            pair.server_side.measured = stack.counters() - pair.server_before;
            pair.server_side.cycles = pair.server.cycles - pair.server_cycles_before;
            pair.server_memory = stack.memory();
        }
        if (has_come(Phase::emptying)) pair.server_side.final = stack.counters() - pair.server_before;
        pair.server_phase = phase;
    }

    /// Whether a stack whose connections have ended may be left.
    bool may_leave(unsigned index) {
        return !config_.bench.await_time_wait || !runtime_->stack(index).records().any() ||
               interrupted().load(std::memory_order_relaxed);
    }

    void show(EngineWatch& watch, unsigned index) {
        EngineSnapshot snapshot;
        snapshot.counters = runtime_->stack(index).counters();
        const Pair<S>& pair = pairs_[index / 2];
        if (index % 2 == 0) {  // connections once, not per end
            const Generator* const others = pair.client.beside();
            const bool filling = others != nullptr && pair.client.phase() < Phase::opening;
            snapshot.take((filling ? *others : pair.client.generator()).tally());
        }
        snapshot.cycles = index % 2 == 0 ? pair.client.cycles : pair.server.cycles;
        snapshot.turns = 1;
        watch.show(snapshot);
    }

    double round_trip() const {
        const auto cores = runtime_->cores();
        return cores.size() < 2 ? 0 : core_round_trip_ns(cores[0], cores[1]);
    }

    void gather(double tsc_hz, double round_trip_before, double round_trip_after) {
        Side client, server;
        LoadTally beside;
        BenchFigures& bench = result_.bench.emplace();
        BenchFigures::Idle idle;
        for (size_t i = 0; i < pairs_.size(); ++i) {
            const Pair<S>& pair = pairs_[i];
            const auto client_stack = static_cast<unsigned>(2 * i), server_stack = client_stack + 1;
            const Generator* const others = pair.client.beside();
            result_.measured += pair.client.measured();
            result_.tally += pair.client.generator().tally();
            times_ += pair.client.generator().times();
            client.measured += pair.client.measured_counters();
            client.final +=
                others != nullptr ? pair.client.counters() : runtime_->stack(client_stack).counters();
            client.cycles += pair.client.measured_cycles();
            server.measured += pair.server_side.measured;
            server.final +=
                others != nullptr ? pair.server_side.final : runtime_->stack(server_stack).counters();
            server.cycles += pair.server_side.cycles;
            bench.client_memory.engine += pair.client_memory;
            bench.server_memory.engine += pair.server_memory;
            bench.client_memory.application += pair.client.generator().memory_bytes();
            bench.server_memory.application += pair.server.memory_bytes();
            if (others != nullptr) {
                beside += others->tally();
                bench.client_memory.application += others->memory_bytes();
            }
            result_.resident_bytes = std::max(result_.resident_bytes, pair.resident);
            idle.filled_s = std::max(idle.filled_s, seconds(pair.client.filled_in()));
            idle.emptied_s = std::max(idle.emptied_s, seconds(pair.client.emptied_in()));
            result_.duration_s = std::max(result_.duration_s, seconds(pair.client.duration()));
            add_cores(client_stack, pair.client, pair.server_side.cycles);
        }
        if (config_.bench.ledger) {
            for (unsigned i = 0; i < runtime_->stacks(); ++i) {
                Stack& stack = runtime_->stack(i);
                const Counters& counters = stack.counters();
                bench.ledgers.push_back(
                    {stack.ledger(), counters[Counter::rx_packets], counters[Counter::tx_packets]});
            }
        }
        result_.command = Command::bench;
        Config& in_force = result_.config = config_;
        in_force.cores.assign(runtime_->cores().begin(), runtime_->cores().end());
        in_force.bench.connections = concurrency(config_.bench);
        in_force.bench.duration = opening_time(config_.bench);
        result_.interrupted = interrupted().load(std::memory_order_relaxed);
        result_.report = runtime_->report();
        result_.tsc_hz = tsc_hz;
        if (runtime_->cores().size() >= 2)
            bench.core_round_trip = CoreRoundTrip{round_trip_before, round_trip_after};
        result_.times = &times_;
        result_.client = client;
        result_.server = server;
        result_.device = runtime_->device_stats();
        const uint64_t open = result_.measured.open_now();
        const bool is_idle = config_.bench.profile == Profile::idle && open != 0;
        // Of connections that stay: of others the tables' sizes, not the connections, would be divided.
        if (is_idle) {
            const uint64_t resident = result_.resident_bytes;
            bench.bytes_per_connection =
                (bench.client_memory.total() + bench.server_memory.total()) / (2 * open);
            bench.resident_per_connection = (resident - std::min(resident, resident_before_)) / (2 * open);
            bench.idle = idle;
        }
        if (config_.bench.beside != 0) bench.beside = beside;
        bench.sources = kBenchSources;
        bench.server_ports = bench_ports(config_.bench).size();
        result_.time_wait_at = shape_of(config_.bench).close_by;
        result_.deviations = deviations(config_, Command::bench);
        reach_verdict(result_, {assumed_criterion("0.1%")}, config_.validity);
        if (const uint64_t asked = config_.bench.beside * pairs_.size(); beside.completed != asked)
            result_.invalid_because.push_back(
                fmt::format("of {} idle connections beside, {} were established and {} closed", asked,
                            beside.established, beside.completed));
        if (config_.bench.await_time_wait) count_what_is_left();
    }

    /// After TIME-WAIT: nothing may be.
    void count_what_is_left() {
        BenchFigures::Left& left = result_.bench->left.emplace();
        for (unsigned i = 0; i < runtime_->stacks(); ++i)
            (i % 2 == 0 ? left.client : left.server) += runtime_->stack(i).occupancy();
        if (const uint64_t sum = left.client.sum() + left.server.sum(); sum != 0)
            result_.invalid_because.push_back(fmt::format("{} records were left after TIME-WAIT", sum));
    }

    static double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

    void add_cores(unsigned client_stack, const ClientRun& client, const BusyCycles& server) {
        const auto add = [&](unsigned stack, std::string role, const BusyCycles& cycles) {
            const LostTime& lost = lost_[stack];
            result_.cores.push_back({.core = runtime_->core_of(stack),
                                     .role = std::move(role),
                                     .busy = cycles.share(),
                                     .lost = client.share_of(lost.total()),
                                     .longest_gap = lost.longest()});
        };
        const unsigned server_stack = client_stack + 1;
        if (runtime_->core_of(client_stack) == runtime_->core_of(server_stack)) {
            BusyCycles both = client.measured_cycles();
            both += server;
            add(client_stack, "both", both);
            return;
        }
        add(client_stack, "client", client.measured_cycles());
        add(server_stack, "server", server);
    }

    /// After the run's wires are given back: the floor needs the same memory.
    void measure_the_floor() {
        const LoadTally& tally = result_.tally;
        const Counters& client = result_.client->final;
        const Counters& server = result_.server->final;
        const uint64_t lives = tally.completed;
        if (lives == 0 || client[Counter::tx_packets] == 0 || server[Counter::tx_packets] == 0) return;
        const auto per = [](uint64_t n, uint64_t of) {
            return static_cast<double>(n) / static_cast<double>(of);
        };
        FloorPlan plan;
        plan.client_packets = per(client[Counter::tx_packets], lives);
        plan.server_packets = per(server[Counter::tx_packets], lives);
        plan.client_frame = static_cast<uint32_t>(client[Counter::tx_bytes] / client[Counter::tx_packets]);
        plan.server_frame = static_cast<uint32_t>(server[Counter::tx_bytes] / server[Counter::tx_packets]);
        plan.cores.assign(runtime_->cores().begin(), runtime_->cores().end());
        plan.wire_bytes = wire_bytes(config_.bench);
        plan.no_huge = config_.no_huge;
        plan.duration = std::clamp<Duration>(opening_time(config_.bench) / 2, 250ms, 1s);
        runtime_.reset();
        result_.bench->floor = measure_floor(plan);
    }

    const Config& config_;
    std::unique_ptr<Runtime> runtime_;
    std::deque<Pair<S>> pairs_;
    std::vector<LostTime> lost_;  ///< by stack
    LoadTimes times_;
    RunResult result_;
    uint64_t resident_before_ = 0;  ///< before the first connection
};

Exit run(const Config& config) {
    validate_bench(config);
    const BenchConfig& bench = config.bench;
    check_json_path(config.json);
    catch_interrupts();
    switch (bench.profile) {
        case Profile::http:
            return Bench<HttpServer>(config, bench.response_size, bench_stack(config, false).max_connections)
                .run();
        case Profile::stream: return Bench<DiscardServer>(config).run();
        case Profile::connect:
        case Profile::crr:
        case Profile::rr:
        case Profile::idle: break;
    }
    return Bench<ReplyServer>(
               config, ReplyServer::Shape{.request_size = static_cast<uint32_t>(bench.request_size),
                                          .response_size = static_cast<uint32_t>(bench.response_size),
                                          .close_after_reply = shape_of(bench).close_by == CloseBy::server})
        .run();
}

}  // namespace

const Subcommand kBenchCommand{
    Command::bench,
    "bench",
    "measure connections per second on this machine: client and server in one process, no device",
    "  synfin bench\n"
    "  synfin bench --profile http --cores 0-1 -c 512 -d 10s --json result.json\n"
    "  synfin bench --profile idle -c 1M --hold 1s --await-time-wait\n"
    "  synfin bench --loss 1%\n"
    "  synfin bench --beside 10M\n",
    "",
    run};

}  // namespace synfin::app
