/// @file
/// Calls of the application (RFC 9293 3.9.1). Each returns a value or an Error.

#include <algorithm>

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Flow;
using tcp::State;
using tcp::Tcb;

/// The index of our configured address `addr`. None: `addr` is none (Error::none), or the call fails with
/// `error`.
std::optional<uint32_t> Connections::index_of(const std::optional<IpAddress>& addr,
                                              Error& error) const noexcept {
    error = Error::none;
    if (!addr) return std::nullopt;
    const uint32_t found = addresses_.find(*addr);
    if (found != net::LocalAddresses::kNone && !addresses_.is_internal(found)) return found;
    error = Error::invalid;
    return std::nullopt;
}

Result<ListenerId> Connections::listen(uint16_t port, const ListenOptions& options) noexcept {
    if (port == 0) return Error::invalid;
    Error error;
    const auto index = index_of(options.address, error);
    if (error != Error::none) return error;
    return listeners_.open(port, index, options);
}

Result<void> Connections::unlisten(ListenerId listener) noexcept {
    const uint16_t id = listeners_.find(listener);
    if (id == 0) return Error::invalid;
    close_listener(id);
    return {};
}

Result<void> Connections::unlisten(uint16_t port, std::optional<IpAddress> addr) noexcept {
    Error error;
    const auto index = index_of(addr, error);
    if (error != Error::none) return error;
    const uint16_t id = listeners_.find(port, index);
    if (id == 0) return Error::invalid;
    close_listener(id);
    return {};
}

/// Closes the listener and resets its half-open records.
void Connections::close_listener(uint16_t id) noexcept {
    half_opens_.for_each([&](uint32_t index) noexcept {
        if (half_opens_[index].listener == id) reset_half_open(index);
    });
    listeners_.close(id);
}

void Connections::unlisten_all() noexcept {
    listeners_.for_each([this](uint16_t id) noexcept { close_listener(id); });
}

/// RFC 9293 3.10.5, ABORT in SYN-RECEIVED: sends RST to a peer that may or may not have seen our SYN-ACK.
/// SEG.ACK is for a peer that has not.
[[gnu::cold, gnu::noinline]] void Connections::reset_half_open(uint32_t index) noexcept {
    const tcp::HalfOpen& half_open = half_opens_[index];
    const Tuple tuple = half_open.tuple;
    Effects fx;
    fx.reply = tcp::Reply::rst;
    fx.rst_seq = half_open.iss + 1u;
    fx.rst_has_ack = true;
    fx.rst_ack = half_open.irs + 1u;
    free_half_open(index, table_.hash(tuple));
    reply_rst(tuple, remote6_of(tuple, handle(Kind::half_open, index)), fx);
}

Result<uint32_t> Connections::send(uint32_t index, uint32_t generation, Bytes data, bool is_static) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (!tcp::can_send(tcb->state()) || tcb->has(tcp::kFinQueued)) return Error::closing;
    if (data.empty()) return uint32_t{0};
    if (tcb->is_black_hole != 0 && tcb->in_flight() == 0) [[unlikely]]
        restore_mss(index);
    Flow& flow = need_flow(*tcb);
    const uint32_t queued = buf::length(blocks_, flow.send_queue);
    const uint32_t limit = queued + data.size() <= kLeastShare ? params_.snd_start : send_limit(&flow);
    auto n = static_cast<uint32_t>(std::min<size_t>(data.size(), limit - std::min(limit, queued)));
    if (n != 0) {
        n = is_static ? buf::append_static(blocks_, flow.send_queue, data.first(n))
                      : buf::append(blocks_, flow.send_queue, data.first(n));
        if (n == 0) {
            wait_for_block(index);
            return Error::no_memory;
        }
    }
    if (n < data.size()) tcb->set(tcp::kWantWritable);
    if (n == 0) return uint32_t{0};
    flow.snd_end += n;
    want_output(index, *tcb);
    return n;
}

Result<uint32_t> Connections::send_pieces(uint32_t index, uint32_t generation,
                                          std::span<const Bytes> pieces) noexcept {
    uint32_t taken = 0;
    for (const Bytes piece : pieces) {
        const Result<uint32_t> sent = send(index, generation, piece, false);
        if (!sent && taken == 0) return sent;
        if (!sent) break;  // no block is left: return the bytes taken; on_writable follows
        taken += *sent;
        if (*sent < piece.size()) break;
    }
    if (pieces.empty()) return send(index, generation, {}, false);  // gone, closing or 0
    return taken;
}

