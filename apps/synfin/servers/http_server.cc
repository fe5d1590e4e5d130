#include "http_server.hh"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace synfin::app {

namespace {

constexpr uint64_t kChunk = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kAllow = "GET, HEAD, POST, PUT";
constexpr size_t kDateBytes = 29;

Bytes bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
void write_imf_date(std::time_t second, uint8_t* at) noexcept {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    if (::gmtime_r(&second, &utc) == nullptr) utc = std::tm{};
    fmt::format_to_n(reinterpret_cast<char*>(at), kDateBytes, "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

}  // namespace

HttpServer::HttpServer(std::shared_ptr<const HttpSite> site, uint32_t max_connections,
                       ConnectionTimers& timers)
    : site_(std::move(site)),
      most_responses_(site_->most_responses()),
      timers_(timers),
      exchanges_(max_connections),
      body_(kChunk),
      pattern_(PayloadPattern::instance()),
      bad_request_(refusal(400, last)),
      timed_out_(refusal(408, last)),
      too_large_(refusal(431, last)),
      not_implemented_(refusal(501, last)) {
    for (size_t i = 0; i < body_.size(); ++i) body_[i] = static_cast<uint8_t>('a' + i % 26);
    messages_.reserve(kStays * site_->resources().size());
    for (const HttpResource& resource : site_->resources())
        for (const Stay stay : {keep, keep_1_0, last}) messages_.push_back(make(resource, stay));
    for (const Stay stay : {keep, keep_1_0, last}) {
        not_allowed_[stay] = refusal(405, stay);
        not_found_[stay] = refusal(404, stay);
        sized_[stay] = sized(stay);
    }
    if (site_->resources().size() <= kMostInEditions) editions_.resize(kEditions, Edition{messages_});
}

HttpServer::HttpServer(std::shared_ptr<const HttpSite> site, uint32_t max_connections,
                       std::unique_ptr<ConnectionTimers> timers)
    : HttpServer(std::move(site), max_connections, *timers) {
    own_timers_ = std::move(timers);
}

HttpServer::HttpServer(uint64_t response_size, uint32_t max_connections)
    : HttpServer(std::make_shared<HttpSite>(response_size), max_connections,
                 std::make_unique<ConnectionTimers>(max_connections, TimeOuts{})) {}

HttpServer::Message HttpServer::refusal(unsigned status, Stay stay) {
    return make({.status = status}, stay);
}

HttpServer::Message HttpServer::make(const HttpResource& resource, Stay stay) {
    Message message;
    const auto out = std::back_inserter(message.bytes);
    fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: ", resource.status, reason_phrase(resource.status));
    message.date_at = static_cast<uint32_t>(message.bytes.size());
    message.bytes.resize(message.bytes.size() + kDateBytes);
    message.second = 0;
    write_imf_date(0, message.bytes.data() + message.date_at);
    fmt::format_to(out, "\r\nServer: synfin\r\n");  // RFC 9411 4.3.2.3 expects one
    // RFC 9110 15.5.6 and 11.6.1 require these fields for 405 and 401.
    if (resource.status == 405) fmt::format_to(out, "Allow: {}\r\n", kAllow);
    if (resource.status == 401) fmt::format_to(out, "WWW-Authenticate: Basic realm=\"synfin\"\r\n");
    if (resource.size != 0) fmt::format_to(out, "Content-Type: {}\r\n", resource.content_type);
    if (resource.has_body()) fmt::format_to(out, "Content-Length: {}\r\n", resource.size);
    if (stay != keep) fmt::format_to(out, "Connection: {}\r\n", stay == last ? "close" : "keep-alive");
    fmt::format_to(out, "\r\n");
    message.head = static_cast<uint32_t>(message.bytes.size());
    message.delay = resource.delay;
    message.body = resource.bytes;
    message.body_size = resource.size;
    if (resource.size > kSmallBody) return message;
    for (uint64_t i = 0; i < resource.size; ++i)
        message.bytes.push_back(resource.bytes.empty() ? static_cast<uint8_t>('a' + i % 26)
                                                       : resource.bytes[i]);
    message.body_size = 0;
    return message;
}

void HttpServer::turn(Instant now) noexcept {
    now_ = now;
    if (now >= second_ends_) [[unlikely]]
        next_second();
    if (own_timers_ != nullptr) timers_.turn(now, [this](Connection c, uint8_t wait) { on_timer(c, wait); });
}

/// Reads the clock, once per second.
[[gnu::cold, gnu::noinline]] void HttpServer::next_second() noexcept {
    std::timespec wall{};
    if (clock_ != nullptr)
        wall.tv_sec = clock_();
    else
        static_cast<void>(std::timespec_get(&wall, TIME_UTC));
    if (wall.tv_sec != second_) {
        // Connections may send from the present edition for a long time.
        has_edition_ = false;
        for (uint32_t i = 0; i < editions_.size() && !has_edition_; ++i) {
            edition_ = (edition_ + 1) % kEditions;
            has_edition_ = editions_[edition_].readers == 0;
        }
    }
    second_ = wall.tv_sec;
    second_ends_ = now_ + (1s - std::chrono::nanoseconds(wall.tv_nsec));
}

[[gnu::cold, gnu::noinline]] void HttpServer::write_date(Message& message, std::time_t second) noexcept {
    message.second = second;
    write_imf_date(second, message.bytes.data() + message.date_at);
}

void HttpServer::on_open(Connection c) noexcept {
    ++tally_.established;
    timers_.arm(c, ConnectionTimers::idle, now_);
}

/// Returns null if the connection is gone. The pool is as large as the stack's, so it is never empty.
HttpServer::Exchange* HttpServer::begin_exchange(Connection c) noexcept {
    const uint32_t id = exchanges_.take();
    if (id == 0) {
        static_cast<void>(c.abort());
        return nullptr;
    }
    exchanges_[id].reads = tag_of(c);
    c.set_user_tag(id);
    return &exchanges_[id];
}

/// Whether the connection may send from the present edition. If so, it becomes one of its readers.
bool HttpServer::reads_present_edition(Connection c, uint32_t user_tag) noexcept {
    return has_edition_ && (user_tag == (kReads | edition_) || reads_anew(c, user_tag));
}

/// For the first response of a connection or of this second: earlier responses must be acknowledged.
bool HttpServer::reads_anew(Connection c, uint32_t user_tag) noexcept {
    if (user_tag != 0 || whole_room_ == 0) [[unlikely]] {
        const uint32_t room = c.room();
        if (user_tag == 0)
            whole_room_ = room;
        else if (room != whole_room_)
            return false;
        stop_reading(user_tag);
    }
    ++editions_[edition_].readers;
    c.set_user_tag(kReads | edition_);
    return true;
}

/// All sent data is acknowledged: the connection no longer reads an edition.
void HttpServer::delivered(Connection c, Exchange* exchange) noexcept {
    stop_reading(exchange != nullptr ? exchange->reads : tag_of(c));
    if (exchange != nullptr)
        exchange->reads = 0;
    else
        c.set_user_tag(0);
}

/// Answers the usual request without an exchange: equal to the last one, whole, with no bytes after it, and
/// with a response that fits the send buffer. Returns false if it did nothing.
bool HttpServer::answer_at_once(Connection c, uint32_t user_tag, Bytes bytes) noexcept {
    const HttpRequest* request = known_.whole(bytes);
    if (request == nullptr || request->has_body() || request->judge() != HttpRequest::Verdict::good)
        return false;
    if (most_responses_ > 1) return false;  // an exchange counts them
    const uint32_t index = index_of(*request, 1);
    if (messages_[index].delay != 0 || request->sized_path().is_below()) return false;
    ++tally_.requests;
    const bool only_head = request->method() == HttpRequest::Method::head;
    const After after = keeps(*request, 1) ? After::next : After::close;
    const bool in_place = reads_present_edition(c, user_tag);
    Message& message = in_place ? editions_[edition_].messages[index] : messages_[index];
    set_date(message, second_);
    const Bytes first = Bytes(message.bytes).first(only_head ? message.head : message.bytes.size());
    const auto sent = in_place ? c.send_static(first) : c.send(first);
    if (sent && *sent == first.size() && (only_head || message.body_size == 0)) [[likely]] {
        if (after == After::close) static_cast<void>(c.close());
        timers_.arm(c, ConnectionTimers::send, now_);
        return true;
    }
    if (Exchange* exchange = begin_exchange(c); exchange != nullptr) {
        exchange->only_head = only_head;
        respond(c, *exchange, messages_[index], after);
        exchange->sent = sent.value_or(0);
        exchange->second = second_;
        if (send_response(c, *exchange)) finish(c, *exchange);
        wait_next(c, *exchange);
    }
    return true;
}

void HttpServer::on_data(Connection c, RxView& view) noexcept {
    const uint32_t user_tag = tag_of(c);
    Exchange* found = exchange_of(user_tag);
    if (found == nullptr && answer_at_once(c, user_tag, view.bytes())) return;
    if (found == nullptr) found = begin_exchange(c);
    if (found == nullptr) return;
    Exchange& exchange = *found;
    if (exchange.reads != 0 && c.room() == whole_room_) delivered(c, &exchange);
    exchange.holding = false;
    if (exchange.lingering) return;

    Bytes rest = view.bytes();
    while (!rest.empty()) {
        if (exchange.response != nullptr) {  // one response at a time: the stack keeps later requests
            view.take(view.size() - static_cast<uint32_t>(rest.size()));
            exchange.holding = true;
            break;
        }
        rest = rest.subspan(exchange.in_body ? read_body(c, exchange, rest) : read_head(c, exchange, rest));
        if (exchange.response == nullptr || exchange.waiting || !send_response(c, exchange)) continue;
        finish(c, exchange);
        if (exchange.after != After::next) return;  // later bytes are read and discarded
    }
    if (exchange.fin_seen && exchange.response == nullptr) {
        close(c);
        return;
    }
    wait_next(c, exchange);
}

/// Parses bytes of a head. Returns how many belong to it.
uint32_t HttpServer::read_head(Connection c, Exchange& exchange, Bytes bytes) noexcept {
    uint32_t used = 0;
    switch (exchange.request.feed(bytes, used, known_)) {
        case HttpRequest::Outcome::more: break;
        case HttpRequest::Outcome::complete: begin_request(c, exchange, used < bytes.size()); break;
        case HttpRequest::Outcome::bad: refuse(c, exchange, bad_request_); break;
        case HttpRequest::Outcome::too_large: refuse(c, exchange, too_large_); break;
    }
    return used;
}

/// The head is complete: the body or the response follows.
void HttpServer::begin_request(Connection c, Exchange& exchange, bool more_behind) noexcept {
    const HttpRequest& request = exchange.request;
    ++tally_.requests;
    ++exchange.requests;
    switch (request.judge()) {
        case HttpRequest::Verdict::bad: refuse(c, exchange, bad_request_); return;
        case HttpRequest::Verdict::not_implemented: refuse(c, exchange, not_implemented_); return;
        case HttpRequest::Verdict::good: exchange.answer = &answer_to(request, exchange); break;
        case HttpRequest::Verdict::not_allowed:
            // The client may or may not send the body: it need not wait long for 100 (RFC 9110 10.1.1).
            if (request.expects_continue()) {
                refuse(c, exchange, not_allowed_[last]);
                return;
            }
            ++tally_.bad_requests;
            exchange.answer = &not_allowed_[stay_of(request, exchange.requests)];
            break;
    }
    exchange.only_head = request.method() == HttpRequest::Method::head;
    if (!request.has_body()) {
        end_request(c, exchange, more_behind);
        return;
    }
    exchange.in_body = true;
    exchange.body_left = request.chunked() ? 0 : request.content_length();
    exchange.chunks.clear();
    if (request.expects_continue() && !more_behind && c.room() >= kContinue.size())
        static_cast<void>(
            c.send(bytes_of(kContinue)));  // lost if no memory is free: the client then waits a while
}

/// Discards bytes of a body. Returns how many belong to it.
uint32_t HttpServer::read_body(Connection c, Exchange& exchange, Bytes bytes) noexcept {
    uint32_t used = 0;
    if (!exchange.request.chunked()) {
        used = static_cast<uint32_t>(std::min<uint64_t>(exchange.body_left, bytes.size()));
        exchange.body_left -= used;
        if (exchange.body_left == 0) end_request(c, exchange, used < bytes.size());
        return used;
    }
    switch (exchange.chunks.feed(bytes, used)) {
        case HttpStep::more: break;
        case HttpStep::complete: end_request(c, exchange, used < bytes.size()); break;
        case HttpStep::bad: refuse(c, exchange, bad_request_); break;
    }
    return used;
}

/// The request is complete.
void HttpServer::end_request(Connection c, Exchange& exchange, bool more_behind) noexcept {
    const After after = keeps(exchange.request, exchange.requests) ? After::next
                        : more_behind                              ? After::linger
                                                                   : After::close;
    respond(c, exchange, *exchange.answer, after);
}

/// Answers with an error, which ends the exchange.
void HttpServer::refuse(Connection c, Exchange& exchange, Message& message) noexcept {
    ++tally_.bad_requests;
    exchange.only_head = false;
    respond(c, exchange, message, After::linger);
}

void HttpServer::respond(Connection c, Exchange& exchange, Message& message, After after) noexcept {
    exchange.response = &message;
    exchange.answer = nullptr;
    exchange.sent = 0;
    exchange.after = after;
    exchange.in_body = false;
    exchange.request.clear();
    exchange.waiting = message.delay != 0;
    if (exchange.waiting)
        timers_.arm(c, static_cast<uint8_t>(ConnectionTimers::delay + message.delay - 1), now_);
}

void HttpServer::on_writable(Connection c) noexcept {
    Exchange* const exchange = exchange_of(tag_of(c));
    if (exchange != nullptr && exchange->response != nullptr && !exchange->waiting) go_on(c, *exchange);
}

/// Goes on sending the response if the send buffer has room.
void HttpServer::go_on(Connection c, Exchange& exchange) noexcept {
    if (!send_response(c, exchange)) {
        wait_next(c, exchange);
        return;
    }
    finish(c, exchange);
    if (exchange.after != After::next) {
        if (exchange.holding && exchange.lingering) static_cast<void>(c.resume());
        return;
    }
    wait_next(c, exchange);
    if (exchange.holding)
        static_cast<void>(c.resume());
    else if (exchange.fin_seen)
        close(c);
}

void HttpServer::on_peer_fin(Connection c) noexcept {
    Exchange* const exchange = exchange_of(tag_of(c));
    if (exchange == nullptr) {  // no response is due
        close(c);
        return;
    }
    exchange->fin_seen = true;
    if (exchange->lingering || (exchange->response == nullptr && !exchange->holding)) close(c);
}

void HttpServer::on_close(Connection c, const CloseInfo& why) noexcept {
    // Some clients hang up by a reset when no response is due.
    const Exchange* const exchange = exchange_of(static_cast<uint32_t>(why.user_tag));
    tally_.ended(why, exchange == nullptr || exchange->is_idle());
    if (exchange == nullptr) {
        stop_reading(static_cast<uint32_t>(why.user_tag));
        if (timers_.is_limited()) timers_.disarm(c);
        return;
    }
    stop_reading(exchange->reads);
    exchanges_.give(static_cast<uint32_t>(why.user_tag));
    timers_.disarm(c);
}

void HttpServer::on_timer(Connection c, uint8_t wait) noexcept {
    Exchange* const exchange = exchange_of(tag_of(c));
    switch (wait) {
        case ConnectionTimers::idle:
            if (exchange != nullptr && exchange->in_body) break;
            if (c.close()) ++tally_.timed_out_idle;
            return;
        case ConnectionTimers::head: break;
        case ConnectionTimers::send:
            switch (timers_.progress(c, now_)) {
                case ConnectionTimers::Progress::delivered: delivered(c, exchange); return;
                case ConnectionTimers::Progress::waiting: return;
                case ConnectionTimers::Progress::stalled: break;
            }
            ++tally_.timed_out_send;
            static_cast<void>(c.abort());
            return;
        case ConnectionTimers::linger: static_cast<void>(c.close()); return;
        default:
            if (exchange == nullptr || !exchange->waiting) return;
            exchange->waiting = false;
            go_on(c, *exchange);
            return;
    }
    // Only a request that is incomplete gets 408.
    if (exchange == nullptr || exchange->is_idle() || exchange->response != nullptr) return;
    ++(wait == ConnectionTimers::head ? tally_.timed_out_head : tally_.timed_out_idle);
    refuse(c, *exchange, timed_out_);
    go_on(c, *exchange);
}

/// Sends as much as the send buffer has room for. Returns true when the whole response is queued, or never
/// can be.
bool HttpServer::send_response(Connection c, Exchange& exchange) noexcept {
    Message& message = *exchange.response;
    if (message.is_sized()) return send_object(c, exchange);
    const uint64_t first = exchange.only_head ? message.head : message.bytes.size();
    const uint64_t total = first + (exchange.only_head ? 0 : message.body_size);
    while (exchange.sent < total) {
        Bytes part;
        const bool copied = exchange.sent < first;
        if (copied) {
            // A head that was begun in an earlier second keeps that second's Date.
            if (exchange.sent == 0) exchange.second = second_;
            set_date(message, exchange.second);
            part = Bytes(message.bytes).subspan(exchange.sent, first - exchange.sent);
        } else if (!message.body.empty()) {
            part = message.body.subspan(exchange.sent - first);
        } else {
            const uint64_t at = (exchange.sent - first) % kChunk;
            part = Bytes(body_).subspan(at, std::min(kChunk - at, total - exchange.sent));
        }
        const auto sent = copied ? c.send(part) : c.send_static(part);
        if (!sent) {  // on_writable follows no_memory, too
            return sent.error() != Error::no_memory && sent.error() != Error::would_block;
        }
        exchange.sent += *sent;
        if (*sent < part.size()) return false;
    }
    return true;
}

/// The response is queued: goes on to the next request, or closes.
void HttpServer::finish(Connection c, Exchange& exchange) noexcept {
    exchange.response = nullptr;
    // Bytes that arrived while the response waited for room are unread: close() would send RST instead of
    // FIN.
    if (exchange.after == After::close && exchange.holding) exchange.after = After::linger;
    switch (exchange.after) {
        case After::next: return;
        case After::close: close(c); return;
        case After::linger:
            if (exchange.fin_seen) {
                close(c);
                return;
            }
            exchange.lingering = true;
            static_cast<void>(c.shutdown());
            timers_.arm(c, ConnectionTimers::linger, now_);
            return;
    }
}

/// Sends FIN. Data queued before it must still be acknowledged within the limit for sending.
void HttpServer::close(Connection c) noexcept {
    static_cast<void>(c.close());
    timers_.arm(c, ConnectionTimers::send, now_);
}

/// Arms the timer for what the connection waits for now.
void HttpServer::wait_next(Connection c, const Exchange& exchange) noexcept {
    if (!timers_.is_limited() || exchange.lingering || exchange.waiting) return;
    if (exchange.response != nullptr)
        timers_.arm_once(c, ConnectionTimers::send, now_);
    else if (exchange.in_body)
        timers_.arm(c, ConnectionTimers::idle, now_);
    else if (exchange.request.started())
        timers_.arm_once(c, ConnectionTimers::head, now_);
    else
        timers_.arm(c, ConnectionTimers::send, now_);
}

}  // namespace synfin::app
