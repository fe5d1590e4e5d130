#pragma once
/// @file
/// Path MTU discovery: "fragmentation needed" (RFC 1191) and "packet too big" of IPv6 (RFC 8201), with the
/// checks of RFC 5927. Every IPv4 packet of ours has DF set.

#include <cstdint>

#include "tcp/core.hh"

namespace synfin::tcp {

/// Messages that claim a smaller MTU are refused: no link should have one, and a forged message would split
/// each window into a flood of small segments (RFC 5927 7.2; Linux has the same floor).
inline constexpr uint16_t kLeastPathMtu = 552;
/// Every IPv6 link has this MTU (RFC 8200 5): a node must ignore a message with a smaller one (RFC 8201 4).
/// It need not send atomic fragments then, either (RFC 8021).
inline constexpr uint16_t kLeastPathMtu6 = 1280;

/// Bytes of the IP header and the TCP header without options.
constexpr uint16_t header_bytes(bool is_v6) noexcept {
    return is_v6 ? 60 : 40;
}

/// The fields of an ICMP "fragmentation needed" message, or of an ICMPv6 "packet too big" message, and of the
/// packet that it quotes.
struct TooBig {
    uint16_t mtu = 0;            ///< of the next hop; 0: an IPv4 router that predates RFC 1191
    uint16_t quoted_length = 0;  ///< total length of the quoted packet; IPv4 only
    Seq quoted_seq;
    bool is_v6 = false;
};

/// RFC 5927 4.1: whether a message is about a segment in flight. Others change nothing.
inline bool quotes_flight(const Tcb& tcb, Seq quoted_seq) noexcept {
    return !before(quoted_seq, tcb.snd.una) && before(quoted_seq, tcb.snd.nxt);
}

/// The path MTU that the message claims. For a router that predates RFC 1191 it is the next plateau below the
/// length of the dropped packet (RFC 1191 7.1), which counts as at most `present`.
uint16_t claimed_mtu(const TooBig& message, uint16_t present) noexcept;

/// Takes a message that quotes this connection's tuple. Segments become smaller, and everything in flight is
/// sent again at once, within cwnd. This is no sign of congestion (RFC 1191 6.5).
/// @return the new path MTU. 0: nothing changed, and Effects::drop says why: the quoted sequence number is
///         not in flight (RFC 5927 4.1), or the claim is below the least path MTU of its family, or not below
///         the present MTU.
/// DEVIATION: RFC 1191 6.3 lets a connection try larger segments again after a while; here only new
/// connections do.
uint16_t on_too_big(Conn c, const TooBig& message, const Context& ctx, Effects& fx) noexcept;

/// The same for a half-open connection: it will start with smaller segments.
uint16_t on_too_big(HalfOpen& half_open, const TooBig& message, Effects& fx) noexcept;

/// The retransmission timer has expired for the third time in a row or more often, and the segment at SND.UNA
/// has full size: a router may drop such segments without a message (RFC 4821 7.5, RFC 8899 4.3). Lowers the
/// MSS to the next plateau of RFC 1191, at least to the least path MTU. An outage of the path looks the same.
/// So on_progress_after_black_hole() restores the MSS at the next ACK, and only when a timeout follows again,
/// the path is known to be a black hole, and the MSS stays low until the stack's memory of path MTUs expires.
/// @return the new path MTU, once that is known; else 0.
uint16_t on_black_hole(Conn c, const Context& ctx) noexcept;
/// `acked` new bytes are acknowledged; Tcb::full_mss is set.
void on_progress_after_black_hole(Tcb& tcb, uint32_t acked) noexcept;

}  // namespace synfin::tcp
