#pragma once
/// @file
/// Sampler: draws values of a Distribution.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "base/random.hh"
#include "config/distribution.hh"

namespace synfin::app {

/// A uniform number in (0, 1].
inline double unit_of(Random& random) noexcept {
    return static_cast<double>((random.next() >> 11) + 1) * 0x1p-53;
}
/// An exponentially distributed number with mean 1.
inline double exponential_of(Random& random) noexcept {
    return -std::log(unit_of(random));
}

/// The same seed of the Random gives the same values.
/// @note cost: fixed nothing, uniform one multiplication, exponential a logarithm, lognormal four such
///       functions, empirical a binary search. Allocates in the constructor only.
class Sampler {
  public:
    Sampler() = default;
    explicit Sampler(const Distribution& of) : kind_(of.kind), a_(of.a), b_(of.b) {
        double sum = 0;
        for (const Distribution::Point& each : of.points) points_.push_back({each.value, sum += each.weight});
        if (kind_ == Distribution::Kind::uniform) b_ -= a_;
    }

    /// Nanoseconds or bytes, at most `most`.
    uint64_t draw(Random& random, uint64_t most) const noexcept {
        const double value = real(random);
        return value >= static_cast<double>(most) ? most : static_cast<uint64_t>(std::llround(value));
    }

  private:
    struct Step {
        double value, upto;  ///< the sum of the weights up to this value
    };

    double real(Random& random) const noexcept {
        switch (kind_) {
            case Distribution::Kind::fixed: return a_;
            case Distribution::Kind::uniform: return a_ + b_ * unit_of(random);
            case Distribution::Kind::exponential: return a_ * exponential_of(random);
            case Distribution::Kind::lognormal: {
                // Box and Muller: one of the two normally distributed numbers.
                const double radius = std::sqrt(2 * exponential_of(random));
                return a_ * std::exp(b_ * radius * std::cos(2 * std::numbers::pi * unit_of(random)));
            }
            case Distribution::Kind::empirical: break;
        }
        const double at = unit_of(random) * points_.back().upto;
        return std::lower_bound(points_.begin(), points_.end() - 1, at,
                                [](const Step& step, double sum) { return step.upto < sum; })
            ->value;
    }

    Distribution::Kind kind_ = Distribution::Kind::fixed;
    double a_ = 0, b_ = 0;
    std::vector<Step> points_;
};

}  // namespace synfin::app
