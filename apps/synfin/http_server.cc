#include "http_server.hh"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace synfin::app {

namespace {
constexpr uint64_t kChunk = 64 * 1024;
}

HttpServer::HttpServer(uint64_t response_size, uint32_t max_connections)
    : exchanges_(max_connections), body_(kChunk) {
    for (size_t i = 0; i < body_.size(); ++i) body_[i] = static_cast<uint8_t>('a' + i % 26);
    for (const bool close : {false, true}) {
        ok_[close] = make("200 OK", "Content-Type: text/plain\r\n", response_size, true, close);
        ok_head_[close] = make("200 OK", "Content-Type: text/plain\r\n", response_size, false, close);
        not_allowed_[close] = make("405 Method Not Allowed", "Allow: GET, HEAD\r\n", 0, true, close);
    }
    bad_request_ = make("400 Bad Request", "", 0, true, true);
    too_large_ = make("431 Request Header Fields Too Large", "", 0, true, true);
    lingering_.resize(std::min<size_t>(max_connections, 65'536));
}

HttpServer::Message HttpServer::make(std::string_view status, std::string_view fields, uint64_t body,
                                     bool with_body, bool close) {
    Message message;
    fmt::format_to(std::back_inserter(message.bytes), "HTTP/1.1 {}\r\n{}Content-Length: {}\r\n{}\r\n", status,
                   fields, body, close ? "Connection: close\r\n" : "");
    if (!with_body) return message;
    const uint64_t with_head = std::min(body, kChunk);
    for (uint64_t i = 0; i < with_head; ++i) message.bytes.push_back(static_cast<uint8_t>('a' + i % 26));
    message.body_left = body - with_head;
    return message;
}

void HttpServer::turn(Instant now) noexcept {
    now_ = now;
    while (lingering_count_ > 0 && lingering_[oldest_].until <= now) {
        static_cast<void>(lingering_[oldest_].connection.close());  // `gone` when the peer was quicker
        oldest_ = (oldest_ + 1) % lingering_.size();
        --lingering_count_;
    }
}

void HttpServer::on_open(Connection) noexcept {
    ++tally_.established;
}

/// Null: the connection is no more. The pool is as large as the stack's, so that it is never empty.
HttpServer::Exchange* HttpServer::begin_exchange(Connection c) noexcept {
    const uint32_t id = exchanges_.take();
    c.set_cookie(id);
    if (id != 0) return &exchanges_[id];
    static_cast<void>(c.abort());
    return nullptr;
}

/// What most requests are: as the last one, whole, with nothing behind it; answered without an exchange when
/// the response fits. False: nothing was done.
bool HttpServer::answer_at_once(Connection c, Bytes bytes) noexcept {
    const HttpRequest* request = known_.whole(bytes);
    if (request == nullptr || request->content_length() != 0 || request->has_transfer_coding()) return false;
    const auto [message, after] = answer_to(*request, false);
    const auto sent = c.send_static(message->bytes);
    if (sent && *sent == message->bytes.size() && message->body_left == 0) [[likely]] {
        if (after == After::close) static_cast<void>(c.close());
        return true;
    }
    if (Exchange* exchange = begin_exchange(c); exchange != nullptr) {
        respond(*exchange, *message, after);
        exchange->sent = sent.value_or(0);
        if (send_response(c, *exchange)) finish(c, *exchange);
    }
    return true;
}

void HttpServer::on_data(Connection c, RxView& view) noexcept {
    const uint32_t id = c.cookie();
    if (id == 0 && answer_at_once(c, view.bytes())) return;
    Exchange* const found = id != 0 ? &exchanges_[id] : begin_exchange(c);
    if (found == nullptr) return;
    Exchange& exchange = *found;
    exchange.holding = false;
    if (exchange.lingering) return;

    Bytes rest = view.bytes();
    while (!rest.empty()) {
        if (exchange.response != nullptr) {  // one response at a time, in order: the rest waits in the stack
            view.take(view.size() - static_cast<uint32_t>(rest.size()));
            exchange.holding = true;
            return;
        }
        if (exchange.skip > 0) {
            const uint64_t skipped = std::min<uint64_t>(exchange.skip, rest.size());
            exchange.skip -= skipped;
            rest = rest.subspan(skipped);
            continue;
        }
        uint32_t used = 0;
        const HttpRequest::Outcome outcome = exchange.request.feed(rest, used, known_);
        rest = rest.subspan(used);
        switch (outcome) {
            case HttpRequest::Outcome::more: break;
            case HttpRequest::Outcome::complete: {
                const auto [message, after] = answer_to(exchange.request, !rest.empty());
                respond(exchange, *message, after);
                exchange.skip = exchange.request.content_length();
                exchange.request.clear();
                break;
            }
            case HttpRequest::Outcome::bad:
                ++tally_.bad_requests;
                respond(exchange, bad_request_, After::linger);
                break;
            case HttpRequest::Outcome::too_large:
                ++tally_.bad_requests;
                respond(exchange, too_large_, After::linger);
                break;
        }
        if (exchange.response == nullptr || !send_response(c, exchange)) continue;
        finish(c, exchange);
        if (exchange.after != After::next) return;  // whatever follows is read away
    }
    if (exchange.fin_seen && exchange.response == nullptr) static_cast<void>(c.close());
}

void HttpServer::on_writable(Connection c) noexcept {
    const uint32_t id = c.cookie();
    if (id == 0) return;
    Exchange& exchange = exchanges_[id];
    if (exchange.response == nullptr || !send_response(c, exchange)) return;
    finish(c, exchange);
    if (exchange.after != After::next) {
        if (exchange.holding && exchange.lingering) static_cast<void>(c.resume());
        return;
    }
    if (exchange.holding)
        static_cast<void>(c.resume());
    else if (exchange.fin_seen)
        static_cast<void>(c.close());
}

void HttpServer::on_peer_fin(Connection c) noexcept {
    const uint32_t id = c.cookie();
    if (id == 0) {  // nothing is owed
        static_cast<void>(c.close());
        return;
    }
    Exchange& exchange = exchanges_[id];
    exchange.fin_seen = true;
    if (exchange.lingering || (exchange.response == nullptr && !exchange.holding))
        static_cast<void>(c.close());
}

void HttpServer::on_close(Connection, const CloseInfo& why) noexcept {
    tally_.ended(why);
    if (why.cookie != 0) exchanges_.give(why.cookie);
}

HttpServer::Answer HttpServer::answer_to(const HttpRequest& request, bool more_behind) noexcept {
    ++tally_.requests;
    // Without a length, where the next request starts can't be known: the connection ends after this one.
    const bool keep = request.keep_alive() && !request.has_transfer_coding();
    const bool unread = more_behind || request.content_length() > 0 || request.has_transfer_coding();
    const After after = keep ? After::next : unread ? After::linger : After::close;
    switch (request.method()) {
        case HttpRequest::Method::get: return {&ok_[!keep], after};
        case HttpRequest::Method::head: return {&ok_head_[!keep], after};
        case HttpRequest::Method::other: break;
    }
    ++tally_.bad_requests;
    return {&not_allowed_[!keep], after};
}

void HttpServer::respond(Exchange& exchange, const Message& message, After after) noexcept {
    exchange.response = &message;
    exchange.sent = 0;
    exchange.after = after;
}

/// Sends as much as there is room for. True when all of the response is queued (or never will be).
bool HttpServer::send_response(Connection c, Exchange& exchange) noexcept {
    const Message& message = *exchange.response;
    const uint64_t total = message.bytes.size() + message.body_left;
    while (exchange.sent < total) {
        Bytes part;
        if (exchange.sent < message.bytes.size()) {
            part = Bytes(message.bytes).subspan(exchange.sent);
        } else {
            const uint64_t at = (exchange.sent - message.bytes.size()) % kChunk;
            part = Bytes(body_).subspan(at, std::min(kChunk - at, total - exchange.sent));
        }
        const auto sent = c.send_static(part);
        if (!sent) {  // of no_memory, too, on_writable tells
            return sent.error() != Error::no_memory && sent.error() != Error::would_block;
        }
        exchange.sent += *sent;
        if (*sent < part.size()) return false;
    }
    return true;
}

/// The response is queued: on to the next request, or out.
void HttpServer::finish(Connection c, Exchange& exchange) noexcept {
    exchange.response = nullptr;
    // Bytes that came while the response waited for room would turn the FIN into a RST.
    if (exchange.after == After::close && exchange.holding) exchange.after = After::linger;
    switch (exchange.after) {
        case After::next: return;
        case After::close: static_cast<void>(c.close()); return;
        case After::linger:
            if (exchange.fin_seen || lingering_count_ == lingering_.size()) {
                static_cast<void>(c.close());
                return;
            }
            exchange.lingering = true;
            static_cast<void>(c.shutdown());
            lingering_[(oldest_ + lingering_count_++) % lingering_.size()] = {c, now_ + kLinger};
            return;
    }
}

}  // namespace synfin::app
