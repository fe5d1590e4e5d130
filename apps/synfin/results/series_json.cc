#include "series_json.hh"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/user_error.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, SeriesRow::kLatencies> kLatencyNames = {"connect", "first_byte",
                                                                               "last_byte", "life"};

double rounded(double value, double scale) {
    return std::round(value * scale) / scale;
}
double seconds(Duration time) {
    return rounded(std::chrono::duration<double>(time).count(), 1e6);
}

ordered_json statuses_of(const std::vector<std::pair<uint16_t, uint64_t>>& statuses) {
    ordered_json all = ordered_json::object();
    for (const auto& [status, n] : statuses) all[std::to_string(status)] = n;
    return all;
}

/// Without latencies that have no samples.
ordered_json latency_of(const SeriesRow& row) {
    ordered_json all = ordered_json::object();
    for (size_t i = 0; i < row.latency.size(); ++i) {
        const SeriesRow::Latency& from = row.latency[i];
        if (from.count == 0) continue;
        ordered_json& one = all[std::string(kLatencyNames[i])] = ordered_json::object();
        one["p50"] = rounded(from.p50, 10);
        one["p90"] = rounded(from.p90, 10);
        one["p99"] = rounded(from.p99, 10);
        one["p999"] = rounded(from.p999, 10);
        one["max"] = rounded(from.max, 10);
        one["count"] = from.count;
    }
    return all;
}

void add_row(ordered_json& json, const SeriesRow& row) {
    json["offered"] = row.offered;
    json["opened"] = row.opened;
    json["established"] = row.established;
    json["completed"] = row.completed;
    json["failed"] = row.failed;
    json["open"] = row.open;
    json["requests"] = row.requests;
    json["statuses"] = statuses_of(row.statuses);
    json["latency"] = latency_of(row);
}

}  // namespace

ordered_json to_json(const SeriesPoint& point, const std::vector<std::string>& names, bool ramps) {
    ordered_json json = ordered_json::object();
    json["t"] = seconds(point.end);
    json["seconds"] = seconds(point.end - point.begin);
    json["phase"] = name(point.part, ramps);
    add_row(json, point.total);
    if (point.classes.empty()) return json;
    ordered_json& classes = json["classes"] = ordered_json::object();
    for (size_t i = 0; i < point.classes.size(); ++i) {
        ordered_json& one = classes[names[i]] = ordered_json::object();
        add_row(one, point.classes[i]);
    }
    return json;
}

ordered_json phases_json(const RunResult& result) {
    const bool ramps = result.config.load.timeline().has_phases;
    ordered_json all = ordered_json::array();
    for (const RunPartCounts& each : result.parts) {
        ordered_json one = ordered_json::object();
        one["name"] = name(each.part, ramps);
        one["from_s"] = seconds(each.begin);
        one["to_s"] = seconds(each.end);
        one["offered"] = each.counts.offered;
        one["opened"] = each.counts.opened;
        one["established"] = each.counts.established;
        one["completed"] = each.counts.completed;
        one["failed"] = each.counts.failed();
        one["requests"] = each.counts.responses;
        all.push_back(std::move(one));
    }
    return all;
}

ordered_json series_json(const RunResult& result) {
    const std::vector<std::string> names = class_names(result.config.load);
    const bool ramps = result.config.load.timeline().has_phases;
    ordered_json all = ordered_json::array();
    for (const SeriesPoint& each : result.series) all.push_back(to_json(each, names, ramps));
    return all;
}

std::vector<std::string> class_names(const LoadConfig& load) {
    std::vector<std::string> names;
    for (const TrafficConfig& each : load.classes) names.push_back(each.name);
    return names;
}

SeriesFile::SeriesFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    file_ = std::fopen(path.c_str(), "we");
    if (file_ == nullptr)
        throw run_error(fmt::format("{}: the series can't be written there: {}", path, std::strerror(errno)),
                        "choose another file for --series");
}

SeriesFile::~SeriesFile() {
    if (file_ != nullptr) std::fclose(file_);
}

void SeriesFile::write(const ordered_json& line) {
    if (file_ == nullptr || !trouble_.empty()) return;
    const std::string text = line.dump() + "\n";
    if (std::fputs(text.c_str(), file_) < 0 || std::fflush(file_) != 0)
        trouble_ = fmt::format("{}: the series is not complete: {}", path_, std::strerror(errno));
}

}  // namespace synfin::app
