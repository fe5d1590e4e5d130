#pragma once
/// @file
/// CommonEnd: the cores of a run leave together.

#include <atomic>
#include <cstddef>

namespace synfin::app {

/// A core that has nothing left to do goes on polling until all cores are done: what its queue brings may
/// belong to another core's engine, and what another engine sends may leave through its queue.
class CommonEnd {
  public:
    explicit CommonEnd(size_t cores) noexcept : running_(cores) {}

    /// Asked by each core after each turn.
    /// @param over whether the core has nothing left to do
    /// @param said the core's own note that it has said so; false at first
    /// @return whether all cores have said so
    bool reached(bool over, bool& said) noexcept {
        if (over && !said) {
            said = true;
            running_.fetch_sub(1, std::memory_order_acq_rel);
        }
        return running_.load(std::memory_order_acquire) == 0;
    }

  private:
    std::atomic<size_t> running_;
};

}  // namespace synfin::app
