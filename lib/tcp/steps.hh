#pragma once
/// @file
/// The processing of acceptable segments that the eight steps of synchronized.cc and the fast path of
/// predicted.cc share.
/// The fast path's steps are always inlined and pass Effects to no other function, so that Effects stay in
/// registers there.

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/core.hh"
#include "tcp/isn.hh"
#include "tcp/loss/loss_recovery.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp::steps {

using wire::kFin;
using wire::kSyn;

/// Smaller peer MSS values count as this (48, as in Linux): they would turn a window into a flood of headers.
inline constexpr uint16_t kSmallestPeerMss = 48;

/// RFC 9293 3.7.1: the peer's MSS, or 536 (IPv6: 1220) when it sent none (MUST-15); at most what the path
/// carries.
inline uint16_t send_mss(const Segment& syn, const Tuple& tuple, const Context& ctx) noexcept {
    const uint16_t by_default = ctx.is_v6(tuple) ? 1220 : 536;
    const uint16_t peer = syn.mss != 0 ? syn.mss : by_default;
    return std::min(std::max(peer, kSmallestPeerMss), ctx.path_mss(tuple));
}

/// RFC 7323 4.3 (2): only an acceptable segment that does not begin beyond the last ACK sent updates
/// TS.Recent.
[[gnu::always_inline]] inline void update_ts_recent(Tcb& tcb, const Segment& seg) noexcept {
    if (!tcb.has(kTimestamps) || !seg.has_ts || after(seg.seq, tcb.last_ack_sent)) return;
    if (static_cast<int32_t>(seg.ts_val - tcb.ts_recent) < 0 && tcb.is_ts_stale == 0) return;
    tcb.ts_recent = seg.ts_val;
    tcb.is_ts_stale = 0;
}

inline void reply_rst(Effects& fx, Seq seq) noexcept {
    fx.reply = Reply::rst;
    fx.rst_seq = seq;
}

[[gnu::always_inline]] inline void end(Tcb& tcb, CloseReason reason, Effects& fx) noexcept {
    set_state(tcb, State::closed);
    fx.ended = true;
    fx.reason = reason;
}

/// RFC 9293 3.10.7.4 fifth: SND.WND. SND.WL2 needs no field, see tcb.hh.
[[gnu::always_inline]] inline void update_window(Conn c, const Segment& seg, const Context& ctx,
                                                 Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (seg.ack != tcb.snd.una || before(seg.seq, tcb.snd.wl1)) return;
    const uint32_t wnd = seg.has(kSyn) ? seg.wnd : uint32_t{seg.wnd} << tcb.snd_shift();
    if (wnd > tcb.snd.wnd) fx.output = true;
    if (flow != nullptr) {
        if (tcb.snd.wnd == 0 &&
            wnd != 0) {  // the window reopens (RFC 9293 3.8.6.1): send again what the peer refused
            flow->backoff = 0;
            if (tcb.snd.una != tcb.snd.nxt) {
                flow->set(kRetransmitOne);
                tcb.set_deadline(DeadlineKind::rto, ctx.now.tick + rto_ticks(tcb, flow, ctx.params));
                fx.timer = true;
            }
        }
        flow->max_snd_wnd = std::max(flow->max_snd_wnd, static_cast<uint16_t>(wnd >> tcb.snd_shift()));
    }
    tcb.snd.wnd = wnd;
    tcb.snd.wl1 = seg.seq;
}

/// After a timeout no segment is timed (Karn); then the timestamp echo gives an RTT sample, precise to a
/// millisecond (RFC 7323 4.1).
[[gnu::cold, gnu::noinline]] inline void sample_echo(Tcb& tcb, Flow& flow, const Recovery* rec,
                                                     const Segment& seg, const Context& ctx) noexcept {
    if (!tcb.has(kTimestamps) || !seg.has_ts || seg.ts_ecr == 0) return;
    // An echo from before the last retransmission is ambiguous: the ACK may answer either transmission, or
    // repeat a lost ACK. Using it would count the whole timeout as a round trip.
    const uint32_t ms = ctx.now.tick + ctx.ts_offsets.of(tcb.tuple, ctx.remote6) - seg.ts_ecr;
    const bool is_shared = rec != nullptr && tcb.deadline_kind != DeadlineKind::rto;
    const uint32_t sent = (is_shared ? rec->rto_at : tcb.deadline) -
                          backed_off(rto_ticks(tcb, &flow, ctx.params), flow.backoff, ctx.params);
    if (ms > ctx.now.tick - sent) return;
    take_rtt_sample(flow, ms * 1000 + 500);
    tcb.srtt = CompactRtt::from_us(flow.srtt_us);
    flow.backoff = 0;
}

