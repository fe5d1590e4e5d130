/// @file
/// Delivers events in the order in which they happened, one at a time, never while the core runs.

#include <algorithm>

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::CloseReason;
using tcp::Effects;
using tcp::State;
using tcp::Tcb;

/// Delivers the end of a connection. False: later, when the held text has been read.
/// @note cost: not inlined, because every event would save the registers that finish() needs.
[[gnu::noinline]] bool Connections::tell_end(const PendingEvent& told, Tcb& tcb) noexcept {
    Cold* cold = cold_of(tcb);
    if (cold != nullptr && cold->held_bytes != 0 && told.reason == CloseReason::fin &&
        !tcb.has(tcp::kAppGone)) {
        cold->ending = true;
        return false;
    }
    event_.why.reason = told.reason;
    event_.why.established = told.established;
    event_.why.local.port = tcb.tuple.local_port;
    event_.why.peer.port = tcb.tuple.remote_port;
    const bool is_other_family = event_.why.peer.addr.is_v6();  // than IPv4: the event before this one
    if (is_v6(tcb.tuple) || is_other_family) [[unlikely]] {
        event_.why.local.addr = addresses_.at(tcb.tuple.local_index);
        event_.why.peer.addr = remote_of(tcb.tuple, told.index);
    } else {
        event_.why.local.addr.v4 = addresses_[tcb.tuple.local_index];
        event_.why.peer.addr.v4 = Ipv4{tcb.tuple.remote_addr};
    }
    event_.why.user_tag = holders_[told.index].user_tag;
    finish(told.index);
    return true;
}

/// Takes the first event of the queue. Null: it must not be delivered (now).
[[gnu::always_inline]] inline const Event* Connections::tell_one() noexcept {
    const PendingEvent& told = events_.take();  // read field by field, as it was written
    const uint32_t index = told.index, generation = told.generation;
    const Event::Kind kind = told.kind;
    if (generation_of(index) != generation) return nullptr;
    Tcb& tcb = tcbs_[index];
    SYNFIN_DCHECK(tcb.has(tcp::kOpened));
    event_.kind = kind;
    event_.item = 0;
    event_.connection = Connection(this, index, generation);
    if (kind == Event::Kind::close) return tell_end(told, tcb) ? &event_ : nullptr;
    if (told.from_held || tcb.has(tcp::kAppGone) || cold_of(tcb) != nullptr) [[unlikely]]
        return tell_held_or_unwanted(told, tcb) ? &event_ : nullptr;
    if (kind == Event::Kind::open)
        event_.token = told.token;
    else
        event_.data = told.data;
    return &event_;
}

const Event* Connections::next_event() noexcept {
    while (!events_.empty())
        if (const Event* event = tell_one()) return event;
    return has_events() ? tell_timer_or_post() : nullptr;
}

const Event* Connections::next_event_of_others(const ConnectionMarks& shown) noexcept {
    while (!events_.empty()) {
        if (shown.has(events_.front().index)) return nullptr;
        if (const Event* event = tell_one()) return event;
    }
    return has_events() ? tell_timer_or_post() : nullptr;
}

/// Delivers application timers and posts of other threads. The number of posts per turn is limited, so that
/// threads that post endlessly cannot keep a turn from ending.
[[gnu::noinline]] const Event* Connections::tell_timer_or_post() noexcept {
    event_.connection = Connection();
    event_.data = {};
    event_.item = 0;
    if (const auto tag = application_timers_.take_due()) {
        event_.kind = Event::Kind::timer;
        event_.tag = *tag;
        return &event_;
    }
    const auto message = posts_told_ < kPostsPerTurn ? mailbox_.take() : std::nullopt;
    counters_.drop(DropReason::posts_full, mailbox_.refused() - counters_[DropReason::posts_full]);
    if (!message) return nullptr;
    ++posts_told_;
    event_.kind = Event::Kind::post;
    event_.message = *message;
    return &event_;
}

/// Whether to deliver an event of a connection that has a cold record or whose application is gone.
[[gnu::noinline]] bool Connections::tell_held_or_unwanted(const PendingEvent& told, Tcb& tcb) noexcept {
    const uint32_t index = told.index;
    const bool silent = tcb.has(tcp::kAppGone);
    Cold* cold = cold_of(tcb);
    switch (told.kind) {
        case Event::Kind::open: event_.token = told.token; return !silent;
        case Event::Kind::writable:
        case Event::Kind::close:
        case Event::Kind::timer:
        case Event::Kind::post: return !silent;
        case Event::Kind::peer_fin:
            if (silent) return false;
            if (cold != nullptr && cold->held_bytes != 0) {
                cold->fin_waits = true;  // delivered when all text before it has been read
                return false;
            }
            return true;
        case Event::Kind::data: break;
    }
    if (told.from_held) {
        if (cold == nullptr) return false;
        cold->event_queued = false;
        if (cold->paused || cold->held_bytes == 0) return false;
        if (silent) {  // closed within on_data, then receive() read a part
            lose(index);
            return false;
        }
        event_.data = buf::front(blocks_, cold->held);
        event_.item = 1;
        cold->shown_bytes = static_cast<uint32_t>(event_.data.size());
        return true;
    }
    const Bytes data = told.data;
    if (data.empty()) return false;  // moved to `held` meanwhile (hold_pending)
    if (silent) {                    // acknowledged but unread (RFC 9293 3.6.1, SHLD-3)
        lose(index);
        return false;
    }
    if (cold != nullptr && cold->held_bytes != 0) {  // the application left an earlier part
        keep(index, data);
        return false;
    }
    event_.data = data;
    return true;
}

