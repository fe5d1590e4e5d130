#pragma once
/// @file
/// Distribution: how a time or a size varies from one use to the next.

#include <cstdint>
#include <string>
#include <vector>

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
};

}  // namespace synfin::app