/// RFC 6298 3 and 4: samples the timed segment, precise to a microsecond.
[[gnu::always_inline]] inline void sample_rtt(Conn c, const Segment& seg, const Context& ctx) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (!flow.has(kTiming)) {
        if (flow.backoff != 0) [[unlikely]]
            sample_echo(tcb, flow, c.rec, seg, ctx);
        return;
    }
    if (before(seg.ack, flow.rtt_seq)) return;
    take_rtt_sample(flow, ctx.now.us - flow.rtt_start_us);
    flow.clear(kTiming);
    tcb.srtt = CompactRtt::from_us(flow.srtt_us);
    flow.backoff = 0;
}

/// This many ACKs are sent at once early in a connection, as in Linux: the peer's slow start needs them.
inline constexpr unsigned kQuickAcks = 15;

/// RFC 6298 2.2: the handshake gives the first sample, unless our SYN was sent again (Karn). The time of
/// sending follows from the deadline; precision of a tick suffices, because the smallest RTO is many ticks.
inline void sample_handshake(Conn c, const Context& ctx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (tcb.has(kSynResent)) return;
    const uint32_t us = std::max((ctx.now.tick - (tcb.deadline - ctx.params.rto_initial)) * 1000, 1u);
    tcb.srtt = CompactRtt::from_us(us);
    if (flow != nullptr) take_rtt_sample(*flow, us);
}

/// Enters ESTABLISHED from SYN-RECEIVED or SYN-SENT, then FIN-WAIT-1 if CLOSE was called before.
[[gnu::always_inline]] inline void become_established(Tcb& tcb, Effects& fx) noexcept {
    set_state(tcb, State::established);
    tcb.set_quick_acks(kQuickAcks);
    fx.opened = true;
    fx.output = true;
    if (tcb.has(kFinQueued)) set_state(tcb, State::fin_wait_1);
}

/// Takes an ACK with SND.UNA < SEG.ACK =< SND.NXT.
[[gnu::always_inline]] inline void take_new_ack(Conn c, const Segment& seg, const Context& ctx,
                                                Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    const uint32_t acked = distance(tcb.snd.una, seg.ack);
    uint32_t bytes = acked;
    if (tcb.has(kSynUnacked)) {
        tcb.clear(kSynUnacked);
        --bytes;
        fx.opened = true;  // also in FIN-WAIT-1 after CLOSE in SYN-RECEIVED (RFC 9293 3.10.4)
    }
    if (tcb.has(kFinSent) && seg.ack == tcb.snd.nxt) --bytes;
    tcb.snd.una = seg.ack;
    fx.acked_bytes = bytes;
    if (flow != nullptr) {
        sample_rtt(c, seg, ctx);
        if (tcb.snd.wnd == 0) flow->backoff = 0;  // the peer took the probes: no loss
        if (c.rec == nullptr) [[likely]]
            congestion::on_ack_without_record(c, acked);
        else
            loss::tell(loss::on_ack(c, seg, acked, ctx), fx);
        if (flow->has(kSmallInFlight)) {
            if (at_or_after(tcb.snd.una, flow->mark)) flow->clear(kSmallInFlight);
        } else if (flow->has(kRetransmitting)) {
            flow->mark = later(flow->mark, tcb.snd.una);
            if (at_or_after(flow->mark, tcb.snd.nxt)) flow->clear(kRetransmitting);
        }
        flow->unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
    }
    if (tcb.snd.una == tcb.snd.nxt) {  // RFC 6298 5.2; for our FIN after_ack() sets the deadline
        if (!tcb.has(kFinSent)) set_idle_deadline(c, ctx, fx);
    } else {  // RFC 6298 5.3
        const uint32_t rto =
            backed_off(rto_ticks(tcb, flow, ctx.params), flow != nullptr ? flow->backoff : 0, ctx.params);
        tcb.set_deadline(DeadlineKind::rto, ctx.now.tick + rto);
        if (c.rec != nullptr) [[unlikely]]
            loss::restart_timer(c, ctx);
        fx.timer = true;
    }
    fx.output = true;
}

