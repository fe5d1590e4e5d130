#pragma once
/// @file
/// Explicit congestion notification, RFC 3168 with RFC 8311: the marks of segments and their negotiation.
/// congestion.hh has the response of cwnd.

#include "tcp/core.hh"

namespace synfin::tcp {

/// 6.1.1: a SYN that asks for ECN. The third flag of RFC 9768 is ignored: such a peer falls back to RFC 3168.
constexpr bool is_ecn_setup_syn(const Segment& syn) noexcept {
    return syn.has(wire::kEce) && syn.has(wire::kCwr);
}
/// 6.1.1: a SYN-ACK that accepts ECN. A broken peer that reflects the flags of our SYN does not.
constexpr bool is_ecn_setup_syn_ack(const Segment& syn_ack) noexcept {
    return syn_ack.has(wire::kEce) && !syn_ack.has(wire::kCwr);
}

/// The peer's SYN or SYN-ACK has arrived after our SYN asked for ECN. Clears kEcn if it does not agree.
void take_ecn_answer(Tcb& tcb, const Segment& seg) noexcept;

/// The flags of our SYN, or SYN-ACK in a simultaneous open, of a connection that has kEcn: a SYN that is sent
/// again does not ask for ECN, because a device on the path may drop SYNs that do (6.1.1.1).
uint8_t ecn_syn_flags(const Tcb& tcb) noexcept;

/// 6.1.3, the receiver: an acceptable segment with CE or CWR has arrived, and its text has been taken; kEcn
/// is set. `seg` is cut to the window, so CE counts on new text only (6.1.5).
void take_ecn_marks(Tcb& tcb, const Segment& seg, Effects& fx) noexcept;

/// Whether an acceptable ACK echoes CE. `came`: the segment as it arrived, before it was cut to the window.
bool is_ecn_echo(Conn c, const Segment& seg, const Segment& came) noexcept;

/// Marks a segment, not a SYN, of a connection that has kEcn: ECE while CE is to be echoed; ECT(0) and CWR on
/// new text only. Pure ACKs, retransmissions and probes have no ECT (6.1.4 to 6.1.6).
void mark_ecn(Conn c, Outgoing& out) noexcept;

}  // namespace synfin::tcp
