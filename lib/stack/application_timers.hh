#pragma once
/// @file
/// ApplicationTimers: the timers that the application has set on one engine (Stack::after).

#include <cstdint>
#include <optional>

#include "base/record_pool.hh"
#include "synfin/event.hh"
#include "synfin/result.hh"
#include "synfin/units.hh"
#include "time/timer_wheel.hh"

namespace synfin::stack {

/// One record for each timer; the wheel holds at most one entry for each record, which cancel() leaves there.
/// A timer that has fired waits in a FIFO until its event is delivered; cancel() still works then.
/// @note cost: O(1) each; 24 bytes plus a wheel entry of 16 bytes, for the largest number of timers that were
/// ever set at once.
class ApplicationTimers {
  public:
    /// @param capacity timers that may be set at once.
    ApplicationTimers(uint32_t capacity, uint32_t now_tick)
        : records_(capacity), wheel_(capacity + 1, now_tick) {}

    /// @param delay 0 to kMaxDuration. Errors: invalid (outside), no_memory (`capacity` are set).
    Result<TimerId> after(Instant now, Duration delay, uint64_t tag) noexcept;
    /// Errors: gone (its event was delivered, or it was cancelled).
    Result<void> cancel(TimerId id) noexcept;

    /// Moves timers that are due to the FIFO. Returns the number of wheel entries that fired.
    uint32_t advance(uint32_t now_tick) noexcept;
    /// Whether due entries remain because of the limit per turn.
    bool is_behind(uint32_t now_tick) const noexcept { return wheel_.is_behind(now_tick); }
    /// No timer fires before this tick. It may be too early when timers were cancelled. None: no timer is
    /// set.
    std::optional<uint32_t> next_tick() const noexcept { return wheel_.next_tick(); }

    /// Whether take_due() may return a timer.
    bool has_due() const noexcept { return due_head_ != 0; }
    /// The tag of the timer that fired first; frees its record. None: no timer is due.
    std::optional<uint64_t> take_due() noexcept;

    uint32_t used() const noexcept { return records_.used(); }
    size_t memory_bytes() const noexcept {
        return records_.high_water() == 0
                   ? 0
                   : records_.memory_bytes() + TimerWheel::memory_bytes(records_.high_water());
    }

  private:
    static constexpr uint32_t kFiresPerTurn = 256;

    enum class Phase : uint8_t {
        free,
        set,        ///< in the wheel
        due,        ///< in the FIFO
        cancelled,  ///< in the FIFO, but no event follows
    };
    struct Record {
        uint32_t next;        ///< in the FIFO; the pool uses it in free records
        uint32_t generation;  ///< a TimerId is valid only with this generation
        uint64_t tag;
        uint32_t deadline;  ///< tick
        Phase phase;
    };
    static_assert(sizeof(Record) == 24);

    void free(uint32_t index) noexcept {
        records_[index].phase = Phase::free;
        records_.free(index);
    }

    RecordPool<Record> records_;
    TimerWheel wheel_;
    uint32_t due_head_ = 0, due_tail_ = 0;
};

}  // namespace synfin::stack
