/// @file
/// Timers: FIFOs for TIME-WAIT, half-open records and delayed ACKs, which wait equally long, and a wheel for
/// the rest.

#include <algorithm>

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::HalfOpen;
using tcp::State;
using tcp::Tcb;

namespace {
bool is_due(uint32_t tick, uint32_t now) noexcept {
    return static_cast<int32_t>(now - tick) >= 0;
}
}  // namespace

/// Moves the wheel to the present. Entries without a deadline behind them are no reason to wake
/// (next_deadline()), so an idle engine may sleep for any time, and its wheel stays behind.
[[gnu::cold, gnu::noinline]] void Connections::follow_silence() noexcept {
    const auto tick_of = [](Instant at) noexcept { return at.ns() / 1'000'000; };
    wheel_.jump(static_cast<uint64_t>(tick_of(now_) - tick_of(timers_ran_at_)));
    timers_ran_at_ = now_;
}

/// Not inlined: it runs once a tick, and begin(), which every segment passes, is large enough.
[[gnu::noinline]] uint32_t Connections::run_timers() noexcept {
    const uint32_t now = core_now_.tick;
    uint32_t fired = 0;
    timers_ran_at_ = now_;
    set_first_limit();
    if (table_.is_growing()) [[unlikely]]
        table_.grow_on(TableRecords{*this}, kGrowthPerTick);
    if (waiting_head_ != 0) [[unlikely]]
        serve_waiting();
    while (const uint32_t index = delayed_acks_.take_due(now)) {
        Tcb& tcb = tcbs_[index];
        if (!tcb.has(tcp::kAckDelayed)) continue;  // the ACK has been sent, or the connection is gone
        tcb.set(tcp::kAckNow);
        want_output(index, tcb);
        counters_.add(Counter::delayed_acks);
        ++fired;
    }
    if (!paced_.empty()) [[unlikely]]
        fired += release_bursts();
    fired = fire_half_opens(fired);
    while (fired < kTimersPerTurn && time_waits_.has_due(now)) {
        const uint32_t index = time_waits_.oldest();
        remove_time_wait(index, table_.hash(time_waits_[index].tuple));
        ++fired;
    }
    const uint32_t cap = kTimersPerTurn - std::min(fired, kTimersPerTurn - 1);
    fired += wheel_.advance(
        now, cap, [this](uint32_t index) noexcept { tcbs_.prefetch(index); },
        [this](uint32_t index) noexcept { return fire(index); });
    return fired + application_timers_.advance(now);
}

/// @return `fired` plus the number of records that fired here.
uint32_t Connections::fire_half_opens(uint32_t fired) noexcept {
    const uint32_t now = core_now_.tick;
    for (unsigned queue = 0; queue < HalfOpens::kQueues; ++queue) {
        while (fired < kTimersPerTurn) {
            const uint32_t index = half_opens_.due_in(queue, now);
            if (index == 0) break;
            HalfOpen& h = half_opens_[index];
            bool expired = false;
            ++fired;
            const bool again = tcp::on_half_open_deadline(h, context(), expired);
            if (expired) {
                counters_.add(Counter::half_open_expired);
                free_half_open(index, table_.hash(h.tuple));
                continue;
            }
            half_opens_.requeue(index);
            // In a full backlog a record with a cookie may yield as soon as its SYN-ACK has been sent again.
            // A client whose ACK and request were lost would answer with an ACK behind its request, from
            // which no cookie can be verified, and be reset. Without that SYN-ACK the client sends its
            // request again, or its SYN.
            const bool is_crowded = 4 * half_opens_.backlog() > 3 * config_.max_half_open;
            if (!again || (h.is_cookie && is_crowded)) continue;
            counters_.add(Counter::syn_retransmitted);
            counters_.add(Counter::retransmitted);
            send_syn_ack(h, remote6_of(h.tuple, handle(Kind::half_open, index)));
        }
    }
    return fired;
}

bool Connections::timers_behind() const noexcept {
    const uint32_t now = core_now_.tick;
    return wheel_.is_behind(now) || application_timers_.is_behind(now) || half_opens_.has_due(now) ||
           time_waits_.has_due(now) || has_paced();
}

