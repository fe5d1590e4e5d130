#pragma once
/// @file
/// Statistics on two samples: rank test, bootstrap intervals, and the error of a quantile. docs/report.md
/// says when `synfin compare` uses which. All are seeded: equal input gives equal output.

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "results/histogram.hh"

namespace synfin::app {

/// An interval that holds the true value with 95 % confidence, if the samples are independent.
struct Interval95 {
    double low = 0, high = 0;
};

double mean_of(std::span<const double> values) noexcept;
/// The mean of the two in the middle if their number is even; 0 if there are none.
double median_of(std::vector<double> values) noexcept;

/// Mann-Whitney U test, two-sided, with mid-ranks for ties. Exact for up to 40 values in all, else by the
/// normal approximation with the correction for ties.
/// @return the probability of a difference in ranks at least as large if both come from one distribution;
///         1 if a sample is empty
double rank_test(std::span<const double> a, std::span<const double> b);

using Statistic = std::function<double(std::span<const double>)>;

/// Percentile bootstrap of the relative difference statistic(b) / statistic(a) - 1, 2,000 resamples. Each
/// resample draws blocks of `block` neighbours, so that their dependence on each other stays (1: single
/// values).
/// @param a,b not empty
Interval95 bootstrap_change(std::span<const double> a, std::span<const double> b, size_t block,
                            const Statistic& statistic);

/// The length of blocks for a series of so many values: a sixth. A machine's drift over minutes then counts
/// as noise, which shorter blocks would average out.
size_t block_length(size_t values) noexcept;

/// The interval of a quantile by the ranks of its order statistics (normal approximation of the binomial).
/// @param share 0..1
/// @return in microseconds; {0, 0} when empty
Interval95 quantile_interval(const Histogram& histogram, double share) noexcept;

/// The interval of the difference of two shares `b` - `a`: Newcombe's, from Wilson's score intervals.
/// @param of_a,of_b sample sizes, not 0
Interval95 share_difference(uint64_t a, uint64_t of_a, uint64_t b, uint64_t of_b) noexcept;

}  // namespace synfin::app
