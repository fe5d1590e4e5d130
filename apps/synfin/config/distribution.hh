#pragma once
/// @file
/// Distribution: how a time or a size varies from one use to the next.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "quantity.hh"

namespace synfin::app {

/// Values are nanoseconds for times, bytes for sizes.
struct Distribution {
    enum class Kind : uint8_t {
        fixed,        ///< a
        uniform,      ///< from a to b
        exponential,  ///< mean a
        lognormal,    ///< median a; b is the standard deviation of the logarithm
        empirical     ///< one of `points`, by weight
    };
    struct Point {
        double value = 0, weight = 1;
        bool operator==(const Point&) const noexcept = default;
    };

    Kind kind = Kind::fixed;
    double a = 0, b = 0;
    std::vector<Point> points;
    std::string text;  ///< as the user wrote it

    bool operator==(const Distribution&) const noexcept = default;
    /// The mean of an endless number of draws.
    double mean() const noexcept;
};

/// `50ms`, `50ms-2s` (uniform), `exponential(MEAN)`, `lognormal(MEDIAN, SIGMA)`, `empirical(FILE)` with a
/// line `VALUE [WEIGHT]` for each value, or `empirical(VALUE:WEIGHT, ...)`. Values are times with units.
Parsed<Distribution> parse_times(std::string_view text);
/// The same with sizes: `64`, `1kB-64kB`.
Parsed<Distribution> parse_sizes(std::string_view text);

}  // namespace synfin::app
