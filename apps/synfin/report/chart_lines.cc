#include "chart_lines.hh"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "results/histogram_json.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

/// The most intervals that are read: more than any result has.
constexpr size_t kMostIntervals = 200'000;
/// In microseconds. Shorter latencies would stretch the log axis, and mean nothing.
constexpr double kLeastLatency = 1;

double within(double value) {
    return std::clamp(value, 0.0, 1e15);
}

/// One point per interval for which `value` has one, at the middle of the interval.
std::vector<ChartPoint> points_of(
    const ordered_json& result, const std::string& of_class,
    const std::function<std::optional<double>(const ordered_json& row, double seconds)>& value) {
    std::vector<ChartPoint> all;
    size_t read = 0;
    double before = -1e18;
    for (const ordered_json& point : items_at(result, {"series"})) {
        if (++read > kMostIntervals) break;
        const double seconds = number_or(point, {"seconds"}, 1), t = within(number_or(point, {"t"}, 0));
        // A rate over the last moments of a run would be a spike.
        if (seconds < 0.2 || t < before) continue;
        before = t;
        const ordered_json* row = of_class.empty() ? &point : find_at(point, {"classes", of_class});
        if (row == nullptr) continue;
        if (const auto y = value(*row, seconds)) all.push_back({t, within(*y)});
    }
    return thinned(all, kMostPoints);
}

}  // namespace

std::vector<ChartPoint> rate_points(const ordered_json& result, std::string_view key, bool is_level,
                                    const std::string& of_class) {
    return points_of(result, of_class, [&](const ordered_json& row, double seconds) {
        auto n = number_at(row, {key});
        if (n && !is_level) *n /= seconds;
        return n;
    });
}

std::vector<ChartPoint> status_points(const ordered_json& result, const std::string& status) {
    return points_of(result, {}, [&](const ordered_json& row, double seconds) {
        return std::optional(number_or(row, {"statuses", status}, 0) / seconds);
    });
}

std::vector<ChartPoint> latency_points(const ordered_json& result, std::string_view phase,
                                       std::string_view quantile, const std::string& of_class) {
    return points_of(result, of_class, [&](const ordered_json& row, double /*seconds*/) {
        auto us = number_at(row, {"latency", phase, quantile});
        if (us) us = std::max(*us, kLeastLatency);
        return us;
    });
}

std::vector<ChartBand> phase_bands(const ordered_json& result) {
    std::vector<ChartBand> all;
    for (const ordered_json& phase : items_at(result, {"phases"})) {
        if (all.size() == 16) break;
        all.push_back({within(number_or(phase, {"from_s"}, 0)), within(number_or(phase, {"to_s"}, 0)),
                       text_at(phase, {"name"})});
    }
    return all;
}

std::vector<ChartPoint> slower_points(const ordered_json& part, std::string_view phase) {
    Histogram histogram;
    const ordered_json* stored = find_at(part, {"latency_us", phase, "histogram"});
    if (stored == nullptr || !add_from_json(histogram, *stored).empty() || histogram.count() == 0) return {};
    std::vector<ChartPoint> all;
    const auto n = static_cast<double>(histogram.count());
    uint64_t seen = 0;
    // A point for each step of 0.5 % of the share or 2 % of the latency: finer steps do not show.
    ChartPoint last{0, 2};
    for (uint32_t bucket = 0; bucket < Histogram::kBuckets && seen < histogram.count(); ++bucket) {
        if (histogram.count_of(bucket) == 0) continue;
        const double us = std::max(kLeastLatency, static_cast<double>(Histogram::last_of(bucket)) / 1e3);
        if (seen == 0) all.push_back({us, 1});
        seen += histogram.count_of(bucket);
        const double share = std::max(n - static_cast<double>(seen), 0.5) / n;
        const bool is_last = seen == histogram.count();
        if (!is_last && us < 1.02 * last.x && share > 0.98 * last.y) continue;
        if (is_last) {
            all.push_back({us, 1 / n});
            break;
        }
        last = {us, share};
        all.push_back(last);
    }
    return all;
}

}  // namespace synfin::app
