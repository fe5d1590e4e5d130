#pragma once
/// @file
/// Turns the core's effects into records, replies and events.

#include "stack/connections.hh"

namespace synfin::stack {

/// Performs all effects, in the order in which the application must see them. A predicted segment has no rare
/// effects, and no reply but an ACK.
/// @note cost: those of a predicted segment are passed to no function, so that they stay in registers.
template <bool kIsPredicted>
[[gnu::always_inline]] inline void Connections::perform_inlined(uint32_t index, const Bytes& text,
                                                                tcp::Effects& fx) noexcept {
    tcp::Tcb& tcb = tcbs_[index];
    SYNFIN_DCHECK(!kIsPredicted || (!fx.is_rare() && fx.reply <= tcp::Reply::ack));
    if (fx.acked_bytes != 0 && tcb.flow != 0) {
        buf::release(blocks_, flows_[tcb.flow].send_queue, fx.acked_bytes);
        if (tcb.has(tcp::kWantWritable) && !tcb.has(tcp::kAppGone)) [[unlikely]] {
            tcb.clear(tcp::kWantWritable);
            push(Event::Kind::writable, index);
        }
    }
    if (fx.opened) {
        counters_.add(Counter::established);
        if (path_mtus_.any()) [[unlikely]]
            limit_to_path(index);
        if (!tcb.has(tcp::kAppGone)) push(Event::Kind::open, index).token = open_token_;
    }
    if (fx.deliver_len != 0) {
        const Bytes data = text.subspan(fx.deliver_offset, fx.deliver_len);
        if (cold_of(tcb) == nullptr) [[likely]]
            push(Event::Kind::data, index).data = data;
        else
            deliver(index, data);
    }
    if constexpr (!kIsPredicted) {
        if (fx.is_rare()) [[unlikely]]
            perform_unusual(index, text, fx);
    }
    if (fx.peer_fin) {
        // Text beyond a FIN contradicts it: "ignore the segment text" (RFC 9293 3.10.7.4), even if it arrived
        // before the FIN.
        if (Cold* cold = cold_of(tcb); cold != nullptr) [[unlikely]]
            reassembly_.release(cold->reassembly);
        if (!tcb.has(tcp::kAppGone)) push(Event::Kind::peer_fin, index);
    }
    if constexpr (kIsPredicted) {
        if (fx.reply != tcp::Reply::none) reply_ack(index, tcb, {}, {});
    } else {
        if (fx.reply != tcp::Reply::none) reply(handle(Kind::open, index), tcb, fx);
    }
    if (fx.delayed_ack) {
        if (!delayed_acks_.add(index, core_now_.tick + params_.delayed_ack)) tcb.set(tcp::kAckNow);
    }
    if (fx.timer) arm(index, tcb);
    if (fx.ended) {
        if (fx.reason == tcp::CloseReason::reset_by_peer || fx.reason == tcp::CloseReason::refused)
            counters_.add(Counter::resets_received);
        end(index, fx.reason);
        return;
    }
    if (fx.time_wait) {
        counters_.add(Counter::time_wait_entered);
        push_close(index, tcp::CloseReason::fin, true);
    }
    if (fx.output) want_output(index, tcb);
    if (fx.deliver_len != 0 && cold_of(tcb) != nullptr) [[unlikely]]
        take_reassembled(index);
}

}  // namespace synfin::stack