/// Acknowledged text will not be read: resets the peer, unless the connection is closed or in TIME-WAIT.
void Connections::lose(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    if (tcb.state() == State::closed || tcb.state() == State::time_wait) return;
    Effects fx;
    fx.drop = DropReason::after_close;
    tcp::abort(tcb, fx);
    perform(index, {}, fx);
}

void Connections::taken(const Event& event, uint32_t bytes) noexcept {
    if (event.item == 0 && bytes >= event.data.size()) return;  // all text of the packet was taken
    const uint32_t index = event.connection.index();
    Tcb* tcb = find(index, event.connection.generation());
    if (tcb == nullptr || event.kind != Event::Kind::data) return;
    const auto size = static_cast<uint32_t>(event.data.size());
    if (event.item == 0) {
        if (tcb->has(tcp::kAppGone)) {  // closed, then left text: treat it as late text (SHLD-3)
            lose(index);
            return;
        }
        if (tcb->state() == State::closed) {  // reset in the same burst: later text would follow a gap
            tcb->set(tcp::kAppGone);
            return;
        }
        need_cold(*tcb)->paused = true;
        keep(index, event.data.subspan(bytes));
        return;
    }
    Cold* cold = cold_of(*tcb);
    if (cold == nullptr || cold->shown_bytes == 0) return;  // receive() has read some: do not drain twice
    cold->shown_bytes = 0;
    if (bytes < size && tcb->has(tcp::kAppGone)) {  // as above
        lose(index);
        return;
    }
    cold->paused = bytes < size;
    drain(index, bytes);
}

/// The application took `bytes` of the held text.
void Connections::drain(uint32_t index, uint32_t bytes) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = cold_of(tcb);
    buf::release(blocks_, cold->held, bytes);
    cold->held_bytes -= bytes;
    Effects fx;
    tcp::open_window(tcb, receive_room(index, tcb), params_, fx);
    if (fx.output) want_output(index, tcb);
    if (cold->held_bytes != 0) {
        push_held(index);
        return;
    }
    cold->paused = false;
    if (cold->fin_waits) {
        cold->fin_waits = false;
        push(Event::Kind::peer_fin, index);
    }
    if (cold->ending) {
        cold->ending = false;
        push_close(index, CloseReason::fin, true);
    }
}

/// send() found no block: on_writable follows when there is one again, first come, first served.
[[gnu::cold, gnu::noinline]] void Connections::wait_for_block(uint32_t index) noexcept {
    counters_.drop(DropReason::no_send_block);
    Tcb& tcb = tcbs_[index];
    Cold* cold = need_cold(tcb);
    if (cold->waits) return;
    const uint32_t id = flows_[tcb.flow].cold;
    cold->waits = true;
    cold->index = index;
    cold->wait_prev = waiting_tail_;
    cold->wait_next = 0;
    (waiting_tail_ != 0 ? colds_[waiting_tail_].wait_next : waiting_head_) = id;
    waiting_tail_ = id;
}

void Connections::stop_waiting(uint32_t cold) noexcept {
    Cold& c = colds_[cold];
    c.waits = false;
    (c.wait_prev != 0 ? colds_[c.wait_prev].wait_next : waiting_head_) = c.wait_next;
    (c.wait_next != 0 ? colds_[c.wait_next].wait_prev : waiting_tail_) = c.wait_prev;
}

/// Serves no more connections than there are blocks. A connection that finds none again joins the end of the
/// list.
[[gnu::cold, gnu::noinline]] void Connections::serve_waiting() noexcept {
    const uint32_t at_most = std::min(kWritablesPerTick, blocks_.left());
    for (uint32_t n = 0; n < at_most && waiting_head_ != 0; ++n) {
        const uint32_t index = colds_[waiting_head_].index;
        stop_waiting(waiting_head_);
        if (!tcbs_[index].has(tcp::kAppGone)) push(Event::Kind::writable, index);
    }
}

/// CLOSED: removes the connection from the table. The record is freed after on_close.
void Connections::end(uint32_t index, CloseReason reason) noexcept {
    Tcb& tcb = tcbs_[index];
    const Tuple tuple = tcb.tuple;
    table_.erase(table_.hash(tuple), handle(Kind::open, index));
    release_port(tuple, index);
    counters_.add(Counter::closed);
    tcb.clear_deadline();
    if (const Cold* cold = cold_of(tcb); cold != nullptr && cold->ending)
        return;  // on_close follows when the text has been read
    push_close(index, reason, !tcb.has(tcp::kSynUnacked));
}

/// Frees the oldest TIME-WAIT record for a new one. False: there is none, so the new one is not kept.
[[gnu::cold, gnu::noinline]] bool Connections::yield_time_wait() noexcept {
    counters_.add(Counter::time_wait_yielded);
    const uint32_t oldest = time_waits_.oldest();
    if (oldest == 0) return false;
    remove_time_wait(oldest, table_.hash(time_waits_[oldest].tuple));
    return true;
}

/// After on_close: frees the record, or replaces it by a TIME-WAIT record.
void Connections::finish(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    if (tcb.state() == State::time_wait) {
        const uint32_t hash = table_.hash(tcb.tuple);
        counters_.add(Counter::closed);
        if (time_waits_.used() + half_opens_.paid() < config_.max_time_wait || yield_time_wait()) [[likely]] {
            const uint32_t record = handle(Kind::time_wait, time_waits_.add(tcb));
            if (is_v6(tcb.tuple)) [[unlikely]]
                peers6_.move(index, record);
            table_.replace(hash, handle(Kind::open, index), record);
        } else {
            release_port(tcb.tuple, index);
            table_.erase(hash, handle(Kind::open, index));
        }
    }
    free_tcb(index);
}

}  // namespace synfin::stack
