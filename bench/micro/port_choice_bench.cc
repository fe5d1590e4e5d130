// What choosing the source port of an active open costs, towards 32 or 10,000 destinations in turn, on a
// device with as many queues as the argument says: the port's answers must come back to the first queue.
// Connections open and end by 64 at a time; choosing and releasing are counted apart. Over IPv4 and IPv6.

#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <vector>

#include "base/random.hh"
#include "net/ephemeral_ports.hh"
#include "port/toeplitz.hh"
#include "time/tsc_clock.hh"

namespace synfin::port {
namespace {

constexpr uint16_t kLow = 32'768, kHigh = 60'999;
constexpr uint32_t kTogether = 64;
constexpr uint32_t kServer = 0x0a000001, kClient = 0x0a000100;
constexpr uint16_t kServerPort = 80;

template <typename Flow>
BasicRssPrediction<Flow> device(uint16_t queues) {
    Random random(1);
    std::array<uint8_t, 40> key;
    for (auto& byte : key) byte = static_cast<uint8_t>(random.next());
    std::vector<uint16_t> reta(512);
    for (size_t i = 0; i < reta.size(); ++i) reta[i] = static_cast<uint16_t>(i % queues);
    return {key, std::move(reta)};
}

/// What the server with this number answers to a port.
template <typename Flow>
Flow answer(uint32_t server, uint16_t port);
template <>
FlowTuple answer(uint32_t server, uint16_t port) {
    return {server, kClient, kServerPort, port};
}
template <>
FlowTuple6 answer(uint32_t server, uint16_t port) {
    constexpr Ipv6 kNet{{0x20, 0x01, 0x0d, 0xb8}};
    FlowTuple6 tuple{kNet, kNet, kServerPort, port};
    std::memcpy(&tuple.source.octets[12], &server, sizeof server);
    return tuple;
}

template <typename Flow>
void choose(benchmark::State& state) {
    const auto queues = static_cast<uint16_t>(state.range(0));
    const auto destinations = static_cast<uint32_t>(state.range(1));
    const auto prediction = device<Flow>(queues);
    const std::vector<uint64_t> patterns = prediction.patterns(0);
    net::EphemeralPorts ports(kLow, kHigh, HashKey{1, 2});
    std::array<Tuple, kTogether> open;
    uint32_t next = 0;
    uint64_t asked = 0, refused = 0, choosing = 0, releasing = 0;
    for (auto _ : state) {
        const uint64_t begin = TscClock::cycles();
        for (Tuple& tuple : open) {
            tuple = {kServer + next, kServerPort, 0, 0};
            next = next + 1 == destinations ? 0 : next + 1;
            const auto own = [&](uint16_t first) {
                return queues == 1 ? ~uint64_t{0}
                                   : prediction.owned_ports(patterns, answer<Flow>(tuple.remote_addr, first));
            };
            // None is in use: a port that follows the last one is, only after the range was gone round.
            tuple.local_port = ports.choose(tuple, own, [&](uint16_t) {
                ++asked;
                return true;
            });
            refused += tuple.local_port == 0;
        }
        const uint64_t middle = TscClock::cycles();
        for (const Tuple& tuple : open) ports.note_release(tuple);
        releasing += TscClock::cycles() - middle;
        choosing += middle - begin;
    }
    const double choices = static_cast<double>(state.iterations()) * kTogether;
    state.counters["choose_cycles"] = static_cast<double>(choosing) / choices;
    state.counters["release_cycles"] = static_cast<double>(releasing) / choices;
    state.counters["asked"] = static_cast<double>(asked) / choices;
    if (refused != 0) state.SkipWithError("no port");
}
BENCHMARK_TEMPLATE(choose, FlowTuple)
    ->ArgNames({"queues", "destinations"})
    ->ArgsProduct({{1, 2, 4, 8, 16, 64}, {32, 10'000}});
BENCHMARK_TEMPLATE(choose, FlowTuple6)
    ->ArgNames({"queues", "destinations"})
    ->ArgsProduct({{2, 64}, {32, 10'000}});

}  // namespace
}  // namespace synfin::port

BENCHMARK_MAIN();
