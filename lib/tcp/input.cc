/// @file
/// RFC 9293 3.10.7, SEGMENT ARRIVES: CLOSED, LISTEN and SYN-SENT, ICMP errors, and the dispatch of segments.
/// SYN-RECEIVED and all later states are in synchronized.cc.

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/core.hh"
#include "tcp/ecn.hh"
#include "tcp/steps.hh"

namespace synfin::tcp {

using namespace steps;  // NOLINT(google-build-using-namespace): shared with the steps
using wire::kAck;
using wire::kFin;
using wire::kRst;
using wire::kSyn;

namespace {

/// An ACK that does not acknowledge our SYN means that the peer still has an older connection with this
/// tuple, mostly in TIME-WAIT. The RST that answers the ACK ends that connection. So the SYN is sent again
/// right after the RST, as Linux does, instead of a second later. This happens once, and only before the
/// first timeout: forged ACKs must not multiply our SYNs. The timer is unchanged: the RTT sample of the
/// handshake counts from the first SYN.
void send_syn_again(Tcb& tcb, Effects& fx) noexcept {
    if (tcb.syn_refused() || tcb.has(kSynResent) || tcb.snd.nxt == tcb.snd.una) return;
    tcb.set_syn_refused();
    fx.syn_again = true;
}

/// Takes the sequence number, window and options of the peer's SYN in SYN-SENT.
void take_syn(Tcb& tcb, const Segment& seg, const Context& ctx) noexcept {
    const Params& p = ctx.params;
    tcb.rcv.nxt = tcb.last_ack_sent = seg.seq + 1u;
    tcb.snd.wnd = seg.wnd;  // never scaled on SYN (RFC 7323 2.2)
    tcb.snd.wl1 = seg.seq;
    tcb.mss = send_mss(seg, tcb.tuple, ctx);
    if (p.timestamps && seg.has_ts) {
        tcb.set(kTimestamps);
        tcb.ts_recent = seg.ts_val;
    }
    if (p.window_scale && seg.has_wscale) {
        tcb.set(kWindowScale);
        tcb.shifts = static_cast<uint8_t>(std::min<uint8_t>(seg.wscale, 14) | p.rcv_shift << 4);
    }
    if (p.sack_permitted && seg.sack_permitted) tcb.set(kSack);
    if (tcb.has(kEcn)) [[unlikely]]
        take_ecn_answer(tcb, seg);
    if (!tcb.has(kWindowScale)) tcb.rcv.wnd = std::min(tcb.rcv.wnd, 65'535u);
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

bool on_listen(const Segment& seg, Effects& fx) noexcept {
    fx.drop = DropReason::listen_ignored;
    if (seg.has(kRst)) return false;
    if (seg.has(kAck)) {
        reply_rst(fx, seg.ack);
        return false;
    }
    if (!seg.has(kSyn)) return false;
    // DEVIATION: RFC 9293 3.10.7.2 opens a connection for SYN|FIN, too. It is dropped here, as in Linux: only
    // scanners send it.
    fx.drop = seg.has(kFin) ? DropReason::bad_tcp_flags : DropReason::none;
    return !seg.has(kFin);
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
    // Second: RST; accepted only with an ACK of our SYN (RFC 5961 3.2).
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
    take_syn(tcb, seg, ctx);
    if (!seg.has(kAck)) {  // simultaneous open (MUST-10)
        set_state(tcb, State::syn_received);
        fx.reply = Reply::syn_ack;
        tcb.set_deadline(DeadlineKind::syn, ctx.now.tick + p.rto_initial);
        fx.timer = true;
        return;
    }
    sample_handshake(c, ctx);
    if (flow != nullptr) {
        flow->backoff = 0;
        congestion::on_idle(tcb, *flow);
        flow->max_snd_wnd = static_cast<uint16_t>(tcb.snd.wnd >> tcb.snd_shift());
    }
    tcb.snd.una = seg.ack;
    tcb.clear(kSynUnacked);
    become_established(tcb, fx);
    tcb.set(kAckNow);
    set_idle_deadline(c, ctx, fx);
    // Text or FIN on the SYN-ACK is ignored: the peer sends it again.
}

void on_icmp_error(Tcb& tcb, bool is_hard, Seq quoted_seq, Effects& fx) noexcept {
    // RFC 5927 4.1: the quoted sequence number must be in flight.
    const bool in_flight = at_or_after(quoted_seq, tcb.snd.una) && before(quoted_seq, tcb.snd.nxt);
    const bool opening = tcb.state() == State::syn_sent || tcb.state() == State::syn_received;
    if (!in_flight || !is_hard || !opening) {
        fx.drop = DropReason::icmp_ignored;
        return;
    }
    end(tcb, CloseReason::unreachable, fx);
}

void by_steps(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (c.tcb.state() == State::syn_sent)
        on_syn_sent(c, seg, ctx, fx);
    else
        on_synchronized(c, seg, ctx, fx);
}

bool segment_arrives(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    if (predicted(c, seg, ctx, fx)) return true;
    by_steps(c, seg, ctx, fx);
    return false;
}

}  // namespace synfin::tcp
