// Should an in-memory wire copy frames or pass them by pointer? Ours (port/wire_ring.hh) copies each into a
// ring of bytes and out of it. Beside it the other kind: mbufs pass through a ring of pointers, the receiver
// reads them where the sender wrote them, and frees them into the sender's pool. Each end does for a frame
// what a stack on a NIC does: takes an mbuf, writes headers, text and both checksums; the other end reads and
// verifies them and frees it.
//
//   KIND/MBUFS/CORES/BYTES
//     pool, reuse   mbufs come from the pool and go back there; or, as in the engine, those received are sent
//     one, two      both ends on one thread, in turn; or each on its own core
//
// `cycles` is of both ends, for a frame; on two cores of the turns that did something, with each end's share.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../floor/frame.hh"
#include "base/spsc_ring.hh"
#include "cycles.hh"
#include "port/core_threads.hh"
#include "port/device.hh"
#include "port/device_port.hh"
#include "port/eal.hh"
#include "port/packet_pool.hh"

namespace synfin::port {
namespace {

constexpr uint16_t kBurst = 32;
constexpr uint64_t kInFlight = 128;    // each way; so many of the longest fit our wire
constexpr uint64_t kRound = 1u << 14;  // frames each way in one life of the two threads
constexpr Duration kRoundAtMost = 10s;
constexpr uint64_t kInterrupted = 500'000;  // cycles: no turn takes so long by itself
constexpr uint32_t kPackets = 8'192;        // of each pool, as our wire has by default

// One end of the other kind.
struct PointerPort {
    using Ring = SpscRing<rte_mbuf*>;
    Ring& transmit;
    Ring& receive;
    rte_mempool* pool;

    ~PointerPort() {
        while (const auto packet = receive.pop()) free(*packet);
    }
    uint16_t rx_burst(rte_mbuf** packets, uint16_t n) noexcept {
        const auto got = static_cast<uint16_t>(receive.pop({packets, n}));
        // Their lines are in the other core's cache.
        for (uint16_t i = 0; i < got; ++i) __builtin_prefetch(packets[i]);
        for (uint16_t i = 0; i < got; ++i) __builtin_prefetch(DevicePort::data(packets[i]));
        return got;
    }
    uint16_t tx_burst(rte_mbuf** packets, uint16_t n) noexcept {
        return static_cast<uint16_t>(transmit.push({packets, n}));
    }
    rte_mbuf* alloc() noexcept { return rte_pktmbuf_alloc(pool); }
    void free(rte_mbuf* packet) noexcept { rte_pktmbuf_free(packet); }
};

// Each end's pool, for all benchmarks.
struct Pools {
    PacketPool a, b;
    Refusal refusal;
};
const Pools& pools() {
    static const Pools made = [] {
        Pools p;
        const PacketSize size = PacketSize::for_frame(buf::QueueCaps{}.max_frame, 0);
        if (start_eal({.memory_bytes = uint64_t{2} * kPackets * size.total}, p.refusal) == nullptr) return p;
        p.a = make_pool(kPackets, size, SOCKET_ID_ANY, Access::processor, p.refusal);
        if (p.a) p.b = make_pool(kPackets, size, SOCKET_ID_ANY, Access::processor, p.refusal);
        return p;
    }();
    return made;
}

struct CopyWire {
    using Port = DevicePort;
    Wire wire{WireConfig{}.bytes};
    Port a{wire.forward, wire.backward, pools().a.get(), {}};
    Port b{wire.backward, wire.forward, pools().b.get(), {}};
};
struct PointerWire {
    using Port = PointerPort;
    Port::Ring forward{2 * kInFlight}, backward{2 * kInFlight};
    Port a{forward, backward, pools().a.get()};
    Port b{backward, forward, pools().b.get()};
};

constexpr Ipv4 kAddr{0x0a000001};

struct Case {
    bool reuse;
    uint32_t bytes;
};

// What is above the wire, at one end.
template <typename Port>
class alignas(64) End {
  public:
    End(Port& port, const Case& c) : port_(port), reuse_(c.reuse), bytes_(c.bytes) {}
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End() {
        while (spare_count_ != 0) port_.free(spare_[--spare_count_]);
    }

