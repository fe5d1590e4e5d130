#pragma once
/// @file
/// Path MTU discovery: "fragmentation needed" (RFC 1191) with the checks of RFC 5927. Every packet of ours
/// has DF set.

#include <cstdint>

#include "tcp/core.hh"

namespace synfin::tcp {

/// A smaller claim is refused: no link is expected to be so small, and a forged one would make a flood of
/// small segments of each window (RFC 5927 7.2; Linux has the same floor).
inline constexpr uint16_t kLeastPathMtu = 552;

/// IPv4 and TCP header without options.
inline constexpr uint16_t kHeaderBytes = 40;

/// What an ICMP "fragmentation needed" says, and quotes of the packet that was too big.
struct TooBig {
    uint16_t mtu = 0;            ///< of the next hop; 0: a router from before RFC 1191
    uint16_t quoted_length = 0;  ///< total length of the packet
    Seq quoted_seq;
};

/// The path MTU that the message means: of an old router the next plateau below the packet that it dropped
/// (RFC 1191 7.1), which is taken as no longer than `present`.
uint16_t claimed_mtu(const TooBig& message, uint16_t present) noexcept;

/// A message whose quoted tuple is this connection's. Its segments become smaller; what is in flight leaves
/// again at once, within cwnd, which stays as it is: that is no congestion (RFC 1191 6.5).
/// @return the new path MTU. 0: nothing changed, Effects::drop has the reason: the quoted sequence number is
///         not in flight (RFC 5927 4.1), or the claim is below kLeastPathMtu or not below what is sent now.
/// DEVIATION: RFC 1191 6.3 lets a connection try larger segments again after a while; here only new
/// connections do.
uint16_t on_too_big(Conn c, const TooBig& message, const Context& ctx, Effects& fx) noexcept;

/// The same for a passive connection that waits for its handshake's ACK: it will begin with smaller segments.
uint16_t on_too_big(HalfOpen& half_open, const TooBig& message, Effects& fx) noexcept;

}  // namespace synfin::tcp
