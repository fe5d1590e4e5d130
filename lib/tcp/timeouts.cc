/// @file
/// RFC 9293 3.10.8: user timeout, retransmission timeout, TIME-WAIT timeout, and the other timers that share
/// the one deadline of a control block. DeadlineKind says which timer has expired.

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/core.hh"
#include "tcp/loss/loss_recovery.hh"
#include "tcp/loss/tail_loss_probe.hh"
#include "tcp/pmtu.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp {

namespace {

constexpr unsigned kOrphanRetriesWhenScarce = 2;
constexpr uint32_t kTsRecentAge = 24u * 24 * 3600 * 1000;  ///< RFC 7323 5.5, in ticks

void arm(Tcb& tcb, DeadlineKind kind, uint32_t tick, Effects& fx) noexcept {
    tcb.set_deadline(kind, tick);
    fx.timer = true;
}

void give_up(Tcb& tcb, CloseReason reason, Effects& fx) noexcept {
    if (tcb.state() != State::syn_sent && tcb.state() != State::time_wait &&
        tcb.state() != State::fin_wait_2) {
        abort(tcb, fx);  // the peer may be alive: reset it
    } else {
        set_state(tcb, State::closed);
        fx.ended = true;
    }
    fx.reason = reason;
}

/// Ticks for which the oldest unacknowledged octet has waited, at least. The start is stored in units of
/// 1.024 s, so the result may be up to 1023 ticks too small; it wraps after 18.6 h.
uint32_t waited(const Flow& flow, const Now& now) noexcept {
    const uint32_t at_most = (now.tick - (uint32_t{flow.unacked_since_s} << 10)) & 0x3ff'ffff;
    return at_most - std::min(at_most, 1023u);
}

/// Whether idling for an RTO frees the Flow. A Flow stays if it holds more than the RTT: a cold record, or an
/// RTO that stays backed off until the next sample (RFC 6298 5.7, Karn).
bool is_releasable(const Tcb& tcb, const Flow* flow) noexcept {
    return flow != nullptr && flow->cold == 0 && flow->backoff == 0 && !flow->has(kKeepalive) &&
           flow->cwnd_bytes >= initial_window(tcb);
}

/// Whether idling for an RTO reduces cwnd to the restart window (RFC 5681 4.1), for a Flow that stays.
bool is_to_restart(const Tcb& tcb, const Flow* flow) noexcept {
    return flow != nullptr && flow->backoff == 0 && flow->cwnd_bytes > initial_window(tcb);
}

/// Whether the application is gone and the connection has sent enough retransmissions or window probes to
/// give up. Answers to probes do not count. Linux: tcp_out_of_resources().
bool is_abandoned(Conn c, const Context& ctx) noexcept {
    const unsigned retries = ctx.params.orphan_retries;
    const unsigned expiries = expiries_of(c);
    return c.tcb.has(kAppGone) &&
           expiries >= (ctx.scarce ? std::min(retries, kOrphanRetriesWhenScarce) : retries);
}

bool has_unsent(const Tcb& tcb, const Flow* flow) noexcept {
    return (flow != nullptr && after(flow->snd_end, tcb.snd.nxt)) ||
           (tcb.has(kFinQueued) && !tcb.has(kFinSent));
}

/// No acknowledgement arrived in time for SYN, text, FIN or a window probe.
void on_no_answer(Conn c, uint32_t user_timeout, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    const Params& p = ctx.params;
    const bool syn = tcb.has(kSynUnacked);
    if (flow.backoff == 0 && syn)
        flow.unacked_since_s = static_cast<uint16_t>((ctx.now.tick - p.rto_initial) >> 10);
    const uint32_t limit = syn ? p.syn_timeout : user_timeout;
    const uint32_t so_far = waited(flow, ctx.now);
    if (so_far >= limit || is_abandoned(c, ctx)) {
        give_up(tcb, syn ? CloseReason::syn_timed_out : CloseReason::timed_out, fx);
        return;
    }
    DeadlineKind kind = DeadlineKind::rto;
    if (syn) {
        kind = DeadlineKind::syn;
        tcb.set(kSynResent);
        flow.set(kRetransmitOne);
    } else if (tcb.snd.wnd == 0) {
        kind = DeadlineKind::probe;
        flow.set(kProbe);  // RFC 9293 3.8.6.1
    } else {
        fx.path_mtu = on_black_hole(c, ctx);
        fx.black_hole = fx.path_mtu != 0;
        if (c.rec != nullptr && tcb.has(kSack))
            loss::on_rto(c, ctx);
        else
            congestion::on_rto(c, ctx.now);
    }
    flow.clear(kTiming);  // Karn
    if (flow.backoff < 255) ++flow.backoff;
    if (c.rec != nullptr && c.rec->expiries < 255) ++c.rec->expiries;
    if (flow.backoff == p.r1) fx.trouble = true;
    const uint32_t rto = backed_off(rto_ticks(tcb, &flow, p), flow.backoff, p);
    // The user timeout may expire before the RTO.
    arm(tcb, kind, ctx.now.tick + std::min(rto, limit - so_far), fx);
    fx.output = true;
}

/// Text has waited for the window to open or to grow.
void on_probe(Conn c, uint32_t user_timeout, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (tcb.snd.una != tcb.snd.nxt || tcb.snd.wnd == 0) {
        on_no_answer(c, user_timeout, ctx, fx);
        return;
    }
    if (congestion::is_held_by_ece(flow)) {  // next_segment() starts the timer again
        congestion::end_hold(tcb, flow);
        fx.output = true;
        return;
    }
    // The window stayed too small for SWS avoidance: the override timeout (RFC 9293 3.8.6.2.1), not a loss.
    flow.set(kProbe);
    flow.unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
    const uint32_t rto = backed_off(rto_ticks(tcb, &flow, ctx.params), flow.backoff, ctx.params);
    arm(tcb, DeadlineKind::probe, ctx.now.tick + rto, fx);
    fx.output = true;
}

/// RFC 8985 7.3: the end of a flight stays unacknowledged.
void on_tail_loss_probe(Conn c, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    if (!tail_loss_probe::may_schedule(c)) {
        arm(tcb, DeadlineKind::rto, c.rec->rto_at, fx);
        return;
    }
    tail_loss_probe::on_timeout(c);
    const uint32_t rto = backed_off(rto_ticks(tcb, c.flow, ctx.params), c.flow->backoff, ctx.params);
    arm(tcb, DeadlineKind::rto, ctx.now.tick + rto, fx);
    fx.tail_loss_probe = true;
    fx.output = true;
}

/// RFC 8985 6.2 step 5: segments that could have been late count as lost now.
void on_reorder(Conn c, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    const uint8_t events = loss::on_reorder_timeout(c, ctx);
    loss::tell(events, fx);
    const uint32_t rto = backed_off(rto_ticks(tcb, c.flow, ctx.params), c.flow->backoff, ctx.params);
    arm(tcb, DeadlineKind::rto, events != 0 ? ctx.now.tick + rto : c.rec->rto_at, fx);
    loss::set_timer(c, ctx);
    fx.output = true;
}

void on_keepalive(Conn c, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (!flow.has(kKeepalive)) {
        flow.set(kKeepalive);
        flow.backoff = 0;
    }
    if (flow.backoff >= ctx.params.keepalive_probes) {
        give_up(tcb, CloseReason::timed_out, fx);
        return;
    }
    ++flow.backoff;
    flow.set(kProbe);
    arm(tcb, DeadlineKind::keepalive, ctx.now.tick + ctx.params.keepalive_interval, fx);
    fx.output = true;
}

}  // namespace

