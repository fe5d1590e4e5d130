#include "generator.hh"

#include <algorithm>
#include <utility>

namespace synfin::app {

namespace {
/// The most connections that one turn opens, so that received packets need not wait. The others keep their
/// due times.
constexpr unsigned kOpensPerTurn = 32;
/// How long a closed loop waits after a refusal. The pools do not change sooner.
constexpr Duration kRetryAfter = 1ms;
/// Slow start: for kSlowStart, at most this many more handshakes wait for an answer than have been answered.
/// Both hosts may still resolve each other's MAC address, and packets beyond net::Neighbours::kMaxHeld would
/// be dropped and sent again a second later. A host that has not answered after kSlowStart does not answer.
constexpr uint64_t kFirstOpens = 4;
constexpr Duration kSlowStart = 500ms;
/// The most connections that a turn ends after stop(), and the most that may be closing at once. With more,
/// FINs would queue until they are retransmitted.
constexpr uint32_t kEndsPerTurn = 32;
constexpr uint32_t kMaxEnding = 512;
/// How many source addresses are tried before a connection is skipped.
constexpr size_t kSourceTries = 8;

std::vector<IpAddress> targets_of(const GeneratorPlan& plan) {
    std::vector<IpAddress> all;
    for (const GeneratorPlan::Call& call : plan.calls) all.push_back(call.peer.addr);
    return all;
}
}  // namespace

std::vector<uint8_t> pattern_request(uint64_t size) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>('a' + i % 26);
    return bytes;
}

Generator::Generator(GeneratorPlan plan, uint32_t place)
    : plan_(std::move(plan)),
      place_(uint64_t{place} << 32),
      records_(plan_.connections),
      silence_(plan_.connections, plan_.timeout),
      random_(plan_.seed + plan_.engine),
      sources_(plan_.sources, targets_of(plan_), plan_.engine, plan_.engines) {
    const size_t ids = size_t{plan_.connections} + 1;
    if (speaks()) exchanges_ = MappedArray<Exchange>(ids);
    if (plan_.purpose == GeneratorPlan::Purpose::http) responses_ = MappedArray<HttpResponse>(ids);
    if (plan_.purpose == GeneratorPlan::Purpose::http && plan_.idempotent)
        resends_ = MappedArray<Resend>(ids);
    if (plan_.purpose == GeneratorPlan::Purpose::steps)
        talks_ =
            std::make_unique<Talks>(plan_.steps, plan_.connections, plan_.verify, plan_.seed + plan_.engine);
    if (has(Timing::answers)) return;
    handles_ = MappedArray<Handle>(ids);
    think_ = Sampler(plan_.think);
    if (has(Timing::arrivals)) idle_ = IdleQueue(plan_.connections);
    // Most of the times of a distribution without an end are below four times its mean.
    if (has(Timing::think))
        due_list_ = DueList(plan_.connections, Duration(static_cast<int64_t>(4 * plan_.think.mean())));
    if (has(Timing::heartbeat)) due_list_ = DueList(plan_.connections, plan_.heartbeat);
}

size_t Generator::memory_bytes() const noexcept {
    const size_t ids = records_.high_water();
    return records_.memory_bytes() + (exchanges_.size() != 0 ? ids * sizeof(Exchange) : 0) +
           (responses_.size() != 0 ? ids * sizeof(HttpResponse) : 0) +
           (talks_ != nullptr ? talks_->memory_bytes(ids) : 0) +
           (has(Timing::answers) ? 0 : ids * (sizeof(Handle) + (has(Timing::arrivals) ? 8 : 12)));
}

void Generator::start(Instant now) noexcept {
    begin(now);
    start_ = retry_at_ = now;
    silence_.start(now);
    if (talks_ != nullptr) talks_->start(now);
    stopped_ = false;
    due_list_.start(now);
    const uint64_t limit = plan_.open_loop || plan_.limit == 0 ? plan_.limit : GeneratorPlan::kUnlimited;
    if (plan_.open_loop || has(Timing::arrivals))
        arrivals_ = Arrivals(arrival_plan(), now, limit, plan_.duration);
}

ArrivalPlan Generator::arrival_plan() const {
    return {.pattern = plan_.pattern,
            .times = plan_.trace,
            .rate = plan_.rate,
            .ramp = plan_.ramp,
            .engine = plan_.engine,
            .engines = plan_.engines,
            .seed = plan_.seed};
}

bool Generator::turn(Stack& stack, Instant now) noexcept {
    begin(now);
    bool busy = stack.begin(now);
    while (const Event* event = stack.next_event()) stack.dispatch(*this, *event);
    busy |= act(stack);
    return stack.end() || busy;
}

bool Generator::act(Stack& stack) noexcept {
    bool busy = launch(stack);
    if (!has(Timing::answers)) busy |= send_due();
    if (sweep_ != Sweep::none) end_some(stack);
    if (talks_ != nullptr) talks_->turn(now_, [this](uint32_t id, Connection c) { wake(id, c); });
    if (silence_.is_on()) silence_.turn(now_, [this](uint32_t id, Connection c) { return look(id, c); });
    return busy;
}

