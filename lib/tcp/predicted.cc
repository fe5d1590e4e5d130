/// @file
/// The segment that is expected in each state, by a straight path with one condition per line. Anything else
/// goes through the eight steps of input.cc, which would do the same with these, byte for byte
/// (tests/unit/tcp/predicted_test.cc).

#include "tcp/core.hh"
#include "tcp/steps.hh"

namespace synfin::tcp {

using wire::kAck;
using wire::kFin;
using wire::kPsh;

namespace {

/// ESTABLISHED + text, ACK or FIN; FIN-WAIT-1 + ACK or FIN|ACK; FIN-WAIT-2 + FIN; CLOSE-WAIT, CLOSING and
/// LAST-ACK + ACK. The answer is built without branches: all conditions are cheap, and nearly always hold.
bool is_predicted(const Tcb& tcb, const Flow* flow, const Segment& seg) noexcept {
    const State state = tcb.state();
    const uint32_t span = seg.len + (seg.has(kFin) ? 1u : 0u);
    bool yes =
        state >= State::established && state < State::time_wait;  // synchronised, and not about to end?
    yes &= (seg.flags & ~(kPsh | kFin)) == kAck;                  // nothing but ACK, PSH and FIN?
    yes &= seg.seq == tcb.rcv.nxt;                                // the next octet?
    yes &= span <= tcb.rcv.wnd;                                   // all of it in the window?
    yes &= seg.has_ts == tcb.has(kTimestamps);                    // timestamps as agreed?
    yes &= static_cast<int32_t>(seg.ts_val - tcb.ts_recent) >= 0 || !seg.has_ts;  // not old by PAWS?
    yes &=
        distance(tcb.snd.una, seg.ack) <= tcb.in_flight();  // acknowledges what is in flight, or nothing new?
    yes &= span == 0 || can_receive(state);                 // may there be text or FIN?
    yes &= seg.len == 0 || !tcb.has(kAppGone);              // is there anyone to take the text?
    yes &= seg.wnd != 0 && tcb.snd.wnd != 0;                // window open, before and after?
    if (flow == nullptr) return yes;
    yes &= flow->dup_acks == 0 && flow->flags <= kTiming;                // no loss being repaired?
    yes &= span != 0 || seg.ack != tcb.snd.una || tcb.in_flight() == 0;  // not a duplicate ACK?
    return yes;
}

}  // namespace

bool predicted(Tcb& tcb, Flow* flow, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (!is_predicted(tcb, flow, seg)) return false;
    steps::update_ts_recent(tcb, seg);
    if (seg.ack != tcb.snd.una) steps::take_new_ack(tcb, flow, seg, ctx, fx);
    steps::update_window(tcb, flow, seg, ctx, fx);
    steps::restart_keepalive(tcb, flow, ctx, fx);
    if (!steps::after_ack(tcb, flow, ctx, fx)) return true;
    if (seg.len != 0) {
        fx.deliver_len = seg.len;
        steps::advance_rcv_nxt(tcb, seg.len);
        steps::owe_ack(tcb, fx);
    }
    if (seg.has(kFin)) steps::take_fin(tcb, ctx, fx);
    return true;
}

}  // namespace synfin::tcp
