#include "stack/application_timers.hh"

#include <algorithm>

#include "synfin/tcp_config.hh"

namespace synfin::stack {

Result<TimerId> ApplicationTimers::after(Instant now, Duration delay, uint64_t tag) noexcept {
    if (delay.count() < 0 || delay > kMaxDuration) return Error::invalid;
    const uint32_t index = records_.alloc();
    if (index == 0) return Error::no_memory;
    // The timer fires in the first tick at or after its time, never early. It never fires in the present
    // tick, so that a handler that sets a timer of 0 again and again cannot keep a turn from ending.
    constexpr int64_t kTick = 1'000'000;
    const int64_t at = ((now + delay).ns() + kTick - 1) / kTick;
    Record& record = records_[index];
    record.tag = tag;
    record.deadline = static_cast<uint32_t>(std::max(at, now.ns() / kTick + 1));
    record.phase = Phase::set;
    wheel_.arm(index, record.deadline);
    return TimerId{index, record.generation};
}

Result<void> ApplicationTimers::cancel(TimerId id) noexcept {
    if (id.index == 0 || id.index > records_.high_water()) return Error::gone;
    Record& record = records_[id.index];
    if (record.generation != id.generation) return Error::gone;
    switch (record.phase) {
        case Phase::free:
        case Phase::cancelled: return Error::gone;
        case Phase::set:
            ++record.generation;
            free(id.index);
            return {};
        case Phase::due:
            ++record.generation;
            record.phase = Phase::cancelled;
            return {};
    }
    return Error::gone;
}

uint32_t ApplicationTimers::advance(uint32_t now_tick) noexcept {
    return wheel_.advance(now_tick, kFiresPerTurn, [&](uint32_t index) noexcept -> std::optional<uint32_t> {
        Record& record = records_[index];
        if (record.phase != Phase::set) return std::nullopt;  // the timer was cancelled
        if (!TimerWheel::is_at_or_before(record.deadline, now_tick)) return record.deadline;
        record.phase = Phase::due;
        record.next = 0;
        (due_head_ != 0 ? records_[due_tail_].next : due_head_) = index;
        due_tail_ = index;
        return std::nullopt;
    });
}

std::optional<uint64_t> ApplicationTimers::take_due() noexcept {
    while (due_head_ != 0) {
        const uint32_t index = due_head_;
        Record& record = records_[index];
        due_head_ = record.next;
        const bool is_told = record.phase == Phase::due;
        const uint64_t tag = record.tag;
        if (is_told) ++record.generation;
        free(index);
        if (is_told) return tag;
    }
    return std::nullopt;
}

}  // namespace synfin::stack
