#pragma once
/// @file
/// Schedule: computes when each arrival of an open loop is due, from its number.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "config/arrival_pattern.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// Arrivals are evenly spaced at `rate` per second, after a linear ramp from 0, or at the rates of steps.
/// Each has its own due time, so a coarse clock makes no batches. A late arrival keeps its due time, and
/// latencies count from there (no coordinated omission).
class Schedule {
  public:
    /// The due time of an arrival that never comes.
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);

    Schedule() = default;
    /// @param rate arrivals per second, over all engines; above 0.
    Schedule(Instant start, double rate, Duration ramp) noexcept
        : start_(start), rate_(rate), ramp_s_(std::chrono::duration<double>(ramp).count()) {}
    /// @param steps at least one with a rate above 0; the last has no end
    Schedule(Instant start, const std::vector<ArrivalPattern::Step>& steps) : start_(start) {
        Piece piece{};
        for (const ArrivalPattern::Step& each : steps) {
            piece.rate = each.rate;
            pieces_.push_back(piece);
            const double length = std::chrono::duration<double>(each.length).count();
            piece.from_s += length;
            piece.from_number += length * each.rate;
        }
    }

    /// When connection number k (0, 1, ...) is due.
    Instant due(uint64_t k) const noexcept { return due_at(static_cast<double>(k)); }
    /// The same for a number with a fraction: when that many are due.
    /// In the ramp the rate at time t is R t/T, so R t^2 / 2T connections are due by t; afterwards R more
    /// each second. A double carries nanoseconds exactly for 104 days.
    Instant due_at(double number) const noexcept {
        double seconds = 0;
        if (!pieces_.empty()) {
            const auto next = std::upper_bound(
                pieces_.begin() + 1, pieces_.end(), number,
                [](double wanted, const Piece& piece) { return wanted < piece.from_number; });
            const Piece& piece = *(next - 1);
            if (piece.rate == 0) return kNever;
            seconds = piece.from_s + (number - piece.from_number) / piece.rate;
        } else if (const double in_ramp = rate_ * ramp_s_ / 2; number < in_ramp) {
            seconds = std::sqrt(2 * ramp_s_ * number / rate_);
        } else {
            seconds = ramp_s_ + (number - in_ramp) / rate_;
        }
        return start_ + Duration(static_cast<int64_t>(std::min(seconds, kMostSeconds) * 1e9));
    }
    /// How many connections are due before `time` has passed: rate times time, less the share that the ramp
    /// omits. A connection due exactly at the end does not count.
    uint64_t due_within(Duration time) const noexcept {
        const long double t = static_cast<long double>(time.count()) / 1e9L;
        long double exact = 0;
        if (pieces_.empty()) {
            const long double ramp = ramp_s_, rate = rate_;
            exact = t < ramp ? rate * t * t / (2 * ramp) : rate * (t - ramp / 2);
        } else {
            for (const Piece& piece : pieces_)
                if (piece.from_s < t) exact = piece.from_number + piece.rate * (t - piece.from_s);
        }
        // Binary fractions make some whole products inexact: 1,000 x 0.3.
        const long double whole = std::round(exact);
        return static_cast<uint64_t>(std::abs(exact - whole) < 1e-6L ? whole : std::ceil(exact));
    }
    Instant start() const noexcept { return start_; }

  private:
    static constexpr double kMostSeconds = 9e8;  ///< fits an Instant
    struct Piece {
        double rate, from_s, from_number;
    };

    Instant start_{};
    double rate_ = 1;
    double ramp_s_ = 0;
    std::vector<Piece> pieces_;
};

}  // namespace synfin::app
