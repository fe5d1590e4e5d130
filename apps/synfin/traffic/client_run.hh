#pragma once
/// @file
/// ClientRun: one run of the generators of an engine, one for each class of the load. It resolves the
/// targets' next hops, opens connections, lets open ones end, and resets the rest. It can also keep idle
/// background connections established from before the first connection until after the last.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "generator.hh"
#include "interval_ring.hh"
#include "start_line.hh"
#include "synfin/core_time.hh"
#include "target_reach.hh"

namespace synfin::app {

/// One engine's run. The caller gives the time: the TSC clock on a device, virtual time in a test.
class ClientRun {
  public:
    /// How long connections that are open at the end of the opening may take to end by themselves.
    static constexpr Duration kDrain = 2s;
    /// How long after the end the generator may open connections that were due before it, because a turn
    /// opens a bounded number.
    static constexpr Duration kCatchUp = 10ms;
    /// Pause between establishing the background connections and the run, so that the timers of their
    /// handshakes have expired.
    static constexpr Duration kSettle = 2s;

    struct Plan {
        std::vector<GeneratorPlan> load;  ///< by class; at least one
        Duration duration{};             ///< how long to open connections; 0: until the limits of all classes
        std::optional<Duration> hold{};  ///< the opening ends this long after all connections are established
        Duration drain = kDrain;         ///< see kDrain
        std::optional<GeneratorPlan> background{};  ///< idle connections: established first, closed last
        Duration init{};                            ///< the least time from start() to the first connection
        Duration lead{};                            ///< the first part of `duration`, which is not measured
        Duration ramp_down{};        ///< after the opening, connections end evenly over this time
        bool has_intervals = false;  ///< hand over what is measured: see intervals()
        StartLine* line = nullptr;   ///< shared by the engines of the run; must outlive this object
    };
    /// The length of the intervals.
    static constexpr Duration kInterval = 1s;

    /// @param stop ends the opening early; must outlive this object
    ClientRun(Plan plan, const std::atomic<bool>& stop);
    ClientRun(GeneratorPlan load, Duration duration, const std::atomic<bool>& stop)
        : ClientRun(Plan{.load = {std::move(load)}, .duration = duration}, stop) {}

    /// @param before the engine's counters now; those of the run are counted from there
    void start(Instant now, const Counters& before = {}) noexcept;

    /// One turn of the engine. Returns whether anything happened.
    bool turn(Stack& stack, Instant now) noexcept;

    enum class Phase : uint8_t {
        reaching,  ///< resolves the targets' next hops
        filling,   ///< opens the background connections
        settling,  ///< waits for kSettle
        opening,   ///< opens connections: the measured time
        draining,  ///< open connections end, or are reset
        emptying,  ///< the same for the background connections
        over
    };
    Phase phase() const noexcept { return phase_; }
    bool over() const noexcept { return phase_ == Phase::over; }
    /// The run is over without a connection: no target's next hop answered.
    bool is_unreached() const noexcept { return is_unreached_; }
    /// Whether the present time is measured: the run opens connections, and the lead is over.
    bool is_measuring() const noexcept { return phase_ == Phase::opening && part_ == RunPart::sustain; }
    /// Whether the measured time has ended: duration(), measured() and measured_counters() are final.
    bool is_measured() const noexcept { return phase_ >= Phase::draining; }
    /// The measured time.
    Duration duration() const noexcept { return ended_ - measured_from_; }
    /// From the first connection to the end of the opening: the lead and the measured time.
    Duration opening() const noexcept { return ended_ - started_; }
    /// From the first connection to the end of the last.
    Duration whole() const noexcept { return emptied_ - started_; }
    /// The parts of the run that ended, each with its end, counted from the first connection.
    std::optional<Duration> end_of(RunPart part) const noexcept {
        return part_ends_[static_cast<size_t>(part)];
    }
    /// `time` as a share of duration(), at most 1: a gap may last beyond the end.
    double share_of(Duration time) const noexcept {
        if (ended_ <= started_) return 0;
        return std::min(1.0, static_cast<double>(time.count()) / static_cast<double>(duration().count()));
    }
    /// The sum of the classes, and each of them: what was counted in the measured time.
    LoadTally measured() const noexcept { return sum_of(measured_); }
    /// Counts of the time before the measured time.
    const LoadTally& lead(size_t of_class) const noexcept { return lead_[of_class]; }
    const LoadTally& measured(size_t of_class) const noexcept { return measured_[of_class]; }
    /// Of the measured time.
    const Counters& measured_counters() const noexcept { return measured_counters_; }
    const BusyCycles& measured_cycles() const noexcept { return measured_cycles_; }
    /// Of the generators' connections from first to last, without the background connections. Final from
    /// `emptying` on.
    const Counters& counters() const noexcept { return counters_; }
    /// The engine's counters at start(), or at the end of the background connections' opening.
    const Counters& counters_before() const noexcept { return counters_before_; }
    /// From the first connection until all concurrent connections of the plan were established; 0: they never
    /// were.
    Duration filled_in() const noexcept { return filled_ ? *filled_ - started_ : Duration::zero(); }
    /// From the end of the measured time until the last connection was closed.
    Duration emptied_in() const noexcept { return emptied_ - ended_; }

