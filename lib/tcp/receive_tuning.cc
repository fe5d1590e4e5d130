/// @file
/// The receive window follows what the application reads in a round trip.

#include "tcp/receive_tuning.hh"

#include <algorithm>

namespace synfin::tcp {

namespace {

/// A round trip is at least one unit of the timestamp clock.
constexpr uint32_t kLeastRttUs = 1000;
/// Without timestamps, and without a sample of our own: our SYN was sent again (Karn).
constexpr uint32_t kUnknownRttUs = 100'000;
/// Longer samples are pauses of the peer, or forged.
constexpr uint32_t kLongestSampleMs = 10'000;

/// The peer's segment echoes our last ACK (RFC 7323 4.3), so its age is a round trip, if the peer sends
/// without a pause. Smoothed with 1/8, because pauses and delayed ACKs only lengthen it.
void sample_round_trip(ReceiveTuning& tuning, const Tcb& tcb, const Segment& seg,
                       const Context& ctx) noexcept {
    if (!tcb.has(kTimestamps)) {
        if (tcb.srtt.is_set()) tuning.rtt_us = std::max(tcb.srtt.us(), kLeastRttUs);
        return;
    }
    if (!seg.has_ts || seg.ts_ecr == tuning.echo) return;
    tuning.echo = seg.ts_ecr;
    const uint32_t ms = ctx.now.tick + ctx.ts_offsets.of(tcb.tuple, ctx.remote6) - seg.ts_ecr;
    if (ms > kLongestSampleMs) return;
    const uint32_t us = std::max(ms * 1000, kLeastRttUs);
    tuning.rtt_us = tuning.rtt_us == 0 ? us : (7 * tuning.rtt_us + us) / 8;
}

/// The window for `copied` bytes in a round trip, when it was `before` bytes in the largest round trip so
/// far: room for twice that and a burst, and more while the rate grows, because the peer's next round trip
/// is larger again (Linux: tcp_rcv_space_adjust()).
uint64_t window_for(uint64_t copied, uint64_t before, uint32_t mss) noexcept {
    const uint64_t steady = 2 * copied + 16 * uint64_t{mss};
    return steady + 2 * steady * (copied - before) / std::max<uint64_t>(before, 1);
}

}  // namespace

ReceiveTuning start_receive_tuning(const Tcb& tcb, uint32_t limit, uint32_t unread,
                                   const Context& ctx) noexcept {
    ReceiveTuning out;
    out.limit = limit;
    out.most = limit / 2;
    out.round_begin = tcb.rcv.nxt - unread;
    out.round_us = ctx.now.us;
    if (tcb.srtt.is_set())
        out.rtt_us = std::max(tcb.srtt.us(), kLeastRttUs);
    else if (!tcb.has(kTimestamps))
        out.rtt_us = kUnknownRttUs;
    return out;
}

void on_text_received(ReceiveTuning& tuning, const Tcb& tcb, const Segment& seg, uint32_t unread,
                      uint32_t most, const Context& ctx) noexcept {
    sample_round_trip(tuning, tcb, seg, ctx);
    if (tuning.rtt_us == 0 || ctx.now.us - tuning.round_us < tuning.rtt_us) return;
    const Seq read = later(tcb.rcv.nxt - unread, tuning.round_begin);
    const uint32_t copied = distance(tuning.round_begin, read);
    tuning.round_begin = read;
    tuning.round_us = ctx.now.us;
    if (copied <= tuning.most || most <= tuning.limit) return;
    const uint64_t wanted = window_for(copied, tuning.most, tcb.text_mss());
    tuning.most = copied;
    tuning.limit = std::max(tuning.limit, static_cast<uint32_t>(std::min<uint64_t>(wanted, most)));
}

}  // namespace synfin::tcp
