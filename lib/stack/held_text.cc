/// @file
/// Held text: out of order, or not taken by the application.

#include <utility>

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Reply;
using tcp::Seq;
using tcp::Tcb;

void Connections::keep_out_of_order(Tcb& tcb, Bytes text, Effects& fx) noexcept {
    Cold* cold = need_cold(tcb);
    const auto twice = reassembly_.held_part(cold->reassembly, fx.keep_seq.value(), fx.keep_len);
    const auto kept = reassembly_.insert(cold->reassembly, tcb.rcv.nxt.value(), fx.keep_seq.value(),
                                         text.subspan(fx.keep_offset, fx.keep_len), fx.keep_fin);
    switch (kept) {
        case buf::Insert::stored: counters_.add(Counter::out_of_order); break;
        case buf::Insert::duplicate: counters_.drop(DropReason::duplicate_segment); break;
        case buf::Insert::full: counters_.drop(DropReason::reassembly_full); break;
    }
    if (twice.left == twice.right || !tcb.has(tcp::kSack)) return;
    // The ACK of this segment is sent at once and reports the duplicate text (RFC 2883).
    if (fx.reply == Reply::none) tcb.clear(tcp::kAckNow);
    fx.reply = Reply::ack;
    fx.dup_left = Seq(twice.left);
    fx.dup_right = Seq(twice.right);
}

/// Text that has become contiguous is treated like text that the application left, because it must outlive
/// the turn.
void Connections::take_reassembled(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = cold_of(tcb);
    if (cold == nullptr || cold->reassembly == 0) return;
    Effects fx;
    if (!reassembly_.front(cold->reassembly, tcb.rcv.nxt.value()).empty()) hold_pending(index);
    const uint32_t n = reassembly_.move_front(cold->reassembly, tcb.rcv.nxt.value(), cold->held);
    cold->held_bytes += n;
    tcp::on_reassembled(tcb, n, false, context(), fx);  // even if the hole was filled only in part
    if (n != 0) push_held(index);
    if (reassembly_.fin_reached(cold->reassembly, tcb.rcv.nxt.value()))
        tcp::on_reassembled(tcb, 0, true, context(), fx);
    perform(index, {}, fx);
}

/// Moves undelivered text of this burst to `held`, before any later text.
void Connections::hold_pending(uint32_t index) noexcept {
    events_.for_each([&](PendingEvent& event) noexcept {
        if (event.index != index || event.kind != Event::Kind::data || event.data.empty()) return;
        if (event.generation == generation_of(index)) keep(index, std::exchange(event.data, {}));
    });
}

/// Delivers in-order text of a connection that has a cold record: directly from the packet, unless older text
/// still waits for the application.
[[gnu::cold, gnu::noinline]] void Connections::deliver(uint32_t index, Bytes data) noexcept {
    if (cold_of(tcbs_[index])->held_bytes != 0) {
        keep(index, data);
        return;
    }
    push(Event::Kind::data, index).data = data;
}

/// Holds acknowledged text for the application. Without a free block the connection is reset: TCP must not
/// silently lose text that it has acknowledged.
void Connections::keep(uint32_t index, Bytes data) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = need_cold(tcb);
    const uint32_t taken = buf::append(blocks_, cold->held, data, buf::BlockPool::Use::receive);
    cold->held_bytes += taken;
    if (taken < data.size()) {
        counters_.drop(DropReason::no_send_block);
        Effects fx;
        tcp::abort(tcb, fx);
        tcb.set(tcp::kAppGone);  // later text would follow a gap
        perform(index, {}, fx);
        return;
    }
    push_held(index);
}

void Connections::push_held(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = cold_of(tcb);
    if (cold == nullptr || cold->event_queued || cold->paused || cold->held_bytes == 0) return;
    cold->event_queued = true;
    push(Event::Kind::data, index).from_held = true;
}

}  // namespace synfin::stack
