/// @file
/// RFC 9293 3.10.8: user timeout, retransmission timeout, TIME-WAIT timeout; and the others that one deadline
/// serves. What the deadline of a control block means follows from its state:
///   something in flight or a SYN unanswered: retransmission (RFC 6298), or the zero-window probe when
///   SND.WND is 0 data queued, nothing in flight, SND.WND 0: zero-window probe (RFC 9293 3.8.6.1) FIN-WAIT-2
///   without an application: give up waiting for the peer's FIN TIME-WAIT: 2MSL idle: give the second line
///   up; keepalive (RFC 9293 3.8.4); TS.Recent is 24 days old (RFC 7323 5.5)

#include <algorithm>

#include "tcp/core.hh"
#include "tcp/newreno.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp {

namespace {

constexpr unsigned kOrphanRetriesWhenScarce = 2;
constexpr uint32_t kTsRecentAge = 24u * 24 * 3600 * 1000;  ///< RFC 7323 5.5, in ticks

void arm(Tcb& tcb, uint32_t tick, Effects& fx) noexcept {
    tcb.deadline = deadline_at(tick);
    fx.timer = true;
}

void give_up(Tcb& tcb, CloseReason reason, Effects& fx) noexcept {
    if (tcb.state() != State::syn_sent && tcb.state() != State::time_wait &&
        tcb.state() != State::fin_wait_2) {
        abort(tcb, fx);  // the peer may be alive: tell it
    } else {
        set_state(tcb, State::closed);
        fx.ended = true;
    }
    fx.reason = reason;
}

/// Ticks for which the oldest unacknowledged octet has been waited for at least. When that began is known to
/// the second: up to a second less, and 18 h at most.
uint32_t waited(const Flow& flow, const Now& now) noexcept {
    const uint32_t at_most = (now.tick - (uint32_t{flow.unacked_since_s} << 10)) & 0x3ff'ffff;
    return at_most - std::min(at_most, 1023u);
}

/// Whether idling for an RTO gives the second line up. What it knows beyond the RTT must not be lost: a cold
/// record, and an RTO that stays backed off until there is a sample (RFC 6298 5.7, Karn).
bool is_releasable(const Tcb& tcb, const Flow* flow) noexcept {
    return flow != nullptr && flow->cold == 0 && flow->backoff == 0 && !flow->has(kKeepalive) &&
           flow->cwnd_bytes >= initial_window(tcb);
}

/// RFC 5681 4.1 for a line that stays: idling for an RTO takes cwnd back to the restart window.
bool is_to_restart(const Tcb& tcb, const Flow* flow) noexcept {
    return flow != nullptr && flow->backoff == 0 && flow->cwnd_bytes > initial_window(tcb);
}

/// Whether nobody is left to be told, and what the connection holds has been offered to the peer often
/// enough: in retransmissions or window probes, whose answers do not count. Linux: tcp_out_of_resources().
bool is_abandoned(const Tcb& tcb, const Flow& flow, const Context& ctx) noexcept {
    const unsigned retries = ctx.params.orphan_retries;
    return tcb.has(kAppGone) &&
           flow.backoff >= (ctx.scarce ? std::min(retries, kOrphanRetriesWhenScarce) : retries);
}

bool has_unsent(const Tcb& tcb, const Flow* flow) noexcept {
    return (flow != nullptr && after(flow->snd_end, tcb.snd.nxt)) ||
           (tcb.has(kFinQueued) && !tcb.has(kFinSent));
}

void on_retransmission_timeout(Conn c, uint32_t user_timeout, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    const Params& p = ctx.params;
    const bool syn = tcb.has(kSynUnacked);
    flow.stop_keepalive();
    if (!syn && tcb.snd.una == tcb.snd.nxt && tcb.snd.wnd != 0) {
        // Too little for SWS avoidance, for too long: the override timeout (RFC 9293 3.8.6.2.1), no loss.
        flow.set(kProbe);
        flow.unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
        arm(tcb, ctx.now.tick + backed_off(rto_ticks(tcb, &flow, p), flow.backoff, p), fx);
        fx.output = true;
        return;
    }
    if (flow.backoff == 0 && syn)
        flow.unacked_since_s = static_cast<uint16_t>((ctx.now.tick - p.rto_initial) >> 10);
    const uint32_t limit = syn ? p.syn_timeout : user_timeout;
    const uint32_t so_far = waited(flow, ctx.now);
    if (so_far >= limit || is_abandoned(tcb, flow, ctx)) {
        give_up(tcb, syn ? CloseReason::syn_timed_out : CloseReason::timed_out, fx);
        return;
    }
    if (!syn && tcb.snd.wnd == 0) {
        flow.set(kProbe);  // RFC 9293 3.8.6.1
    } else if (syn) {
        tcb.set(kSynResent);
        flow.set(kRetransmitOne);
    } else {
        timeout_loss(tcb, flow);
    }
    flow.clear(kTiming);  // Karn
    if (flow.backoff < 255) ++flow.backoff;
    if (flow.backoff == p.r1) fx.trouble = true;
    const uint32_t rto = backed_off(rto_ticks(tcb, &flow, p), flow.backoff, p);
    arm(tcb, ctx.now.tick + std::min(rto, limit - so_far), fx);  // the user timeout does not wait for the RTO
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
    arm(tcb, ctx.now.tick + ctx.params.keepalive_interval, fx);
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
    Flow* const flow = c.flow;
    tcb.deadline = kNoDeadline;
    if (tcb.state() == State::time_wait) {
        give_up(tcb, CloseReason::fin, fx);
        return;
    }
    if (tcb.snd.una != tcb.snd.nxt || tcb.has(kSynUnacked) || has_unsent(tcb, flow)) {
        if (flow != nullptr) on_retransmission_timeout(c, user_timeout, ctx, fx);
        return;
    }
    if (tcb.state() == State::fin_wait_2 && tcb.has(kAppGone)) {
        give_up(tcb, CloseReason::fin_wait_2_timed_out, fx);
        return;
    }
    if (is_releasable(tcb, flow)) {
        fx.release_flow = true;  // RFC 5681 4.1: idle for an RTO, so cwnd is not to be trusted any more
        set_idle_deadline({tcb}, ctx, fx);
        return;
    }
    if (is_to_restart(tcb, flow)) {
        flow->cwnd_bytes = initial_window(tcb);
        set_idle_deadline(c, ctx, fx);
        return;
    }
    if (ctx.params.keepalive_idle != 0 && tcb.state() == State::established && flow != nullptr) {
        on_keepalive(c, ctx, fx);
        return;
    }
    if (tcb.has(kTimestamps)) {
        tcb.set(kTsStale);
        set_idle_deadline(c, ctx, fx);  // what arrives meanwhile makes TS.Recent young again
    }
}

void set_idle_deadline(Conn c, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    const Flow* const flow = c.flow;
    const Params& p = ctx.params;
    if (tcb.state() == State::fin_wait_2 && tcb.has(kAppGone)) {
        arm(tcb, ctx.now.tick + p.fin_wait_2, fx);
    } else if (is_to_restart(tcb, flow) || is_releasable(tcb, flow)) {
        arm(tcb, ctx.now.tick + rto_ticks(tcb, flow, p), fx);
    } else if (p.keepalive_idle != 0 && tcb.state() == State::established) {
        arm(tcb, ctx.now.tick + p.keepalive_idle, fx);
    } else if (tcb.has(kTimestamps)) {
        arm(tcb, ctx.now.tick + kTsRecentAge, fx);
    } else {
        tcb.deadline = kNoDeadline;
    }
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
