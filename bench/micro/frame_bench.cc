// What the engine does for each segment that leaves, once the core has said which: headers, options, the copy
// of the text, both checksums in software, the next hop's MAC, a place in the burst. The port takes bursts
// and does nothing with them. Everything is in the cache.
//
//   send/FLAGS[ bytes]     QueueEngine::send()

#include <benchmark/benchmark.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "buf/memory_port.hh"
#include "cycles.hh"
#include "stack/queue_engine.hh"

namespace synfin::stack {
namespace {

constexpr Ipv4 kOwn{0x0a000001}, kPeer{0x0a000002};
constexpr Mac kOwnMac{{2, 0, 0, 0, 0, 1}}, kPeerMac{{2, 0, 0, 0, 0, 2}};

struct Sink : buf::MemoryPort {
    using MemoryPort::MemoryPort;
    uint16_t tx_burst(Packet**, uint16_t n) noexcept { return n; }
};
using net::SegmentOut;
using SinkEngine = QueueEngine<Sink>;

// The engine's own, which an explicit instantiation may name.
void send(SinkEngine& engine, Sink::Packet* packet, const SegmentOut& out);
buf::BlockPool& blocks(SinkEngine& engine);
template <auto kSend, auto kBlocks>
struct Private {
    friend void send(SinkEngine& engine, Sink::Packet* packet, const SegmentOut& out) {
        (engine.*kSend)(packet, out);
    }
    friend buf::BlockPool& blocks(SinkEngine& engine) { return engine.connections().*kBlocks; }
};
template struct Private<&SinkEngine::send, &Connections::blocks_>;

// The peer asks for our MAC, so that the engine knows its.
std::array<uint8_t, wire::kEtherBytes + wire::kArpBytes> arp_request() {
    std::array<uint8_t, wire::kEtherBytes + wire::kArpBytes> frame;
    wire::write_ether(frame.data(), Mac::broadcast(), kPeerMac, std::nullopt, wire::kEtherTypeArp);
    wire::write_arp(
        frame.data() + wire::kEtherBytes,
        {.operation = wire::kArpRequest, .sender_mac = kPeerMac, .sender_ip = kPeer, .target_ip = kOwn});
    return frame;
}

void send_segments(benchmark::State& state, SegmentOut out) {
    StackConfig config;
    config.addresses = {{kOwn, 24}};
    Sink port({.mac = kOwnMac});
    SinkEngine engine(config, port, HashKey{1, 2});
    static_cast<void>(port.deliver(arp_request()));
    engine.begin(Instant::from_ns(5'000'000'000'000));
    engine.end();

    const std::vector<uint8_t> text(out.len, 'x');
    buf::ByteQueue queue;
    if (!buf::append_static(blocks(engine), queue, text)) return state.SkipWithError("no block");
    out.text = &queue;
    std::array<Sink::Packet*, 64> packets;  // more than the engine holds back
    for (Sink::Packet*& packet : packets) packet = port.alloc();
    const uint64_t before = engine.counters()[Counter::tx_packets];
    uint32_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        send(engine, packets[at], out);
        at = (at + 1) % packets.size();
    }
    cycles.done();
    if (engine.counters()[Counter::tx_packets] - before != static_cast<uint64_t>(state.iterations()))
        state.SkipWithError("a segment did not leave");
    buf::clear(blocks(engine), queue);
}

[[maybe_unused]] const int registered = [] {
    const auto add = [](const char* name, uint8_t flags, uint16_t len) {
        SegmentOut out;
        out.tuple = {kPeer.value, 40'000, 80, 0};
        out.flags = flags;
        out.len = len;
        out.wnd = 512;
        out.timestamps = true;
        out.mss = 1460;
        out.sack_permitted = out.window_scale = true;
        out.shift = 7;
        benchmark::RegisterBenchmark(name, [out](benchmark::State& state) { send_segments(state, out); });
    };
    using namespace wire;  // NOLINT(google-build-using-namespace): the flags
    add("send/SYN", kSyn, 0);
    add("send/SYN|ACK", kSyn | kAck, 0);
    add("send/ACK", kAck, 0);
    add("send/PSH|ACK 64", kPsh | kAck, 64);
    add("send/PSH|ACK 1448", kPsh | kAck, 1448);
    return 0;
}();

}  // namespace
}  // namespace synfin::stack

BENCHMARK_MAIN();
