#pragma once
/// @file
/// SYN cookies (RFC 4987 3.6): a SYN-ACK whose sequence number is all the state that is kept.

#include <cstdint>
#include <optional>

#include "base/four_tuple.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "tcp/params.hh"
#include "tcp/segment.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// Period of the cookie's clock; a cookie is believed in this and the two periods before: 65 to 98 s. A power
/// of two, so that the clock goes on where the ticks wrap.
inline constexpr uint32_t kCookiePeriodTicks = 1u << 15;
inline constexpr uint32_t kCookiePeriods = 3;

/// Layout of the cookie, from the top: 5 bits of clock, 3 bits that index a table of MSS values, 24 bits of
/// keyed hash over addresses, ports, peer's ISN, clock and MSS index. The other options ride in the low 6
/// bits of the SYN-ACK's TSval (as Linux does): 4 bits window scale (15: none), 1 bit SACK-permitted; without
/// timestamps they are given up.
Seq make_cookie(HashKey key, const FourTuple& name, Seq irs, uint16_t mss, uint32_t tick) noexcept;
Seq make_cookie(HashKey key, const FourTuple6& name, Seq irs, uint16_t mss, uint32_t tick) noexcept;

/// The clock part of the SYN-ACK's TSval, carrying the options; never later than `tick`, so that it stays
/// monotonic.
uint32_t cookie_timestamp(uint32_t tick, const HalfOpen& half_open) noexcept;

/// The half-open record that the ACK's cookie stands for, or none when it does not verify. The segment's
/// TSecr must already be relative to our clock (offset subtracted: `ts_ecr`).
/// @param tuple what the engine calls the connection; it goes into the record.
/// @param name  what the wire calls it; the cookie was made of it.
std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const FourTuple& name,
                                    const Segment& ack, uint32_t ts_ecr, const Params& params,
                                    uint32_t tick) noexcept;
std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const FourTuple6& name,
                                    const Segment& ack, uint32_t ts_ecr, const Params& params,
                                    uint32_t tick) noexcept;

}  // namespace synfin::tcp