void Generator::stop(Instant now, Duration over) noexcept {
    begin(now);
    pace_for_ = over;
    if (stopped_) return;
    pace_from_ = now;
    paced_ = tally_.open_now();
    stopped_ = true;
    end_waiting();
    stopped_at_ = now;
    const Instant next = arrivals_.next();
    const uint64_t late = arrivals_.take_until(now);
    if (has(Timing::arrivals)) {
        count_unsent(late, next);
    } else {
        tally_.offered += late;
        tally_.skipped_by[static_cast<size_t>(Skip::late)] += late;
    }
    using enum GeneratorPlan::Purpose;
    if (plan_.purpose == hold || plan_.purpose == stream || !has(Timing::answers)) sweep_ = Sweep::close;
    sweep_next_ = 0;
}

void Generator::cut(double answers_us) noexcept {
    stopped_ = true;
    sweep_ = Sweep::cut;
    sweep_next_ = 0;
    constexpr double kPatience = 4;
    answers_us =
        std::max({answers_us, times_.connect.quantile_us(0.99), times_.first_byte.quantile_us(0.99)});
    silence_ms_ = std::max(static_cast<uint32_t>(kSilence / 1ms),
                           static_cast<uint32_t>(std::min(kPatience * answers_us / 1e3, 1e9)));
}

/// Whether the peer owes an answer and has been silent for too long. Called when a connection is cut.
bool Generator::is_unanswered(const ConnectionRecord& record, bool established) const noexcept {
    const bool is_held = plan_.purpose == GeneratorPlan::Purpose::hold && established && !record.done;
    return !is_held && tick_ - record.heard > silence_ms_;
}

/// After stop(): how many connections may be ended now, so that they end evenly.
uint64_t Generator::may_end() const noexcept {
    if (now_ - pace_from_ >= pace_for_) return GeneratorPlan::kUnlimited;
    const double share =
        static_cast<double>((now_ - pace_from_).count()) / static_cast<double>(pace_for_.count());
    const auto by_now = static_cast<uint64_t>(share * static_cast<double>(paced_));
    return by_now - std::min(by_now, pace_ended_);
}

void Generator::end_some(Stack& stack) noexcept {
    if (sweep_ == Sweep::close && ending_now_ >= kMaxEnding) return;
    const uint64_t at_most =
        sweep_ == Sweep::cut ? kEndsPerTurn : std::min<uint64_t>(may_end(), kEndsPerTurn);
    if (at_most == 0) return;
    sweep_next_ =
        stack.visit_open(sweep_next_, static_cast<uint32_t>(at_most), [this](Connection c) noexcept {
            ConnectionRecord* record =
                uint64_t{place_of(c.user_tag())} << 32 == place_ ? record_of(c) : nullptr;
            if (record == nullptr) return;
            if (sweep_ == Sweep::cut) {
                record->cut = true;
                static_cast<void>(c.abort());
            } else if (record->done || c.state() != State::established) {
                return;
            } else if (speaks()) {
                if (Exchange& exchange = exchanges_[id_of(c)]; ends_now(exchange)) {
                    ++pace_ended_;
                    end_between_requests(c, *record, exchange);
                }
            } else {
                ++pace_ended_;
                end(c, *record);
            }
        });
    if (sweep_next_ == 0) sweep_ = Sweep::none;
}

uint32_t Generator::allowed_now() const noexcept {
    if (plan_.open_loop || has(Timing::arrivals) || plan_.ramp <= Duration::zero() ||
        now_ - start_ >= plan_.ramp)
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

/// Open loop: offers the connections that are due, and skips those that can't be opened now.
bool Generator::launch_due(Stack& stack, uint64_t at_most) noexcept {
    bool opened = false;
    for (uint64_t n = 0; n < at_most && !stopped_; ++n) {
        const Instant due = arrivals_.next();
        if (due > now_) break;
        arrivals_.take();
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

/// Closed loop: opens as many connections as the limits allow. Without a free port or record it waits and
/// offers nothing.
bool Generator::launch_more(Stack& stack, uint64_t at_most) noexcept {
    bool opened = false;
    for (uint64_t n = 0; n < at_most && !all_offered(); ++n) {
        if (now_ < retry_at_ || records_.in_use() >= allowed_now()) break;
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

/// Opens one connection. Returns kOpened, or the reason for not opening it.
Skip Generator::open_one(Stack& stack, Instant due) noexcept {
    const uint32_t id = records_.take();
    if (id == 0) return Skip::concurrency_limit;
    auto call = static_cast<uint32_t>(next_call_);
    if (resends_waiting_ != 0) [[unlikely]]
        call = resends_[resend_first_].call;
    else if (++next_call_ == plan_.calls.size())
        next_call_ = 0;
    ConnectOptions options;
    options.user_tag = tag_of(id);
    SourceSets::Set& sources = sources_.of(call);
    size_t tries = std::min(sources.size(), kSourceTries);
    Error error = tries == 0 ? Error::no_route : Error::no_port;
    for (; tries > 0 && error == Error::no_port; --tries) {
        options.source = sources.next();
        const auto connection = stack.connect(plan_.calls[call].peer, options);
        if (!connection) {
            error = connection.error();
            continue;
        }
        records_[id].due = due;
        records_[id].heard = tick_;
        if (speaks())
            begin_exchange(exchanges_[id], call, due);
        else if (talks_ != nullptr)
            talks_->begin(id, due);
        if (!has(Timing::answers)) {
            handles_[id] = {connection->index(), connection->generation()};
            owner_ = connection->owner();
        }
        if (silence_.is_on()) silence_.watch(id, *connection, now_);
        ++tally_.opened;
        return kOpened;
    }
    records_.give(id);
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

}  // namespace synfin::app
