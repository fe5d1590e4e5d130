#pragma once
/// @file
/// The controller `cubic` (RFC 9438), with HyStart++ in the first slow start. Its state lies in the recovery
/// record; a connection that has none grows as newreno does, which is CUBIC's Reno-friendly region.

#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/params.hh"

namespace synfin::tcp::cubic {

void grow(Conn c, uint32_t acked, const Now& now) noexcept;
/// RFC 9438 4.6 and 4.7: ssthresh after a loss, and the new plateau. `flight`: FlightSize.
uint32_t reduce(Conn c, uint32_t flight) noexcept;
/// RFC 9438 4.8, after reduce().
void on_rto(Conn c) noexcept;
void take_rtt(Conn c, uint32_t rtt_us) noexcept;

/// The largest x with x^3 <= n. @note cost: 22 steps.
uint32_t cube_root(uint64_t n) noexcept;

}  // namespace synfin::tcp::cubic
