/// @file
/// Decides what may be sent now (RFC 9293 3.7 and 3.8): retransmissions, new text by SWS avoidance and Nagle,
/// FIN, probes, ACKs.

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/congestion/pacing.hh"
#include "tcp/core.hh"
#include "tcp/ecn.hh"
#include "tcp/loss/loss_recovery.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp {

using wire::kAck;
using wire::kFin;
using wire::kPsh;
using wire::kSyn;

namespace {

/// RCV.WND as SEG.WND, rounded up to the unit of the window scale, so that the right edge that the peer
/// computes never moves left (RFC 7323 2.4). RCV.WND grows by the rounding. These bytes add up while the
/// application does not read; beyond most_rounding() the value is rounded down, or small segments could fill
/// memory without end.
[[gnu::noinline]] uint16_t rounded_window_field(Tcb& tcb, uint32_t room) noexcept {
    const uint32_t unit = 1u << tcb.rcv_shift();
    const uint32_t rounded = std::min((tcb.rcv.wnd + unit - 1) & ~(unit - 1), 65'535u << tcb.rcv_shift());
    if (room != 0 && rounded <= room + most_rounding(tcb)) tcb.rcv.wnd = rounded;
    return static_cast<uint16_t>(std::min(tcb.rcv.wnd >> tcb.rcv_shift(), 65'535u));
}

[[gnu::always_inline]] inline uint16_t window_field(Tcb& tcb, uint32_t room) noexcept {
    const uint32_t scaled = tcb.rcv.wnd >> tcb.rcv_shift();
    if (scaled << tcb.rcv_shift() == tcb.rcv.wnd && scaled <= 65'535)  // nothing to round
        return static_cast<uint16_t>(scaled);
    return rounded_window_field(tcb, room);
}

/// SEG.WND for a segment that is sent now. First raises RCV.WND to what the buffer can take, if by at least
/// one segment or half the buffer (RFC 9293 3.8.6.2.2). The right edge never moves left.
[[gnu::always_inline]] inline uint16_t offer_window(Tcb& tcb, uint32_t room, const Params& p) noexcept {
    if (room > tcb.rcv.wnd && room - tcb.rcv.wnd >= std::min<uint32_t>(tcb.text_mss(), p.rcv_buffer / 2)) {
        tcb.rcv.wnd = room;
    }
    return window_field(tcb, room);
}

void mark_acked(Tcb& tcb) noexcept {
    tcb.flags = static_cast<uint16_t>(tcb.flags & ~(kAckNow | kAckDelayed));
    tcb.last_ack_sent = tcb.rcv.nxt;
}

/// RFC 6298 5.1: starts the timer when nothing was in flight before.
[[gnu::always_inline]] inline void start_timer(Conn c, bool was_idle, const Context& ctx,
                                               Effects& fx) noexcept {
    if (!was_idle) return;
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (flow != nullptr) {
        flow->unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
        flow->stop_keepalive();  // the retransmission timer takes over
    }
    const unsigned backoff = flow != nullptr ? flow->backoff : 0;
    tcb.set_deadline(DeadlineKind::rto,
                     ctx.now.tick + backed_off(rto_ticks(tcb, flow, ctx.params), backoff, ctx.params));
    fx.timer = true;
}

/// SYN, or SYN|ACK in simultaneous open.
void emit_syn(Tcb& tcb, const Context& ctx, Outgoing& out) noexcept {
    out.seq = tcb.snd.una;
    out.flags = kSyn;
    if (tcb.state() != State::syn_sent) {
        out.flags = kSyn | kAck;
        out.ack = tcb.rcv.nxt;
        mark_acked(tcb);
    }
    if (tcb.has(kEcn)) [[unlikely]]
        out.flags |= ecn_syn_flags(tcb);
    out.wnd = static_cast<uint16_t>(std::min(ctx.params.rcv_start, 65'535u));  // never scaled on SYN
}

/// A segment with `len` bytes of text from `seq` on; `is_end`: nothing is queued behind them.
[[gnu::always_inline]] inline void fill(Tcb& tcb, Seq seq, uint32_t len, bool is_end, bool fin, uint32_t room,
                                        const Context& ctx, Outgoing& out) noexcept {
    out.seq = seq;
    out.offset = distance(tcb.snd.una, seq);
    out.len = len;
    out.flags = kAck;
    out.ack = tcb.rcv.nxt;
    if (len != 0 && is_end) out.flags |= kPsh;  // MUST-60, MUST-61
    if (fin && is_end) out.flags |= kFin;
    out.wnd = offer_window(tcb, room, ctx.params);
    mark_acked(tcb);
}

/// One segment with at most `limit` bytes of text from `seq` on. It carries FIN if `fin` and the text ends
/// there.
void emit_text(Tcb& tcb, const Flow* flow, Seq seq, uint32_t limit, bool fin, uint32_t room,
               const Context& ctx, Outgoing& out) noexcept {
    const Seq end = flow != nullptr ? flow->snd_end : (tcb.has(kFinSent) ? tcb.snd.nxt - 1u : tcb.snd.nxt);
    const uint32_t available = before(seq, end) ? distance(seq, end) : 0;
    const uint32_t len = std::min({available, limit, tcb.text_mss()});
    fill(tcb, seq, len, len == available, fin, room, ctx, out);
}

/// "Send a FIN segment, enter LAST-ACK state" (RFC 9293 3.10.4); FIN-WAIT-1 was entered when CLOSE was
/// called.
void note_fin(Tcb& tcb, const Outgoing& out) noexcept {
    if ((out.flags & kFin) == 0 || tcb.has(kFinSent)) return;
    tcb.set(kFinSent);
    if (tcb.state() == State::close_wait) set_state(tcb, State::last_ack);
}

uint32_t span(const Outgoing& out) noexcept {
    return out.len + ((out.flags & kFin) != 0 ? 1u : 0u);
}

void note_resent(Conn c, const Outgoing& out, const Context& ctx) noexcept {
    if (c.flow->has(kTiming) && after(c.flow->rtt_seq, out.seq)) c.flow->clear(kTiming);  // Karn
    if (c.rec == nullptr) return;
    if (c.rec->resent != UINT16_MAX) ++c.rec->resent;
    loss::note_resent(c, out.seq, out.seq + span(out), ctx);
}

/// Retransmits a segment at or after SND.UNA. False: there is none.
bool next_retransmission(Conn c, uint32_t room, const Context& ctx, Outgoing& out) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (tcb.has(kSynUnacked)) {
        if (!flow.has(kRetransmitOne)) return false;
        flow.clear(kRetransmitOne);
        emit_syn(tcb, ctx, out);
        out.retransmission = true;
        return true;
    }
    Seq seq = tcb.snd.una;
    uint32_t limit = tcb.text_mss();
    if (flow.has(kRetransmitOne)) {
        flow.clear(kRetransmitOne);
    } else if (flow.has(kRetransmitting)) {
        seq = later(flow.mark, tcb.snd.una);
        const uint32_t ahead = distance(tcb.snd.una, seq);
        const uint32_t allowed = std::min(flow.cwnd_bytes, tcb.snd.wnd);
        if (ahead != 0) limit = allowed > ahead ? std::min(limit, allowed - ahead) : 0;
        if (limit == 0) return false;
    } else if (c.rec == nullptr || !loss::next_resend(c, limit, seq, limit)) {
        return false;
    }
    if (!before(seq, tcb.snd.nxt)) {
        flow.clear(kRetransmitting);
        return false;
    }
    // Not beyond SND.NXT: new text follows its own rules.
    emit_text(tcb, &flow, seq, std::min(limit, distance(seq, tcb.snd.nxt)), tcb.has(kFinSent), room, ctx,
              out);
    out.retransmission = true;
    if (flow.has(kRetransmitting)) {
        flow.mark = later(flow.mark, seq + span(out));
        if (at_or_after(flow.mark, tcb.snd.nxt)) {  // the last retransmission is out
            flow.clear(kRetransmitting);
            if (out.len != 0 && out.len < tcb.text_mss()) flow.set(kSmallInFlight);
        }
    }
    note_resent(c, out, ctx);
    return true;
}

/// RFC 9293 3.8.6.2.1: whether to send `len` bytes of new text, out of `unsent`, now. Nagle's algorithm in
/// Minshall's variant (RFC 9293 A.3), as in Linux: the end of the text waits while another small segment is
/// unacknowledged. It does not wait for full segments; otherwise the end of each answer of several segments
/// would wait for the peer's delayed ACK.
bool worth_sending(const Tcb& tcb, const Flow& flow, uint32_t len, uint32_t unsent, uint32_t mss) noexcept {
    if (len >= mss) return true;
    const bool small_in_flight = (flow.flags & (kSmallInFlight | kRetransmitting)) != 0;
    if (len == unsent && (!small_in_flight || tcb.has(kNoDelay) || tcb.has(kFinQueued))) return true;
    // Fs = 1/2 of the largest window that the peer ever offered
    return len >= std::max<uint32_t>((uint32_t{flow.max_snd_wnd} << tcb.snd_shift()) / 2, 1);
}

/// Notes new text sent up to SND.NXT: its RTT timing and, for a small segment, its end. No mark is set during
/// retransmission after an RTO, which uses `mark` itself.
[[gnu::always_inline]] inline void note_text(const Tcb& tcb, Flow& flow, const Context& ctx,
                                             bool is_small) noexcept {
    uint16_t flags = flow.flags;
    if ((flags & kTiming) == 0) {
        flags |= kTiming;
        flow.rtt_seq = tcb.snd.nxt;
        flow.rtt_start_us = ctx.now.us;
    }
    if (is_small && (flags & kRetransmitting) == 0) {
        flags |= kSmallInFlight;
        flow.mark = tcb.snd.nxt;
    }
    flow.flags = flags;
}

/// The device is never asked to cut segments shorter than this: some devices refuse, and one packet would
/// become very many segments.
constexpr uint32_t kLeastCut = 256;

/// Bytes of new text for one packet that the device cuts into segments: whole segments, without the one that
/// ends the text. That one carries PSH and FIN, which some devices lose (QEMU's lose both). `allowed`: bytes
/// that the window and the queue permit. CWR leaves on a segment of its own: RFC 3168 6.1.2 wants it once,
/// and many devices (and DPDK's own segmentation, rte_gso) copy it to all segments.
[[gnu::cold, gnu::noinline]] uint32_t text_at_once(const Tcb& tcb, const Flow& flow, uint32_t allowed,
                                                   uint32_t unsent, uint32_t most, Outgoing& out) noexcept {
    const uint32_t mss = tcb.text_mss();
    const uint32_t len = std::min({allowed, most, unsent - 1});
    if (len < 2 * mss || mss < kLeastCut || flow.has(kCwrDue)) return std::min(allowed, mss);
    out.segment_bytes = mss & 0x7fff;  // two segments fit into a packet, so it is smaller than that
    return len - len % mss;
}

/// A probe of a closed window carries one octet of new text, or FIN, or the octet at SND.UNA again. A
/// keepalive probe carries no text and has SEG.SEQ = SND.NXT - 1 (RFC 9293 3.8.4).
void emit_probe(Conn c, uint32_t room, const Context& ctx, Outgoing& out) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    const bool keepalive = tcb.snd.una == tcb.snd.nxt && at_or_after(tcb.snd.nxt, flow.snd_end) &&
                           (!tcb.has(kFinQueued) || tcb.has(kFinSent));
    if (keepalive) {
        out.seq = tcb.snd.nxt - 1u;
        out.ack = tcb.rcv.nxt;
        out.flags = kAck;
        out.wnd = offer_window(tcb, room, ctx.params);
        mark_acked(tcb);
    } else {
        const uint32_t limit = std::max(tcb.snd.wnd, 1u);
        emit_text(tcb, &flow, tcb.snd.una, limit, tcb.has(kFinQueued) && !after(flow.snd_end, tcb.snd.una),
                  room, ctx, out);
        const Seq end = out.seq + span(out);
        out.retransmission = !after(end, tcb.snd.nxt);
        note_fin(tcb, out);
        if (!out.retransmission) {
            const uint32_t bytes = distance(tcb.snd.nxt, end);
            tcb.snd.nxt = end;
            if (c.rec != nullptr) loss::note_sent(c, bytes, ctx);
            if (out.len != 0 && !flow.has(kRetransmitting)) {  // not timed: the window may be closed
                flow.set(kSmallInFlight);
                flow.mark = end;
            }
            // It is in flight now, also where a FIN took a keepalive probe's place; with an open window it is
            // ordinary text.
            tcb.deadline_kind = tcb.snd.wnd != 0 ? DeadlineKind::rto : DeadlineKind::probe;
        } else if (c.rec != nullptr) {
            loss::note_resent(c, out.seq, end, ctx);
        }
    }
    out.probe = true;
}

/// RFC 8985 7.3, TLP_send_probe(): a segment of new text, whatever cwnd says, or else the last one again. The
/// list of what is in flight does not know where the last segment began: its last SMSS octets are sent.
void emit_tail_loss_probe(Conn c, uint32_t room, const Context& ctx, Outgoing& out) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    const uint32_t flight = tcb.in_flight(), mss = tcb.text_mss();
    const uint32_t usable = tcb.snd.wnd > flight ? tcb.snd.wnd - flight : 0;
    const uint32_t unsent = after(flow.snd_end, tcb.snd.nxt) ? distance(tcb.snd.nxt, flow.snd_end) : 0;
    const bool is_new = unsent != 0 && usable >= std::min(unsent, mss);
    if (is_new) {
        emit_text(tcb, &flow, tcb.snd.nxt, mss, tcb.has(kFinQueued) && usable > unsent, room, ctx, out);
        tcb.snd.nxt += span(out);
        note_fin(tcb, out);
        note_text(tcb, flow, ctx, out.len < mss);
    } else {
        const uint32_t back = std::min(flight, mss + (tcb.has(kFinSent) ? 1u : 0u));
        // Not beyond SND.NXT: text that the window or SWS avoidance holds back is not in flight.
        emit_text(tcb, &flow, tcb.snd.nxt - back, std::min(back, mss), tcb.has(kFinSent), room, ctx, out);
        out.retransmission = true;
    }
    loss::note_tail_loss_probe(c, is_new ? span(out) : 0, ctx);
    if (!is_new) note_resent(c, out, ctx);
}

/// A retransmission or a probe. False: none is due.
[[gnu::noinline]] bool next_repair(Conn c, uint32_t room, const Context& ctx, Outgoing& out) noexcept {
    Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (c.rec != nullptr && c.rec->tlp_due) {
        c.rec->tlp_due = false;
        if (tcb.in_flight() != 0) {
            emit_tail_loss_probe(c, room, ctx, out);
            return true;
        }
    }
    if (next_retransmission(c, room, ctx, out)) return true;
    if (flow.has(kProbe) && flow.has(kKeepalive) && after(flow.snd_end, tcb.snd.nxt)) {
        flow.clear(kProbe);  // new text replaces the probe, and starts its own timer
        flow.stop_keepalive();
    }
    if (!flow.has(kProbe)) return false;
    flow.clear(kProbe);
    emit_probe(c, room, ctx, out);
    return true;
}

/// Nothing is in flight, and unsent text may not be sent: the window is closed, or too small for SWS
/// avoidance. Arms the persist and override timer (RFC 9293 3.8.6.1, 3.8.6.2.1).
/// @return whether it set the deadline.
/// @note cost: takes no Effects, like every call in next_text(), so that they stay in registers.
[[gnu::noinline]] bool wait_for_window(Conn c, const Context& ctx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (flow != nullptr && flow->backoff == 0)  // start of the wait (R2)
        flow->unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
    const uint32_t due = ctx.now.tick + backed_off(rto_ticks(tcb, flow, ctx.params),
                                                   flow != nullptr ? flow->backoff : 0, ctx.params);
    const bool is_to_set = tcb.deadline == kNoDeadline || static_cast<int32_t>(tcb.deadline - due) > 0 ||
                           static_cast<int32_t>(tcb.deadline - ctx.now.tick) <= 0;
    if (is_to_set) tcb.set_deadline(DeadlineKind::probe, due);
    tcb.deadline_kind = DeadlineKind::probe;  // an earlier deadline stays, with this kind
    return is_to_set;
}

/// New text, FIN or both, as far as the window permits. False: none.
[[gnu::always_inline]] inline bool next_text(Conn c, uint32_t room, const Context& ctx, Outgoing& out,
                                             Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    const Seq end = flow != nullptr ? flow->snd_end : tcb.snd.nxt;
    const uint32_t unsent = after(end, tcb.snd.nxt) ? distance(tcb.snd.nxt, end) : 0;
    const bool fin_due = tcb.has(kFinQueued) && !tcb.has(kFinSent);
    if (unsent == 0 && !fin_due) return false;
    uint32_t limit = flow != nullptr ? std::min(tcb.snd.wnd, congestion::window(tcb, *flow, c.rec))
                                     : std::max(tcb.snd.wnd, 1u);
    if (c.rec != nullptr) [[unlikely]]
        limit = pacing::limit(c, limit, ctx);
    const uint32_t in_flight = tcb.in_flight();
    const uint32_t usable = limit > in_flight ? limit - in_flight : 0;
    const uint32_t mss = tcb.text_mss();
    uint32_t len = std::min({unsent, usable, mss});
    if (len < unsent && ctx.large_text != 0) [[unlikely]]
        len = text_at_once(tcb, *flow, std::min(unsent, usable), unsent, ctx.large_text, out);
    const bool send_text = len != 0 && worth_sending(tcb, *flow, len, unsent, mss);
    // FIN needs room in the window like an octet; in a closed window it is sent as a probe. Without a Flow it
    // is sent at once.
    const bool fin_fits = fin_due && len == unsent && (tcb.snd.wnd > in_flight + len || flow == nullptr);
    if (!send_text && !(fin_fits && unsent == 0)) {
        if (in_flight == 0 && wait_for_window(c, ctx)) fx.timer = true;
        return false;
    }
    fill(tcb, tcb.snd.nxt, len, len == unsent, fin_fits, room, ctx, out);
    tcb.snd.nxt += span(out);
    note_fin(tcb, out);
    if (flow != nullptr && len != 0) note_text(tcb, *flow, ctx, len < mss);
    start_timer(c, in_flight == 0, ctx, fx);
    if (c.rec != nullptr) [[unlikely]] {
        if (loss::note_sent(c, span(out), ctx)) fx.timer = true;
    }
    out.last = len == unsent && tcb.has(kFinSent) == tcb.has(kFinQueued);
    return true;
}

}  // namespace

void answer(Tcb& tcb, uint32_t room, Outgoing& out) noexcept {
    out = Outgoing{};
    out.seq = tcb.snd.nxt;
    out.ack = tcb.rcv.nxt;
    out.flags = kAck;
    if (tcb.owes_ece != 0) [[unlikely]]
        out.flags |= wire::kEce;
    out.wnd = window_field(tcb, room);
}

namespace {

/// The next segment without its marks for ECN; not the first SYN.
[[gnu::always_inline]] inline bool next_unmarked(Conn c, State state, uint32_t room, const Context& ctx,
                                                 Outgoing& out, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    if (c.flow != nullptr && (c.flow->flags & (kRetransmitOne | kRetransmitting | kProbe | kRepair)) != 0)
        [[unlikely]] {
        const uint32_t deadline = tcb.deadline;
        if (next_repair(c, room, ctx, out)) {
            if (tcb.deadline != deadline) fx.timer = true;
            return true;
        }
    }
    const bool may_send = state >= State::established && state < State::time_wait;
    if (may_send && next_text(c, room, ctx, out, fx)) return true;
    if (tcb.has(kAckNow) && is_synchronized(state)) {
        offer_window(tcb, room, ctx.params);
        answer(tcb, room, out);
        mark_acked(tcb);
        out.last = true;
        return true;
    }
    return false;
}

[[gnu::always_inline]] inline bool next_one(Conn c, bool is_plain, uint32_t room, const Context& ctx,
                                            Outgoing& out, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    out = Outgoing{};
    const State state = tcb.state();
    if (state == State::closed) return false;                  // it ended with unsent text
    if (tcb.has(kSynUnacked) && tcb.snd.nxt == tcb.snd.una) {  // the first SYN
        emit_syn(tcb, ctx, out);
        tcb.snd.nxt += 1;
        out.last = true;
        return true;
    }
    if (!next_unmarked(c, state, room, ctx, out, fx)) return false;
    if (!is_plain && tcb.has(kEcn)) mark_ecn(c, out);
    return true;
}

}  // namespace

[[gnu::noinline]] bool next_segment(Conn c, uint32_t room, const Context& ctx, Outgoing& out,
                                    Effects& fx) noexcept {
    return next_one(c, false, room, ctx, out, fx);
}

bool next_plain_segment(Conn c, uint32_t room, const Context& ctx, Outgoing& out, Effects& fx) noexcept {
    return next_one(c, true, room, ctx, out, fx);
}

}  // namespace synfin::tcp