/// A wheel entry has fired. It may be early: the deadline in the control block decides.
std::optional<uint32_t> Connections::fire(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    if (tcb.state() == State::closed || tcb.deadline == tcp::kNoDeadline) return std::nullopt;
    if (!is_due(tcb.deadline, core_now_.tick)) return tcb.deadline;
    if (tcb.flow == 0 && tcp::needs_flow_at_timeout(tcb, params_)) {
        tcp::Flow& flow = need_flow(tcb);
        if (tcb.in_flight() == 0) flow.set(tcp::kKeepalive);  // for keepalive probes: keep it
    }
    if (tcp::wants_recovery_at_timeout(tcb)) need_recovery_at_timeout(tcb);
    uint32_t user_timeout = params_.user_timeout;
    if (const Cold* cold = cold_of(tcb); cold != nullptr && cold->user_timeout != 0)
        user_timeout = cold->user_timeout;
    context_.scarce = are_records_scarce() || blocks_.is_half_used();
    const bool is_rto = tcb.snd.una != tcb.snd.nxt && tcb.deadline_kind != tcp::DeadlineKind::reorder &&
                        tcb.deadline_kind != tcp::DeadlineKind::tail_loss_probe;
    const uint32_t generation = generation_of(index);
    Effects fx;
    tcp::on_deadline(conn_of(tcb), user_timeout, context(), fx);
    settle_recovery(tcb);
    if (is_rto && fx.output) counters_.add(Counter::rto_expirations);
    perform(index, {}, fx);
    if (generation_of(index) != generation || tcb.state() == State::closed ||
        tcb.deadline == tcp::kNoDeadline)
        return std::nullopt;
    return tcb.deadline;
}

std::optional<Instant> Connections::next_deadline() noexcept {
    std::optional<Instant> first;
    if (const auto tick = next_timer_tick()) {
        const auto ahead = std::max(static_cast<int32_t>(*tick - core_now_.tick), 0);
        first = Instant::from_ns((now_.ns() / 1'000'000 + ahead) * 1'000'000);
    }
    if (const auto due_us = paced_.first_due_us()) {
        const auto ahead = std::max(static_cast<int32_t>(*due_us - core_now_.us), 0);
        const Instant at = Instant::from_ns((now_.ns() / 1'000 + ahead) * 1'000);
        if (!first || at < *first) first = at;
    }
    return first;
}

std::optional<uint32_t> Connections::next_timer_tick() noexcept {
    const uint32_t now = core_now_.tick;
    std::optional<uint32_t> best;
    auto consider = [&](uint32_t tick) {
        if (!best || static_cast<int32_t>(tick - *best) < 0) best = tick;
    };
    for (uint32_t i = 1; i <= tcbs_.high_water(); ++i)
        if (tcbs_[i].state() != State::closed && tcbs_[i].deadline != tcp::kNoDeadline)
            consider(tcbs_[i].deadline);
    delayed_acks_.for_each([&](uint32_t index, uint32_t due_tick) noexcept {
        if (!tcbs_[index].has(tcp::kAckDelayed)) return true;
        consider(due_tick);
        return false;
    });
    half_opens_.for_each_first(consider);
    if (waiting_head_ != 0 && blocks_.left() != 0) consider(now + 1);
    if (const auto tick = application_timers_.next_tick()) consider(*tick);
    if (const uint32_t oldest = time_waits_.oldest(); oldest != 0)
        consider(now + static_cast<uint32_t>(std::max(time_waits_.remaining(oldest, now), 0)));
    return best;
}

void Connections::remove_time_wait(uint32_t index, uint32_t hash) noexcept {
    const Tuple tuple = time_waits_[index].tuple;
    table_.erase(hash, handle(Kind::time_wait, index));
    time_waits_.remove(index);
    release_port(tuple, handle(Kind::time_wait, index));
}

/// Frees only the record: the table has another handle for the tuple, or none any more.
void Connections::release_half_open(uint32_t index) noexcept {
    const HalfOpen& record = half_opens_[index];
    if (!record.is_paid) listeners_.give_place(record.listener);
    half_opens_.remove(index);
}

void Connections::free_half_open(uint32_t index, uint32_t hash) noexcept {
    const Tuple tuple = half_opens_[index].tuple;
    table_.erase(hash, handle(Kind::half_open, index));
    release_half_open(index);
    release_port(tuple, handle(Kind::half_open, index));
}

[[gnu::cold, gnu::noinline]] void Connections::forget_refusal(const Tuple& tuple, uint32_t handle) noexcept {
    if (is_v6(tuple))
        ports_.note_release(tuple, peers6_[handle]);
    else
        ports_.note_release(tuple);
}

}  // namespace synfin::stack
