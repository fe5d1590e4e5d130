#pragma once
/// @file
/// Runner: the loop that drives engines on their cores. It polls, measures how busy each core is and how much
/// time other programs took from it, rests when there is nothing to do, publishes snapshots to the Inspector,
/// and ends all cores together.

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "synfin/application.hh"
#include "synfin/core_time.hh"
#include "synfin/drain.hh"
#include "synfin/idle.hh"
#include "synfin/inspector.hh"
#include "synfin/result.hh"
#include "synfin/stack.hh"
#include "synfin/units.hh"

namespace synfin {

/// What a Runner does on the engines of one runtime. Calls name an engine by its index and run on the
/// engine's own core, so data of two engines should not share a cache line.
/// - turn: makes one turn of the engine, by Stack::poll() or its three parts. Returns whether anything
/// happened.
/// - is_over: whether the engine has nothing left to do. The runner calls turn() until all engines are over.
/// - cycles: the runner adds the cycles of the engine's turns here. Optional:
/// - is_measured(index): whether the present time counts for LostTime. Without it all time counts.
/// - show(index): called after the engine has published its snapshot, so that the application can publish its
/// own data.
template <typename W>
concept Work = requires(W work, unsigned index, Stack& stack, Instant now) {
    { work.turn(index, stack, now) } -> std::same_as<bool>;
    { work.is_over(index) } -> std::same_as<bool>;
    { work.cycles(index) } -> std::same_as<BusyCycles&>;
};

struct RunnerConfig {
    Duration gap = 1ms;          ///< longer gaps between two turns count as lost: see LostTime
    Duration show_every = 10ms;  ///< interval of an engine's snapshots; each costs about a microsecond
};

/// Lets the cores end together. A core with nothing left to do goes on polling until all cores are done,
/// because its queue may carry packets of another core's engine in both directions.
class CommonEnd {
  public:
    explicit CommonEnd(size_t cores) noexcept : running_(cores) {}

    /// One core's part. The destructor reports the core as done, so that an exception keeps no other core
    /// waiting.
    class Core {
      public:
        explicit Core(CommonEnd& end) noexcept : end_(end) {}
        ~Core() { static_cast<void>(is_reached(true)); }
        Core(const Core&) = delete;
        Core& operator=(const Core&) = delete;
        /// Call after each turn. `is_over`: this core has nothing left to do; once true, it counts as true
        /// for good.
        /// @return whether all cores are done.
        bool is_reached(bool is_over) noexcept {
            if (is_over && !has_said_) {
                has_said_ = true;
                end_.running_.fetch_sub(1, std::memory_order_acq_rel);
            }
            return end_.running_.load(std::memory_order_acquire) == 0;
        }

      private:
        CommonEnd& end_;
        bool has_said_ = false;
    };

  private:
    std::atomic<size_t> running_;
};

/// Runs work on all cores of a host: a Runtime, or in tests a class with its members stack(), cores(), now(),
/// idle_policy(), inspector() and run().
template <typename Host, Work W>
class Runner {
  public:
    /// Host and work must outlive the runner.
    Runner(Host& host, W& work, const RunnerConfig& config = {})
        : host_(host), work_(work), config_(config), common_end_(host.cores().size()) {}

    /// Returns when every engine is over. Call it once. Errors: as Runtime::run.
    Result<void> run() {
        return host_.run([this](std::span<const unsigned> stacks, unsigned) { loop(stacks); });
    }

  private:
    /// The counts of one engine's turns.
    struct TurnCount {
        uint64_t all = 0, busy = 0;
    };
    /// Tells the inspector that the loop has begun, and that it has ended, even by an exception.
    class Presence {
      public:
        Presence(Inspector& inspector, std::span<const unsigned> stacks)
            : inspector_(inspector), stacks_(stacks) {
            for (const unsigned index : stacks_) inspector_.enter(index);
        }
        ~Presence() {
            for (const unsigned index : stacks_) inspector_.leave(index);
        }
        Presence(const Presence&) = delete;
        Presence& operator=(const Presence&) = delete;

      private:
        Inspector& inspector_;
        std::span<const unsigned> stacks_;
    };