Result<TimerId> Connections::after(Duration delay, uint64_t tag) noexcept {
    const auto timer = application_timers_.after(now_, delay, tag);
    if (!timer && timer.error() == Error::no_memory) counters_.drop(DropReason::timers_full);
    return timer;
}

Result<uint32_t> Connections::receive(uint32_t index, uint32_t generation, MutableBytes into) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    Cold* cold = cold_of(*tcb);
    if (cold == nullptr || cold->held_bytes == 0) {
        switch (tcb->state()) {
            case State::close_wait:
            case State::closing:
            case State::last_ack:
            case State::time_wait:
            case State::closed: return uint32_t{0};
            case State::listen:
            case State::syn_sent:
            case State::syn_received:
            case State::established:
            case State::fin_wait_1:
            case State::fin_wait_2: return Error::would_block;
        }
    }
    uint32_t done = 0;
    if (!into.empty()) cold->shown_bytes = 0;
    while (done < into.size() && cold->held_bytes != done) {
        const auto n = static_cast<uint32_t>(std::min<size_t>(into.size() - done, cold->held_bytes - done));
        buf::copy_out(blocks_, cold->held, done, into.subspan(done, n));
        done += n;
    }
    drain(index, done);
    return done;
}

Result<void> Connections::resume(uint32_t index, uint32_t generation) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (Cold* cold = cold_of(*tcb); cold != nullptr) {
        cold->paused = false;
        push_held(index);
    }
    return {};
}

Result<void> Connections::shutdown(uint32_t index, uint32_t generation) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (tcb->has(tcp::kFinQueued)) return Error::closing;
    Effects fx;
    tcp::shutdown(*tcb, context(), fx);
    perform(index, {}, fx);
    return {};
}

Result<void> Connections::close(uint32_t index, uint32_t generation) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (tcb->has(tcp::kAppGone)) return Error::closing;
    if (Cold* cold = cold_of(*tcb); cold != nullptr) [[unlikely]] {
        if (cold->ending) {  // the connection has ended; the unread text is dropped
            tcb->set(tcp::kAppGone);
            cold->ending = false;
            push_close(index, cold->reason, true);
            return {};
        }
        // Text that on_data is reading counts as read; taken() checks it when the handler returns.
        const bool unread = cold->held_bytes != cold->shown_bytes;
        if (unread && tcb->state() != State::closed && tcb->state() != State::time_wait)
            return abort(index, generation);  // RFC 9293 3.6.1, SHLD-3
    }
    Effects fx;
    tcp::close(*tcb, false, context(), fx);
    perform(index, {}, fx);
    return {};
}

Result<void> Connections::abort(uint32_t index, uint32_t generation) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (tcb->state() == State::closed || tcb->state() == State::time_wait) return close(index, generation);
    Effects fx;
    tcp::abort(*tcb, fx);
    tcb->set(tcp::kAppGone);
    perform(index, {}, fx);
    return {};
}

Result<void> Connections::set_no_delay(uint32_t index, uint32_t generation, bool on) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (on) {
        tcb->set(tcp::kNoDelay);
        want_output(index, *tcb);
    } else {
        tcb->clear(tcp::kNoDelay);
    }
    return {};
}

Result<void> Connections::set_user_timeout(uint32_t index, uint32_t generation, Duration timeout) noexcept {
    Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    if (timeout.count() < 0) return Error::invalid;
    need_cold(*tcb)->user_timeout = std::min(tcp::to_ticks(timeout), tcp::kMostUserTimeout);
    return {};
}

uint32_t Connections::room(uint32_t index, uint32_t generation) const noexcept {
    const Tcb* tcb = find(index, generation);
    if (tcb == nullptr || !tcp::can_send(tcb->state()) || tcb->has(tcp::kFinQueued)) return 0;
    const Flow* flow = flow_of(*tcb);
    const uint32_t queued = flow != nullptr ? buf::length(blocks_, flow->send_queue) : 0;
    const uint32_t limit = send_limit(flow);
    return limit - std::min(limit, queued);
}

}  // namespace synfin::stack
