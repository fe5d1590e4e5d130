/// @file
/// The handlers of a generator: sending requests, reading responses, ending connections.

#include <utility>

#include "generator.hh"

namespace synfin::app {

namespace {
Bytes after_empty_lines(Bytes bytes) noexcept {
    while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes = bytes.subspan(1);
    return bytes;
}
}  // namespace

void Generator::on_open(Connection c) noexcept {
    ++tally_.established;
    ConnectionRecord* found = record_of(c);
    if (found == nullptr) return;
    ConnectionRecord& record = *found;
    record.heard = tick_;
    if (!plan_.open_loop) handshakes_.ended(record.due.tick());
    times_.connect.record(now_ - record.due);
    switch (plan_.purpose) {
        case GeneratorPlan::Purpose::nothing: end(c, record); return;
        case GeneratorPlan::Purpose::tcp:
        case GeneratorPlan::Purpose::http:
            if (has(Timing::answers)) [[likely]]
                speak(c, exchanges_[id_of(c)]);
            else
                first_request(c, record, id_of(c));
            return;
        case GeneratorPlan::Purpose::steps: return follow(c, record, talks_->on_open(scene_of(id_of(c), c)));
        case GeneratorPlan::Purpose::stream:
        case GeneratorPlan::Purpose::hold:
            if (stopped_)
                end(c, record);
            else if (plan_.purpose == GeneratorPlan::Purpose::stream)
                pump(c);
            return;
    }
}

Bytes Generator::request_of(const Exchange& exchange) const noexcept {
    const GeneratorPlan::Call& call = plan_.calls[exchange.call];
    const bool last = exchange.requests_left == 1 && !call.last_request.empty();
    return last ? call.last_request : call.request;
}

/// Sends the present request, or the rest of it.
void Generator::speak(Connection c, Exchange& exchange) noexcept {
    const Bytes request = request_of(exchange);
    if (exchange.sent == request.size()) return;
    const auto sent = c.send_static(request.subspan(exchange.sent));
    exchange.sent += sent.value_or(0);  // on_writable sends the rest
    tally_.sent_bytes += sent.value_or(0);
    if (exchange.sent == request.size()) ++tally_.requests;
}

/// Sends the request's bytes again and again until the send buffer is full.
void Generator::pump(Connection c) noexcept {
    const Bytes chunk = plan_.calls.front().request;
    for (;;) {
        const auto sent = c.send_static(chunk);
        tally_.sent_bytes += sent.value_or(0);
        if (!sent || *sent < chunk.size()) return;
    }
}

void Generator::on_writable(Connection c) noexcept {
    ConnectionRecord* found = record_of(c);
    if (found == nullptr || found->done || found->failure != kNone) return;
    found->heard = tick_;
    switch (plan_.purpose) {
        case GeneratorPlan::Purpose::tcp:
        case GeneratorPlan::Purpose::http:
            if (!exchanges_[id_of(c)].resting) speak(c, exchanges_[id_of(c)]);
            return;
        case GeneratorPlan::Purpose::stream: pump(c); return;
        case GeneratorPlan::Purpose::steps:
            return follow(c, *found, talks_->on_writable(scene_of(id_of(c), c)));
        case GeneratorPlan::Purpose::nothing:
        case GeneratorPlan::Purpose::hold: return;
    }
}

void Generator::on_data(Connection c, RxView& view) noexcept {
    const uint32_t id = id_of(c);
    if (id == 0) return;
    ConnectionRecord& record = records_[id];
    if (record.failure != kNone) return;
    record.heard = tick_;
    if (!speaks()) return on_unasked_data(c, record, view);
    tally_.received_bytes += view.size();
    Bytes bytes = view;
    Exchange& exchange = exchanges_[id];
    const bool is_first = record.done || exchange.received == 0;
    if (is_first && plan_.purpose == GeneratorPlan::Purpose::http && bytes.front() <= '\r') [[unlikely]] {
        bytes = after_empty_lines(bytes);
        if (bytes.empty()) return;
    }
    if (record.done || exchange.resting) return fail(c, record, Failure::bad_response);
    const Duration waited = now_ - exchange.asked;
    if (is_first) times_.first_byte.record(waited);
    exchange.received += bytes.size();
    if (plan_.purpose == GeneratorPlan::Purpose::http) return on_response(c, record, id, bytes, is_first);
    if (exchange.received < plan_.response_size) return;
    if (exchange.received > plan_.response_size) return fail(c, record, Failure::bad_response);
    ++tally_.responses;
    times_.last_byte.record(waited);
    response_complete(c, record, exchange, true);
}

/// `is_first`: the response's first bytes. A response that arrives whole, as most do, needs no parser record.
void Generator::on_response(Connection c, ConnectionRecord& record, uint32_t id, Bytes bytes,
                            bool is_first) noexcept {
    HttpResponse fresh(plan_.to_head);
    HttpResponse& response = is_first ? fresh : responses_[id];
    uint32_t used = 0;
    switch (response.feed(bytes, used, known_)) {
        case HttpResponse::Outcome::more:
            if (is_first) responses_[id] = fresh;
            return;
        case HttpResponse::Outcome::bad: return fail(c, record, Failure::bad_response);
        case HttpResponse::Outcome::complete: break;
    }
    // Only one request is in flight, so bytes after its response are an error, except empty lines.
    if (used < bytes.size() && !after_empty_lines(bytes.subspan(used)).empty()) [[unlikely]]
        return fail(c, record, Failure::bad_response);
    if (count_status(record, response.status())) ++tally_.responses;
    times_.last_byte.record(now_ - exchanges_[id].asked);
    // If the response came before the request was sent whole, the server would read the rest as the next
    // request.
    Exchange& exchange = exchanges_[id];
    const bool was_sent = exchange.sent == request_of(exchange).size();
    response_complete(c, record, exchange, response.keep_alive() && was_sent);
}

/// Counts the status. Returns whether it was expected.
bool Generator::count_status(ConnectionRecord& record, unsigned status) noexcept {
    ++tally_.statuses[status - LoadTally::kLeastStatus];
    if (plan_.expected[status]) [[likely]]
        return true;
    record.unexpected = true;
    return false;
}

/// RFC 9112 9.6: a client that has read the last response closes without waiting for the server.
void Generator::response_complete(Connection c, ConnectionRecord& record, Exchange& exchange,
                                  bool peer_keeps) noexcept {
    if (exchange.requests_left != kNoEnd) --exchange.requests_left;
    if (exchange.requests_left == 0 || !peer_keeps) return end(c, record);
    bool asks_at_once = has(Timing::answers);
    if (stopped_ && exchange.requests_left == kNoEnd && may_end() != 0) {
        ++pace_ended_;
        // If the server should close first, one more request asks for it.
        if (plan_.ending != GeneratorPlan::Ending::fin_by_peer ||
            plan_.purpose != GeneratorPlan::Purpose::http)
            return end(c, record);
        exchange.requests_left = 1;
        asks_at_once = true;
    }
    exchange.received = 0;
    exchange.sent = 0;
    exchange.asked = now_;
    exchange.answered = true;
    exchange.resent = false;
    if (asks_at_once) [[likely]]
        speak(c, exchange);
    else
        next_request(c, record, id_of(c));
}

/// All requests and responses are complete: closes the connection.
void Generator::end(Connection c, ConnectionRecord& record) noexcept {
    record.done = true;
    ++ending_now_;
    if (silence_.is_on()) {
        record.heard = tick_;
        silence_.watch(id_of(c), c, now_);
    }
    if (plan_.ending == GeneratorPlan::Ending::rst)
        static_cast<void>(c.abort());
    else if (plan_.ending == GeneratorPlan::Ending::fin)
        // close() answers later data with RST. Use it only if the peer has nothing more to send.
        static_cast<void>(plan_.purpose == GeneratorPlan::Purpose::tcp ? c.close() : c.shutdown());
}

/// Ends the connection, which counts under this failure.
void Generator::fail(Connection c, ConnectionRecord& record, Failure failure) noexcept {
    record.failure = static_cast<uint8_t>(failure);
    static_cast<void>(c.abort());
}

void Generator::on_peer_fin(Connection c) noexcept {
    ConnectionRecord* found = record_of(c);
    if (found == nullptr) return;
    ConnectionRecord& record = *found;
    if (!record.done && record.failure == kNone) {
        if (talks_ != nullptr) return follow(c, record, talks_->on_peer_fin(scene_of(id_of(c), c)));
        peer_ended(id_of(c), record);
    }
    static_cast<void>(c.close());
}

/// The peer has sent FIN before all requests were answered.
void Generator::peer_ended(uint32_t id, ConnectionRecord& record) noexcept {
    bool is_complete = false;
    if (!speaks()) {
        record.failure = static_cast<uint8_t>(Failure::closed_by_peer);
    } else if (is_resting(id) && has(Timing::heartbeat) && !stopped_) {
        record.failure = static_cast<uint8_t>(Failure::closed_by_peer);
    } else if (Exchange& exchange = exchanges_[id]; exchange.received == 0) {
        send_again(exchange);
        is_complete = exchange.answered && exchange.requests_left == kNoEnd;
        if (!is_complete) record.failure = static_cast<uint8_t>(Failure::closed_early);
    } else if (plan_.purpose == GeneratorPlan::Purpose::http &&
               responses_[id].end() == HttpResponse::Outcome::complete) {
        if (count_status(record, responses_[id].status())) ++tally_.responses;
        times_.last_byte.record(now_ - exchange.asked);
        is_complete = true;
    } else {
        record.failure = static_cast<uint8_t>(Failure::short_response);
    }
    if (!is_complete) return;
    record.done = true;
    record.peer_ended = true;
    ++ending_now_;
}

/// RFC 9112 9.3.1: if a connection ends before the first byte of a response, an idempotent request is sent
/// once more, on the next connection. This excludes a connection's first request, which the server had time
/// to answer.
void Generator::send_again(const Exchange& exchange) noexcept {
    if (resends_.size() == 0 || !exchange.answered || exchange.resent || exchange.resting || stopped_) return;
    const bool alone = !plan_.open_loop && all_offered();
    if (alone) ++plan_.limit;
    const auto last = static_cast<size_t>(resend_first_) + resends_waiting_++;
    resends_[last % resends_.size()] = {exchange.asked, exchange.call, alone};
}

/// Checks a watched connection. Returns the time until the next check, or zero.
Duration Generator::look(uint32_t id, Connection c) noexcept {
    if (c.user_tag() != tag_of(id)) return Duration::zero();  // it has ended
    ConnectionRecord& record = records_[id];
    if (is_pausing(id)) return silence_.time();
    const bool is_silent_by_plan =
        !speaks() && talks_ == nullptr && plan_.purpose != GeneratorPlan::Purpose::nothing && !record.done;
    if (is_silent_by_plan && c.state() >= State::established) return Duration::zero();
    if (is_resting(id) && !record.done) return silence_.time();
    const Duration left = silence_.time() - (tick_ - record.heard) * Duration(1ms);
    return left > Duration::zero() ? left : time_out(c, record);
}

/// The peer has been silent for too long.
Duration Generator::time_out(Connection c, ConnectionRecord& record) noexcept {
    const bool is_established = c.state() >= State::established;
    if (record.failure != kNone || record.cut) {
        static_cast<void>(c.abort());
    } else if (!record.done) {
        const bool awaits_fin = talks_ != nullptr && talks_->awaits_fin(id_of(c));
        fail(c, record,
             !is_established ? Failure::connect_timeout
             : awaits_fin    ? Failure::close_timeout
                             : Failure::response_timeout);
    } else if (plan_.purpose == GeneratorPlan::Purpose::http && c.state() == State::established) {
        // The server was asked to close and did not. RFC 9112 9.6 allows that, so the client closes.
        static_cast<void>(c.close());
        record.heard = tick_;
        return silence_.time();
    } else {
        fail(c, record, Failure::close_timeout);
    }
    return Duration::zero();
}

/// A server that closes a kept-alive connection while the next request is in flight answers it with RST.
bool Generator::is_reset_between_requests(const ConnectionRecord& record, uint32_t id,
                                          const CloseInfo& why) const noexcept {
    return why.reason == CloseReason::reset_by_peer && record.failure == kNone && !record.done && speaks() &&
           !has(Timing::heartbeat) && exchanges_[id].received == 0 && exchanges_[id].answered;
}

/// Counts such a reset like a FIN that came before the request was sent (peer_ended).
void Generator::count_reset_between_requests(const ConnectionRecord& record,
                                             const Exchange& exchange) noexcept {
    send_again(exchange);
    if (exchange.requests_left == kNoEnd && !record.unexpected) {
        ++tally_.completed;
        times_.life.record(now_ - record.due);
        return;
    }
    ++tally_.failed_after;
    ++tally_.failed_by[static_cast<size_t>(exchange.requests_left == kNoEnd ? Failure::http_status
                                                                            : Failure::closed_early)];
}

void Generator::on_close(Connection, const CloseInfo& why) noexcept {
    const uint32_t id = id_of(why.user_tag);
    ConnectionRecord& record = records_[id];
    // on_peer_fin has handled a FIN before the last response. A peer that has closed answers a request in
    // flight with RST.
    const bool has_ended_well =
        record.done && (why.reason == CloseReason::fin ||
                        (plan_.ending == GeneratorPlan::Ending::rst && why.reason == CloseReason::aborted) ||
                        (record.peer_ended && why.reason == CloseReason::reset_by_peer));
    if (record.done) --ending_now_;
    const bool was_resting = !has(Timing::answers) && leave(id, why.established);
    if (record.cut) {
        ++(why.established ? tally_.unfinished : tally_.pending);
        tally_.unanswered +=
            !was_resting && is_unanswered(record, why.established) && !is_pausing(id) ? 1 : 0;
    } else if (record.failure == kNone && !record.unexpected && has_ended_well) {
        ++tally_.completed;
        times_.life.record(now_ - record.due);
    } else if (is_reset_between_requests(record, id, why)) {
        count_reset_between_requests(record, exchanges_[id]);
    } else {
        ++(why.established ? tally_.failed_after : tally_.failed_before);
        ++tally_.failed_by[record.failure != kNone            ? record.failure
                           : record.done && record.unexpected ? static_cast<size_t>(Failure::http_status)
                                                              : static_cast<size_t>(why.reason)];
    }
    if (!plan_.open_loop && !why.established) handshakes_.ended(record.due.tick());
    if (talks_ != nullptr) talks_->ended(id);
    records_.give(id);
}

}  // namespace synfin::app
