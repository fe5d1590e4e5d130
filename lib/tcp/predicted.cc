/// @file
/// Fast path for the segment that is expected in each state, with one condition per line. All other segments
/// go through the eight steps of synchronized.cc. For predicted segments the eight steps give the same
/// result, byte for byte (tests/unit/tcp/predicted_test.cc).

#include "tcp/core.hh"
#include "tcp/steps.hh"

namespace synfin::tcp {

using wire::kAck;
using wire::kFin;
using wire::kPsh;

namespace {

/// ESTABLISHED + text, ACK or FIN; FIN-WAIT-1 + ACK or FIN|ACK; FIN-WAIT-2 + FIN; CLOSE-WAIT, CLOSING and
/// LAST-ACK + ACK. Each condition nearly always holds, so its branch is predicted and costs only the compare.
[[gnu::always_inline]] inline bool is_predicted(Conn c, const Segment& seg) noexcept {
    const Tcb& tcb = c.tcb;
    const Flow* const flow = c.flow;
    const State state = tcb.state();
    const uint32_t span = seg.len + (seg.has(kFin) ? 1u : 0u);
    // synchronised, and not in TIME-WAIT?
    if (state < State::established || state >= State::time_wait) return false;
    if ((seg.flags & ~(kPsh | kFin)) != kAck) return false;  // nothing but ACK, PSH and FIN?
    if (seg.seq != tcb.rcv.nxt) return false;                // the next octet?
    if (span > tcb.rcv.wnd) return false;                    // all of it in the window?
    if (seg.has_ts != tcb.has(kTimestamps)) return false;    // timestamps as agreed?
    if (seg.has_ts && static_cast<int32_t>(seg.ts_val - tcb.ts_recent) < 0) return false;  // not old by PAWS?
    // acknowledges what is in flight, or nothing new?
    if (distance(tcb.snd.una, seg.ack) > tcb.in_flight()) return false;
    if (span != 0 && !can_receive(state)) return false;   // may there be text or FIN?
    if (seg.len != 0 && tcb.has(kAppGone)) return false;  // is there an application to take the text?
    if (seg.wnd == 0 || tcb.snd.wnd == 0) return false;   // window open, before and after?
    if (flow == nullptr) return true;
    if (flow->flags > kNoLoss || seg.sack_count != 0) return false;  // no loss found or repaired?
    if (flow->recovery != 0 && (c.rec == nullptr || c.rec->has_trouble)) return false;
    // not a duplicate ACK?
    return span != 0 || seg.ack != tcb.snd.una || tcb.in_flight() == 0;
}

/// Takes a predicted segment.
[[gnu::always_inline]] inline void take_predicted(Conn c, const Segment& seg, const Context& ctx,
                                                  Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    steps::update_ts_recent(tcb, seg);
    if (seg.ack != tcb.snd.una) steps::take_new_ack(c, seg, ctx, fx);
    steps::update_window(c, seg, ctx, fx);
    steps::restart_keepalive(c, ctx, fx);
    if (!steps::after_ack(c, ctx, fx)) return;
    if (seg.len != 0) {
        fx.deliver_len = seg.len;
        steps::advance_rcv_nxt(tcb, seg.len);
        steps::owe_ack(tcb, fx);
    }
    if (seg.has(kFin)) steps::take_fin(tcb, ctx, fx);
}

}  // namespace

bool predicted(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (!is_predicted(c, seg)) return false;
    take_predicted(c, seg, ctx, fx);
    return true;
}

[[gnu::noinline]] bool predicted_by_call(Conn c, const Segment& seg, const Context& ctx,
                                         Effects& fx) noexcept {
    if (!is_predicted(c, seg)) return false;
    take_predicted(c, seg, ctx, fx);
    return true;
}

bool opens_as_predicted(const HalfOpen& h, uint32_t rcv_wnd, const Segment& seg) noexcept {
    if ((seg.flags & ~(kPsh | kFin)) != kAck) return false;
    if (seg.ack != h.iss + 1u || seg.seq != h.irs + 1u) return false;
    if (seg.len + 1 > rcv_wnd) return false;
    if (seg.has_ts != ((h.flags & kTimestamps) != 0)) return false;
    if (seg.has_ts && static_cast<int32_t>(seg.ts_val - h.ts_recent) < 0) return false;
    return seg.wnd != 0 && h.wnd != 0;
}

void open_predicted(const HalfOpen& h, uint32_t rcv_wnd, const Segment& seg, const Context& ctx, Tcb& tcb,
                    Effects& fx) noexcept {
    expand(h, rcv_wnd, ctx.params.rcv_shift, tcb);
    steps::sample_handshake({tcb}, ctx);
    steps::become_established(tcb, fx);
    tcb.snd.wl1 = seg.seq - 1u;
    take_predicted({tcb}, seg, ctx, fx);
}

}  // namespace synfin::tcp
