/// @file
/// How far receive windows may open, within the memory of the engine.

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::Tcb;

/// The limit of a connection that has used its quick ACKs.
[[gnu::cold, gnu::noinline]] uint32_t Connections::tuned_limit(uint32_t handle) const noexcept {
    if (kind_of(handle) != Kind::open) return first_limit_;
    const tcp::ReceiveTuning* tuning = receive_windows_.find(handle, generation_of(handle));
    return tuning != nullptr ? tuning->limit : first_limit_;
}

/// Text has arrived on a connection that has used its quick ACKs. Its window gets a limit of its own once two
/// full-sized segments have arrived since the last ACK: the peer sends a flight. The limit does not grow
/// while half of the blocks are in use, nor beyond a sixteenth of the free ones.
[[gnu::cold, gnu::noinline]] void Connections::note_received(uint32_t index,
                                                             const tcp::Segment& seg) noexcept {
    Tcb& tcb = tcbs_[index];
    if (!tcb.has(tcp::kWindowScale) || !tcp::can_receive(tcb.state())) return;
    const uint32_t generation = generation_of(index);
    const Cold* cold = cold_of(tcb);
    const uint32_t unread = cold != nullptr ? cold->held_bytes : 0;
    tcp::ReceiveTuning* tuning = receive_windows_.find(index, generation);
    if (tuning == nullptr) {
        if (tcp::distance(tcb.last_ack_sent, tcb.rcv.nxt) < 2 * tcb.text_mss()) return;
        tuning = &receive_windows_.take(index, generation,
                                        tcp::start_receive_tuning(tcb, first_limit_, unread, context()));
    }
    const uint32_t most =
        blocks_.is_half_used() ? 0 : std::min(params_.rcv_buffer, blocks_.sixteenth_of_free());
    tcp::on_text_received(*tuning, tcb, seg, unread, most, context());
}

}  // namespace synfin::stack