    void loop(std::span<const unsigned> stacks) {
        CommonEnd::Core end(common_end_);
        const Presence presence(host_.inspector(), stacks);
        std::vector<TurnCount> turns(stacks.size());
        Idle idle = idle_of(stacks);
        LostTime lost(config_.gap, host_.now());
        BusyMeter meter;
        Instant show_at{};
        for (bool is_end = false; !is_end;) {
            bool is_busy = false, is_over = true, is_measured = false;
            Instant now{};
            for (size_t i = 0; i < stacks.size(); ++i) {
                // The clock is read for each engine, because one engine's turn adds to the next one's
                // latency.
                now = host_.now();
                lost.look(now);
                const unsigned index = stacks[i];
                const bool did = work_.turn(index, host_.stack(index), now);
                meter.turn(did, work_.cycles(index));
                ++turns[i].all;
                turns[i].busy += did ? 1 : 0;
                is_busy |= did;
                is_over &= work_.is_over(index);
                is_measured |= is_time_measured(index);
            }
            is_end = end.is_reached(is_over);
            lost.turn(is_busy && is_measured);
            bool is_looked_into = answer(stacks, now);
            if (now >= show_at || is_end) {
                show(stacks, turns, lost, now);
                show_at = now + config_.show_every;
                is_looked_into = true;
            }
            if (is_looked_into) meter.skip();
            if (!is_busy) lost.look(host_.now());
            idle.turn(is_busy);
            if (is_busy) continue;
            lost.rested(host_.now());
            meter.turn(false, work_.cycles(stacks.front()));
        }
    }

    Idle idle_of(std::span<const unsigned> stacks) {
        Idle idle(host_.idle_policy());
        if (!idle.sleeps()) return idle;
        for (const unsigned index : stacks)
            if (const auto fd = host_.stack(index).wake_fd(); fd) idle.wake_on(*fd);
        return idle;
    }

    bool is_time_measured(unsigned index) noexcept {
        if constexpr (requires { work_.is_measured(index); })
            return work_.is_measured(index);
        else
            return true;
    }

    /// Takes a step of the question to each engine that was asked. Returns whether any was asked.
    bool answer(std::span<const unsigned> stacks, Instant now) noexcept {
        bool has_answered = false;
        for (const unsigned index : stacks)
            has_answered |= host_.inspector().turn(index, host_.stack(index), now);
        return has_answered;
    }

    void show(std::span<const unsigned> stacks, const std::vector<TurnCount>& turns, const LostTime& lost,
              Instant now) noexcept {
        for (size_t i = 0; i < stacks.size(); ++i) {
            const unsigned index = stacks[i];
            const Stack& stack = host_.stack(index);
            host_.inspector().show(index, {.counters = stack.counters(),
                                           .records = stack.records(),
                                           .memory = stack.memory(),
                                           .cycles = work_.cycles(index),
                                           .turns = turns[i].all,
                                           .busy_turns = turns[i].busy,
                                           .lost = lost.total(),
                                           .longest_gap = lost.longest(),
                                           .at = now});
            if constexpr (requires { work_.show(index); }) work_.show(index);
        }
    }

    Host& host_;
    W& work_;
    const RunnerConfig config_;
    CommonEnd common_end_;
};

/// The work of a server: polls an application for each engine until `stop` is true. Then it closes or resets
/// the connections within a time limit and calls on_close for each.
template <Application App>
class ServerWork {
  public:
    /// @param apps one for each engine. `apps` and `stop` must outlive this
    /// @param drain how long connections get to close; 0: RST at once
    ServerWork(std::span<App> apps, const std::atomic<bool>& stop, Duration drain)
        : apps_(apps), ends_(apps.size()), stop_(stop), drain_(drain) {}

    bool turn(unsigned index, Stack& stack, Instant now) noexcept {
        Drain& drain = ends_[index].drain;
        if (stop_.load(std::memory_order_relaxed)) drain.begin(stack, now, drain_);
        const bool is_busy = stack.poll(apps_[index], now);
        drain.turn(stack, now);
        return is_busy;
    }
    bool is_over(unsigned index) const noexcept { return ends_[index].drain.is_over(); }
    BusyCycles& cycles(unsigned index) noexcept { return ends_[index].cycles; }

  private:
    struct alignas(64) End {
        Drain drain;
        BusyCycles cycles;
    };
    std::span<App> apps_;
    std::vector<End> ends_;
    const std::atomic<bool>& stop_;
    const Duration drain_;
};

}  // namespace synfin
