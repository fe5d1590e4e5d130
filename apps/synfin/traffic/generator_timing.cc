/// @file
/// When a generator's connections send their requests: after a think time, at intervals, or at a rate.

#include <algorithm>

#include "generator.hh"

namespace synfin::app {

namespace {
/// The most requests that one turn sends by the clock, so that received packets need not wait. The others
/// keep their intended times.
constexpr uint32_t kRequestsPerTurn = 64;
}  // namespace

/// The connection is established.
void Generator::first_request(Connection c, ConnectionRecord& record, uint32_t id) noexcept {
    Exchange& exchange = exchanges_[id];
    if (stopped_ && exchange.requests_left == kNoEnd) return end_between_requests(c, record, exchange);
    switch (plan_.timing) {
        case Timing::heartbeat: {
            // Multiples of the golden ratio are evenly spread, however many connections there are.
            constexpr uint64_t kGolden = 0x9e3779b9;
            const auto interval = static_cast<uint64_t>(plan_.heartbeat.count());
            const auto phase = Duration(static_cast<int64_t>(
                (static_cast<double>(id * kGolden & 0xffffffff) / 0x1p32) * static_cast<double>(interval)));
            const Duration since = (now_ - start_) % plan_.heartbeat;
            return rest_until(id,
                              now_ - since + phase + (phase < since ? plan_.heartbeat : Duration::zero()));
        }
        case Timing::arrivals:
            if (!exchange.resent) return next_request(c, record, id);
            [[fallthrough]];
        case Timing::answers:
        case Timing::think: return speak(c, exchange);
    }
}

/// The connection has had its answer, and may send another request.
void Generator::next_request(Connection c, ConnectionRecord& record, uint32_t id) noexcept {
    switch (plan_.timing) {
        case Timing::answers: return speak(c, exchanges_[id]);
        case Timing::think: {
            const auto most = static_cast<uint64_t>(due_list_.most().count());
            return rest_until(id, now_ + Duration(static_cast<int64_t>(think_.draw(random_, most))));
        }
        case Timing::heartbeat: {
            // An interval that has passed while the answer was outstanding keeps its time.
            const Instant due = due_list_.due(id) + plan_.heartbeat;
            if (due > now_ || stopped_) return rest_until(id, std::max(due, now_));
            due_list_.set_due(id, due);
            ++tally_.requests_waited;
            ++tally_.requests_due;
            times_.slip.record(std::min(behind_, now_ - due));
            return request_due(c, record, id, due);
        }
        case Timing::arrivals: break;
    }
    if (stopped_) return end_between_requests(c, record, exchanges_[id]);
    const Instant due = arrivals_.next();
    if (due > now_ || !idle_.empty()) return rest(id);
    // The request waited for an answer, which the target owed. Of its delay, this end caused at most what the
    // one before had.
    arrivals_.take();
    ++tally_.requests_due;
    ++tally_.requests_waited;
    behind_ = std::min(behind_, now_ - due);
    times_.slip.record(behind_);
    request_due(c, record, id, due);
}

/// Sends a request. Its latencies count from `due`.
void Generator::request_due(Connection c, ConnectionRecord& record, uint32_t id, Instant due) noexcept {
    Exchange& exchange = exchanges_[id];
    exchange.asked = due;
    record.heard = tick_;
    speak(c, exchange);
}

void Generator::rest(uint32_t id) noexcept {
    exchanges_[id].resting = true;
    if (idle_.empty()) idle_since_ = now_;
    idle_.push(id);
}

void Generator::rest_until(uint32_t id, Instant due) noexcept {
    Exchange& exchange = exchanges_[id];
    exchange.resting = exchange.timed = true;
    due_list_.add(id, due);
}

/// Ends the rest of a connection.
void Generator::end_rest(uint32_t id) noexcept {
    exchanges_[id].resting = false;
    if (has(Timing::arrivals))
        idle_.remove(id);
    else
        due_list_.remove(id);
}

/// Sends requests whose time has come. Returns whether there were any.
bool Generator::send_due() noexcept {
    if (has(Timing::arrivals)) return send_arrivals();
    const auto prefetch = [this](uint32_t id) noexcept {
        __builtin_prefetch(&handles_[id]);
        __builtin_prefetch(&exchanges_[id]);
        __builtin_prefetch(&records_[id]);
    };
    return due_list_.turn(now_, kRequestsPerTurn, prefetch, [this](uint32_t id) noexcept {
        exchanges_[id].resting = false;
        ConnectionRecord& record = records_[id];
        if (record.done || record.failure != kNone || record.cut) return;
        const Instant due = due_list_.due(id);
        behind_ = now_ - due;
        times_.slip.record(behind_);
        if (has(Timing::heartbeat)) ++tally_.requests_due;
        request_due(connection_of(id), record, id, due);
    });
}

bool Generator::send_arrivals() noexcept {
    bool any = false;
    for (uint32_t left = kRequestsPerTurn; left != 0 && !idle_.empty() && !stopped_; --left) {
        const Instant due = arrivals_.next();
        if (due > now_) break;
        const uint32_t id = idle_.pop();
        exchanges_[id].resting = false;
        ConnectionRecord& record = records_[id];
        if (record.done || record.failure != kNone || record.cut) continue;
        arrivals_.take();
        ++tally_.requests_due;
        behind_ = now_ - std::max(due, idle_since_);
        times_.slip.record(behind_);
        request_due(connection_of(id), record, id, due);
        any = true;
    }
    return any;
}

/// After stop(): ends a connection that owes and is owed nothing.
void Generator::end_between_requests(Connection c, ConnectionRecord& record, Exchange& exchange) noexcept {
    if (plan_.ending != GeneratorPlan::Ending::fin_by_peer || plan_.purpose != GeneratorPlan::Purpose::http)
        return end(c, record);
    // One more request asks the server to close first.
    if (exchange.resting) end_rest(id_of(c));
    exchange.requests_left = 1;
    request_due(c, record, id_of(c), now_);
}

/// A connection has ended. Returns whether it was resting.
bool Generator::leave(uint32_t id, bool was_established) noexcept {
    const Exchange& exchange = exchanges_[id];
    const bool was_resting = exchange.resting;
    if (was_resting) end_rest(id);
    if (was_established && exchange.timed && has(Timing::heartbeat)) count_missed(id, was_resting);
    return was_resting;
}

/// Counts the requests that were due and not sent by the end.
void Generator::count_unsent(uint64_t requests, Instant first_due) noexcept {
    if (requests == 0) return;
    uint64_t late = requests;
    if (idle_.empty() && behind_ < now_ - first_due) {
        const double share =
            static_cast<double>(behind_.count()) / static_cast<double>((now_ - first_due).count());
        late = static_cast<uint64_t>(share * static_cast<double>(requests));
    }
    tally_.requests_due += requests;
    tally_.requests_late += late;
    tally_.requests_busy += requests - late;
}

/// Counts the heartbeats of a connection that were due before it ended and were not sent: because its answer
/// was outstanding, or because this end was late.
void Generator::count_missed(uint32_t id, bool was_resting) noexcept {
    const Instant until = stopped_ ? std::min(stopped_at_, now_) : now_;
    const Instant next = due_list_.due(id) + (was_resting ? Duration::zero() : plan_.heartbeat);
    if (next >= until) return;
    const auto missed = static_cast<uint64_t>((until - next - 1ns) / plan_.heartbeat) + 1;
    tally_.requests_due += missed;
    (was_resting ? tally_.requests_late : tally_.requests_busy) += missed;
}

}  // namespace synfin::app