    size_t classes() const noexcept { return measured_.size(); }
    const Generator& generator(size_t of_class = 0) const noexcept { return generators_[of_class]; }
    /// The sum of the classes.
    LoadTally tally() const noexcept;
    /// The background connections' generator, or null.
    const Generator* background() const noexcept { return has_background() ? &generators_.back() : nullptr; }
    /// The measurements of a class, cut each second of the run and between its parts; another thread takes
    /// them. The rest, since the last cut, is in generator(of_class) at the end. Only with
    /// Plan::has_intervals.
    IntervalRing& intervals(size_t of_class) const noexcept { return *rings_[of_class]; }
    RunPart part() const noexcept { return part_; }
    /// The owner adds the cycles of its turns.
    BusyCycles cycles{};

  private:
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);

    bool turn_all(Stack& stack, Instant now) noexcept;
    static LoadTally sum_of(const std::vector<LoadTally>& tallies) noexcept;
    template <typename Holds>
    bool all(Holds&& holds) const noexcept {
        return std::all_of(of_classes_.begin(), of_classes_.end(),
                           [&](const Generator* each) { return holds(*each); });
    }
    bool has_background() const noexcept { return generators_.size() > of_classes_.size(); }
    void reach(Stack& stack, Instant now) noexcept;
    void fill(Instant now) noexcept;
    void begin_measuring(const Stack& stack, Instant now) noexcept;
    void begin_opening(Generator& generator, Instant now) noexcept;
    void open(const Stack& stack, Instant now) noexcept;
    void end_measuring(const Stack& stack, Instant now) noexcept;
    void begin_draining(Generator& generator, Instant now, Duration over) noexcept;
    double answers_us_of(const Generator& generator) const noexcept;
    bool are_drained(std::span<Generator* const> some, Instant now) noexcept;
    void finish(const Stack& stack, Instant now) noexcept;
    bool may_begin(Instant now) noexcept;
    void begin_intervals() noexcept;
    void look_at_clock(const Stack& stack, Instant now) noexcept;
    void measure_from(const Stack& stack, Instant now) noexcept;
    void hand_over(Duration end, bool separates) noexcept;
    void end_part(RunPart next, Duration at) noexcept;

    TargetReach targets_;
    std::deque<Generator> generators_;  ///< by class, then that of the background connections, if any
    std::vector<Generator*> of_classes_;
    const Duration duration_;
    const std::optional<Duration> hold_;
    const Duration drain_;
    const Duration init_, lead_for_, ramp_down_;
    const bool has_intervals_;
    StartLine* const line_;
    bool is_ready_ = false;  ///< has told line_
    const std::atomic<bool>& stop_;
    Phase phase_ = Phase::reaching;
    bool is_unreached_ = false;
    bool cut_ = false;  ///< the draining connections have been reset
    uint64_t background_established_ = 0;
    Instant came_{}, started_{}, measured_from_{}, ended_{}, emptied_{}, until_{};
    RunPart part_ = RunPart::sustain;
    Instant look_at_ = kNever;  ///< when look_at_clock() is due
    uint32_t cuts_ = 0;         ///< whole intervals so far
    std::array<std::optional<Duration>, kRunParts> part_ends_{};
    std::vector<std::unique_ptr<IntervalRing>> rings_;  ///< by class
    std::optional<Instant> filled_;
    std::vector<LoadTally> lead_, measured_;  ///< by class
    Counters counters_before_{}, lead_counters_{}, measured_counters_{}, counters_{};
    BusyCycles cycles_before_{}, measured_cycles_{};
};

}  // namespace synfin::app
