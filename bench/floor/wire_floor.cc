/// @file
/// The same wire with no TCP on it: see apps/synfin/floor.hh.

#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>

#include "config/user_error.hh"
#include "frame.hh"
#include "port/core_threads.hh"
#include "port/device.hh"
#include "results/floor.hh"
#include "time/tsc_clock.hh"

namespace synfin::app {

namespace {

constexpr uint16_t kBurst = 32;
/// Frames under way to the other end at most: as many as a bench of a few hundred connections has.
constexpr uint64_t kInFlight = 256;

/// The addresses of the two ends, and the checks of a frame.
struct Family4 {
    using Address = Ipv4;
    static constexpr Ipv4 kServer{0x0a000001}, kClient{0x0a000002};
    static constexpr uint32_t kLeastFrame = bench::kFrameHeaders;
    static bool is_good(rte_mbuf* packet) noexcept { return bench::is_good_frame(packet); }
};

struct Family6 {
    using Address = Ipv6;
    static constexpr Ipv6 kServer{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        kClient{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
    static constexpr uint32_t kLeastFrame = bench::kFrameHeaders6;
    static bool is_good(rte_mbuf* packet) noexcept { return bench::is_good_frame6(packet); }
};

/// One end: writes frames of one size, and verifies those of the other.
template <typename Family>
class End {
  public:
    using Address = typename Family::Address;
    End(port::DevicePort& port, uint32_t frame, const Address& from, const Address& to)
        : port_(port), frame_(std::max(frame, Family::kLeastFrame)), from_(from), to_(to) {}

    /// Receives, verifies and frees a burst. Returns how many frames it had.
    uint16_t receive() noexcept {
        std::array<rte_mbuf*, kBurst> packets;
        const uint16_t n = port_.rx_burst(packets.data(), kBurst);
        for (uint16_t i = 0; i < n; ++i) {
            bad_ += Family::is_good(packets[i]) ? 0 : 1;
            port_.free(packets[i]);
        }
        received_ += n;
        return n;
    }

    /// Writes and sends up to a burst of `want` frames. Returns how many left.
    uint16_t send(uint64_t want) noexcept {
        std::array<rte_mbuf*, kBurst> packets;
        const auto n = static_cast<uint16_t>(std::min<uint64_t>(want, kBurst));
        uint16_t made = 0;
        while (made < n && (packets[made] = port_.alloc()) != nullptr)
            bench::write_frame(packets[made++], frame_, from_, to_, static_cast<uint32_t>(sent_));
        const uint16_t sent = made == 0 ? uint16_t{0} : port_.tx_burst(packets.data(), made);
        for (uint16_t i = sent; i < made; ++i) port_.free(packets[i]);
        sent_ += sent;
        return sent;
    }

    uint64_t sent() const noexcept { return sent_; }
    uint64_t received() const noexcept { return received_; }
    uint64_t bad() const noexcept { return bad_; }

  private:
    port::DevicePort& port_;
    uint32_t frame_;
    Address from_, to_;
    uint64_t sent_ = 0, received_ = 0, bad_ = 0;
};

/// One pair of ends. The server owes `server_packets / client_packets` frames for each that it receives.
template <typename Family>
struct FloorPair {
    FloorPair(port::Device& device, unsigned index, const FloorPlan& plan)
        : client(device.port(2 * index), plan.client_frame, Family::kClient, Family::kServer),
          server(device.port(2 * index + 1), plan.server_frame, Family::kServer, Family::kClient),
          ratio(plan.server_packets / plan.client_packets) {}

    uint64_t owed_for(uint64_t client_frames) const noexcept {
        return static_cast<uint64_t>(static_cast<double>(client_frames) * ratio);
    }
    bool client_turn() noexcept {
        const uint16_t got = client.receive();
        // How far the server has come, as its answers tell.
        const auto answered = static_cast<uint64_t>(static_cast<double>(client.received()) / ratio);
        const uint64_t under_way = client.sent() > answered ? client.sent() - answered : 0;
        return (under_way < kInFlight && client.send(kInFlight - under_way) != 0) || got != 0;
    }
    bool server_turn() noexcept {
        const uint16_t got = server.receive();
        const uint64_t owed = owed_for(server.received());
        return (owed > server.sent() && server.send(owed - server.sent()) != 0) || got != 0;
    }

    End<Family> client;
    alignas(64) End<Family> server;
    double ratio;
    alignas(64) uint64_t client_cycles = 0;
    alignas(64) uint64_t server_cycles = 0;
};

template <typename Family>
Floor measure(const FloorPlan& plan) {
    using Pair = FloorPair<Family>;
    const bool shared = plan.cores.size() < 2;
    const auto pairs = static_cast<unsigned>(shared ? 1 : plan.cores.size() / 2);
    port::WireConfig wires;
    wires.wires = pairs;
    wires.no_huge = plan.no_huge;
    wires.bytes = plan.wire_bytes;
    port::Refusal refusal;
    const auto device = port::Device::open_wires(wires, refusal);
    if (device == nullptr) throw run_error("the floor's wire: " + refusal.why);

    std::vector<std::unique_ptr<Pair>> all;
    for (unsigned i = 0; i < pairs; ++i) all.push_back(std::make_unique<Pair>(*device, i, plan));
    const TscClock clock;
    const Instant start = clock.now(), end = start + plan.duration;
    const auto loop = [&](Pair& pair, bool client, bool server) {
        uint64_t last = __rdtsc();
        const auto turn = [&](bool did, uint64_t& into) {
            const uint64_t now = __rdtsc();
            into += did ? now - last : 0;
            last = now;
        };
        // At least 64 turns: on a busy machine the thread may start after the end.
        for (uint32_t i = 0; i < 64 || (i & 63) != 0 || clock.now() < end; ++i) {
            if (client) turn(pair.client_turn(), pair.client_cycles);
            if (server) turn(pair.server_turn(), pair.server_cycles);
        }
    };
    const bool done = port::run_on_cores(
        plan.cores,
        [&](size_t i) { loop(*all[shared ? 0 : i / 2], shared || i % 2 == 0, shared || i % 2 != 0); },
        refusal);
    if (!done) throw run_error("the floor's cores: " + refusal.why);

    const double seconds = std::chrono::duration<double>(clock.now() - start).count();
    double connections = 0, client_cycles = 0, server_cycles = 0;
    for (const auto& pair : all) {
        if (pair->client.bad() + pair->server.bad() != 0)
            throw run_error("the floor's wire changed a packet");
        connections += static_cast<double>(pair->server.received()) / plan.client_packets;
        client_cycles += static_cast<double>(pair->client_cycles);
        server_cycles += static_cast<double>(pair->server_cycles);
    }
    if (connections == 0) throw run_error("the floor's wire carried nothing");
    return {connections, connections / seconds, client_cycles / connections, server_cycles / connections};
}

}  // namespace

Floor measure_floor(const FloorPlan& plan) {
    return plan.family == IpAddress::Family::v6 ? measure<Family6>(plan) : measure<Family4>(plan);
}

}  // namespace synfin::app
