#pragma once
/// @file
/// How a core's loop spends its time: the cycles of turns that found work, and the time in which something
/// else had the core.

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>

#include "synfin/units.hh"

namespace synfin {

/// Cycles of the time stamp counter: of the turns that did something, and of all turns.
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
    /// The turn that began at the last mark, or skip(), ends now. What the loop rests after a turn is one
    /// that is not busy: it is not the next turn's.
    void turn(bool busy, BusyCycles& into) noexcept {
        const uint64_t now = __rdtsc(), spent = now - last_;
        into.all += spent;
        into.busy += busy ? spent : 0;
        last_ = now;
    }
    /// What has passed since the last mark belongs to nobody.
    void skip() noexcept { last_ = __rdtsc(); }

  private:
    uint64_t last_;
};

/// How long a loop was away while work was due: gaps between two looks at the clock, longer than a limit, in
/// which something else had the core or a turn took long. What the loop itself rests is not among them, nor
/// is a gap with nothing to do before and after it.
class LostTime {
  public:
    LostTime(Duration gap, Instant now) noexcept : gap_(gap), last_(now) {}

    /// A look at the clock.
    void look(Instant now) noexcept {
        const Duration gap = now - last_;
        last_ = now;
        if (gap <= gap_) return;
        unjudged_ += gap;
        longest_unjudged_ = std::max(longest_unjudged_, gap);
    }
    /// After a turn. `due`: it found work, in the time that is measured.
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
    /// The loop has rested until now.
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
