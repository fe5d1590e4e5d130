#pragma once
/// @file
/// ClientRun: a generator from its first connection to its last: opening, then letting what is open end, then
/// cutting what did not.

#include <atomic>

#include "engine_watch.hh"
#include "generator.hh"

namespace synfin::app {

/// One engine's run, in whatever time it is given: the TSC's on a device, virtual time in a test.
class ClientRun {
  public:
    /// What connections that are open at the end of the time get to end by themselves.
    static constexpr Duration kDrain = 2s;

    /// @param duration how long to open connections; 0: until the plan's limit
    /// @param stop     ends the opening early; outlives this
    ClientRun(GeneratorPlan plan, Duration duration, const std::atomic<bool>& stop)
        : generator_(std::move(plan)), duration_(duration), stop_(stop) {}

    void start(Instant now) noexcept {
        generator_.start(now);
        started_ = now;
    }

    /// One turn of the engine. Returns whether anything happened.
    bool turn(Stack& stack, Instant now) noexcept;

    bool over() const noexcept { return phase_ == Phase::over; }
    /// Whether the measured time has ended: duration(), measured() and measured_counters() stand.
    bool is_measured() const noexcept { return phase_ != Phase::opening; }
    Duration duration() const noexcept { return ended_ - started_; }
    const LoadTally& measured() const noexcept { return measured_; }
    const Counters& measured_counters() const noexcept { return measured_counters_; }
    const BusyCycles& measured_cycles() const noexcept { return measured_cycles_; }

    const Generator& generator() const noexcept { return generator_; }
    /// The owner adds what its turns cost.
    BusyCycles cycles{};

  private:
    enum class Phase : uint8_t { opening, draining, cutting, over };

    void end_measuring(const Stack& stack, Instant now) noexcept;

    Generator generator_;
    Duration duration_;
    const std::atomic<bool>& stop_;
    Phase phase_ = Phase::opening;
    Instant started_{}, ended_{}, until_{};
    LoadTally measured_{};
    Counters measured_counters_{};
    BusyCycles measured_cycles_{};
};

}  // namespace synfin::app
