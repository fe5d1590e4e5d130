#pragma once
/// @file
/// ApplicationTimers: the timers that the application of one engine has set (Stack::after).

#include <cstdint>
#include <optional>

#include "base/record_pool.hh"
#include "synfin/event.hh"
#include "synfin/result.hh"
#include "synfin/units.hh"
#include "time/timer_wheel.hh"

namespace synfin::stack {

/// Timers by record; the wheel holds one lazy entry for each record. A timer that has come up waits in a FIFO
/// until the application is told, and cancel() still reaches it there.
/// @note cost: O(1) each; 24 bytes and a wheel entry of 16 for each timer of the most that were ever set at
/// once.
class ApplicationTimers {
  public:
    /// @param capacity timers that may be set at once.
    ApplicationTimers(uint32_t capacity, uint32_t now_tick)
        : records_(capacity), wheel_(capacity + 1, now_tick) {}

    /// @param delay 0 to kMaxDuration. Errors: invalid (outside), no_memory (`capacity` are set).
    Result<TimerId> after(Instant now, Duration delay, uint64_t tag) noexcept;
    /// Errors: gone (the application has been told of it, or it was cancelled).
    Result<void> cancel(TimerId id) noexcept;

    /// Moves what is due to the FIFO. Returns how many wheel entries fired.
    uint32_t advance(uint32_t now_tick) noexcept;
    /// Whether the cap left something that is due.
    bool is_behind(uint32_t now_tick) const noexcept { return wheel_.is_behind(now_tick); }
    /// No timer comes up before this tick; early when timers were cancelled. None: there is no timer.
    std::optional<uint32_t> next_tick() const noexcept { return wheel_.next_tick(); }

    /// Whether take_due() has something to do.
    bool has_due() const noexcept { return due_head_ != 0; }
    /// The tag of the timer that came up first, whose record is free with that.
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
        cancelled,  ///< in the FIFO, and nobody is told
    };
    struct Record {
        uint32_t next;        ///< in the FIFO; the pool's while it is free
        uint32_t generation;  ///< of all TimerIds with this index, those with this number name it
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
