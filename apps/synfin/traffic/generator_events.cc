/// @file
/// What a generator says on its connections and hears on them, and how each ends: its handlers.

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
        case GeneratorPlan::Purpose::http: speak(c, exchanges_[id_of(c)]); return;
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

/// Sends the present request, or what is left of it.
void Generator::speak(Connection c, Exchange& exchange) noexcept {
    const Bytes request = request_of(exchange);
    if (exchange.sent == request.size()) return;
    const auto sent = c.send_static(request.subspan(exchange.sent));
    exchange.sent += sent.value_or(0);  // on_writable brings the rest
    tally_.sent_bytes += sent.value_or(0);
    if (exchange.sent == request.size()) ++tally_.requests;
}

/// Sends from the request's bytes again and again until there is no room.
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
        case GeneratorPlan::Purpose::http: speak(c, exchanges_[id_of(c)]); return;
        case GeneratorPlan::Purpose::stream: pump(c); return;
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
    tally_.received_bytes += view.size();
    if (!speaks()) return;
    Bytes bytes = view;
    Exchange& exchange = exchanges_[id];
    const bool is_first = record.done || exchange.received == 0;
    if (is_first && plan_.purpose == GeneratorPlan::Purpose::http && bytes.front() <= '\r') [[unlikely]] {
        bytes = after_empty_lines(bytes);
        if (bytes.empty()) return;
    }
    if (record.done) return fail(c, record, Failure::bad_response);
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

/// `is_first`: its first bytes. What comes whole, as most do, is not kept in a record.
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
    // One request is in flight: what follows its response was not asked for, unless it is an empty line.
    if (used < bytes.size() && !after_empty_lines(bytes.subspan(used)).empty()) [[unlikely]]
        return fail(c, record, Failure::bad_response);
    if (count_status(record, response.status())) ++tally_.responses;
    times_.last_byte.record(now_ - exchanges_[id].asked);
    // The rest of a request that was answered before it was sent would be taken for the next one.
    Exchange& exchange = exchanges_[id];
    const bool was_sent = exchange.sent == request_of(exchange).size();
    response_complete(c, record, exchange, response.keep_alive() && was_sent);
}

/// Whether it is one that was expected.
bool Generator::count_status(ConnectionRecord& record, unsigned status) noexcept {
    ++tally_.statuses[status - LoadTally::kLeastStatus];
    if (plan_.expected[status]) [[likely]]
        return true;
    record.unexpected = true;
    return false;
}

/// RFC 9112 9.6: a client that has read the last response closes, and does not wait for the server to do so.
void Generator::response_complete(Connection c, ConnectionRecord& record, Exchange& exchange,
                                  bool peer_keeps) noexcept {
    if (exchange.requests_left != kNoEnd) --exchange.requests_left;
    if (exchange.requests_left == 0 || !peer_keeps) return end(c, record);
    if (stopped_ && exchange.requests_left == kNoEnd) {
        // Where the server is to close first, one request more asks it to.
        if (plan_.ending != GeneratorPlan::Ending::fin_by_peer ||
            plan_.purpose != GeneratorPlan::Purpose::http)
            return end(c, record);
        exchange.requests_left = 1;
    }
    exchange.received = 0;
    exchange.sent = 0;
    exchange.asked = now_;
    exchange.answered = true;
    exchange.resent = false;
    speak(c, exchange);
}

/// All has been said.
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
        // Whoever may still say something is listened to: a text behind close() is answered with a RST.
        static_cast<void>(plan_.purpose == GeneratorPlan::Purpose::tcp ? c.close() : c.shutdown());
}

/// The connection is no use any more; its end will be counted under this cause.
void Generator::fail(Connection c, ConnectionRecord& record, Failure failure) noexcept {
    record.failure = static_cast<uint8_t>(failure);
    static_cast<void>(c.abort());
}

void Generator::on_peer_fin(Connection c) noexcept {
    ConnectionRecord* found = record_of(c);
    if (found == nullptr) return;
    ConnectionRecord& record = *found;
    if (!record.done && record.failure == kNone) peer_ended(id_of(c), record);
    static_cast<void>(c.close());
}

/// The peer has sent FIN, and not all has been said.
void Generator::peer_ended(uint32_t id, ConnectionRecord& record) noexcept {
    bool is_complete = false;
    if (!speaks()) {
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

/// RFC 9112 9.3.1: a connection ended before a byte of the response, and the request may be sent twice: it is
/// sent once more, on the next connection. Not the first one of a connection, which the server had every
/// chance to answer.
void Generator::send_again(const Exchange& exchange) noexcept {
    if (resends_.size() == 0 || !exchange.answered || exchange.resent || stopped_) return;
    const bool alone = !plan_.open_loop && all_offered();
    if (alone) ++plan_.limit;
    const auto last = static_cast<size_t>(resend_first_) + resends_waiting_++;
    resends_[last % resends_.size()] = {exchange.asked, exchange.call, alone};
}

/// A look at a connection that is watched: how long until the next one.
Duration Generator::look(uint32_t id, Connection c) noexcept {
    if (c.user_tag() != (id | (plan_.second ? kSecond : 0))) return Duration::zero();  // it has ended
    ConnectionRecord& record = records_[id];
    const bool is_silent_by_plan =
        !speaks() && plan_.purpose != GeneratorPlan::Purpose::nothing && !record.done;
    if (is_silent_by_plan && c.state() >= State::established) return Duration::zero();
    const Duration left = silence_.time() - (tick_ - record.heard) * Duration(1ms);
    return left > Duration::zero() ? left : time_out(c, record);
}

/// The peer has been silent for too long.
Duration Generator::time_out(Connection c, ConnectionRecord& record) noexcept {
    const bool is_established = c.state() >= State::established;
    if (record.failure != kNone || record.cut) {
        static_cast<void>(c.abort());
    } else if (!record.done) {
        fail(c, record, is_established ? Failure::response_timeout : Failure::connect_timeout);
    } else if (plan_.purpose == GeneratorPlan::Purpose::http && c.state() == State::established) {
        // It was asked to close and leaves that to us, as RFC 9112 9.6 allows.
        static_cast<void>(c.close());
        record.heard = tick_;
        return silence_.time();
    } else {
        fail(c, record, Failure::close_timeout);
    }
    return Duration::zero();
}

/// A server that ends a kept connection while the next request is on its way answers that with a RST.
bool Generator::is_reset_between_requests(const ConnectionRecord& record, uint32_t id,
                                          const CloseInfo& why) const noexcept {
    return why.reason == CloseReason::reset_by_peer && record.failure == kNone && !record.done && speaks() &&
           exchanges_[id].received == 0 && exchanges_[id].answered;
}

/// As if its FIN had come before the request was sent (peer_ended).
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
    // An end by FIN before all was said has been noticed in on_peer_fin. What a peer that has ended the
    // connection thinks of a request that was on its way is a RST.
    const bool has_ended_well =
        record.done && (why.reason == CloseReason::fin ||
                        (plan_.ending == GeneratorPlan::Ending::rst && why.reason == CloseReason::aborted) ||
                        (record.peer_ended && why.reason == CloseReason::reset_by_peer));
    if (record.done) --ending_now_;
    if (record.cut) {
        ++(why.established ? tally_.unfinished : tally_.pending);
        tally_.unanswered += is_unanswered(record, why.established) ? 1 : 0;
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
    records_.give(id);
}

}  // namespace synfin::app
