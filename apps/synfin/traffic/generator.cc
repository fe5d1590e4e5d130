#include "generator.hh"

#include <algorithm>
#include <utility>

namespace synfin::app {

namespace {
/// Opens in one turn at most: the ones behind keep their times, and packets that came in are not kept
/// waiting.
constexpr unsigned kOpensPerTurn = 32;
/// After a refusal a closed loop waits this long: the pools won't have changed sooner.
constexpr Duration kRetryAfter = 1ms;
/// Slow start: in the beginning so many more handshakes wait for an answer than have got one. The addresses
/// of both ends are still being asked for, on either side, and more packets than may wait for that
/// (net::Neighbours::kMaxHeld) would be lost and sent again a second later. Who has not answered by then will
/// not.
constexpr uint64_t kFirstOpens = 4;
constexpr Duration kSlowStart = 500ms;
/// Connections that a turn ends after stop(), and how many may be on their way to their end at once: more
/// would wait in queues until their FINs are sent again.
constexpr uint32_t kEndsPerTurn = 32;
constexpr uint32_t kMaxEnding = 512;
/// Source addresses that are tried before a connection is skipped.
constexpr size_t kSourceTries = 8;

Bytes after_empty_lines(Bytes bytes) noexcept {
    while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes = bytes.subspan(1);
    return bytes;
}
}  // namespace

std::vector<uint8_t> pattern_request(uint64_t size) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>('a' + i % 26);
    return bytes;
}

Generator::Generator(GeneratorPlan plan)
    : plan_(std::move(plan)),
      lives_(plan_.connections),
      silence_(plan_.connections, plan_.timeout),
      random_(plan_.engine + 1),
      sources_(plan_.sources.size(), plan_.calls.size(), plan_.engine, plan_.engines) {
    const size_t ids = size_t{plan_.connections} + 1;
    if (speaks()) exchanges_ = MappedArray<Exchange>(ids);
    if (plan_.talk == GeneratorPlan::Talk::http) responses_ = MappedArray<HttpResponse>(ids);
    if (plan_.talk == GeneratorPlan::Talk::http && plan_.idempotent) resends_ = MappedArray<Resend>(ids);
}

size_t Generator::memory_bytes() const noexcept {
    const size_t ids = lives_.high_water();
    return lives_.memory_bytes() + (exchanges_.size() != 0 ? ids * sizeof(Exchange) : 0) +
           (responses_.size() != 0 ? ids * sizeof(HttpResponse) : 0);
}

void Generator::start(Instant now) noexcept {
    begin(now);
    start_ = retry_at_ = now;
    silence_.start(now);
    stopped_ = false;
    if (!plan_.open_loop) return;
    schedule_ = Schedule(now, plan_.rate, plan_.ramp);
    due_ = plan_.limit;
    if (plan_.duration <= Duration::zero()) return;
    const uint64_t of_all = schedule_.due_within(plan_.duration);
    due_ = std::min(due_, of_all > plan_.engine ? (of_all - plan_.engine - 1) / plan_.engines + 1 : 0);
}

bool Generator::turn(Stack& stack, Instant now) noexcept {
    begin(now);
    bool busy = stack.begin(now);
    while (const Event* event = stack.next_event()) stack.dispatch(*this, *event);
    busy |= act(stack);
    return stack.end() || busy;
}

bool Generator::act(Stack& stack) noexcept {
    const bool opened = launch(stack);
    if (sweep_ != Sweep::none) end_some(stack);
    if (silence_.is_on()) silence_.turn(now_, [this](uint32_t id, Connection c) { return look(id, c); });
    return opened;
}

void Generator::stop(Instant now) noexcept {
    begin(now);
    if (stopped_) return;
    stopped_ = true;
    end_waiting();
    if (plan_.open_loop) {
        const uint64_t due = std::min(schedule_.due_until(now, plan_.engine, plan_.engines), due_);
        if (due > tally_.offered) {
            tally_.skipped_by[static_cast<size_t>(Skip::late)] += due - tally_.offered;
            tally_.offered = due;
        }
    }
    using enum GeneratorPlan::Talk;
    if (plan_.talk == hold || plan_.talk == stream) sweep_ = Sweep::close;
    sweep_next_ = 0;
}

