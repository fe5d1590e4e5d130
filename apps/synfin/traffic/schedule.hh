#pragma once
/// @file
/// Schedule: computes when each connection of an open loop is due, from its number.

#include <cmath>
#include <cstdint>

#include "synfin/units.hh"

namespace synfin::app {

/// Connections are evenly spaced at `rate` per second, after a linear ramp from 0. Each one has its own due
/// time, so a coarse clock makes no batches. A late connection keeps its due time, and latencies count from
/// there (no coordinated omission).
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
    /// How many of the connections first, first + step, first + 2 step, ... are due by `now`. A binary
    /// search, because a generator that is far behind can have billions of late connections.
    uint64_t due_until(Instant now, uint64_t first, uint64_t step) const noexcept {
        const auto is_due = [&](uint64_t i) { return due(first + i * step) <= now; };
        if (!is_due(0)) return 0;
        uint64_t yes = 0, no = 1;
        while (is_due(no)) {
            yes = no;
            no *= 2;
        }
        while (no - yes > 1) {
            const uint64_t middle = yes + (no - yes) / 2;
            if (is_due(middle))
                yes = middle;
            else
                no = middle;
        }
        return no;
    }
    /// How many connections are due before `time` has passed: rate times time, less the share that the ramp
    /// omits. A connection due exactly at the end does not count.
    uint64_t due_within(Duration time) const noexcept {
        const long double t = static_cast<long double>(time.count()) / 1e9L, ramp = ramp_s_, rate = rate_;
        const long double exact = t < ramp ? rate * t * t / (2 * ramp) : rate * (t - ramp / 2);
        // Binary fractions make some whole products inexact: 1,000 x 0.3.
        const long double whole = std::round(exact);
        return static_cast<uint64_t>(std::abs(exact - whole) < 1e-6L ? whole : std::ceil(exact));
    }
    Instant start() const noexcept { return start_; }

  private:
    Instant start_{};
    double rate_ = 1;
    double ramp_s_ = 0;
};

}  // namespace synfin::app
