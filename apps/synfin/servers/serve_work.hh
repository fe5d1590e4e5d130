#pragma once
/// @file
/// ServeWork: runs the servers of `serve` on each engine of the library's runner.

#include <atomic>
#include <deque>
#include <utility>
#include <vector>

#include "host/interrupt.hh"
#include "results/progress.hh"
#include "results/serve_result.hh"
#include "serve_apps.hh"
#include "server_run.hh"
#include "synfin/runner.hh"

namespace synfin::app {

class ServeWork {
  public:
    using Run = ServerRun<ServeApps>;
    struct End {
        Duration after{};  ///< from start() on; 0: only `stop` ends it
        Duration drain{};  ///< how long connections then get to close
    };

    /// @param stop ends the run; must outlive this object
    ServeWork(unsigned engines, End end, const std::atomic<bool>& stop)
        : end_(end), stop_(stop), board_(engines) {}

    /// Adds the next engine's servers. Errors: as Stack::listen.
    template <typename... Arguments>
    Result<void> add(Stack& stack, Arguments&&... arguments) {
        return runs_.emplace_back(std::forward<Arguments>(arguments)...).listen(stack);
    }
    void start(Instant now) noexcept { started_ = now; }

    // -- Work
    bool turn(unsigned index, Stack& stack, Instant now) noexcept {
        Run& run = runs_[index];
        if (stack.duplicate_address()) [[unlikely]]
            request_end();
        if (is_ending(now)) run.end(stack, now, end_.drain);
        return run.turn(stack, now);
    }
    bool is_over(unsigned index) const noexcept { return runs_[index].over(); }
    BusyCycles& cycles(unsigned index) noexcept { return runs_[index].cycles; }
    void show(unsigned index) noexcept { board_[index].show(Progress::of(runs_[index].tally())); }

    /// Call after the run.
    std::vector<ServedEngine> engines() const {
        std::vector<ServedEngine> all;
        for (const Run& run : runs_) all.push_back({.tally = run.tally(), .cycles = run.cycles});
        return all;
    }
    const ProgressBoard& board() const noexcept { return board_; }

  private:
    bool is_ending(Instant now) const noexcept {
        return stop_.load(std::memory_order_relaxed) ||
               (end_.after > Duration::zero() && now - started_ >= end_.after);
    }

    const End end_;
    const std::atomic<bool>& stop_;
    Instant started_{};
    std::deque<Run> runs_;  ///< by engine
    ProgressBoard board_;
};

static_assert(Work<ServeWork>);

}  // namespace synfin::app
