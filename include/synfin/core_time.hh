#pragma once
/// @file
/// How a core's loop spends its time: the cycles of turns that found work, and the time that the loop lost to
/// other programs.

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>

#include "synfin/units.hh"

namespace synfin {

/// Cycles of the time stamp counter (TSC): those of turns that found work, and those of all turns.
struct BusyCycles {
    uint64_t busy = 0, all = 0;
    /// 0..1; 0 without a turn.
    double share() const noexcept {
        return all == 0 ? 0 : static_cast<double>(busy) / static_cast<double>(all);
    }
    BusyCycles operator-(const BusyCycles& before) const noexcept {
        return {busy - before.busy, all - before.all};
    }
    BusyCycles& operator+=(const BusyCycles& other) noexcept {
        busy += other.busy;
        all += other.all;
        return *this;
    }
};

/// Attributes the time stamp counter's cycles to turns.
/// @note cost: an rdtsc (about 25 cycles) for each turn.
class BusyMeter {
  public:
    BusyMeter() noexcept : last_(__rdtsc()) {}
    /// Ends the turn that began at the last turn() or skip(). Call it with busy == false after a rest, so
    /// that the rest does not count for the next turn.
    void turn(bool busy, BusyCycles& into) noexcept {
        const uint64_t now = __rdtsc(), spent = now - last_;
        into.all += spent;
        into.busy += busy ? spent : 0;
        last_ = now;
    }
    /// Counts the cycles since the last turn() or skip() for no turn.
    void skip() noexcept { last_ = __rdtsc(); }

  private:
    uint64_t last_;
};

/// Sums the time in which a loop did not run although work was due: gaps between two readings of the clock
/// that are longer than a limit, because something else had the core or a turn took long. The loop's own
/// rests do not count, nor do gaps without work before and after them.
class LostTime {
  public:
    LostTime(Duration gap, Instant now) noexcept : gap_(gap), last_(now) {}

    /// Call with each reading of the clock.
    void look(Instant now) noexcept {
        const Duration gap = now - last_;
        last_ = now;
        if (gap <= gap_) return;
        unjudged_ += gap;
        longest_unjudged_ = std::max(longest_unjudged_, gap);
    }
    /// Call after each turn. `due`: the turn found work, within the measured time.
    void turn(bool due) noexcept {
        if (unjudged_ != Duration::zero()) [[unlikely]] {
            if (due || was_due_) {
                total_ += unjudged_;
                longest_ = std::max(longest_, longest_unjudged_);
            }
            unjudged_ = longest_unjudged_ = Duration::zero();
        }
        was_due_ = due;
    }
    /// Call after a rest: it does not count as a gap.
    void rested(Instant now) noexcept { last_ = now; }

    Duration total() const noexcept { return total_; }
    Duration longest() const noexcept { return longest_; }

  private:
    Duration gap_;
    Instant last_;
    bool was_due_ = false;
    Duration unjudged_{}, longest_unjudged_{};  ///< gaps since the last turn
    Duration total_{}, longest_{};
};

}  // namespace synfin