void Generator::cut() noexcept {
    stopped_ = true;
    sweep_ = Sweep::cut;
    sweep_next_ = 0;
    constexpr double kPatience = 4;
    const double answers_us = std::max(times_.connect.quantile_us(0.99), times_.first_byte.quantile_us(0.99));
    silence_ms_ = std::max(static_cast<uint32_t>(kSilence / 1ms),
                           static_cast<uint32_t>(std::min(kPatience * answers_us / 1e3, 1e9)));
}

/// Whether the peer has been silent for too long, although it is its turn. Asked when a connection is cut.
bool Generator::is_unanswered(const Life& life, bool established) const noexcept {
    const bool is_held = plan_.talk == GeneratorPlan::Talk::hold && established && !life.done;
    return !is_held && tick_ - life.heard > silence_ms_;
}

void Generator::end_some(Stack& stack) noexcept {
    if (sweep_ == Sweep::close && ending_now_ >= kMaxEnding) return;
    sweep_next_ = stack.visit_open(sweep_next_, kEndsPerTurn, [this](Connection c) noexcept {
        Life* life = is_second(c.user_tag()) == plan_.second ? life_of(c) : nullptr;
        if (life == nullptr) return;
        if (sweep_ == Sweep::cut) {
            life->cut = true;
            static_cast<void>(c.abort());
        } else if (!life->done && c.state() == State::established) {
            end(c, *life);
        }
    });
    if (sweep_next_ == 0) sweep_ = Sweep::none;
}

uint32_t Generator::allowed_now() const noexcept {
    if (plan_.open_loop || plan_.ramp <= Duration::zero() || now_ - start_ >= plan_.ramp)
        return plan_.connections;
    const double share =
        static_cast<double>((now_ - start_).count()) / static_cast<double>(plan_.ramp.count());
    return std::max(1u, static_cast<uint32_t>(share * plan_.connections));
}

uint64_t Generator::opens_now() const noexcept {
    if (now_ - start_ >= kSlowStart) return kOpensPerTurn;
    const uint64_t waiting = tally_.pending_now();
    const uint64_t may_wait = tally_.established + kFirstOpens;
    return std::min<uint64_t>(kOpensPerTurn, may_wait - std::min(may_wait, waiting));
}

bool Generator::launch(Stack& stack) noexcept {
    const uint64_t at_most = opens_now();
    handshakes_.advance(tick_);
    return plan_.open_loop ? launch_due(stack, at_most) : launch_more(stack, at_most);
}

/// Open loop: what is due is offered, and skipped if it can't be opened now.
bool Generator::launch_due(Stack& stack, uint64_t at_most) noexcept {
    bool opened = false;
    for (uint64_t n = 0; n < at_most && !stopped_ && tally_.offered < due_; ++n) {
        const Instant due = schedule_.due(tally_.offered * plan_.engines + plan_.engine);
        if (due > now_) break;
        ++tally_.offered;
        times_.slip.record(now_ - due);
        const Skip why = open_one(stack, due);
        if (why == kOpened)
            opened = true;
        else
            ++tally_.skipped_by[static_cast<size_t>(why)];
    }
    return opened;
}

/// Closed loop: as many as there is room for. Without a port or a record it waits for one: nothing was
/// offered.
bool Generator::launch_more(Stack& stack, uint64_t at_most) noexcept {
    bool opened = false;
    for (uint64_t n = 0; n < at_most && !all_offered(); ++n) {
        if (now_ < retry_at_ || lives_.in_use() >= allowed_now()) break;
        if (plan_.handshakes != 0 && handshakes_.under_way() >= plan_.handshakes) break;
        const Skip why = open_one(stack, now_);
        end_waiting();
        if (why != kOpened) {
            retry_at_ = now_ + kRetryAfter;
            if (why == Skip::no_port || why == Skip::no_memory) {
                waits_for_ = why;
                waits_since_ = now_;
            } else {
                ++tally_.offered;
                ++tally_.skipped_by[static_cast<size_t>(why)];
            }
            break;
        }
        ++tally_.offered;
        handshakes_.opened();
        opened = true;
    }
    return opened;
}

void Generator::end_waiting() noexcept {
    if (waits_for_ == Skip::no_port) tally_.no_port_time += now_ - waits_since_;
    if (waits_for_ == Skip::no_memory) tally_.no_memory_time += now_ - waits_since_;
    waits_for_ = Skip::kCount;
}

