/// @file
/// RFC 9293 3.10.7, SEGMENT ARRIVES.

#include <algorithm>

#include "tcp/core.hh"
#include "tcp/isn.hh"
#include "tcp/newreno.hh"
#include "tcp/rtt.hh"
#include "tcp/steps.hh"

namespace synfin::tcp {

using namespace steps;  // NOLINT(google-build-using-namespace): this file is the steps
using wire::kAck;
using wire::kFin;
using wire::kRst;
using wire::kSyn;

namespace {

enum class Step : uint8_t { next, done };

/// The smallest MSS that is believed; smaller ones would turn a window into a flood of headers (as Linux:
/// 48).
constexpr uint16_t kSmallestPeerMss = 48;

/// RFC 9293 3.7.1: the peer's MSS, 536 when it sent none (MUST-15), but not more than the path carries.
uint16_t send_mss(const Segment& syn, const Params& p) noexcept {
    const uint16_t peer = syn.mss != 0 ? syn.mss : uint16_t{536};
    return std::min(std::max(peer, kSmallestPeerMss), p.path_mss);
}

Step drop(Effects& fx, DropReason reason) noexcept {
    fx.drop = reason;
    return Step::done;
}

void reply_rst(Effects& fx, Seq seq) noexcept {
    fx.reply = Reply::rst;
    fx.rst_seq = seq;
}

/// An ACK that is not of our SYN: the peer still has a connection of this tuple, in TIME-WAIT mostly, and the
/// RST that answers it ends that one. So the SYN leaves again behind the RST, as Linux has it, instead of
/// after a second; once, and before the first time-out only: forged ACKs must not multiply our SYNs.
/// The timer stays: the sample of the handshake counts from the first SYN.
void send_syn_again(Tcb& tcb, Effects& fx) noexcept {
    if (tcb.syn_refused() || tcb.has(kSynResent) || tcb.snd.nxt == tcb.snd.una) return;
    tcb.set_syn_refused();
    fx.syn_again = true;
}

/// Why a segment outside the window is dropped. Text and FIN that came before, at most a window (64 KiB at
/// least) ago, are a retransmission that our ACK crossed or a probe (tail loss, keep-alive): not a fault.
DropReason reason_of_unacceptable(const Segment& seg, Seq rcv_nxt, uint32_t rcv_wnd) noexcept {
    const bool came_before = before(seg.seq, rcv_nxt) && at_or_before(seg.seq + seg.span(), rcv_nxt) &&
                             distance(seg.seq, rcv_nxt) <= std::max<uint32_t>(rcv_wnd, 65'535);
    return came_before ? DropReason::duplicate_segment : DropReason::unacceptable_seq;
}

/// Answers what is outside the window, and drops it. Without text or FIN the answer is rate limited, or two
/// ends that disagree about the sequence would answer each other's ACKs for ever; SYN is challenged whatever
/// its number (RFC 5961 4). Text that came before is named by the answer (RFC 2883).
Step refuse(const Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    fx.reply = seg.span() == 0 || seg.has(kSyn) ? Reply::challenge_ack : Reply::ack;
    const DropReason reason = reason_of_unacceptable(seg, tcb.rcv.nxt, tcb.rcv.wnd);
    if (reason == DropReason::duplicate_segment && seg.len != 0 && !seg.has(kSyn)) {
        fx.dup_left = seg.seq;
        fx.dup_right = seg.seq + seg.len;
    }
    return drop(fx, reason);
}

/// A segment, cut to what lies in the window as the steps go on.
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

/// Cuts what is old off the front and what is beyond the window off the end ("the idealized segment").
void trim(const Tcb& tcb, Arrival& a) noexcept {
    Segment& seg = a.seg;
    if (before(seg.seq, tcb.rcv.nxt)) {
        uint32_t old = distance(seg.seq, tcb.rcv.nxt);
        if (seg.has(kSyn)) {
            seg.flags = static_cast<uint8_t>(seg.flags & ~kSyn);
            seg.seq += 1;
            --old;
        }
        const uint32_t cut = std::min(old, seg.len);
        a.offset += cut;
        seg.len -= cut;
        seg.seq += cut;
        old -= cut;
        if (old > 0) {  // the FIN is old, too
            seg.flags = static_cast<uint8_t>(seg.flags & ~kFin);
            seg.seq = tcb.rcv.nxt;
        }
    }
    const uint32_t room = tcb.rcv.wnd - std::min(tcb.rcv.wnd, distance(tcb.rcv.nxt, seg.seq));
    if (seg.len > room) {
        seg.len = room;
        seg.flags = static_cast<uint8_t>(seg.flags & ~kFin);
    } else if (seg.len == room && seg.has(kFin)) {
        seg.flags = static_cast<uint8_t>(seg.flags & ~kFin);
    }
}

/// RFC 7323 5.3 R1 and 3.2. A segment that must not be judged by its sequence numbers yet.
Step check_timestamps(const Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    if (!tcb.has(kTimestamps) || seg.has(kRst)) return Step::next;
    if (!seg.has_ts) {
        // SYN excepted: a peer that restarted without timestamps must get its challenge ACK (RFC 5961 4).
        return seg.has(kSyn) ? Step::next : drop(fx, DropReason::no_timestamp);
    }
    if (static_cast<int32_t>(seg.ts_val - tcb.ts_recent) < 0 && !tcb.has(kTsStale)) {
        static_cast<void>(refuse(tcb, seg, fx));
        return drop(fx, DropReason::paws);
    }
    return Step::next;
}

/// While our SYN is not acknowledged: SND.UNA < SEG.ACK =< SND.NXT.
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
            a.seg.flags = static_cast<uint8_t>(seg.flags & ~kFin);
            tcb.set(kAckNow);
            fx.output = true;
            fx.drop = DropReason::window_full;
            return Step::next;
        }
        if (seg.has(kRst)) return drop(fx, DropReason::rst_ignored);
        if (tcb.has(kSynUnacked) && seg.has(kAck) && !acks_our_syn(tcb, seg)) {
            // RFC 9293 3.5.2 group 2: a peer that acknowledges what was never sent has another connection in
            // mind (the SYN that we answer is an old duplicate). It answers an ACK by an ACK; only RST ends
            // that.
            reply_rst(fx, seg.ack);
            return drop(fx, DropReason::unacceptable_seq);
        }
        return refuse(tcb, seg, fx);
    }
    return Step::next;
}

