#pragma once
/// @file
/// LoadWork: runs the load generators of each engine of the library's runner.

#include <deque>
#include <span>

#include "client_run.hh"
#include "host/interrupt.hh"
#include "results/progress.hh"
#include "synfin/runner.hh"

namespace synfin::app {

class LoadWork {
  public:
    explicit LoadWork(unsigned engines) : line_(engines), board_(engines) {}

    /// Adds the next engine's plan. All engines begin together.
    /// @param stop ends the opening early; must outlive this object
    void add(ClientRun::Plan plan, const std::atomic<bool>& stop) {
        plan.line = &line_;
        runs_.emplace_back(std::move(plan), stop);
    }
    /// Starts the common schedule of all engines. Call it before the runner runs.
    /// @param before the counters of each engine
    void start(Instant now, std::span<const Counters> before) noexcept {
        for (size_t i = 0; i < runs_.size(); ++i) runs_[i].start(now, before[i]);
    }

    // -- Work
    bool turn(unsigned index, Stack& stack, Instant now) noexcept {
        if (stack.duplicate_address()) [[unlikely]]
            request_end();
        return runs_[index].turn(stack, now);
    }
    bool is_over(unsigned index) const noexcept { return runs_[index].over(); }
    bool is_measured(unsigned index) const noexcept { return runs_[index].is_measuring(); }
    BusyCycles& cycles(unsigned index) noexcept { return runs_[index].cycles; }
    void show(unsigned index) noexcept { board_[index].show(Progress::of(runs_[index].tally())); }

    const std::deque<ClientRun>& runs() const noexcept { return runs_; }
    const ProgressBoard& board() const noexcept { return board_; }

  private:
    StartLine line_;
    std::deque<ClientRun> runs_;  ///< by engine
    ProgressBoard board_;
};

static_assert(Work<LoadWork>);

}  // namespace synfin::app
