#pragma once
/// @file
/// The lines that charts show of a result: its series over time, and its latency distributions.

#include <string>
#include <string_view>
#include <vector>

#include "line_chart.hh"
#include "stored_result.hh"

namespace synfin::app {

/// The most points of a line; a day's run has as many as a run of minutes.
inline constexpr size_t kMostPoints = 480;

/// A count of the series per second: "completed", "requests"; or with `is_level` as it is: "open".
/// @param of_class empty: the whole load
std::vector<ChartPoint> rate_points(const nlohmann::ordered_json& result, std::string_view key, bool is_level,
                                    const std::string& of_class = {});
/// Responses of one status per second.
std::vector<ChartPoint> status_points(const nlohmann::ordered_json& result, const std::string& status);
/// A latency's quantile over time in microseconds: "connect", "p99".
std::vector<ChartPoint> latency_points(const nlohmann::ordered_json& result, std::string_view phase,
                                       std::string_view quantile, const std::string& of_class = {});
/// The phases of the run in the time of its series.
std::vector<ChartBand> phase_bands(const nlohmann::ordered_json& result);

/// The share of durations above each latency, from 1 down to that of a single one; x in microseconds.
/// @param part a result, or one of its classes
std::vector<ChartPoint> slower_points(const nlohmann::ordered_json& part, std::string_view phase);

}  // namespace synfin::app
