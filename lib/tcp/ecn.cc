/// @file
/// RFC 3168 6.1: negotiation, the receiver, and the marks of what is sent.

#include "tcp/ecn.hh"

namespace synfin::tcp {

using wire::kAck;
using wire::kCwr;
using wire::kEce;
using wire::kSyn;

void take_ecn_answer(Tcb& tcb, const Segment& seg) noexcept {
    if (!(seg.has(kAck) ? is_ecn_setup_syn_ack(seg) : is_ecn_setup_syn(seg))) tcb.clear(kEcn);
}

uint8_t ecn_syn_flags(const Tcb& tcb) noexcept {
    if (tcb.state() != State::syn_sent) return kEce;
    return tcb.has(kSynResent) ? uint8_t{0} : uint8_t{kEce | kCwr};
}

namespace {

void answer_at_once(Tcb& tcb, Effects& fx) noexcept {
    if (fx.reply != Reply::none) return;
    tcb.set(kAckNow);
    fx.output = true;
}

}  // namespace

void take_ecn_marks(Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    // CWR first: CE on the same segment is new. The peer's cwnd may be one segment, so both are answered at
    // once, as in Linux.
    if (seg.has(kCwr) && tcb.owes_ece != 0) {
        tcb.owes_ece = 0;
        if (seg.len != 0) answer_at_once(tcb, fx);
    }
    if (!seg.has(kCe) || seg.len == 0) return;
    fx.ce_received = true;
    if (tcb.owes_ece != 0) return;
    tcb.owes_ece = 1;
    answer_at_once(tcb, fx);
}

bool is_ecn_echo(Conn c, const Segment& seg, const Segment& came) noexcept {
    const Tcb& tcb = c.tcb;
    if (!seg.has(kEce) || came.has(kSyn) || c.flow == nullptr || !tcb.sends_ect()) return false;
    return after(seg.ack, tcb.snd.una) || (seg.ack == tcb.snd.una && tcb.in_flight() != 0);
}

void mark_ecn(Conn c, Outgoing& out) noexcept {
    Tcb& tcb = c.tcb;
    if ((out.flags & kSyn) != 0) return;
    if (tcb.owes_ece != 0) out.flags |= kEce;
    if (out.len == 0 || out.retransmission || out.probe || !tcb.sends_ect()) return;
    out.ect = 1;
    if (c.flow == nullptr || !c.flow->has(kCwrDue)) return;
    c.flow->clear(kCwrDue);
    out.flags |= kCwr;
}

}  // namespace synfin::tcp