/// Second: RST, by RFC 5961 3.2: exact or challenged.
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

/// Fourth: SYN (the third, security, is not implemented: RFC 9293 A.1 makes it optional).
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

/// RFC 5681 2: a duplicate ACK.
void take_duplicate_ack(const Tcb& tcb, Flow& flow, Effects& fx) noexcept {
    fx.duplicate_ack = true;
    if (flow.dup_acks < 255) ++flow.dup_acks;
    if (flow.has(kRecovery)) {
        flow.cwnd_bytes += tcb.text_mss();
    } else if (flow.dup_acks == 3 && !flow.has(kRetransmitting)) {
        fx.retransmit = enter_recovery(tcb, flow);
    }
    fx.output = true;
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
        // In a simultaneous open our SYN has left twice, alone and in the SYN-ACK: no sample (Karn).
        if (tcb.has(kPassive)) sample_handshake(c, ctx);
        if (flow != nullptr) flow->cwnd_bytes = initial_window(tcb);  // the peer's MSS is known now
        become_established(tcb, fx);
        tcb.snd.wl1 = seg.seq - 1u;  // so that this segment's window is taken
    }
    // RFC 5961 5.2. A segment that fails here is discarded whole: it must not even move TS.Recent, or one
    // with a timestamp from the future would make PAWS refuse all that follow.
    if (after(seg.ack, tcb.snd.nxt) || before(seg.ack, tcb.snd.una - old_acks(tcb, flow))) {
        if (tcb.has(kSynUnacked)) {  // FIN-WAIT-1 by CLOSE in SYN-RECEIVED: as there
            reply_rst(fx, seg.ack);
        } else {
            fx.reply = Reply::challenge_ack;
        }
        return drop(fx, DropReason::unacceptable_ack);
    }
    update_ts_recent(tcb, came);
    if (after(seg.ack, tcb.snd.una)) {
        take_new_ack(c, seg, ctx, fx);
    } else if (seg.ack == tcb.snd.una && flow != nullptr) {
        if (came.len == 0 && tcb.snd.una != tcb.snd.nxt && !seg.has(kFin) && tcb.snd.wnd != 0 &&
            uint32_t{seg.wnd} << tcb.snd_shift() == tcb.snd.wnd) {
            take_duplicate_ack(tcb, *flow, fx);
        }
        // A peer that acknowledges probes of its closed window is alive (RFC 9293 MUST-37): R2 starts anew.
        if (tcb.snd.wnd == 0) flow->unacked_since_s = static_cast<uint16_t>(ctx.now.tick >> 10);
    }
    update_window(c, seg, ctx, fx);
    restart_keepalive(c, ctx, fx);
    return after_ack(c, ctx, fx) ? Step::next : Step::done;
}