bool needs_flow_at_timeout(const Tcb& tcb, const Params& params) noexcept {
    return tcb.snd.una != tcb.snd.nxt || tcb.has(kSynUnacked) ||
           (tcb.has(kFinQueued) && !tcb.has(kFinSent)) ||
           (params.keepalive_idle != 0 && tcb.state() == State::established);
}

void on_deadline(Conn c, uint32_t user_timeout, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    DeadlineKind kind = tcb.deadline_kind;
    tcb.clear_deadline();
    const bool is_idle = kind == DeadlineKind::keepalive || kind == DeadlineKind::fin_wait_2 ||
                         kind == DeadlineKind::idle || kind == DeadlineKind::ts_recent;
    // Text was queued but is still unsent, because the device takes nothing: wait as for a window.
    if (is_idle && has_unsent(tcb, c.flow)) kind = DeadlineKind::probe;
    switch (kind) {
        case DeadlineKind::none: return;
        case DeadlineKind::tail_loss_probe:
        case DeadlineKind::reorder:
            if (c.rec == nullptr || tcb.snd.una == tcb.snd.nxt) return;
            if (kind == DeadlineKind::reorder)
                on_reorder(c, ctx, fx);
            else
                on_tail_loss_probe(c, ctx, fx);
            return;
        case DeadlineKind::syn:
        case DeadlineKind::rto:
        case DeadlineKind::probe:
            if (c.flow == nullptr) return;
            c.flow->stop_keepalive();
            if (kind == DeadlineKind::probe)
                on_probe(c, user_timeout, ctx, fx);
            else
                on_no_answer(c, user_timeout, ctx, fx);
            return;
        case DeadlineKind::keepalive:
            if (tcb.state() == State::established && c.flow != nullptr)
                on_keepalive(c, ctx, fx);
            else
                set_idle_deadline(c, ctx, fx);  // no longer open in both directions
            return;
        case DeadlineKind::fin_wait_2: give_up(tcb, CloseReason::fin_wait_2_timed_out, fx); return;
        case DeadlineKind::time_wait: give_up(tcb, CloseReason::fin, fx); return;
        case DeadlineKind::idle:
            if (c.flow != nullptr && congestion::is_held_by_ece(*c.flow)) congestion::end_hold(tcb, *c.flow);
            if (is_releasable(tcb, c.flow)) {
                fx.release_flow = true;  // RFC 5681 4.1: cwnd is stale
                c.flow = nullptr;
            } else if (is_to_restart(tcb, c.flow)) {
                congestion::on_idle(tcb, *c.flow);
            }
            c.rec = nullptr;  // the stack frees the record (keeps_recovery())
            set_idle_deadline(c, ctx, fx);
            return;
        case DeadlineKind::ts_recent:
            tcb.is_ts_stale = 1;
            set_idle_deadline(c, ctx, fx);  // the next segment updates TS.Recent
            return;
    }
}

