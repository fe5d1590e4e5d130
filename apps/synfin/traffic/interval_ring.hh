#pragma once
/// @file
/// IntervalRing: hands the measurements of a generator to another thread, interval by interval.

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "load_tally.hh"

namespace synfin::app {

/// The part of a run that an interval lies in.
enum class RunPart : uint8_t {
    lead,       ///< the ramp-up or the warm-up: not measured
    sustain,    ///< the measured part; a run without phases and warm-up opens all its connections in it
    ramp_down,  ///< connections end evenly
    drain       ///< the connections that are left end, or are reset
};
inline constexpr size_t kRunParts = 4;

/// What a generator measured from one cut to the next.
struct Interval {
    Duration end{};  ///< the planned time of the cut, from the beginning of the run; the same on all engines
    RunPart part = RunPart::sustain;
    LoadTally tally;  ///< counted from the beginning of the run
    LoadTimes times;  ///< of the interval
};

/// One engine offers, one other thread takes. The engine never waits and allocates nothing: it swaps its
/// histograms with empty ones. If the reader has not taken the interval before, the engine goes on counting
/// and the next interval covers both, so nothing is lost. Cuts that separate the parts of a run always find
/// room, because as many slots as there are such cuts are kept free for them.
/// @note cost: offer() copies 8 KB; 1.4 MB for each slot.
class IntervalRing {
  public:
    /// @param separations the most calls of offer() with `separates`
    explicit IntervalRing(uint32_t separations) : slots_(1 + separations) {}

    /// The engine's thread only. Offers an interval if there is room; `times` is empty afterwards.
    /// @param separates this cut ends a part of the run
    /// @return whether there was room
    bool offer(Duration end, RunPart part, bool separates, const LoadTally& tally,
               LoadTimes& times) noexcept {
        const uint32_t offered = offered_.load(std::memory_order_relaxed);
        const uint32_t waiting = offered - taken_.load(std::memory_order_acquire);
        if (waiting >= (separates ? slots_.size() : 1)) return false;
        Interval& slot = slots_[offered % slots_.size()];
        slot.end = end;
        slot.part = part;
        slot.tally = tally;
        std::swap(slot.times, times);
        offered_.store(offered + 1, std::memory_order_release);
        return true;
    }

    /// The reader's thread only. Calls use(const Interval&) if an interval waits. Returns whether one did.
    template <typename Use>
    bool take(Use&& use) {
        const uint32_t taken = taken_.load(std::memory_order_relaxed);
        if (offered_.load(std::memory_order_acquire) == taken) return false;
        Interval& slot = slots_[taken % slots_.size()];
        use(std::as_const(slot));
        slot.times.clear();
        taken_.store(taken + 1, std::memory_order_release);
        return true;
    }

    /// The reader tells the engine how long the target's answers took so far: the p99 in microseconds.
    void tell_answers(double p99_us) noexcept { answers_us_.store(p99_us, std::memory_order_relaxed); }
    double answers_us() const noexcept { return answers_us_.load(std::memory_order_relaxed); }

  private:
    std::vector<Interval> slots_;
    alignas(64) std::atomic<uint32_t> offered_{0};
    alignas(64) std::atomic<uint32_t> taken_{0};
    std::atomic<double> answers_us_{0};
};

/// "ramp-up" or "warm-up", "sustain", "ramp-down", "drain".
std::string_view name(RunPart part, bool ramps) noexcept;

}  // namespace synfin::app