    uint16_t receive() noexcept {
        std::array<rte_mbuf*, kBurst> packets;
        const uint16_t n = port_.rx_burst(packets.data(), kBurst);
        for (uint16_t i = 0; i < n; ++i) {
            bad_ += bench::is_good_frame(packets[i]) ? 0 : 1;
            give_back(packets[i]);
        }
        received_ += n;
        return n;
    }
    uint16_t send(uint64_t want) noexcept {
        std::array<rte_mbuf*, kBurst> packets;
        const auto n = static_cast<uint16_t>(std::min<uint64_t>(want, kBurst));
        uint16_t made = 0;
        while (made < n && (packets[made] = take()) != nullptr)
            bench::write_frame(packets[made++], bytes_, kAddr, kAddr, 0);
        const uint16_t sent = port_.tx_burst(packets.data(), made);
        for (uint16_t i = sent; i < made; ++i) give_back(packets[i]);
        sent_ += sent;
        return sent;
    }
    // Until so many frames were sent and received in all. The end that leads keeps some under way, the other
    // answers each. Turns that did nothing do not count, nor do those in which the core was taken away.
    // False: it took too long.
    bool speak(uint64_t frames, bool leads) noexcept {
        const TscClock clock;
        const Instant begin = clock.now();
        uint64_t last = TscClock::cycles();
        for (uint32_t turn = 1; sent_ < frames || received_ < frames; ++turn) {
            const uint16_t got = receive();
            const uint64_t owed = leads ? std::min(frames, received_ + kInFlight) : received_;
            const uint16_t left = sent_ < owed ? send(owed - sent_) : uint16_t{0};
            const uint64_t now = TscClock::cycles();
            if (got + left != 0 && now - last < kInterrupted) {
                busy_ += static_cast<double>(now - last);
                handled_ += got + left;
            }
            last = now;
            if ((turn & 0xffff) == 0 && clock.now() - begin > kRoundAtMost) return false;
        }
        taken_ = clock.now() - begin;
        return true;
    }
    Duration taken() const noexcept { return taken_; }
    double cycles() const noexcept { return busy_ / handled_; }  // for a frame sent or received
    bool has_all_of(const End& peer) const noexcept { return bad_ == 0 && received_ == peer.sent_; }

  private:
    rte_mbuf* take() noexcept { return spare_count_ != 0 ? spare_[--spare_count_] : port_.alloc(); }
    void give_back(rte_mbuf* packet) noexcept {
        if (reuse_ && spare_count_ != spare_.size())
            spare_[spare_count_++] = packet;
        else
            port_.free(packet);
    }
    Port& port_;
    bool reuse_;
    uint32_t bytes_;
    uint32_t spare_count_ = 0;
    std::array<rte_mbuf*, 64> spare_{};  // as many as the engine keeps
    uint64_t sent_ = 0, received_ = 0, bad_ = 0;
    double busy_ = 0, handled_ = 0;
    Duration taken_{};
};

template <typename W>
void one_core(benchmark::State& state, const Case& c) {
    W wire;
    End a(wire.a, c), b(wire.b, c);
    for (uint64_t ahead = kBurst; ahead < kInFlight; ahead += kBurst) {
        a.send(kBurst);
        b.send(kBurst);
    }
    micro::Cycles cycles(state);
    for (auto _ : state) {
        a.send(kBurst);
        b.receive();
        b.send(kBurst);
        a.receive();
    }
    cycles.done(2 * kBurst);
    while (a.receive() + b.receive() != 0) {
    }
    if (!a.has_all_of(b) || !b.has_all_of(a)) state.SkipWithError("a frame was lost or changed");
}

template <typename W>
void two_cores(benchmark::State& state, const Case& c) {
    W wire;
    End a(wire.a, c), b(wire.b, c);
    const std::vector<unsigned> cpus = allowed_cpus();
    Refusal refusal;
    uint64_t frames = 0;  // each way
    for (auto _ : state) {
        frames += kRound;
        std::array<bool, 2> done{};
        const auto body = [&](size_t i) {
            done[i] = i == 0 ? a.speak(frames, true) : b.speak(frames, false);
        };
        if (!run_on_cores(std::span(cpus).first(2), body, refusal))
            return state.SkipWithError(refusal.why.c_str());
        if (!done[0] || !done[1]) return state.SkipWithError("a core was away for too long");
        state.SetIterationTime(std::chrono::duration<double>(a.taken()).count());
    }
    state.counters["cycles"] = a.cycles() + b.cycles();  // an end sends as many as it receives
    state.counters["a_cycles"] = a.cycles();
    state.counters["b_cycles"] = b.cycles();
    state.SetItemsProcessed(static_cast<int64_t>(2 * frames));
    if (!a.has_all_of(b) || !b.has_all_of(a)) state.SkipWithError("a frame was lost or changed");
}

using Run = void (*)(benchmark::State&, const Case&);
benchmark::internal::Benchmark* add(const std::string& name, const Case& c, Run run) {
    return benchmark::RegisterBenchmark(name.c_str(), [run, c](benchmark::State& state) {
        if (!pools().b) return state.SkipWithError(pools().refusal.why.c_str());
        run(state, c);
    });
}

[[maybe_unused]] const int registered = [] {
    for (const bool reuse : {false, true}) {
        const std::string mbufs = reuse ? "/reuse" : "/pool";
        for (const uint32_t bytes : {66u, 150u, 1514u}) {
            const Case c{reuse, bytes};
            const std::string size = "/" + std::to_string(bytes);
            add("copy" + mbufs + "/one" + size, c, one_core<CopyWire>);
            add("pointer" + mbufs + "/one" + size, c, one_core<PointerWire>);
            if (allowed_cpus().size() < 2) continue;
            add("copy" + mbufs + "/two" + size, c, two_cores<CopyWire>)->UseManualTime();
            add("pointer" + mbufs + "/two" + size, c, two_cores<PointerWire>)->UseManualTime();
        }
    }
    return 0;
}();

}  // namespace
}  // namespace synfin::port

BENCHMARK_MAIN();
