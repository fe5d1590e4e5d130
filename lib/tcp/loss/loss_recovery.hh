#pragma once
/// @file
/// Loss recovery of a connection with SACK and a recovery record: RACK-TLP finds losses (RFC 8985), PRR
/// limits the rate of their repair (RFC 9937), and what proves spurious is undone (RFC 5682, RFC 4015).
/// Without SACK: congestion/reno_recovery.hh. Also what every connection with a record does for each ACK.

#include <cstdint>

#include "tcp/core.hh"

namespace synfin::tcp::loss {

/// What has happened, for Effects.
enum Event : uint8_t {
    kFoundLoss = 1 << 0,
    kSpuriousTimeout = 1 << 1,
    kSpuriousLoss = 1 << 2,
    kReneged = 1 << 3,
};
inline void tell(uint8_t events, Effects& fx) noexcept {
    if ((events & kFoundLoss) != 0) fx.retransmit = true;
    if ((events & kSpuriousTimeout) != 0) fx.spurious_timeout = true;
    if ((events & kSpuriousLoss) != 0) fx.spurious_loss = true;
    if ((events & kReneged) != 0) fx.reneged = true;
}

/// An ACK of `acked` new bytes, which may be 0; SND.UNA is already the new one. The connection has a record.
/// @return Events.
/// @note cost: a bounded number of walks over at most Recovery::kRuns runs (scoreboard.hh).
uint8_t on_ack(Conn c, const Segment& seg, uint32_t acked, const Context& ctx) noexcept;

/// The retransmission timer has expired, and text is in flight. The connection has SACK and a record.
void on_rto(Conn c, const Context& ctx) noexcept;
/// The reordering timer has expired (RFC 8985 6.2 step 5).
uint8_t on_reorder_timeout(Conn c, const Context& ctx) noexcept;

/// Sets the deadline that comes first of retransmission, reordering timer and tail loss probe; text is in
/// flight, and Recovery::rto_at is set.
void set_timer(Conn c, const Context& ctx) noexcept;
/// An ACK of new text has just restarted the retransmission timer.
void restart_timer(Conn c, const Context& ctx) noexcept;

/// New text up to SND.NXT has been sent.
/// @return whether the deadline moved to an earlier tick.
bool note_sent(Conn c, uint32_t bytes, const Context& ctx) noexcept;
/// [from, to) has been sent again.
void note_resent(Conn c, Seq from, Seq to, const Context& ctx) noexcept;

/// A tail loss probe has been sent: `bytes` of new text, or 0: it was a retransmission.
void note_tail_loss_probe(Conn c, uint32_t bytes, const Context& ctx) noexcept;

/// The next text to send again, at most `limit` bytes of it. False: none is due, or cwnd does not permit it.
bool next_resend(Conn c, uint32_t smss, Seq& from, uint32_t& limit) noexcept;
}  // namespace synfin::tcp::loss
