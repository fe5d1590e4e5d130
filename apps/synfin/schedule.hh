#pragma once
/// @file
/// Schedule: when each connection of an open loop is due, by its number alone.

#include <cmath>
#include <cstdint>

#include "base/units.hh"

namespace synfin::app {

/// Evenly spaced at `rate` per second, after a linear ramp from 0. Each connection has its own time: nothing
/// is launched in batches because a clock is coarse, and a late one keeps the time at which it was due, so
/// that latencies count from there (no coordinated omission).
class Schedule {
  public:
    Schedule() = default;
    /// @param rate connections per second, over all engines; above 0.
    Schedule(Instant start, double rate, Duration ramp) noexcept
        : start_(start), rate_(rate), ramp_s_(std::chrono::duration<double>(ramp).count()) {}

    /// When connection number k (0, 1, ...) is due.
    /// In the ramp the rate at time t is R t/T, so R t^2 / 2T connections are due by t; afterwards R more
    /// each second. A double carries nanoseconds exactly for 104 days.
    Instant due(uint64_t k) const noexcept {
        const double number = static_cast<double>(k), in_ramp = rate_ * ramp_s_ / 2;
        const double seconds =
            number < in_ramp ? std::sqrt(2 * ramp_s_ * number / rate_) : ramp_s_ + (number - in_ramp) / rate_;
        return start_ + Duration(static_cast<int64_t>(seconds * 1e9));
    }
    Instant start() const noexcept { return start_; }

  private:
    Instant start_{};
    double rate_ = 1;
    double ramp_s_ = 0;
};

}  // namespace synfin::app
