#include "series.hh"

#include <algorithm>

namespace synfin::app {

namespace {

SeriesRow::Latency latency_of(const Histogram& histogram) {
    if (histogram.count() == 0) return {};
    return {.p50 = static_cast<float>(histogram.quantile_us(0.5)),
            .p90 = static_cast<float>(histogram.quantile_us(0.9)),
            .p99 = static_cast<float>(histogram.quantile_us(0.99)),
            .p999 = static_cast<float>(histogram.quantile_us(0.999)),
            .max = static_cast<float>(histogram.max_us()),
            .count = histogram.count()};
}

void join(SeriesPoint& point, const SeriesPoint& next) {
    point.end = next.end;
    point.total.join(next.total);
    for (size_t i = 0; i < point.classes.size(); ++i) point.classes[i].join(next.classes[i]);
}

}  // namespace

SeriesRow SeriesRow::of(const LoadTally& counts, const LoadTimes& times, uint64_t open) {
    SeriesRow row;
    row.offered = counts.offered;
    row.opened = counts.opened;
    row.established = counts.established;
    row.completed = counts.completed;
    row.failed = counts.failed();
    row.requests = counts.responses;
    row.open = open;
    for (size_t i = 0; i < counts.statuses.size(); ++i)
        if (counts.statuses[i] != 0)
            row.statuses.emplace_back(static_cast<uint16_t>(LoadTally::kLeastStatus + i), counts.statuses[i]);
    row.latency = {latency_of(times.connect), latency_of(times.first_byte), latency_of(times.last_byte),
                   latency_of(times.life)};
    return row;
}

void SeriesRow::join(const SeriesRow& next) {
    offered += next.offered;
    opened += next.opened;
    established += next.established;
    completed += next.completed;
    failed += next.failed;
    requests += next.requests;
    open = next.open;
    for (const auto& [status, n] : next.statuses) {
        const uint16_t code = status;
        const auto at = std::lower_bound(statuses.begin(), statuses.end(), code,
                                         [](const auto& each, uint16_t key) { return each.first < key; });
        if (at != statuses.end() && at->first == code)
            at->second += n;
        else
            statuses.insert(at, {code, n});
    }
    for (size_t i = 0; i < latency.size(); ++i) {
        Latency& mine = latency[i];
        const Latency& other = next.latency[i];
        mine = {.p50 = std::max(mine.p50, other.p50),
                .p90 = std::max(mine.p90, other.p90),
                .p99 = std::max(mine.p99, other.p99),
                .p999 = std::max(mine.p999, other.p999),
                .max = std::max(mine.max, other.max),
                .count = mine.count + other.count};
    }
}

size_t SeriesPoints::most_of(size_t classes) noexcept {
    return std::clamp(kMostRows / (classes + 1), kLeast, kMost);
}

void SeriesPoints::add(SeriesPoint point) {
    const bool goes_on = !points_.empty() && in_last_ < joined_ && points_.back().part == point.part;
    if (goes_on) {
        join(points_.back(), point);
        ++in_last_;
        return;
    }
    if (points_.size() >= most_) thin();
    points_.push_back(std::move(point));
    in_last_ = 1;
}

void SeriesPoints::thin() {
    std::vector<SeriesPoint> kept;
    kept.reserve(points_.size() / 2 + kRunParts);
    for (size_t i = 0; i < points_.size(); ++i) {
        kept.push_back(std::move(points_[i]));
        if (i + 1 < points_.size() && points_[i + 1].part == kept.back().part)
            join(kept.back(), points_[++i]);
    }
    points_ = std::move(kept);
    joined_ *= 2;
}

}  // namespace synfin::app
