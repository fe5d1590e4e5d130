#pragma once
/// @file
/// StartLine: lets the engines of a run begin to open connections at the same instant.

#include <atomic>
#include <cstdint>
#include <optional>

#include "synfin/units.hh"

namespace synfin::app {

/// The engines begin when the last of them is ready. All instants of the run (phases, intervals) then count
/// from the same moment on every engine. Any thread may call the members.
class StartLine {
  public:
    /// @param engines that will call ready(), each once
    explicit StartLine(unsigned engines) noexcept : missing_(engines) {}

    void ready(Instant now) noexcept {
        int64_t latest = latest_ns_.load(std::memory_order_relaxed);
        while (latest < now.ns() &&
               !latest_ns_.compare_exchange_weak(latest, now.ns(), std::memory_order_relaxed)) {
        }
        missing_.fetch_sub(1, std::memory_order_acq_rel);
    }
    /// The latest of the times given to ready(); none while an engine is not ready.
    std::optional<Instant> begin() const noexcept {
        if (missing_.load(std::memory_order_acquire) != 0) return std::nullopt;
        return Instant::from_ns(latest_ns_.load(std::memory_order_relaxed));
    }

  private:
    std::atomic<unsigned> missing_;
    std::atomic<int64_t> latest_ns_{0};
};

}  // namespace synfin::app
