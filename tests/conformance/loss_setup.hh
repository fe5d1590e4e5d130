#pragma once
/// @file
/// What the rows of loss recovery share: a connection with a known round trip and a first flight, and ACKs by
/// number of segment.

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "fakes/world.hh"

namespace synfin::fakes {

inline constexpr uint32_t kMss = 1400;        ///< of the peer: the same with both families
inline constexpr uint32_t kText = kMss - 12;  ///< of a segment with timestamps
inline constexpr Duration kRtt = 100ms;

/// A window, and a send buffer, that no test fills.
inline void with_sack(WorldConfig& c) {
    c.timestamps = false;
    c.sack = true;
    c.mss = kMss;
    c.wscale = 8;
    c.wnd = 60000;
    c.stack.tcp.send_buffer_bytes = c.stack.tcp.send_buffer_start_bytes = 4 << 20;
}
inline void with_timestamps(WorldConfig& c) {
    with_sack(c);
    c.timestamps = true;
}
inline void with_newreno(WorldConfig& c) {
    with_sack(c);
    c.stack.tcp.congestion_control = CongestionControl::newreno;
}

/// The sequence number of a segment, where each has `text` bytes.
constexpr uint32_t at(uint32_t segment, uint32_t text = kMss) {
    return 1 + segment * text;
}

/// The ACK of the segments before `una`, with blocks [first, last) by segment.
inline Seg ack(uint32_t una, std::initializer_list<std::pair<uint32_t, uint32_t>> blocks = {},
               uint32_t text = kMss) {
    Seg seg{.ack = at(una, text)};
    for (const auto& [first, last] : blocks) seg.sack.emplace_back(at(first, text), at(last, text));
    return seg;
}

/// The same for segments of kText bytes, with the peer's clock and an echo of `tsval`.
inline Seg stamped_ack(World& w, uint32_t tsval, uint32_t una,
                       std::initializer_list<std::pair<uint32_t, uint32_t>> blocks = {}) {
    Seg seg = ack(una, blocks, kText);
    seg.ts = Ts{w.main().ts_offset + static_cast<uint32_t>(w.elapsed() / 1ms), tsval};
    return seg;
}

/// Active open whose SYN|ACK takes `rtt`.
inline void open_after(World& w, Duration rtt) {
    w.bring(State::syn_sent);
    w.advance(rtt);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
}

/// ESTABLISHED with a round trip of kRtt; `queued` segments are queued, and the first ten have left.
inline void start(World& w, uint32_t queued) {
    open_after(w, kRtt);
    w.send(queued * kMss);
    for (uint32_t i = 0; i < std::min(queued, 10u); ++i) RECV(w, {.seq = at(i), .len = kMss});
    SILENT(w);
}

/// The same with timestamps and up to ten segments of kText bytes. Returns the TSval of the first one.
inline uint32_t start_stamped(World& w, uint32_t segments) {
    open_after(w, kRtt);
    w.send(segments * kText);
    RECV(w, {.seq = 1});
    const uint32_t tsval = w.main().last_tsval;
    w.discard();
    return tsval;
}

}  // namespace synfin::fakes
