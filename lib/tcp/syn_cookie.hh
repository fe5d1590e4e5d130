#pragma once
/// @file
/// SYN cookies (RFC 4987 3.6): the sequence number of the SYN-ACK holds the state, so no record is kept.

#include <cstdint>
#include <optional>

#include "base/four_tuple.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "tcp/params.hh"
#include "tcp/segment.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// Period of the cookie's clock. A cookie is valid in the period of its making and the next two: 65 to 98 s.
/// The period is a power of two, so that the clock continues when the ticks wrap.
inline constexpr uint32_t kCookiePeriodTicks = 1u << 15;
inline constexpr uint32_t kCookiePeriods = 3;

/// Layout of the cookie, from the top: the lowest 2 bits of the clock, 3 bits that index a table of MSS
/// values, 27 bits of keyed hash over addresses, ports, peer's ISN, the whole clock and MSS index. So a
/// forged ACK opens a connection in one of 2^27 attempts, and only while cookies are in use. The low 6 bits
/// of the SYN-ACK's TSval carry the other options, as in Linux: 4 bits window scale (15: none), 1 bit
/// SACK-permitted, 1 bit ECN. Without timestamps these options are lost.
Seq make_cookie(HashKey key, const FourTuple& name, Seq irs, uint16_t mss, uint32_t tick) noexcept;
Seq make_cookie(HashKey key, const FourTuple6& name, Seq irs, uint16_t mss, uint32_t tick) noexcept;

/// The SYN-ACK's TSval before the offset is added: the clock with the options in its low bits. Never later
/// than `tick`, so that TSval stays monotonic.
uint32_t cookie_timestamp(uint32_t tick, const HalfOpen& half_open) noexcept;

/// Rebuilds the half-open record from the ACK's cookie; none when the cookie does not verify. `ts_ecr` is the
/// segment's TSecr with the timestamp offset already subtracted.
/// @param tuple the connection as the engine names it; copied into the record.
/// @param name the same connection by its addresses and ports; the cookie's hash covers them.
std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const FourTuple& name,
                                    const Segment& ack, uint32_t ts_ecr, const Params& params,
                                    uint32_t tick) noexcept;
std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const FourTuple6& name,
                                    const Segment& ack, uint32_t ts_ecr, const Params& params,
                                    uint32_t tick) noexcept;

}  // namespace synfin::tcp
