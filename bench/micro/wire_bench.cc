// What reading a received frame costs, layer by layer: headers, options, checksums.

#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "base/random.hh"
#include "cycles.hh"
#include "wire/checksum.hh"
#include "wire/ether.hh"
#include "wire/ipv4.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"

namespace synfin::wire {
namespace {

constexpr Mac kFrom{{2, 0, 0, 0, 0, 1}}, kTo{{2, 0, 0, 0, 0, 2}};
constexpr Ipv4 kClient{0x0a000002}, kServer{0x0a000001};
constexpr uint32_t kOptions = kPaddedTimestampsBytes;
constexpr uint32_t kText = 64;
constexpr uint32_t kFrameBytes = kEtherBytes + kIpv4Bytes + kTcpBytes + kOptions + kText;

// A request with timestamps, as the bench's client sends it.
std::array<uint8_t, kFrameBytes> make_frame() {
    std::array<uint8_t, kFrameBytes> frame{};
    uint8_t* p = frame.data();
    p += write_ether(p, kTo, kFrom, std::nullopt, kEtherTypeIpv4);
    write_ipv4(p,
               {.source = kClient,
                .destination = kServer,
                .total_length = kFrameBytes - kEtherBytes,
                .protocol = kProtocolTcp},
               true);
    p += kIpv4Bytes;
    write_tcp(p, {.source_port = 40'000,
                  .destination_port = 80,
                  .seq = 1,
                  .ack = 1,
                  .header_length = kTcpBytes + kOptions,
                  .flags = kAck | kPsh,
                  .window = 512});
    WordWriter timestamps(p + kTcpBytes);
    put_timestamps(timestamps, 1, 2);
    for (uint32_t i = 0; i < kText; ++i) p[kTcpBytes + kOptions + i] = static_cast<uint8_t>('a' + i % 26);
    store_be16(p + kTcpChecksumAt, tcp_checksum(kClient, kServer, {p, kTcpBytes + kOptions + kText}));
    return frame;
}

struct Parsed {
    EtherHeader ether;
    Ipv4Header ip;
    TcpHeader tcp;
    TcpOptions options;
};

// Each header by its own function. False if any refuses.
bool parse(Bytes frame, bool verify, Parsed& out) {
    if (!parse_ether(frame, out.ether) || out.ether.ethertype != kEtherTypeIpv4) return false;
    const Bytes packet = frame.subspan(out.ether.length);
    if (parse_ipv4(packet, verify, out.ip) != Ipv4Check::ok) return false;
    const Bytes segment = packet.subspan(out.ip.header_length, out.ip.total_length - out.ip.header_length);
    if (verify && !tcp_checksum_ok(out.ip.source, out.ip.destination, segment)) return false;
    return parse_tcp(segment, out.tcp) &&
           parse_tcp_options(segment.subspan(kTcpBytes, out.tcp.header_length - kTcpBytes), out.options);
}

void parse_frames(benchmark::State& state, bool verify) {
    const auto frame = make_frame();
    Parsed out;
    bool good = true;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const uint8_t* at = frame.data();
        benchmark::DoNotOptimize(at);
        good &= parse({at, kFrameBytes}, verify, out);
        benchmark::DoNotOptimize(out);
    }
    cycles.done();
    if (!good) state.SkipWithError("a frame was refused");
}
void parse_headers(benchmark::State& state) {
    parse_frames(state, false);
}
void parse_and_verify(benchmark::State& state) {
    parse_frames(state, true);
}

// Frames that no cache holds, 2 KiB apart as packet buffers are, in random order.
void parse_and_verify_cold(benchmark::State& state) {
    constexpr uint32_t kFrames = 1u << 16, kApart = 2048;
    std::vector<uint8_t> memory(size_t{kFrames} * kApart);
    const auto frame = make_frame();
    for (uint32_t i = 0; i < kFrames; ++i)
        std::copy(frame.begin(), frame.end(), memory.begin() + i * size_t{kApart});
    std::vector<uint32_t> order(kFrames);
    for (uint32_t i = 0; i < kFrames; ++i) order[i] = i;
    Random random(1);
    for (uint32_t i = kFrames; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    Parsed out;
    bool good = true;
    size_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        good &= parse({&memory[order[at] * size_t{kApart}], kFrameBytes}, true, out);
        benchmark::DoNotOptimize(out);
        at = (at + 1) % kFrames;
    }
    cycles.done();
    if (!good) state.SkipWithError("a frame was refused");
}

void options(benchmark::State& state, Bytes bytes) {
    TcpOptions out;
    bool good = true;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const uint8_t* at = bytes.data();
        benchmark::DoNotOptimize(at);
        good &= parse_tcp_options({at, bytes.size()}, out);
        benchmark::DoNotOptimize(out);
    }
    cycles.done();
    if (!good) state.SkipWithError("options were refused");
}
void options_timestamps(benchmark::State& state) {
    std::array<uint8_t, kPaddedTimestampsBytes> bytes;
    WordWriter writer(bytes.data());
    put_timestamps(writer, 1, 2);
    options(state, bytes);
}
void options_syn(benchmark::State& state) {
    std::array<uint8_t, kMaxSynOptionBytes> bytes;
    WordWriter writer(bytes.data());
    put_syn_options(writer, {.mss = 1460,
                             .timestamps = true,
                             .ts_val = 1,
                             .sack_permitted = true,
                             .window_scale = true,
                             .shift = 7});
    options(state, {bytes.data(), writer.bytes()});
}

void checksum(benchmark::State& state) {
    const std::vector<uint8_t> bytes(static_cast<size_t>(state.range(0)), 'x');
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const uint8_t* at = bytes.data();
        benchmark::DoNotOptimize(at);
        benchmark::DoNotOptimize(tcp_checksum(kClient, kServer, {at, bytes.size()}));
    }
    cycles.done();
}

BENCHMARK(parse_headers);
BENCHMARK(parse_and_verify);
BENCHMARK(parse_and_verify_cold);
BENCHMARK(options_timestamps);
BENCHMARK(options_syn);
BENCHMARK(checksum)->Arg(40)->Arg(64)->Arg(576)->Arg(1460);

}  // namespace
}  // namespace synfin::wire

BENCHMARK_MAIN();
