#pragma once
/// @file
/// Spurious losses: the Eifel test by timestamps (RFC 3522), F-RTO without them (RFC 5682 3).

#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/loss/scoreboard.hh"
#include "tcp/segment.hh"

namespace synfin::tcp::spurious {

/// Whether an ACK of new text shows that the first retransmission was unnecessary: it echoes a timestamp from
/// before that retransmission (RFC 3522 3.2 step 5). `echo`: SEG.TSecr on the connection's own clock, in
/// ticks, with `has_echo`.
bool is_proven_by_timestamp(const Recovery& rec, uint32_t acked, bool has_echo, uint32_t echo) noexcept;

/// What F-RTO concludes from an ACK during the recovery from a timeout.
enum class FrtoVerdict : uint8_t {
    undecided,  ///< or not in use
    spurious,   ///< the timeout was unnecessary
    send_new,   ///< send up to two segments of new text and nothing else (step 2b)
    genuine,    ///< go on as after any timeout
};
/// RFC 5682 3, with SACK. `can_send_new`: there is unsent text and the peer's window takes it.
FrtoVerdict frto(Conn c, const scoreboard::Delivered& delivered, bool can_send_new) noexcept;

}  // namespace synfin::tcp::spurious