/// Opens one connection; kOpened, or why it could not be opened.
Skip Generator::open_one(Stack& stack, Instant due) noexcept {
    const uint32_t id = lives_.take();
    if (id == 0) return Skip::concurrency_limit;
    auto call = static_cast<uint32_t>(next_call_);
    if (resends_waiting_ != 0) [[unlikely]]
        call = resends_[resend_first_].call;
    else if (++next_call_ == plan_.calls.size())
        next_call_ = 0;
    ConnectOptions options;
    options.user_tag = id | (plan_.second ? kSecond : 0);
    Error error = Error::no_port;
    for (size_t tries = std::min(plan_.sources.size(), kSourceTries); tries > 0 && error == Error::no_port;
         --tries) {
        options.source = plan_.sources[sources_.next()];
        const auto connection = stack.connect(plan_.calls[call].peer, options);
        if (!connection) {
            error = connection.error();
            continue;
        }
        lives_[id].due = due;
        lives_[id].heard = tick_;
        if (speaks()) begin_exchange(exchanges_[id], call, due);
        if (silence_.is_on()) silence_.watch(id, *connection, now_);
        ++tally_.opened;
        return kOpened;
    }
    lives_.give(id);
    return skip_of(error);
}

void Generator::begin_exchange(Exchange& exchange, uint32_t call, Instant due) noexcept {
    exchange = Exchange{.asked = due, .requests_left = requests_to_make(), .call = call};
    if (resends_waiting_ == 0) [[likely]]
        return;
    const Resend& again = resends_[resend_first_];
    exchange.asked = again.asked;
    exchange.resent = true;
    if (again.alone) exchange.requests_left = 1;
    if (++resend_first_ == resends_.size()) resend_first_ = 0;
    --resends_waiting_;
    ++tally_.resent;
}

uint32_t Generator::requests_to_make() noexcept {
    const auto most = static_cast<uint32_t>(plan_.requests_per_connection);
    if (most == 0) return kNoEnd;
    if (plan_.requests_at_least == 0) return most;
    const auto least = static_cast<uint32_t>(plan_.requests_at_least);
    return least + random_.below(most - least + 1);
}

Skip Generator::skip_of(Error error) noexcept {
    return error == Error::no_port     ? Skip::no_port
           : error == Error::no_memory ? Skip::no_memory
           : error == Error::no_route  ? Skip::no_route
                                       : Skip::refused_by_stack;
}