/// Seventh: the text (sixth, URG: DEVIATION: the urgent pointer is ignored and the data delivered in band,
/// which RFC 6093 recommends applications to want; RFC 9293 MUST-30 would have it signalled).
Step accept_text(Tcb& tcb, const Arrival& a, Effects& fx) noexcept {
    const Segment& seg = a.seg;
    if (!can_receive(tcb.state())) {
        // CLOSE-WAIT and later: the peer said that nothing follows its FIN. "Ignore the segment text."
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
        // RFC 5681 4.2: a duplicate ACK at once, and one for each: the peer counts them. The last of a burst
        // carries the SACK blocks.
        if (tcb.has(kAckNow)) fx.reply = Reply::ack;
        tcb.set(kAckNow);
        fx.output = true;
        return Step::done;
    }
    fx.deliver_offset = a.offset;
    fx.deliver_len = seg.len;
    advance_rcv_nxt(tcb, seg.len);
    if (a.offset != 0 && tcb.has(kSack)) {  // its front came before: told at once (RFC 2883)
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
    if (!can_receive(tcb.state())) return;  // a second FIN: old, or a lie
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

/// RFC 6191 2: by the timestamps where both sides of the comparison have one; they being equal, and without
/// them, by the sequence number.
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
    // it, and restart the 2 MSL timeout." A bare ACK is answered seldom: it may be the other end's answer.
    fx.reply = seg.span() != 0 ? Reply::ack : Reply::seldom_ack;
    fx.time_wait_restart = true;
    tcb.deadline = deadline_at(ctx.now.tick + ctx.params.two_msl);
    fx.timer = true;
    if (seg.span() != 0) fx.drop = DropReason::duplicate_segment;
}

}  // namespace

void on_closed(const Segment& seg, Effects& fx) noexcept {
    fx.drop = DropReason::closed_port;
    if (seg.has(kRst)) return;
    if (seg.has(kAck)) {
        reply_rst(fx, seg.ack);
    } else {
        reply_rst(fx, Seq(0));
        fx.rst_has_ack = true;
        fx.rst_ack = seg.seq + seg.span();
    }
}

bool reopens(const TimeWait& tw, const Segment& seg, const Context& ctx) noexcept {
    return is_plain_syn(seg) && is_newer_syn(tw.timestamps != 0, tw.ts_recent, tw.rcv_nxt, seg, ctx);
}

bool on_listen(const Segment& seg, Effects& fx) noexcept {
    fx.drop = DropReason::listen_ignored;
    if (seg.has(kRst)) return false;
    if (seg.has(kAck)) {
        reply_rst(fx, seg.ack);
        return false;
    }
    if (!seg.has(kSyn)) return false;
    // DEVIATION: RFC 9293 3.10.7.2 makes a connection of SYN|FIN, too. Only scanners send it; as Linux.
    fx.drop = seg.has(kFin) ? DropReason::bad_tcp_flags : DropReason::none;
    return !seg.has(kFin);
}

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
    out.mss = send_mss(syn, p);
    if (p.timestamps && syn.has_ts) {
        out.flags |= kTimestamps;
        out.ts_recent = syn.ts_val;
    }
    if (p.window_scale && syn.has_wscale) {
        out.flags |= kWindowScale;
        out.snd_shift = std::min<uint8_t>(syn.wscale, 14);  // RFC 7323 2.3
    }
    if (p.sack_permitted && syn.sack_permitted) out.flags |= kSack;
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

