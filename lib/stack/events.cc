/// @file
/// Events: in the order in which they happened, one at a time, never while the core is at work.

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::CloseReason;
using tcp::Effects;
using tcp::State;
using tcp::Tcb;

const Event* Connections::next_event() noexcept {
    while (next_event_ < events_.size()) {
        // Field by field, as it was written; and handling one may add others, which moves them.
        const Pending& told = events_[next_event_++];
        const uint32_t index = told.index;
        const Event::Kind kind = told.kind;
        Tcb* tcb = find(index, told.generation);
        if (tcb == nullptr) continue;
        const bool silent = tcb->has(tcp::kAppGone) && kind != Event::Kind::close;
        event_.kind = kind;
        event_.data = {};
        event_.item = 0;
        event_.connection = Connection(this, index, told.generation);
        switch (kind) {
            case Event::Kind::open:
            case Event::Kind::writable:
                if (silent) continue;
                return &event_;
            case Event::Kind::data: {
                Cold* cold = cold_of(*tcb);
                if (told.from_held) {
                    if (cold == nullptr) continue;
                    cold->event_queued = false;
                    if (silent || cold->paused || cold->held_bytes == 0) continue;
                    event_.data = buf::front(blocks_, cold->held);
                    event_.item = 1;
                    return &event_;
                }
                const Bytes data = told.data;
                if (data.empty()) continue;  // held meanwhile (hold_pending)
                if (silent) {                // acknowledged, and nobody will read it (RFC 9293 3.6.1, SHLD-3)
                    if (tcb->state() != State::closed) {
                        Effects fx;
                        fx.drop = DropReason::after_close;
                        tcp::abort(*tcb, fx);
                        perform(index, nullptr, {}, fx);
                    }
                    continue;
                }
                if (cold != nullptr && cold->held_bytes != 0) {  // an earlier part was left
                    keep(index, data);
                    continue;
                }
                event_.data = data;
                return &event_;
            }
            case Event::Kind::peer_fin:
                if (silent) continue;
                if (Cold* cold = cold_of(*tcb); cold != nullptr && cold->held_bytes != 0) {
                    cold->fin_waits = true;  // told when everything before it has been read
                    continue;
                }
                return &event_;
            case Event::Kind::close: {
                Cold* cold = cold_of(*tcb);
                if (cold != nullptr && cold->held_bytes != 0 && told.reason == CloseReason::fin &&
                    !tcb->has(tcp::kAppGone)) {
                    cold->ending = true;
                    continue;
                }
                event_.why.reason = told.reason;
                event_.why.established = told.established;
                event_.why.local.addr.v4 = addresses_[tcb->tuple.local_addr];
                event_.why.local.port = tcb->tuple.local_port;
                event_.why.peer.addr.v4 = Ipv4{tcb->tuple.remote_addr};
                event_.why.peer.port = tcb->tuple.remote_port;
                event_.why.cookie = tcb->cookie;
                finish(index);
                return &event_;
            }
        }
    }
    events_.clear();
    next_event_ = 0;
    return nullptr;
}

void Connections::taken(const Event& event, uint32_t bytes) noexcept {
    const uint32_t index = event.connection.index();
    Tcb* tcb = find(index, event.connection.generation());
    if (tcb == nullptr || event.kind != Event::Kind::data) return;
    const auto size = static_cast<uint32_t>(event.data.size());
    if (event.item == 0) {
        if (bytes >= size) {
            return;
        }
        if (tcb->has(tcp::kAppGone) || tcb->state() == State::closed) return;
        need_cold(*tcb)->paused = true;
        keep(index, event.data.subspan(bytes));
        return;
    }
    Cold* cold = cold_of(*tcb);
    if (cold == nullptr) return;
    cold->paused = bytes < size;
    drain(index, bytes);
}

/// The application took `bytes` of what is held.
void Connections::drain(uint32_t index, uint32_t bytes) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = cold_of(tcb);
    buf::release(blocks_, cold->held, bytes);
    cold->held_bytes -= bytes;
    Effects fx;
    tcp::open_window(tcb, receive_room(tcb), params_, fx);
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

/// CLOSED: nothing finds the connection any more; the application is told, and then the record goes.
void Connections::end(uint32_t index, CloseReason reason) noexcept {
    Tcb& tcb = tcbs_[index];
    const Tuple tuple = tcb.tuple.get();
    table_.erase(table_.hash(tuple), handle(Kind::open, index));
    ports_.note_release(tuple);
    counters_.add(Counter::closed);
    tcb.deadline = tcp::kNoDeadline;
    if (!tcb.has(tcp::kOpened)) {  // a full record in TIME-WAIT: everybody knows
        free_tcb(index);
        return;
    }
    if (const Cold* cold = cold_of(tcb); cold != nullptr && cold->ending)
        return;  // told when it has been read
    push_close(index, reason, !tcb.has(tcp::kSynUnacked));
}

/// The application has been told of the end: the record goes, or shrinks to TIME-WAIT's.
void Connections::finish(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    if (tcb.state() == State::time_wait) {
        const uint32_t hash = table_.hash(tcb.tuple.get());
        const uint32_t record = time_waits_.alloc();
        if (record == 0) {  // none left: the full record serves until 2MSL have passed
            release_flow(tcb);
            tcb.clear(tcp::kOpened);
            ++tcb.tuple.extra;
            return;
        }
        time_waits_[record] = tcp::shrink(tcb, tcb.deadline);
        table_.replace(hash, handle(Kind::open, index), handle(Kind::time_wait, record));
        link_time_wait(record);
        counters_.add(Counter::closed);
    }
    free_tcb(index);
}

}  // namespace synfin::stack
