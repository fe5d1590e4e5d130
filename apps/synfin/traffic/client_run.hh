#pragma once
/// @file
/// ClientRun: a generator from its first connection to its last: asking for its targets' next hops, opening,
/// then letting what is open end, then cutting what did not. It can keep background connections meanwhile,
/// which are established, and idle, from before the first of the generator's to after the last.

#include <algorithm>
#include <atomic>
#include <optional>

#include "generator.hh"
#include "synfin/core_time.hh"
#include "target_reach.hh"

namespace synfin::app {

/// One engine's run, in whatever time it is given: the TSC's on a device, virtual time in a test.
class ClientRun {
  public:
    /// What connections that are open at the end of the time get to end by themselves.
    static constexpr Duration kDrain = 2s;
    /// What is due when the time is over may be opened so long after it: a turn opens a bounded number.
    static constexpr Duration kCatchUp = 10ms;
    /// Background connections are left alone so long before the run begins: what their handshakes armed has
    /// fired.
    static constexpr Duration kSettle = 2s;

    struct Plan {
        GeneratorPlan load;
        Duration duration{};             ///< how long to open connections; 0: until the load's limit
        std::optional<Duration> hold{};  ///< the opening ends so long after all are established
        Duration drain = kDrain;         ///< see kDrain
        std::optional<GeneratorPlan> background{};  ///< idle connections: established first, closed last
    };

    /// @param stop ends the opening early; outlives this
    ClientRun(Plan plan, const std::atomic<bool>& stop);
    ClientRun(GeneratorPlan load, Duration duration, const std::atomic<bool>& stop)
        : ClientRun(Plan{.load = std::move(load), .duration = duration}, stop) {}

    void start(Instant now) noexcept;

    /// One turn of the engine. Returns whether anything happened.
    bool turn(Stack& stack, Instant now) noexcept;

    enum class Phase : uint8_t {
        reaching,  ///< ARP is asked for the targets' next hops
        filling,   ///< the background connections are being opened
        settling,  ///< and left alone for a while
        opening,   ///< what is measured
        draining,  ///< what is open ends, or is cut
        emptying,  ///< the same for the background connections
        over
    };
    Phase phase() const noexcept { return phase_; }
    bool over() const noexcept { return phase_ == Phase::over; }
    /// Over without a connection: no target's next hop answered ARP.
    bool is_unreached() const noexcept { return is_unreached_; }
    /// Whether connections are being opened, which is what is measured.
    bool is_opening() const noexcept { return phase_ == Phase::opening; }
    /// Whether the measured time has ended: duration(), measured() and measured_counters() stand.
    bool is_measured() const noexcept { return phase_ >= Phase::draining; }
    Duration duration() const noexcept { return ended_ - started_; }
    /// Of it; 0 to 1: a gap may go on beyond its end.
    double share_of(Duration time) const noexcept {
        if (ended_ <= started_) return 0;
        return std::min(1.0, static_cast<double>(time.count()) / static_cast<double>(duration().count()));
    }
    const LoadTally& measured() const noexcept { return measured_; }
    /// Of the measured time.
    const Counters& measured_counters() const noexcept { return measured_counters_; }
    const BusyCycles& measured_cycles() const noexcept { return measured_cycles_; }
    /// Of the generator's connections from first to last: without those in the background. Stands from
    /// `emptying` on.
    const Counters& counters() const noexcept { return counters_; }
    /// From the first connection until as many were established as the plan has at once; 0: never so many.
    Duration filled_in() const noexcept { return filled_ ? *filled_ - started_ : Duration::zero(); }
    /// From the end of the measured time until the last connection was closed.
    Duration emptied_in() const noexcept { return emptied_ - ended_; }

    const Generator& generator() const noexcept { return generator_; }
    /// The background connections' generator; null without.
    const Generator* background() const noexcept { return background_ ? &*background_ : nullptr; }
    /// The owner adds what its turns cost.
    BusyCycles cycles{};

  private:
    bool turn_both(Stack& stack, Instant now) noexcept;
    void reach(Stack& stack, Instant now) noexcept;
    void fill(Instant now) noexcept;
    void begin_measuring(const Stack& stack, Instant now) noexcept;
    void begin_opening(Generator& generator, Instant now) noexcept;
    void open(const Stack& stack, Instant now) noexcept;
    void end_measuring(const Stack& stack, Instant now) noexcept;
    void begin_draining(Generator& generator, Instant now) noexcept;
    bool is_drained(Generator& generator, Instant now) noexcept;
    void finish(const Stack& stack, Instant now) noexcept;

    TargetReach targets_;
    Generator generator_;
    std::optional<Generator> background_;
    const Duration duration_;
    const std::optional<Duration> hold_;
    const Duration drain_;
    const std::atomic<bool>& stop_;
    Phase phase_ = Phase::reaching;
    bool is_unreached_ = false;
    bool cut_ = false;  ///< what is draining has been cut
    uint64_t background_established_ = 0;
    Instant started_{}, ended_{}, emptied_{}, until_{};
    std::optional<Instant> filled_;
    LoadTally measured_{};
    Counters counters_before_{}, measured_counters_{}, counters_{};
    BusyCycles cycles_before_{}, measured_cycles_{};
};

}  // namespace synfin::app
