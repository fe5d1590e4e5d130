/// @file
/// Time: two FIFOs for what always takes equally long, one for delayed ACKs, and the wheel for the rest.

#include <algorithm>

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::HalfOpen;
using tcp::State;
using tcp::Tcb;
using tcp::TimeWait;

namespace {
bool is_due(uint32_t tick, uint32_t now) noexcept {
    return static_cast<int32_t>(now - tick) >= 0;
}
}  // namespace

/// Not inlined: once a tick, and begin(), which takes each segment's way in, is large enough.
[[gnu::noinline]] uint32_t Connections::run_timers() noexcept {
    const uint32_t now = core_now_.tick;
    uint32_t fired = 0;
    if (table_.is_growing()) [[unlikely]]
        table_.grow_on(TableRecords{*this}, kGrowthPerTick);
    if (waiting_head_ != 0) [[unlikely]]
        serve_waiting();
    const uint32_t mask = static_cast<uint32_t>(delayed_acks_.size()) - 1;
    while (delayed_head_ != delayed_tail_ && is_due(delayed_acks_[delayed_head_ & mask].due, now)) {
        const uint32_t index = delayed_acks_[delayed_head_++ & mask].index;
        Tcb& tcb = tcbs_[index];
        if (!tcb.has(tcp::kAckDelayed)) continue;  // it rode on something, or the connection is gone
        tcb.set(tcp::kAckNow);
        want_output(index, tcb);
        counters_.add(Counter::delayed_acks);
        ++fired;
    }
    fired = fire_half_opens(fired);
    while (time_wait_head_ != 0 && fired < kTimersPerTurn &&
           time_wait_expiries_[time_wait_head_].remaining(now) <= 0) {
        const uint32_t index = time_wait_head_;
        remove_time_wait(index, table_.hash(time_waits_[index].tuple));
        ++fired;
    }
    const uint32_t cap = kTimersPerTurn - std::min(fired, kTimersPerTurn - 1);
    fired += wheel_.advance(
        now, cap, [this](uint32_t index) noexcept { tcbs_.prefetch(index); },
        [this](uint32_t index) noexcept { return fire(index); });
    return fired + application_timers_.advance(now);
}

/// @return how many have fired in this turn, with those before.
uint32_t Connections::fire_half_opens(uint32_t fired) noexcept {
    const uint32_t now = core_now_.tick;
    for (const HalfOpenQueue& queue : half_open_queues_) {
        while (queue.head != 0 && fired < kTimersPerTurn && is_due(due(half_opens_[queue.head]), now)) {
            const uint32_t index = queue.head;
            HalfOpen& h = half_opens_[index];
            bool expired = false;
            ++fired;
            const bool again = tcp::on_half_open_deadline(h, context(), expired);
            if (expired) {
                counters_.add(Counter::half_open_expired);
                free_half_open(index, table_.hash(h.tuple));
                continue;
            }
            unlink_half_open(index);
            link_half_open(index);
            if (!again) continue;
            counters_.add(Counter::syn_retransmitted);
            counters_.add(Counter::retransmitted);
            send_syn_ack(h);
        }
    }
    return fired;
}

bool Connections::timers_behind() const noexcept {
    const uint32_t now = core_now_.tick;
    for (const HalfOpenQueue& queue : half_open_queues_)
        if (queue.head != 0 && is_due(due(half_opens_[queue.head]), now)) return true;
    return wheel_.is_behind(now) || application_timers_.is_behind(now) ||
           (time_wait_head_ != 0 && time_wait_expiries_[time_wait_head_].remaining(now) <= 0);
}

/// An entry of the wheel has come up. It may be early: what counts is the deadline in the control block.
std::optional<uint32_t> Connections::fire(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    if (tcb.state() == State::closed || tcb.deadline == tcp::kNoDeadline) return std::nullopt;
    if (!is_due(tcb.deadline, core_now_.tick)) return tcb.deadline;
    if (tcb.flow == 0 && tcp::needs_flow_at_timeout(tcb, params_)) {
        tcp::Flow& flow = need_flow(tcb);
        if (tcb.in_flight() == 0) flow.set(tcp::kKeepalive);  // made for its probes: nothing to give up yet
    }
    if (tcp::wants_recovery_at_timeout(tcb)) need_recovery(tcb);
    uint32_t user_timeout = params_.user_timeout;
    if (const Cold* cold = cold_of(tcb); cold != nullptr && cold->user_timeout != 0)
        user_timeout = cold->user_timeout;
    context_.scarce = are_records_scarce() || blocks_.is_half_used();
    const bool in_flight = tcb.snd.una != tcb.snd.nxt;
    const uint32_t generation = generation_of(index);
    Effects fx;
    tcp::on_deadline(conn_of(tcb), user_timeout, context(), fx);
    settle_recovery(tcb);
    if (in_flight && fx.output) counters_.add(Counter::rto_expirations);
    perform(index, {}, fx);
    if (generation_of(index) != generation || tcb.state() == State::closed ||
        tcb.deadline == tcp::kNoDeadline)
        return std::nullopt;
    return tcb.deadline;
}

