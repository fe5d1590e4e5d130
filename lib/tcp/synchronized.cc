/// @file
/// RFC 9293 3.10.7.4: a segment in SYN-RECEIVED and every later state, by eight steps in the RFC's order; and
/// TIME-WAIT.

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/core.hh"
#include "tcp/ecn.hh"
#include "tcp/steps.hh"

namespace synfin::tcp {

using namespace steps;  // NOLINT(google-build-using-namespace): this file is the steps
using wire::kAck;
using wire::kFin;
using wire::kRst;
using wire::kSyn;

namespace {

enum class Step : uint8_t { next, done };

Step drop(Effects& fx, DropReason reason) noexcept {
    fx.drop = reason;
    return Step::done;
}

/// Why a segment outside the window is dropped. Text and FIN that lie at most a window (at least 64 KiB)
/// before RCV.NXT are a retransmission that crossed our ACK, or a probe (tail loss, keepalive): not an error.
DropReason reason_of_unacceptable(const Segment& seg, Seq rcv_nxt, uint32_t rcv_wnd) noexcept {
    const bool came_before = before(seg.seq, rcv_nxt) && at_or_before(seg.seq + seg.span(), rcv_nxt) &&
                             distance(seg.seq, rcv_nxt) <= std::max<uint32_t>(rcv_wnd, 65'535);
    return came_before ? DropReason::duplicate_segment : DropReason::unacceptable_seq;
}

/// Drops a segment outside the window and answers it. The answer to a segment without text or FIN is rate
/// limited, or two ends that disagree about sequence numbers would answer each other's ACKs for ever. SYN
/// gets a challenge ACK whatever its sequence number (RFC 5961 4). The answer names duplicate text (RFC
/// 2883).
Step refuse(const Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    fx.reply = seg.span() == 0 || seg.has(kSyn) ? Reply::challenge_ack : Reply::ack;
    const DropReason reason = reason_of_unacceptable(seg, tcb.rcv.nxt, tcb.rcv.wnd);
    if (reason == DropReason::duplicate_segment && seg.len != 0 && !seg.has(kSyn)) {
        fx.dup_left = seg.seq;
        fx.dup_right = seg.seq + seg.len;
    }
    return drop(fx, reason);
}

/// A segment that the steps cut to the receive window.
struct Arrival {
    Segment seg;
    uint32_t offset = 0;  ///< bytes of text that were cut off the front
};

/// RFC 9293 3.10.7.4 table 6: the four cases.
bool is_acceptable(const Tcb& tcb, const Segment& seg) noexcept {
    const uint32_t span = seg.span();
    if (span == 0)
        return tcb.rcv.wnd == 0 ? seg.seq == tcb.rcv.nxt : in_window(seg.seq, tcb.rcv.nxt, tcb.rcv.wnd);
    if (tcb.rcv.wnd == 0) return false;
    return in_window(seg.seq, tcb.rcv.nxt, tcb.rcv.wnd) ||
           in_window(seg.seq + (span - 1), tcb.rcv.nxt, tcb.rcv.wnd);
}

/// Cuts off old text at the front and text beyond the window at the end ("the idealized segment").
void trim(const Tcb& tcb, Arrival& a) noexcept {
    Segment& seg = a.seg;
    if (before(seg.seq, tcb.rcv.nxt)) {
        uint32_t old = distance(seg.seq, tcb.rcv.nxt);
        if (seg.has(kSyn)) {
            seg.flags = static_cast<uint16_t>(seg.flags & ~kSyn);
            seg.seq += 1;
            --old;
        }
        const uint32_t cut = std::min(old, seg.len);
        a.offset += cut;
        seg.len -= cut;
        seg.seq += cut;
        old -= cut;
        if (old > 0) {  // the FIN is old, too
            seg.flags = static_cast<uint16_t>(seg.flags & ~kFin);
            seg.seq = tcb.rcv.nxt;
        }
    }
    const uint32_t room = tcb.rcv.wnd - std::min(tcb.rcv.wnd, distance(tcb.rcv.nxt, seg.seq));
    if (seg.len > room) {
        seg.len = room;
        seg.flags = static_cast<uint16_t>(seg.flags & ~kFin);
    } else if (seg.len == room && seg.has(kFin)) {
        seg.flags = static_cast<uint16_t>(seg.flags & ~kFin);
    }
}

/// RFC 7323 5.3 R1 and 3.2, before sequence numbers are checked.
Step check_timestamps(const Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    if (!tcb.has(kTimestamps) || seg.has(kRst)) return Step::next;
    if (!seg.has_ts) {
        // Not for SYN: a peer that restarted without timestamps must get its challenge ACK (RFC 5961 4).
        return seg.has(kSyn) ? Step::next : drop(fx, DropReason::no_timestamp);
    }
    if (static_cast<int32_t>(seg.ts_val - tcb.ts_recent) < 0 && tcb.is_ts_stale == 0) {
        static_cast<void>(refuse(tcb, seg, fx));
        return drop(fx, DropReason::paws);
    }
    return Step::next;
}

/// Whether the ACK covers our unacknowledged SYN: SND.UNA < SEG.ACK =< SND.NXT.
bool acks_our_syn(const Tcb& tcb, const Segment& seg) noexcept {
    return after(seg.ack, tcb.snd.una) && at_or_before(seg.ack, tcb.snd.nxt);
}

/// First: the sequence number (with PAWS before it, RFC 7323 5.3).
Step check_sequence(Tcb& tcb, Arrival& a, Effects& fx) noexcept {
    Segment& seg = a.seg;
    if (check_timestamps(tcb, seg, fx) == Step::done) return Step::done;
    if (!is_acceptable(tcb, seg)) {
        // "special allowance should be made to accept valid ACKs, URGs, and RSTs" with a closed window
        // (MUST-66).
        if (tcb.rcv.wnd == 0 && seg.seq == tcb.rcv.nxt && !seg.has(kSyn)) {
            a.seg.len = 0;
            a.seg.flags = static_cast<uint16_t>(seg.flags & ~kFin);
            tcb.set(kAckNow);
            fx.output = true;
            fx.drop = DropReason::window_full;
            return Step::next;
        }
        if (seg.has(kRst)) return drop(fx, DropReason::rst_ignored);
        if (tcb.has(kSynUnacked) && seg.has(kAck) && !acks_our_syn(tcb, seg)) {
            // RFC 9293 3.5.2 group 2: a peer that acknowledges what was never sent has a different
            // connection: the SYN that we answered was an old duplicate. It would answer an ACK with an ACK;
            // only RST ends that exchange.
            reply_rst(fx, seg.ack);
            return drop(fx, DropReason::unacceptable_seq);
        }
        return refuse(tcb, seg, fx);
    }
    return Step::next;
}

/// Second: RST. RFC 5961 3.2: it must be exactly at RCV.NXT; elsewhere in the window it gets a challenge ACK.
Step check_rst(Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    if (!seg.has(kRst)) return Step::next;
    if (before(seg.seq, tcb.rcv.nxt)) return drop(fx, DropReason::rst_ignored);  // outside the window
    if (seg.seq != tcb.rcv.nxt) {
        fx.reply = Reply::challenge_ack;
        return drop(fx, DropReason::rst_ignored);
    }
    if (tcb.state() == State::syn_received) {
        if (tcb.has(kPassive)) {  // MUST-11
            set_state(tcb, State::listen);
            fx.to_listen = true;
        } else {
            end(tcb, CloseReason::refused, fx);
        }
        return Step::done;
    }
    end(tcb, CloseReason::reset_by_peer, fx);
    return Step::done;
}

/// Fourth: SYN. The third step, security, is not implemented: RFC 9293 A.1 makes it optional.
Step check_syn(Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    if (!seg.has(kSyn)) return Step::next;
    if (tcb.state() == State::syn_received && tcb.has(kPassive)) {
        set_state(tcb, State::listen);
        fx.to_listen = true;
        return drop(fx, DropReason::syn_in_window);
    }
    fx.reply = Reply::challenge_ack;  // RFC 5961 4
    return drop(fx, DropReason::syn_in_window);
}

/// How far an ACK may lie below SND.UNA: at most MAX.SND.WND (RFC 5961 5.2), and not below the bytes that
/// this connection has sent, as far as these are known (Linux counts them). Until the first loss, cwnd has
/// grown by each byte acknowledged since the Flow was made. Bytes acknowledged earlier, except our FIN, were
/// acknowledged at least an RTO ago. So data with an ACK below our ISN is refused.
uint32_t old_acks(const Tcb& tcb, const Flow* flow) noexcept {
    const uint32_t fin = tcb.has(kFinSent) ? 1 : 0;
    if (flow == nullptr) return fin;
    const uint32_t max_wnd = uint32_t{flow->max_snd_wnd} << tcb.snd_shift();
    if (flow->ssthresh_bytes != UINT32_MAX || flow->has(kCapped)) return max_wnd;
    const uint32_t start = std::min(flow->cwnd_bytes, initial_window(tcb));
    return std::min(max_wnd, flow->cwnd_bytes - start + fin);
}

/// RFC 5681 2: a duplicate ACK; the caller checks FIN. `text`: bytes of text before the segment was cut.
bool repeats_ack(const Tcb& tcb, const Segment& seg, uint32_t text) noexcept {
    return seg.ack == tcb.snd.una && text == 0 && tcb.snd.una != tcb.snd.nxt && tcb.snd.wnd != 0 &&
           uint32_t{seg.wnd} << tcb.snd_shift() == tcb.snd.wnd;
}

/// SEG.ACK = SND.UNA: a duplicate ACK, or one that brings SACK blocks.
void take_old_ack(Conn c, const Segment& seg, const Segment& came, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    if (tcb.snd.una == tcb.snd.nxt) return;
    const bool is_duplicate = !seg.has(kFin) && repeats_ack(tcb, seg, came.len);
    const bool by_sack = c.rec != nullptr && tcb.has(kSack);
    if (!is_duplicate && !(by_sack && seg.sack_count != 0)) return;
    fx.duplicate_ack = is_duplicate;
    fx.output = true;
    if (!by_sack) {
        fx.retransmit = congestion::on_duplicate_ack(c);
        return;
    }
    loss::tell(loss::on_ack(c, seg, 0, ctx), fx);
    loss::set_timer(c, ctx);
    fx.timer = true;
}

/// Fifth: the ACK field.
/// `came`: the segment before it was cut.
Step check_ack(Conn c, const Segment& seg, const Segment& came, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (!seg.has(kAck)) return drop(fx, DropReason::no_ack_flag);
    if (tcb.state() == State::syn_received) {
        if (!acks_our_syn(tcb, seg)) {
            reply_rst(fx, seg.ack);
            return drop(fx, DropReason::unacceptable_ack);
        }
        // In a simultaneous open our SYN was sent twice, alone and in the SYN-ACK: no sample (Karn).
        if (tcb.has(kPassive)) sample_handshake(c, ctx);
        if (flow != nullptr) congestion::on_idle(tcb, *flow);  // the peer's MSS is known now
        become_established(tcb, fx);
        tcb.snd.wl1 = seg.seq - 1u;  // so that update_window() accepts this segment
    }
    // RFC 5961 5.2. A segment that fails here is discarded whole. It must not even update TS.Recent, or a
    // timestamp from the future would make PAWS refuse all later segments.
    if (after(seg.ack, tcb.snd.nxt) || before(seg.ack, tcb.snd.una - old_acks(tcb, flow))) {
        if (tcb.has(kSynUnacked)) {  // FIN-WAIT-1 after CLOSE in SYN-RECEIVED: the same rule
            reply_rst(fx, seg.ack);
        } else {
            fx.reply = Reply::challenge_ack;
        }
        return drop(fx, DropReason::unacceptable_ack);
    }
    update_ts_recent(tcb, came);
    const bool is_echo = is_ecn_echo(c, seg, came);
    const congestion::BeforeAck was(c, seg.ack);
    if (after(seg.ack, tcb.snd.una)) {
        take_new_ack(c, seg, ctx, fx);
    } else if (seg.ack == tcb.snd.una && flow != nullptr) {
        take_old_ack(c, seg, came, ctx, fx);
        // A peer that acknowledges probes of its closed window is alive (RFC 9293 MUST-37): R2 restarts.
        if (tcb.snd.wnd == 0) flow->unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
    }
    if (is_echo)
        fx.ece_received = congestion::on_ece(c, was);
    else if (was.acked != 0 && flow != nullptr && flow->has(kEceAnswered))
        congestion::on_ack_without_ece(c);
    update_window(c, seg, ctx, fx);
    restart_keepalive(c, ctx, fx);
    return after_ack(c, ctx, fx) ? Step::next : Step::done;
}

/// Seventh: the text. Sixth, URG: DEVIATION: the urgent pointer is ignored and the data delivered in band, as
/// RFC 6093 recommends to applications; RFC 9293 MUST-30 requires that it be signalled.
Step accept_text(Tcb& tcb, const Arrival& a, Effects& fx) noexcept {
    const Segment& seg = a.seg;
    if (!can_receive(tcb.state())) {
        // CLOSE-WAIT and later: no text follows the peer's FIN. "Ignore the segment text."
        if (seg.len != 0) return drop(fx, DropReason::duplicate_segment);
        return Step::next;
    }
    if (seg.len == 0) return Step::next;
    if (tcb.has(kAppGone)) {  // RFC 9293 3.6.1 SHLD-3
        reply_rst(fx, seg.ack);
        end(tcb, CloseReason::aborted, fx);
        return drop(fx, DropReason::after_close);
    }
    if (seg.seq != tcb.rcv.nxt) {
        fx.keep_offset = a.offset;
        fx.keep_len = seg.len;
        fx.keep_seq = seg.seq;
        fx.keep_fin = seg.has(kFin);
        // RFC 5681 4.2: a duplicate ACK at once for each segment, because the peer counts them. The last ACK
        // of a burst carries the SACK blocks.
        if (tcb.has(kAckNow)) fx.reply = Reply::ack;
        tcb.set(kAckNow);
        fx.output = true;
        return Step::done;
    }
    fx.deliver_offset = a.offset;
    fx.deliver_len = seg.len;
    advance_rcv_nxt(tcb, seg.len);
    if (a.offset != 0 && tcb.has(kSack)) {  // the front is a duplicate: report it at once (RFC 2883)
        fx.dup_left = seg.seq - a.offset;
        fx.dup_right = seg.seq;
        fx.reply = Reply::ack;
        tcb.clear(kAckNow);
        tcb.clear(kAckDelayed);
        tcb.last_ack_sent = tcb.rcv.nxt;
    } else {
        owe_ack(tcb, fx);
    }
    return Step::next;
}

void check_fin(Tcb& tcb, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (!seg.has(kFin)) return;
    if (!can_receive(tcb.state())) return;  // a second FIN: old or forged
    if (seg.seq + seg.len != tcb.rcv.nxt) {
        fx.keep_seq = seg.seq;  // FIN alone, behind a hole
        fx.keep_fin = true;
        tcb.set(kAckNow);
        fx.output = true;
        return;
    }
    take_fin(tcb, ctx, fx);
}

bool is_plain_syn(const Segment& seg) noexcept {
    return (seg.flags & (kSyn | kAck | kFin | kRst)) == kSyn;
}

/// RFC 6191 2: compares timestamps if both sides have one, and sequence numbers if the timestamps are equal
/// or missing.
bool is_newer_syn(bool timestamps, uint32_t ts_recent, Seq rcv_nxt, const Segment& syn,
                  const Context& ctx) noexcept {
    const auto ts_ahead = timestamps && syn.has_ts ? static_cast<int32_t>(syn.ts_val - ts_recent) : 0;
    return ctx.params.time_wait_reuse && (ts_ahead > 0 || (ts_ahead == 0 && after(syn.seq, rcv_nxt)));
}

/// TIME-WAIT: RFC 9293 3.10.7.4 with RFC 6191 and RFC 1337.
void on_time_wait(Tcb& tcb, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (seg.has(kRst)) {  // RFC 1337: no assassination
        fx.drop = DropReason::rst_ignored;
        return;
    }
    if (is_plain_syn(seg)) {
        if (is_newer_syn(tcb.has(kTimestamps), tcb.ts_recent, tcb.rcv.nxt, seg, ctx)) {
            fx.reopen = true;
            return;
        }
        fx.reply = Reply::challenge_ack;
        fx.drop = DropReason::syn_in_window;
        return;
    }
    if (check_timestamps(tcb, seg, fx) == Step::done) return;
    const bool fin_again =
        (seg.flags & (kFin | kAck | kSyn)) == (kFin | kAck) && seg.seq + seg.span() == tcb.rcv.nxt;
    if (!fin_again && !is_acceptable(tcb, seg)) {
        static_cast<void>(refuse(tcb, seg, fx));
        return;
    }
    if (seg.has(kSyn)) {
        fx.reply = Reply::challenge_ack;
        fx.drop = DropReason::syn_in_window;
        return;
    }
    if (!seg.has(kAck)) {
        fx.drop = DropReason::no_ack_flag;
        return;
    }
    if (!fin_again &&
        (after(seg.ack, tcb.snd.nxt) || before(seg.ack, tcb.snd.nxt - old_acks(tcb, nullptr)))) {
        fx.reply = Reply::challenge_ack;
        fx.drop = DropReason::unacceptable_ack;
        return;
    }
    // Fifth: "The only thing that can arrive in this state is a retransmission of the remote FIN. Acknowledge
    // it, and restart the 2 MSL timeout." A bare ACK is answered at most once a second: it may itself be an
    // answer to ours.
    fx.reply = seg.span() != 0 ? Reply::ack : Reply::seldom_ack;
    fx.time_wait_restart = true;
    tcb.set_deadline(DeadlineKind::time_wait, ctx.now.tick + ctx.params.two_msl);
    fx.timer = true;
    if (seg.span() != 0) fx.drop = DropReason::duplicate_segment;
}

}  // namespace

bool reopens(const TimeWait& tw, const Segment& seg, const Context& ctx) noexcept {
    return is_plain_syn(seg) && is_newer_syn(tw.timestamps != 0, tw.ts_recent, tw.rcv_nxt, seg, ctx);
}

bool wants_recovery(const Tcb& tcb, const Flow* flow, const Segment& seg) noexcept {
    if (flow == nullptr || tcb.snd.una == tcb.snd.nxt || tcb.has(kSynUnacked)) return false;
    // An attacker who knows only the tuple must not make us take a record: such a segment will be dropped.
    if (before(seg.ack, tcb.snd.una) || after(seg.ack, tcb.snd.nxt)) return false;
    return repeats_ack(tcb, seg, seg.len) || (seg.sack_count != 0 && tcb.has(kSack)) ||
           (seg.has(wire::kEce) && tcb.has(kEcn));
}

void on_synchronized(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    if (tcb.state() == State::time_wait) {
        on_time_wait(tcb, seg, ctx, fx);
        return;
    }
    Arrival a{seg};
    if (tcb.state() == State::syn_received && seg.has(kSyn) && !seg.has(kRst) &&
        seg.seq + 1u == tcb.rcv.nxt) {
        if (!seg.has(kAck)) {  // our SYN-ACK was lost
            fx.reply = Reply::syn_ack;
            fx.drop = DropReason::duplicate_segment;
            return;
        }
        // Simultaneous open: SYN|ACK begins one octet before RCV.NXT. Its window is not scaled (RFC 7323
        // 2.2).
        a.seg.wnd = static_cast<uint16_t>(a.seg.wnd >> tcb.snd_shift());
        trim(tcb, a);
        if (tcb.has(kEcn)) take_ecn_answer(tcb, seg);
        tcb.set(kAckNow);  // our own SYN|ACK may have been lost, and would not be sent again
        fx.output = true;
    }
    if (check_sequence(tcb, a, fx) == Step::done) return;
    if (!a.seg.has(kSyn | kRst)) trim(tcb, a);  // an RST is checked with its original SEG.SEQ (RFC 5961 3.2)
    if (check_rst(tcb, a.seg, fx) == Step::done) return;
    if (check_syn(tcb, a.seg, fx) == Step::done) return;
    if (check_ack(c, a.seg, seg, ctx, fx) == Step::done) return;
    const Step after_text = accept_text(tcb, a, fx);
    if ((a.seg.flags & (kCe | wire::kCwr)) != 0 && tcb.has(kEcn) && !fx.ended) take_ecn_marks(tcb, a.seg, fx);
    if (after_text == Step::done) return;
    check_fin(tcb, a.seg, ctx, fx);
}

void on_reassembled(Tcb& tcb, uint32_t len, bool fin, const Context& ctx, Effects& fx) noexcept {
    advance_rcv_nxt(tcb, len);
    tcb.set(kAckNow);  // RFC 5681 4.2: a segment that fills a hole is acknowledged at once
    fx.output = true;
    if (fin && can_receive(tcb.state())) take_fin(tcb, ctx, fx);
}

}  // namespace synfin::tcp
