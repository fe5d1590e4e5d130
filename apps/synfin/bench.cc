/// @file
/// synfin bench: client and server engines in one process, joined by in-memory wires.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>

#include "client_run.hh"
#include "device.hh"
#include "discard_server.hh"
#include "fields.hh"
#include "host_facts.hh"
#include "http_server.hh"
#include "interrupt.hh"
#include "ledger_report.hh"
#include "monitor.hh"
#include "reply_server.hh"
#include "server_run.hh"
#include "subcommand.hh"
#include "summary.hh"
#include "wire_model.hh"

namespace synfin::app {

namespace {

using Profile = BenchConfig::Profile;

constexpr Duration kShowEvery = 100ms;
constexpr Duration kDefaultDuration = 5s;
constexpr uint16_t kPort = 80;
constexpr Ipv4 kServer{0x0a000001};  // 10.0.0.1, client addresses from 10.0.1.0 on, all in 10.0.0.0/8

/// What a profile is made of.
struct Shape {
    GeneratorPlan::Talk talk;
    GeneratorPlan::Ending ending;
    uint64_t requests;     ///< per connection; 0: until the end
    uint64_t connections;  ///< default of -c
    const char* time_wait_at;
    bool lives_end;  ///< connections end by themselves: -n can end the run
};

Shape shape_of(Profile profile) {
    using enum GeneratorPlan::Talk;
    using enum GeneratorPlan::Ending;
    switch (profile) {
        case Profile::connect: return {nothing, fin, 1, 256, "client", true};
        case Profile::crr: return {tcp, fin_by_peer, 1, 256, "server", true};
        case Profile::http: return {http, fin_by_peer, 1, 256, "server", true};
        case Profile::rr: return {tcp, fin, 0, 256, "client", false};
        case Profile::stream: return {stream, fin, 0, 4, "client", false};
        case Profile::idle: return {hold, fin, 0, 100'000, "client", false};
    }
    return {nothing, fin, 1, 256, "client", true};
}

uint64_t concurrency(const BenchConfig& bench) {
    return bench.connections.value_or(shape_of(bench.profile).connections);
}

/// Enough addresses that a tuple comes back late: with 28,232 ports each, 32 make 900,000 tuples.
uint32_t source_count(const BenchConfig& bench) {
    return static_cast<uint32_t>(std::clamp<uint64_t>(concurrency(bench) / 10'000, 32, 8'192));
}

Duration opening_time(const BenchConfig& bench) {
    if (bench.duration > Duration::zero()) return bench.duration;
    return bench.count != 0 && shape_of(bench.profile).lives_end ? Duration::zero() : kDefaultDuration;
}

GeneratorPlan plan_of(const BenchConfig& bench) {
    const Shape shape = shape_of(bench.profile);
    GeneratorPlan plan;
    GeneratorPlan::Call call{.peer = {kServer, kPort}, .request = {}, .last_request = {}};
    if (shape.talk == GeneratorPlan::Talk::http) {
        call.request = http_request(call.peer, "/", false);
        call.last_request = http_request(call.peer, "/", true);
    } else if (shape.talk == GeneratorPlan::Talk::stream) {
        call.request = pattern_request(std::max<uint64_t>(bench.request_size, 64 * 1024));
    } else {
        call.request = pattern_request(bench.request_size);
    }
    plan.calls.push_back(std::move(call));
    for (uint32_t i = 0; i < source_count(bench); ++i) plan.sources.push_back(Ipv4{kServer.value + 255 + i});
    plan.talk = shape.talk;
    plan.ending = shape.ending;
    plan.response_size = bench.response_size;
    plan.requests_per_connection = shape.requests;
    plan.connections = static_cast<uint32_t>(concurrency(bench));
    plan.limit = bench.count;
    // Many connections are opened no faster than the server takes them: else their SYNs would wait in the
    // wire.
    plan.handshakes = 256;
    return plan;
}

stack::StackConfig stack_of(const Config& config, bool client) {
    stack::StackConfig stack = stack_config(config);
    stack.addresses.clear();
    const uint32_t sources = source_count(config.bench);
    if (client)
        for (uint32_t i = 0; i < sources; ++i) stack.addresses.push_back({Ipv4{kServer.value + 255 + i}, 8});
    else
        stack.addresses.push_back({kServer, 8});
    const uint64_t connections = concurrency(config.bench);
    stack.max_connections = static_cast<uint32_t>(2 * connections + 1'024);
    stack.max_half_open = static_cast<uint32_t>(connections + 1'024);
    const uint64_t tuples = uint64_t{sources} * (static_cast<uint64_t>(stack.port_high - stack.port_low) + 1);
    stack.max_time_wait = static_cast<uint32_t>(std::min<uint64_t>(tuples, 1u << 24));
    return stack;
}

/// Room for a few packets of every connection: a wire that drops would measure timeouts.
uint32_t wire_bytes(const BenchConfig& bench) {
    const uint64_t least = bench.profile == Profile::stream ? 4u << 20 : 256u << 10;
    uint64_t bytes = least;
    while (bytes < 512 * std::min<uint64_t>(concurrency(bench), 65'536)) bytes *= 2;
    return static_cast<uint32_t>(bytes);
}

/// The server's half of a pair, and what the two threads tell each other.
template <Server S>
struct Pair {
    template <typename... Arguments>
    Pair(const Config& config, uint32_t max_connections, const std::atomic<bool>& stop,
         const Arguments&... arguments)
        : client(plan_of(config.bench), opening_time(config.bench), stop),
          server(PortRange{kPort, kPort}, max_connections, arguments...) {}

    ClientRun client;
    std::atomic<bool> measured{false};  ///< by the client: its time is over
    std::atomic<bool> ended{false};     ///< by the client: it has no connection left
    std::atomic<bool> server_over{false};
    alignas(64) ServerRun<S> server;
    bool server_measured = false;
    Side server_side{};
    // at the moment that the client's time was over, if both ends share a core
    size_t client_memory = 0, server_memory = 0;
    uint64_t open = 0;
};

template <Server S>
class Bench {
  public:
    template <typename... Arguments>
    explicit Bench(const Config& config, const Arguments&... arguments)
        : config_(config),
          runtime_(
              open_wires(config, stack_of(config, true), stack_of(config, false), wire_bytes(config.bench))) {
        const uint32_t max_connections = stack_of(config, false).max_connections;
        for (unsigned i = 0; i < runtime_->stacks(); i += 2) {
            Pair<S>& pair = pairs_.emplace_back(config, max_connections, interrupted(), arguments...);
            if (const auto done = pair.server.listen(runtime_->stack(i + 1)); !done)
                throw run_error(fmt::format("listen: {}", describe(done.error())));
        }
    }

    Exit run() {
        catch_interrupts();
        const double round_trip_before = round_trip();
        const TscGauge gauge(*runtime_);
        std::vector<EngineWatch> watches(runtime_->stacks());
        {
            const Monitor monitor({.command = "bench",
                                   .control = {},
                                   .serve_control = false,
                                   .show_progress = true,
                                   .on_begin = {}},
                                  watches);
            const Instant start = runtime_->now();
            run_engines(*runtime_,
                        [&](std::span<const unsigned> stacks, unsigned) { loop(stacks, start, watches); });
        }
        gather(gauge.hz(), round_trip_before, round_trip());
        measure_the_floor();
        auto json = to_json(result_);
        const auto model = config_.bench.model ? WireModel::of(json) : std::nullopt;
        if (model) json["model"] = to_json(*model);
        if (config_.bench.ledger) json["ledger"] = ledger_;
        publish(json, config_.json);
        if (config_.bench.ledger)
            fmt::print(config_.json == "-" ? stderr : stdout, "{}", ledger_text(ledger_));
        if (model) fmt::print(config_.json == "-" ? stderr : stdout, "{}", model_text(json["model"]));
        if (result_.tally.completed == 0)
            throw run_error("no connection completed", "the result's failed_by and drops name the causes");
        return result_.invalid_because.empty() ? Exit::done : Exit::invalid;
    }

  private:
    void loop(std::span<const unsigned> stacks, Instant start, std::vector<EngineWatch>& watches) {
        Idle idle(runtime_->idle_policy());
        BusyMeter meter;
        Instant show_at = start;
        for (const unsigned index : stacks) runtime_->stack(index).ledger().keep(config_.bench.ledger);
        for (const unsigned index : stacks)
            if (index % 2 == 0) pairs_[index / 2].client.start(start);
        for (bool over = false; !over;) {
            bool busy = false;
            over = true;
            Instant now{};
            for (const unsigned index : stacks) {
                // Time is read for each end: what one end's turn costs is part of the other's latency.
                now = runtime_->now();
                Pair<S>& pair = pairs_[index / 2];
                const bool client = index % 2 == 0;
                const bool did = client ? client_turn(pair, index, now) : server_turn(pair, index, now);
                meter.turn(did, client ? pair.client.cycles : pair.server.cycles);
                busy |= did;
                // The server may still need an ACK of its FIN: the client's engine stays until it is done.
                over &= pair.server_over.load(std::memory_order_acquire);
            }
            if (now >= show_at || over) {
                show_at = now + kShowEvery;
                for (const unsigned index : stacks) show(watches[index], index);
                meter.skip();
            }
            idle.turn(busy);
        }
    }

    bool client_turn(Pair<S>& pair, unsigned index, Instant now) {
        const bool was_measured = pair.client.is_measured();
        const bool did = pair.client.turn(runtime_->stack(index), now);
        if (pair.client.is_measured() && !was_measured) {
            pair.measured.store(true, std::memory_order_release);
            pair.client_memory = runtime_->stack(index).memory_bytes();
            pair.open = pair.client.measured().open_now();
        }
        if (pair.client.over()) pair.ended.store(true, std::memory_order_release);
        return did;
    }

    bool server_turn(Pair<S>& pair, unsigned index, Instant now) {
        if (!pair.server_measured && pair.measured.load(std::memory_order_acquire)) {
            pair.server_measured = true;
            pair.server_side.measured = runtime_->stack(index).counters();
            pair.server_side.cycles = pair.server.cycles;
            pair.server_memory = runtime_->stack(index).memory_bytes();
        }
        if (pair.ended.load(std::memory_order_acquire)) pair.server.end(runtime_->stack(index), now);
        const bool did = pair.server.turn(runtime_->stack(index), now);
        if (pair.server.over()) pair.server_over.store(true, std::memory_order_release);
        return did;
    }

    void show(EngineWatch& watch, unsigned index) {
        EngineSnapshot snapshot;
        snapshot.take(runtime_->stack(index));
        const Pair<S>& pair = pairs_[index / 2];
        if (index % 2 == 0) snapshot.take(pair.client.generator().tally());  // connections once, not per end
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
        size_t memory = 0;
        uint64_t open = 0;
        for (size_t i = 0; i < pairs_.size(); ++i) {
            const Pair<S>& pair = pairs_[i];
            const auto client_stack = static_cast<unsigned>(2 * i), server_stack = client_stack + 1;
            result_.measured += pair.client.measured();
            result_.tally += pair.client.generator().tally();
            times_ += pair.client.generator().times();
            client.measured += pair.client.measured_counters();
            client.final += runtime_->stack(client_stack).counters();
            client.cycles += pair.client.measured_cycles();
            server.measured += pair.server_side.measured;
            server.final += runtime_->stack(server_stack).counters();
            server.cycles += pair.server_side.cycles;
            memory += pair.client_memory + pair.server_memory;
            open += pair.open;
            result_.duration_s =
                std::max(result_.duration_s, std::chrono::duration<double>(pair.client.duration()).count());
            add_cores(runtime_->core_of(client_stack), pair.client.measured_cycles(),
                      runtime_->core_of(server_stack), pair.server_side.cycles);
        }
        if (config_.bench.ledger) {
            std::vector<const stack::Ledger*> engines;
            for (unsigned i = 0; i < runtime_->stacks(); ++i) engines.push_back(&runtime_->stack(i).ledger());
            ledger_ = ledger_json(engines, result_.tally.completed);
        }
        result_.command = Command::bench;
        result_.config = effective(config_, Command::bench);
        result_.config["bench"]["connections"] = concurrency(config_.bench);
        result_.host = host_facts(runtime_->report(), tsc_hz);
        if (runtime_->cores().size() >= 2)
            result_.host["core_round_trip_ns"] = {{"before", round_trip_before}, {"after", round_trip_after}};
        result_.times = &times_;
        result_.client = client;
        result_.server = server;
        result_.device = runtime_->device_stats();
        // Of connections that stay: of others the tables' sizes, not the connections, would be divided.
        result_.memory["bytes_per_connection"] = config_.bench.profile == Profile::idle && open != 0
                                                     ? nlohmann::ordered_json(memory / (2 * open))
                                                     : nlohmann::ordered_json();
        result_.memory["tcb_bytes"] = Stack::tcb_bytes();
        result_.memory["connections_bytes"] = memory;
        result_.memory["resident_bytes"] = resident_bytes();
        result_.extra["time_wait_at"] = shape_of(config_.bench.profile).time_wait_at;
        result_.deviations = deviations(config_, Command::bench);
        result_.invalid_because = load_invalidity(result_, false);
        if (const uint64_t failed = result_.tally.failed(); failed * 1'000 > result_.tally.opened)
            result_.invalid_because.push_back(
                fmt::format("{} connections failed on a wire that loses nothing", failed));
    }

    void add_cores(unsigned client_core, const BusyCycles& client, unsigned server_core,
                   const BusyCycles& server) {
        if (client_core == server_core) {
            BusyCycles both = client;
            both += server;
            result_.cores.push_back({client_core, "both", both.share()});
            return;
        }
        result_.cores.push_back({client_core, "client", client.share()});
        result_.cores.push_back({server_core, "server", server.share()});
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
        result_.floor = measure_floor(plan);
    }

    const Config& config_;
    std::unique_ptr<Runtime> runtime_;
    std::deque<Pair<S>> pairs_;
    LoadTimes times_;
    RunResult result_;
    nlohmann::ordered_json ledger_;
};

Exit run(const Config& config) {
    if (const size_t n = config.cores.size(); n > 1 && n % 2 != 0)
        throw usage_error(fmt::format("--cores: expected one core or an even number of cores, found {}", n),
                          "one core runs both engines; of 2N cores each pair has two");
    const BenchConfig& bench = config.bench;
    check_json_path(config.json);
    if (bench.model && !shape_of(bench.profile).lives_end)
        throw usage_error("--model: expected a profile whose connections end",
                          "connect, crr and http are such profiles");
    switch (bench.profile) {
        case Profile::http:
            return Bench<HttpServer>(config, bench.response_size, stack_of(config, false).max_connections)
                .run();
        case Profile::stream: return Bench<DiscardServer>(config).run();
        case Profile::connect:
        case Profile::crr:
        case Profile::rr:
        case Profile::idle: break;
    }
    if (bench.response_size == 0 && bench.profile != Profile::connect && bench.profile != Profile::idle)
        throw usage_error("--response-size: expected at least 1 byte for this profile, found '0'",
                          "a client can't see an empty response");
    return Bench<ReplyServer>(config,
                              ReplyServer::Shape{.request_size = static_cast<uint32_t>(bench.request_size),
                                                 .response_size = static_cast<uint32_t>(bench.response_size),
                                                 .close_after_reply = bench.profile == Profile::crr})
        .run();
}

}  // namespace

const Subcommand kBenchCommand{
    Command::bench,
    "bench",
    "measure connections per second on this machine: client and server in one process, no device",
    "  synfin bench\n"
    "  synfin bench --profile http --cores 0-1 -c 512 -d 10s --json result.json\n"
    "  synfin bench --profile idle -c 1M\n",
    "",
    run};

}  // namespace synfin::app
