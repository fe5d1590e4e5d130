/// @file
/// crr: N connections through their whole life, for an instruction counter. Client and server engine on one
/// thread, joined by the bench's in-memory wire, in virtual time: two runs execute the same instructions.
///
///   valgrind --tool=callgrind --toggle-collect=synfin_counted_lives crr 10000 [again] [--family 6]
///
/// What a run of `synfin bench` with its defaults does on one core, turn by turn: 256 connections at once
/// from 32 addresses, 64 bytes each way, the server closes first. Afterwards virtual time goes on until the
/// last TIME-WAIT record has expired, so that this end of a life is counted too.
///
/// `again`: there are 8,192 tuples only, so that all lives but the first 8,192 take one that is in TIME-WAIT
/// at the server (RFC 6191), as in a bench once it has gone round its 903,424.
///
/// `--family 6`: the same over IPv6.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "servers/reply_server.hh"
#include "servers/server_run.hh"
#include "synfin/runtime.hh"
#include "traffic/client_run.hh"

namespace {

using namespace synfin;

constexpr uint16_t kPort = 80;
constexpr uint32_t kConcurrent = 256;
constexpr uint32_t kBytes = 64;

struct Case {
    uint32_t sources;
    uint16_t ports;  ///< of each
    /// Of one end. The 16 us that 32 connections' packets take on a processor, or so long that a tuple's next
    /// turn comes when TIME-WAIT may be cut short, two timestamps of 16 ms on.
    Duration turn;
};
constexpr Case kFresh{32, 28'232, 16us}, kAgain{1, 8'192, 400us};

/// 10.0.0.1 and the addresses from 10.0.1.0 on, or 2001:db8::1 and those from 2001:db8::100 on.
struct Addresses {
    bool is_v6 = false;
    IpAddress nth(uint32_t n) const {
        if (!is_v6) return Ipv4{0x0a000000 + n};
        Ipv6 out{{0x20, 0x01, 0x0d, 0xb8}};
        out.octets[14] = static_cast<uint8_t>(n >> 8);
        out.octets[15] = static_cast<uint8_t>(n);
        return out;
    }
    IpAddress server() const { return nth(1); }
    IpAddress source(uint32_t i) const { return nth(256 + i); }
    uint8_t prefix() const { return is_v6 ? 64 : 8; }
};

stack::StackConfig stack_of(const Case& of, const Addresses& addresses, bool client) {
    stack::StackConfig config;
    config.port_high = static_cast<uint16_t>(config.port_low + of.ports - 1);
    if (client)
        for (uint32_t i = 0; i < of.sources; ++i)
            config.addresses.push_back({addresses.source(i), addresses.prefix()});
    else
        config.addresses.push_back({addresses.server(), addresses.prefix()});
    config.max_connections = 2 * kConcurrent + 1'024;
    config.max_half_open = kConcurrent + 1'024;
    config.expected_connections = UINT32_MAX;  // a table that grows costs more while it does
    config.seed = client ? 1 : 2;
    return config;
}

app::GeneratorPlan plan_of(const Case& of, const Addresses& addresses, uint64_t lives) {
    app::GeneratorPlan plan;
    plan.calls.push_back(
        {.peer = {addresses.server(), kPort}, .request = app::pattern_request(kBytes), .last_request = {}});
    for (uint32_t i = 0; i < of.sources; ++i) plan.sources.push_back(addresses.source(i));
    plan.purpose = app::GeneratorPlan::Purpose::tcp;
    plan.ending = app::GeneratorPlan::Ending::fin_by_peer;
    plan.response_size = kBytes;
    plan.connections = kConcurrent;
    plan.handshakes = kConcurrent;
    plan.limit = lives;
    return plan;
}

struct Ends {
    Ends(const Case& of, const Addresses& addresses, uint64_t lives)
        : turn(of.turn),
          client(plan_of(of, addresses, lives), Duration::zero(), never),
          server(app::PortRange{kPort, kPort},
                 app::ReplyServer::Shape{
                     .request_size = kBytes, .response_size = kBytes, .close_after_reply = true}) {}
    const Duration turn;
    std::atomic<bool> never{false};
    app::ClientRun client;
    app::ServerRun<app::ReplyServer> server;
};

}  // namespace