std::optional<Instant> Connections::next_deadline() noexcept {
    const auto tick = next_timer_tick();
    if (!tick) return std::nullopt;
    const auto ahead = std::max(static_cast<int32_t>(*tick - core_now_.tick), 0);
    return Instant::from_ns((now_.ns() / 1'000'000 + ahead) * 1'000'000);
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
    const uint32_t mask = static_cast<uint32_t>(delayed_acks_.size()) - 1;
    for (uint32_t i = delayed_head_; i != delayed_tail_; ++i)
        if (tcbs_[delayed_acks_[i & mask].index].has(tcp::kAckDelayed)) {
            consider(delayed_acks_[i & mask].due);
            break;
        }
    for (const HalfOpenQueue& queue : half_open_queues_)
        if (queue.head != 0) consider(due(half_opens_[queue.head]));
    if (waiting_head_ != 0 && blocks_.left() != 0) consider(now + 1);
    if (const auto tick = application_timers_.next_tick()) consider(*tick);
    if (time_wait_head_ != 0)
        consider(now +
                 static_cast<uint32_t>(std::max(time_wait_expiries_[time_wait_head_].remaining(now), 0)));
    return best;
}

void Connections::link_time_wait(uint32_t index) noexcept {
    TimeWait& record = time_waits_[index];
    record.prev = time_wait_tail_ & kIndexMask;
    record.next = 0;
    (time_wait_tail_ != 0 ? time_waits_[time_wait_tail_].next : time_wait_head_) = index;
    time_wait_tail_ = index;
}

void Connections::unlink_time_wait(uint32_t index) noexcept {
    const TimeWait& record = time_waits_[index];
    (record.prev != 0 ? time_waits_[record.prev].next : time_wait_head_) = record.next;
    if (record.next != 0)
        time_waits_[record.next].prev = record.prev;
    else
        time_wait_tail_ = record.prev;
}

void Connections::remove_time_wait(uint32_t index, uint32_t hash) noexcept {
    const Tuple tuple = time_waits_[index].tuple;
    unlink_time_wait(index);
    table_.erase(hash, handle(Kind::time_wait, index));
    time_waits_.free(index);
    ports_.note_release(tuple);
}

void Connections::link_half_open(uint32_t index) noexcept {
    HalfOpen& h = half_opens_[index];
    const unsigned level = std::min<unsigned>(h.resent, kHalfOpenLevels - 1);
    h.queue = static_cast<uint8_t>(level + (h.is_paid ? kHalfOpenLevels : 0));
    HalfOpenQueue& queue = half_open_queues_[h.queue];
    h.prev = queue.tail;
    h.next = 0;
    (queue.tail != 0 ? half_opens_[queue.tail].next : queue.head) = index;
    queue.tail = index;
}

void Connections::unlink_half_open(uint32_t index) noexcept {
    const HalfOpen& h = half_opens_[index];
    HalfOpenQueue& queue = half_open_queues_[h.queue];
    (h.prev != 0 ? half_opens_[h.prev].next : queue.head) = h.next;
    (h.next != 0 ? half_opens_[h.next].prev : queue.tail) = h.prev;
}

/// The record alone: the table has another handle for the tuple, or none any more.
void Connections::release_half_open(uint32_t index) noexcept {
    const HalfOpen& record = half_opens_[index];
    paid_half_opens_ -= record.is_paid;
    listeners_[record.listener].places += !record.is_paid;
    unlink_half_open(index);
    half_opens_.free(index);
}

void Connections::free_half_open(uint32_t index, uint32_t hash) noexcept {
    const Tuple tuple = half_opens_[index].tuple;
    table_.erase(hash, handle(Kind::half_open, index));
    release_half_open(index);
    ports_.note_release(tuple);
}

}  // namespace synfin::stack