void Generator::on_open(Connection c) noexcept {
    ++tally_.established;
    Life* found = life_of(c);
    if (found == nullptr) return;
    Life& life = *found;
    life.heard = tick_;
    if (!plan_.open_loop) handshakes_.ended(life.due.tick());
    times_.connect.record(now_ - life.due);
    switch (plan_.talk) {
        case GeneratorPlan::Talk::nothing: end(c, life); return;
        case GeneratorPlan::Talk::tcp:
        case GeneratorPlan::Talk::http: speak(c, exchanges_[id_of(c)]); return;
        case GeneratorPlan::Talk::stream:
        case GeneratorPlan::Talk::hold:
            if (stopped_)
                end(c, life);
            else if (plan_.talk == GeneratorPlan::Talk::stream)
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
    Life* found = life_of(c);
    if (found == nullptr || found->done || found->failure != kNone) return;
    found->heard = tick_;
    switch (plan_.talk) {
        case GeneratorPlan::Talk::tcp:
        case GeneratorPlan::Talk::http: speak(c, exchanges_[id_of(c)]); return;
        case GeneratorPlan::Talk::stream: pump(c); return;
        case GeneratorPlan::Talk::nothing:
        case GeneratorPlan::Talk::hold: return;
    }
}

void Generator::on_data(Connection c, RxView& view) noexcept {
    const uint32_t id = id_of(c);
    if (id == 0) return;
    Life& life = lives_[id];
    if (life.failure != kNone) return;
    life.heard = tick_;
    tally_.received_bytes += view.size();
    if (!speaks()) return;
    Bytes bytes = view;
    Exchange& exchange = exchanges_[id];
    const bool is_first = life.done || exchange.received == 0;
    if (is_first && plan_.talk == GeneratorPlan::Talk::http && bytes.front() <= '\r') [[unlikely]] {
        bytes = after_empty_lines(bytes);
        if (bytes.empty()) return;
    }
    if (life.done) return fail(c, life, Failure::bad_response);
    const Duration waited = now_ - exchange.asked;
    if (is_first) times_.first_byte.record(waited);
    exchange.received += bytes.size();
    if (plan_.talk == GeneratorPlan::Talk::http) return on_response(c, life, id, bytes, is_first);
    if (exchange.received < plan_.response_size) return;
    if (exchange.received > plan_.response_size) return fail(c, life, Failure::bad_response);
    ++tally_.responses;
    times_.last_byte.record(waited);
    response_complete(c, life, exchange, true);
}

/// `is_first`: its first bytes. What comes whole, as most do, is not kept in a record.
void Generator::on_response(Connection c, Life& life, uint32_t id, Bytes bytes, bool is_first) noexcept {
    HttpResponse fresh(plan_.to_head);
    HttpResponse& response = is_first ? fresh : responses_[id];
    uint32_t used = 0;
    switch (response.feed(bytes, used, known_)) {
        case HttpResponse::Outcome::more:
            if (is_first) responses_[id] = fresh;
            return;
        case HttpResponse::Outcome::bad: return fail(c, life, Failure::bad_response);
        case HttpResponse::Outcome::complete: break;
    }
    // One request is in flight: what follows its response was not asked for, unless it is an empty line.
    if (used < bytes.size() && !after_empty_lines(bytes.subspan(used)).empty()) [[unlikely]]
        return fail(c, life, Failure::bad_response);
    if (count_status(life, response.status())) ++tally_.responses;
    times_.last_byte.record(now_ - exchanges_[id].asked);
    // The rest of a request that was answered before it was sent would be taken for the next one.
    Exchange& exchange = exchanges_[id];
    const bool was_sent = exchange.sent == request_of(exchange).size();
    response_complete(c, life, exchange, response.keep_alive() && was_sent);
}

/// Whether it is one that was expected.
bool Generator::count_status(Life& life, unsigned status) noexcept {
    ++tally_.statuses[status - LoadTally::kLeastStatus];
    if (plan_.expected[status]) [[likely]]
        return true;
    life.unexpected = true;
    return false;
}

/// RFC 9112 9.6: a client that has read the last response closes, and does not wait for the server to do so.
void Generator::response_complete(Connection c, Life& life, Exchange& exchange, bool peer_keeps) noexcept {
    if (exchange.requests_left != kNoEnd) --exchange.requests_left;
    if (exchange.requests_left == 0 || !peer_keeps) return end(c, life);
    if (stopped_ && exchange.requests_left == kNoEnd) {
        // Where the server is to close first, one request more asks it to.
        if (plan_.ending != GeneratorPlan::Ending::fin_by_peer || plan_.talk != GeneratorPlan::Talk::http)
            return end(c, life);
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
void Generator::end(Connection c, Life& life) noexcept {
    life.done = true;
    ++ending_now_;
    if (silence_.is_on()) {
        life.heard = tick_;
        silence_.watch(id_of(c), c, now_);
    }
    if (plan_.ending == GeneratorPlan::Ending::rst)
        static_cast<void>(c.abort());
    else if (plan_.ending == GeneratorPlan::Ending::fin)
        // Whoever may still say something is listened to: a text behind close() is answered with a RST.
        static_cast<void>(plan_.talk == GeneratorPlan::Talk::tcp ? c.close() : c.shutdown());
}

/// The connection is no use any more; its end will be counted under this cause.
void Generator::fail(Connection c, Life& life, Failure failure) noexcept {
    life.failure = static_cast<uint8_t>(failure);
    static_cast<void>(c.abort());
}

void Generator::on_peer_fin(Connection c) noexcept {
    Life* found = life_of(c);
    if (found == nullptr) return;
    Life& life = *found;
    if (!life.done && life.failure == kNone) peer_ended(id_of(c), life);
    static_cast<void>(c.close());
}

/// The peer has sent FIN, and not all has been said.
void Generator::peer_ended(uint32_t id, Life& life) noexcept {
    bool is_complete = false;
    if (!speaks()) {
        life.failure = static_cast<uint8_t>(Failure::closed_by_peer);
    } else if (Exchange& exchange = exchanges_[id]; exchange.received == 0) {
        send_again(exchange);
        is_complete = exchange.answered && exchange.requests_left == kNoEnd;
        if (!is_complete) life.failure = static_cast<uint8_t>(Failure::closed_early);
    } else if (plan_.talk == GeneratorPlan::Talk::http &&
               responses_[id].end() == HttpResponse::Outcome::complete) {
        if (count_status(life, responses_[id].status())) ++tally_.responses;
        times_.last_byte.record(now_ - exchange.asked);
        is_complete = true;
    } else {
        life.failure = static_cast<uint8_t>(Failure::short_response);
    }
    if (!is_complete) return;
    life.done = true;
    life.peer_ended = true;
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
    Life& life = lives_[id];
    const bool is_silent_by_plan = !speaks() && plan_.talk != GeneratorPlan::Talk::nothing && !life.done;
    if (is_silent_by_plan && c.state() >= State::established) return Duration::zero();
    const Duration left = silence_.time() - (tick_ - life.heard) * Duration(1ms);
    return left > Duration::zero() ? left : time_out(c, life);
}

/// The peer has been silent for too long.
Duration Generator::time_out(Connection c, Life& life) noexcept {
    const bool is_established = c.state() >= State::established;
    if (life.failure != kNone || life.cut) {
        static_cast<void>(c.abort());
    } else if (!life.done) {
        fail(c, life, is_established ? Failure::response_timeout : Failure::connect_timeout);
    } else if (plan_.talk == GeneratorPlan::Talk::http && c.state() == State::established) {
        // It was asked to close and leaves that to us, as RFC 9112 9.6 allows.
        static_cast<void>(c.close());
        life.heard = tick_;
        return silence_.time();
    } else {
        fail(c, life, Failure::close_timeout);
    }
    return Duration::zero();
}

/// A server that ends a kept connection while the next request is on its way answers that with a RST.
bool Generator::is_reset_between_requests(const Life& life, uint32_t id,
                                          const CloseInfo& why) const noexcept {
    return why.reason == CloseReason::reset_by_peer && life.failure == kNone && !life.done && speaks() &&
           exchanges_[id].received == 0 && exchanges_[id].answered;
}

/// As if its FIN had come before the request was sent (peer_ended).
void Generator::count_reset_between_requests(const Life& life, const Exchange& exchange) noexcept {
    send_again(exchange);
    if (exchange.requests_left == kNoEnd && !life.unexpected) {
        ++tally_.completed;
        times_.life.record(now_ - life.due);
        return;
    }
    ++tally_.failed_after;
    ++tally_.failed_by[static_cast<size_t>(exchange.requests_left == kNoEnd ? Failure::http_status
                                                                            : Failure::closed_early)];
}

void Generator::on_close(Connection, const CloseInfo& why) noexcept {
    const uint32_t id = id_of(why.user_tag);
    Life& life = lives_[id];
    // An end by FIN before all was said has been noticed in on_peer_fin. What a peer that has ended the
    // connection thinks of a request that was on its way is a RST.
    const bool has_ended_well =
        life.done && (why.reason == CloseReason::fin ||
                      (plan_.ending == GeneratorPlan::Ending::rst && why.reason == CloseReason::aborted) ||
                      (life.peer_ended && why.reason == CloseReason::reset_by_peer));
    if (life.done) --ending_now_;
    if (life.cut) {
        ++(why.established ? tally_.unfinished : tally_.pending);
        tally_.unanswered += is_unanswered(life, why.established) ? 1 : 0;
    } else if (life.failure == kNone && !life.unexpected && has_ended_well) {
        ++tally_.completed;
        times_.life.record(now_ - life.due);
    } else if (is_reset_between_requests(life, id, why)) {
        count_reset_between_requests(life, exchanges_[id]);
    } else {
        ++(why.established ? tally_.failed_after : tally_.failed_before);
        ++tally_.failed_by[life.failure != kNone          ? life.failure
                           : life.done && life.unexpected ? static_cast<size_t>(Failure::http_status)
                                                          : static_cast<size_t>(why.reason)];
    }
    if (!plan_.open_loop && !why.established) handshakes_.ended(life.due.tick());
    lives_.give(id);
}

}  // namespace synfin::app