/// A segment has arrived from the peer: with keepalive on, restarts the idle time (RFC 9293 3.8.4) and stops
/// probing.
[[gnu::always_inline]] inline void restart_keepalive(Conn c, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (ctx.params.keepalive_idle == 0 || tcb.state() != State::established) return;
    if (tcb.snd.una != tcb.snd.nxt || (flow != nullptr && after(flow->snd_end, tcb.snd.nxt))) return;
    if (flow != nullptr) flow->stop_keepalive();
    set_idle_deadline(c, ctx, fx);
}

[[gnu::always_inline]] inline void enter_time_wait(Tcb& tcb, const Context& ctx, Effects& fx) noexcept {
    set_state(tcb, State::time_wait);
    tcb.set_deadline(DeadlineKind::time_wait, ctx.now.tick + ctx.params.two_msl);
    fx.time_wait = true;
    fx.timer = true;
}

/// Changes the state if our FIN is acknowledged. False: the connection has ended.
[[gnu::always_inline]] inline bool after_ack(Conn c, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    switch (tcb.state()) {
        case State::fin_wait_1:
            if (tcb.fin_acked()) {
                set_state(tcb, State::fin_wait_2);
                set_idle_deadline(c, ctx, fx);
            }
            return true;
        case State::closing:
            if (!tcb.fin_acked()) return true;
            if (tcb.has(kAckNow)) {  // send it now: the record may be freed before the output pass
                fx.reply = Reply::ack;
                tcb.clear(kAckNow);
                tcb.clear(kAckDelayed);
            }
            enter_time_wait(tcb, ctx, fx);
            return true;
        case State::last_ack:
            if (!tcb.fin_acked()) return true;
            end(tcb, CloseReason::fin, fx);
            return false;
        case State::established:
        case State::fin_wait_2:
        case State::close_wait:
        case State::time_wait:
        case State::closed:
        case State::listen:
        case State::syn_sent:
        case State::syn_received: return true;
    }
    return true;
}

/// RFC 9293 3.8.6.3: an ACK at once early in the connection and for every second full segment, otherwise
/// within the delay.
/// DEVIATION: RFC 9293 SHLD-19 wants an ACK for every second full segment; those that arrive in one burst are
/// answered by one ACK.
[[gnu::always_inline]] inline void owe_ack(Tcb& tcb, Effects& fx) noexcept {
    if (tcb.has(kAckNow)) return;
    if (tcb.quick_acks() > 0) {
        tcb.set_quick_acks(tcb.quick_acks() - 1u);
        tcb.set(kAckNow);
    } else if (distance(tcb.last_ack_sent, tcb.rcv.nxt) >= 2 * tcb.text_mss()) {
        tcb.set(kAckNow);
    } else if (!tcb.has(kAckDelayed)) {
        tcb.set(kAckDelayed);
        fx.delayed_ack = true;
    }
    fx.output = true;
}

inline void advance_rcv_nxt(Tcb& tcb, uint32_t n) noexcept {
    tcb.rcv.nxt += n;
    tcb.rcv.wnd -= std::min(tcb.rcv.wnd, n);
}

/// Eighth: FIN at RCV.NXT.
[[gnu::always_inline]] inline void take_fin(Tcb& tcb, const Context& ctx, Effects& fx) noexcept {
    advance_rcv_nxt(tcb, 1);
    fx.peer_fin = true;
    fx.output = true;
    tcb.set(kAckNow);
    switch (tcb.state()) {
        case State::syn_received:
        case State::established: set_state(tcb, State::close_wait); return;
        case State::fin_wait_1:
            if (!tcb.fin_acked()) {
                set_state(tcb, State::closing);
                return;
            }
            [[fallthrough]];
        case State::fin_wait_2:
            fx.reply = Reply::ack;  // we send nothing more that could carry the ACK
            tcb.clear(kAckNow);
            tcb.clear(kAckDelayed);
            enter_time_wait(tcb, ctx, fx);
            return;
        case State::close_wait:
        case State::closing:
        case State::last_ack:
        case State::time_wait:
        case State::closed:
        case State::listen:
        case State::syn_sent: return;
    }
}

}  // namespace synfin::tcp::steps
