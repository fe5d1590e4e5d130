/// @file
/// Conversions between the records of a connection.

#include <algorithm>

#include "tcp/core.hh"
#include "tcp/ecn.hh"
#include "tcp/steps.hh"

namespace synfin::tcp {

void half_open(const Tuple& tuple, const Segment& syn, Seq iss, uint32_t listener, const Context& ctx,
               HalfOpen& out) noexcept {
    const Params& p = ctx.params;
    out = HalfOpen{};
    out.tuple = tuple;
    out.iss = iss;
    out.irs = syn.seq;
    out.listener = listener;
    out.started = ctx.now.tick;
    out.deadline = deadline_at(ctx.now.tick + p.rto_initial);
    out.wnd = syn.wnd;
    out.mss = steps::send_mss(syn, tuple, ctx);
    if (p.timestamps && syn.has_ts) {
        out.flags |= kTimestamps;
        out.ts_recent = syn.ts_val;
    }
    if (p.window_scale && syn.has_wscale) {
        out.flags |= kWindowScale;
        out.snd_shift = std::min<uint8_t>(syn.wscale, 14);  // RFC 7323 2.3
    }
    if (p.sack_permitted && syn.sack_permitted) out.flags |= kSack;
    if (p.ecn && is_ecn_setup_syn(syn)) out.flags |= kEcn;
}

void expand(const HalfOpen& h, uint32_t rcv_wnd, uint8_t rcv_shift, Tcb& tcb) noexcept {
    tcb = Tcb{};
    tcb.tuple = h.tuple;
    tcb.snd.una = h.iss;
    tcb.snd.nxt = h.iss + 1u;
    tcb.snd.wnd = h.wnd;
    tcb.snd.wl1 = h.irs;
    tcb.rcv.nxt = h.irs + 1u;
    tcb.rcv.wnd = rcv_wnd;
    tcb.last_ack_sent = tcb.rcv.nxt;
    tcb.ts_recent = h.ts_recent;
    tcb.deadline = h.deadline;
    tcb.deadline_kind = DeadlineKind::syn;
    tcb.state_and_quick = static_cast<uint8_t>(State::syn_received);
    tcb.flags = static_cast<uint16_t>(h.flags | kPassive | kSynUnacked);
    if (tcb.has(kWindowScale)) tcb.shifts = static_cast<uint8_t>(h.snd_shift | rcv_shift << 4);
    tcb.mss = h.mss;
}

Tcb expand(const HalfOpen& h, uint32_t rcv_wnd, uint8_t rcv_shift) noexcept {
    Tcb tcb;
    expand(h, rcv_wnd, rcv_shift, tcb);
    return tcb;
}

Tcb expand(const TimeWait& tw, uint32_t rcv_wnd) noexcept {
    Tcb tcb;
    tcb.tuple = tw.tuple;
    tcb.snd.una = tcb.snd.nxt = tw.snd_nxt;
    tcb.rcv.nxt = tcb.last_ack_sent = tw.rcv_nxt;
    tcb.rcv.wnd = rcv_wnd;
    tcb.ts_recent = tw.ts_recent;
    tcb.state_and_quick = static_cast<uint8_t>(State::time_wait);
    tcb.flags = static_cast<uint16_t>(kFinSent | kAppGone | (tw.timestamps != 0 ? kTimestamps : 0));
    return tcb;
}

TimeWait shrink(const Tcb& tcb) noexcept {
    TimeWait out;
    out.tuple = tcb.tuple;
    out.snd_nxt = tcb.snd.nxt;
    out.rcv_nxt = tcb.rcv.nxt;
    out.ts_recent = tcb.ts_recent;
    out.timestamps = tcb.has(kTimestamps) ? 1 : 0;
    return out;
}

}  // namespace synfin::tcp