bool set_idle_deadline(Tcb& tcb, const Flow* flow, bool has_record, const Context& ctx) noexcept {
    const Params& p = ctx.params;
    if (tcb.state() == State::fin_wait_2 && tcb.has(kAppGone)) {
        tcb.set_deadline(DeadlineKind::fin_wait_2, ctx.now.tick + p.fin_wait_2);
    } else if (has_record || is_to_restart(tcb, flow) || is_releasable(tcb, flow)) {
        tcb.set_deadline(DeadlineKind::idle, ctx.now.tick + rto_ticks(tcb, flow, p));
    } else if (p.keepalive_idle != 0 && tcb.state() == State::established) {
        tcb.set_deadline(DeadlineKind::keepalive, ctx.now.tick + p.keepalive_idle);
    } else if (tcb.has(kTimestamps)) {
        tcb.set_deadline(DeadlineKind::ts_recent, ctx.now.tick + kTsRecentAge);
    } else {
        tcb.clear_deadline();
        return false;
    }
    return true;
}

bool wants_recovery_at_timeout(const Tcb& tcb) noexcept {
    // One segment, or a FIN alone, needs no scoreboard. So a dead peer takes no record from others.
    const uint32_t in_flight = tcb.in_flight();
    if (in_flight <= uint32_t{tcb.text_mss()} + (tcb.has(kFinSent) ? 1 : 0)) return false;
    return (tcb.deadline_kind == DeadlineKind::rto || tcb.deadline_kind == DeadlineKind::probe) &&
           tcb.snd.una != tcb.snd.nxt && tcb.snd.wnd != 0 && !tcb.has(kSynUnacked);
}

void forgo_recovery(Flow& flow) noexcept {
    flow.clear(kRecovery);
    flow.clear(kRtoRecovery);
    flow.clear(kEcnRecovery);
    flow.clear(kRecoverSet);
    flow.clear(kRepair);
}

bool on_half_open_deadline(HalfOpen& h, const Context& ctx, bool& expired) noexcept {
    expired = ctx.now.tick - h.started >= ctx.params.syn_ack_timeout;
    if (expired || static_cast<int32_t>(ctx.now.tick - h.deadline) < 0) return false;
    if (h.resent < 255) ++h.resent;
    h.flags |= kSynResent;
    h.deadline = deadline_at(ctx.now.tick + backed_off(ctx.params.rto_initial, h.resent, ctx.params));
    return true;
}

}  // namespace synfin::tcp
