#pragma once
/// @file
/// Tail loss probes (RFC 8985 7): when the end of a flight stays unacknowledged for about two round trips,
/// one segment is sent. The ACK that it causes shows RACK what is lost, long before the retransmission timer.

#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/loss/scoreboard.hh"
#include "tcp/params.hh"

namespace synfin::tcp::tail_loss_probe {

/// 7.2: whether a probe may be scheduled: no loss is being repaired, nothing is SACKed, no probe is pending.
bool may_schedule(Conn c) noexcept;
/// 7.2, TLP_calc_PTO(): in ticks.
uint32_t timeout(Conn c, const Params& params) noexcept;
/// 7.3: the timer has expired; the output pass sends the probe.
void on_timeout(Conn c) noexcept;
/// 7.4: takes the ACK of a probe.
/// @return whether the probe repaired a loss, which asks for the response to congestion.
bool on_ack(Conn c, const Segment& seg, const scoreboard::Delivered& delivered) noexcept;

}  // namespace synfin::tcp::tail_loss_probe
