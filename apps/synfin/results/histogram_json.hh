#pragma once
/// @file
/// Histograms in results. The buckets of all results are the same, so adding the counts of several
/// results gives exactly the histogram of all their durations. docs/report.md describes the format.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "histogram.hh"

namespace synfin::app {

/// {precision_bits, sum_ns, max_ns, buckets: [[last nanosecond of the bucket, count], ...]}, without empty
/// buckets, in ascending order.
nlohmann::ordered_json to_json(const Histogram& histogram);

/// Adds a histogram of a result to `into`.
/// @return the error text, and `into` is unchanged; empty on success
/// @note cost: linear in the number of pairs, which may be at most Histogram::kBuckets
std::string add_from_json(Histogram& into, const nlohmann::ordered_json& json);

}  // namespace synfin::app