/// What is counted: named for callgrind, which starts and ends with it.
extern "C" [[gnu::noinline]] void synfin_counted_lives(Runtime& runtime, Ends& ends, Instant now);

void synfin_counted_lives(Runtime& runtime, Ends& ends, Instant now) {
    Stack &client = runtime.stack(0), &server = runtime.stack(1);
    ends.client.start(now);
    while (!ends.client.over()) {
        ends.client.turn(client, now);
        ends.server.turn(server, now + ends.turn);
        now += 2 * ends.turn;
    }
    // Nothing more arrives: only the moments at which a timer is due are left.
    const Instant end = now + 2 * server.config().tcp.msl + 1s;
    for (auto due = server.next_deadline(); due && *due < end; due = server.next_deadline()) {
        now = std::max(now + ends.turn, *due);
        ends.client.turn(client, now);
        ends.server.turn(server, now);
    }
}

int main(int argc, char** argv) {
    const uint64_t lives = argc >= 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
    int at = 2;
    const bool again = at < argc && std::string_view(argv[at]) == "again";
    if (again) ++at;
    Addresses addresses;
    if (at + 1 < argc && std::string_view(argv[at]) == "--family") {
        addresses.is_v6 = std::string_view(argv[at + 1]) == "6";
        at += 2;
    }
    if (lives == 0 || at != argc) {
        std::fprintf(stderr, "usage: crr CONNECTIONS [again] [--family 6]\n");
        return 2;
    }
    const Case& of = again ? kAgain : kFresh;
    RuntimeConfig near, far;
    near.device = far.device = "ring";
    near.stack = stack_of(of, addresses, true);
    far.stack = stack_of(of, addresses, false);
    near.no_huge = true;  // the same on every host
    const auto opened = Runtime::open_ring(near, far);
    if (!opened) {
        std::fprintf(stderr, "crr: %s\n", opened.error().why.c_str());
        return 1;
    }
    const std::unique_ptr<Runtime>& runtime = *opened;
    Ends ends(of, addresses, lives);
    if (!ends.server.listen(runtime->stack(1))) return 1;
    const auto ran = runtime->run([&](std::span<const unsigned>, unsigned) {
        auto* volatile counted = &synfin_counted_lives;  // no clone of it under another name
        // Engines do not go back in time, and where in the timer wheel they begin is part of the count: the
        // next multiple of 2^26 ms after the present. The turns that lead there are not counted.
        constexpr int64_t kAligned = (int64_t{1} << 26) * 1'000'000;
        const Instant start = Instant::from_ns((runtime->now().ns() / kAligned + 1) * kAligned);
        NoApplication nobody;
        for (unsigned i = 0; i < runtime->stacks(); ++i) runtime->stack(i).poll(nobody, start);
        counted(*runtime, ends, start);
    });
    if (!ran) return 1;

    // A count of something else than N whole lives must not pass for one.
    const app::LoadTally& tally = ends.client.generator().tally();
    const Counters& at_client = runtime->stack(0).counters();
    const Counters& at_server = runtime->stack(1).counters();
    const uint64_t packets = at_client[Counter::tx_packets] + at_server[Counter::tx_packets];
    const uint64_t repeated = at_client[Counter::retransmitted] + at_server[Counter::retransmitted];
    const Occupancy left = runtime->stack(1).occupancy();
    const uint64_t tuples = uint64_t{of.sources} * of.ports;
    const uint64_t reused = at_server[Counter::time_wait_reused];
    std::printf(
        "completed %llu packets_per_connection %.2f retransmitted %llu time_wait_reused %llu left %u\n",
        static_cast<unsigned long long>(tally.completed),
        static_cast<double>(packets) / static_cast<double>(lives), static_cast<unsigned long long>(repeated),
        static_cast<unsigned long long>(reused), left.time_wait);
    return tally.completed == lives && repeated == 0 && left.time_wait == 0 &&
                   reused == lives - std::min(lives, tuples)
               ? 0
               : 1;
}
