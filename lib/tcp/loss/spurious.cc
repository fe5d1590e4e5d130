/// @file
/// Spurious timeouts and retransmissions: RFC 3522, RFC 5682.

#include "tcp/loss/spurious.hh"

namespace synfin::tcp::spurious {

bool is_proven_by_timestamp(const Recovery& rec, uint32_t acked, bool has_echo, uint32_t echo) noexcept {
    return rec.undo.cause != UndoState::none && acked != 0 && has_echo &&
           static_cast<int32_t>(echo - rec.undo.resent_at) < 0;
}

FrtoVerdict frto(Conn c, const scoreboard::Delivered& d, bool can_send_new) noexcept {
    Recovery& rec = *c.rec;
    if (rec.frto == 0) return FrtoVerdict::undecided;
    // Step 3b, and where the first ACK says as much already: text that was sent once has arrived. SACK shows
    // that it had not arrived before the timeout.
    if (d.original && (d.acked != 0 || d.sacked != 0)) return FrtoVerdict::spurious;
    const bool is_first = rec.frto == 1;
    rec.frto = 0;
    if (!is_first || d.acked == 0 || !can_send_new || at_or_after(c.tcb.snd.una, rec.recover))
        return FrtoVerdict::genuine;  // steps 2a and 3a
    rec.frto = 2;
    return FrtoVerdict::send_new;
}

}  // namespace synfin::tcp::spurious
