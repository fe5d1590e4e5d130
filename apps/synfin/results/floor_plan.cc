#include <algorithm>
#include <optional>

#include "bench_result.hh"
#include "traffic/bench_plan.hh"

namespace synfin::app {

std::optional<FloorPlan> floor_plan(const RunResult& result) {
    const Counters& client = result.client->final;
    const Counters& server = result.server->final;
    const uint64_t completed = result.tally.completed;
    const uint64_t client_packets = client[Counter::tx_packets], server_packets = server[Counter::tx_packets];
    if (completed == 0 || client_packets == 0 || server_packets == 0) return std::nullopt;
    const auto per_connection = [&](uint64_t packets) {
        return static_cast<double>(packets) / static_cast<double>(completed);
    };
    const BenchConfig& bench = result.config.bench;
    FloorPlan plan;
    plan.family = bench.family;
    plan.client_packets = per_connection(client_packets);
    plan.server_packets = per_connection(server_packets);
    plan.client_frame = static_cast<uint32_t>(client[Counter::tx_bytes] / client_packets);
    plan.server_frame = static_cast<uint32_t>(server[Counter::tx_bytes] / server_packets);
    plan.cores = result.config.cores;
    plan.wire_bytes = wire_bytes(bench);
    plan.no_huge = result.config.no_huge;
    plan.duration = std::clamp<Duration>(bench.duration / 2, 250ms, 1s);
    return plan;
}

}  // namespace synfin::app