void on_syn_sent(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    // First: ACK.
    if (seg.has(kAck) && (at_or_before(seg.ack, tcb.snd.una) || after(seg.ack, tcb.snd.nxt))) {
        if (!seg.has(kRst)) {
            reply_rst(fx, seg.ack);
            send_syn_again(tcb, fx);
        }
        fx.drop = DropReason::unacceptable_ack;
        return;
    }
    // Second: RST; believed only with an ACK that is ours (RFC 5961 3.2).
    if (seg.has(kRst)) {
        if (seg.has(kAck)) {
            end(tcb, CloseReason::refused, fx);
        } else {
            fx.drop = DropReason::rst_ignored;
        }
        return;
    }
    // Fourth: SYN.
    if (!seg.has(kSyn)) {
        fx.drop = DropReason::listen_ignored;
        return;
    }
    const Params& p = ctx.params;
    tcb.rcv.nxt = tcb.last_ack_sent = seg.seq + 1u;
    tcb.snd.wnd = seg.wnd;  // never scaled on SYN (RFC 7323 2.2)
    tcb.snd.wl1 = seg.seq;
    tcb.mss = send_mss(seg, p);
    if (p.timestamps && seg.has_ts) {
        tcb.set(kTimestamps);
        tcb.ts_recent = seg.ts_val;
    }
    if (p.window_scale && seg.has_wscale) {
        tcb.set(kWindowScale);
        tcb.shifts = static_cast<uint8_t>(std::min<uint8_t>(seg.wscale, 14) | p.rcv_shift << 4);
    }
    if (p.sack_permitted && seg.sack_permitted) tcb.set(kSack);
    if (!tcb.has(kWindowScale)) tcb.rcv.wnd = std::min(tcb.rcv.wnd, 65'535u);
    if (!seg.has(kAck)) {  // simultaneous open (MUST-10)
        set_state(tcb, State::syn_received);
        fx.reply = Reply::syn_ack;
        tcb.deadline = deadline_at(ctx.now.tick + p.rto_initial);
        fx.timer = true;
        return;
    }
    sample_handshake(c, ctx);
    if (flow != nullptr) {
        flow->backoff = 0;
        flow->cwnd_bytes = initial_window(tcb);
        flow->max_snd_wnd = static_cast<uint16_t>(tcb.snd.wnd >> tcb.snd_shift());
    }
    tcb.snd.una = seg.ack;
    tcb.clear(kSynUnacked);
    become_established(tcb, fx);
    tcb.set(kAckNow);
    set_idle_deadline(c, ctx, fx);
    // Text or FIN on the SYN-ACK is not taken: the peer sends it again (conformance.md, choices).
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
        // Simultaneous open: SYN|ACK begins one before RCV.NXT. Its window is not scaled (RFC 7323 2.2).
        a.seg.wnd = static_cast<uint16_t>(a.seg.wnd >> tcb.snd_shift());
        trim(tcb, a);
        tcb.set(kAckNow);  // our own SYN|ACK may have been lost, and would not be sent again
        fx.output = true;
    }
    if (check_sequence(tcb, a, fx) == Step::done) return;
    if (!a.seg.has(kSyn | kRst)) trim(tcb, a);  // the number of an RST is judged as it came (RFC 5961 3.2)
    if (check_rst(tcb, a.seg, fx) == Step::done) return;
    if (check_syn(tcb, a.seg, fx) == Step::done) return;
    if (check_ack(c, a.seg, seg, ctx, fx) == Step::done) return;
    if (accept_text(tcb, a, fx) == Step::done) return;
    check_fin(tcb, a.seg, ctx, fx);
}

void on_reassembled(Tcb& tcb, uint32_t len, bool fin, const Context& ctx, Effects& fx) noexcept {
    advance_rcv_nxt(tcb, len);
    tcb.set(kAckNow);  // RFC 5681 4.2: a segment that fills a hole is acknowledged at once
    fx.output = true;
    if (fin && can_receive(tcb.state())) take_fin(tcb, ctx, fx);
}

void on_icmp_error(Tcb& tcb, uint8_t type, uint8_t code, Seq quoted_seq, Effects& fx) noexcept {
    // RFC 5927 4.1: the quoted sequence number must be in flight.
    const bool in_flight = at_or_after(quoted_seq, tcb.snd.una) && before(quoted_seq, tcb.snd.nxt);
    // RFC 1122 4.2.3.9 hard errors: protocol (2) and port (3) unreachable; and host/net administratively
    // prohibited is soft.
    const bool hard = type == 3 && (code == 2 || code == 3);
    const bool opening = tcb.state() == State::syn_sent || tcb.state() == State::syn_received;
    if (!in_flight || !hard || !opening) {
        fx.drop = DropReason::icmp_ignored;
        return;
    }
    end(tcb, CloseReason::unreachable, fx);
}

bool segment_arrives(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (predicted(c, seg, ctx, fx)) return true;
    if (c.tcb.state() == State::syn_sent) {
        on_syn_sent(c, seg, ctx, fx);
    } else {
        on_synchronized(c, seg, ctx, fx);
    }
    return false;
}

}  // namespace synfin::tcp
