#include "comparison.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "config/user_error.hh"
#include "results/histogram_json.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

using Results = std::vector<StoredResult>;

/// The probability of a chance difference below which repeats differ.
constexpr double kSignificant = 0.05;
constexpr size_t kLeastSeconds = 10;
/// The most values of a sample; more is no result of ours, and would take long to resample.
constexpr size_t kMostValues = 7'200;

/// The values of a figure in all runs of one side, and what single runs have beside it.
struct SideOf {
    std::vector<double> runs;
    std::vector<double> seconds;         ///< rates and quantiles: in each second of a single run
    std::optional<Histogram> histogram;  ///< quantiles: of a single run
    uint64_t failed = 0, opened = 0;     ///< failed: of a single run
};

std::string series_key(const std::string& figure) {
    return figure == "cps"                 ? "completed"
           : figure == "established_per_s" ? "established"
           : figure == "requests_per_s"    ? "requests"
                                           : "";
}

/// A figure in each whole interval of the measured time: a rate, or a quantile. Empty if the series has none.
std::vector<double> seconds_of(const ordered_json& result, const FigureKind& kind) {
    const std::string key = series_key(kind.name);
    if (key.empty() && kind.quantile < 0) return {};
    std::vector<double> all;
    for (const ordered_json& point : items_at(result, {"series"})) {
        const double length = number_or(point, {"seconds"}, 0);
        if (text_at(point, {"phase"}) != "sustain" || length < 0.5) continue;
        const auto value =
            key.empty() ? number_at(point, {"latency", kind.phase, kind.name.substr(kind.phase.size() + 1)})
                        : number_at(point, {key});
        if (value) all.push_back(key.empty() ? *value : *value / length);
        if (all.size() == kMostValues) break;
    }
    return all;
}

SideOf side_of(const Results& results, const FigureKind& kind) {
    SideOf side;
    for (const StoredResult& result : results) {
        const ordered_json& runs = items_at(result.json, {"repeats", "runs"});
        for (const ordered_json& run : runs)
            if (const auto value = number_at(run, {"figures", kind.name});
                value && side.runs.size() < kMostValues)
                side.runs.push_back(*value);
        // A figure that the repeats do not list is that of the median run.
        if (runs.empty())
            if (const auto value = figure_of(result.json, kind)) side.runs.push_back(*value);
    }
    if (results.size() != 1 || side.runs.size() > 1) return side;
    const ordered_json& json = results.front().json;
    if (side.runs.empty())
        if (const auto value = figure_of(json, kind)) side.runs.push_back(*value);
    side.seconds = seconds_of(json, kind);
    if (kind.name == "failed") {
        side.failed =
            static_cast<uint64_t>(std::clamp(number_or(json, {"connections", "failed"}, 0), 0.0, 1e15));
        side.opened =
            static_cast<uint64_t>(std::clamp(number_or(json, {"connections", "opened"}, 0), 0.0, 1e15));
    }
    if (kind.quantile >= 0)
        if (const auto* stored = find_at(json, {"latency_us", kind.phase, "histogram"})) {
            Histogram histogram;
            if (add_from_json(histogram, *stored).empty()) side.histogram = std::move(histogram);
        }
    return side;
}

double spread(const std::vector<double>& values, double median) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return median != 0 ? (*most - *least) / std::fabs(median) : 0;
}

void judge(FigureChange& figure, bool differs) {
    if (!differs) return;
    const bool is_higher = figure.b > figure.a;
    figure.verdict = is_higher == (figure.kind.better == Better::higher) ? Change::better : Change::worse;
}

void by_repeats(FigureChange& figure, const SideOf& a, const SideOf& b) {
    figure.method = FigureChange::Method::repeats;
    figure.noise = std::max(spread(a.runs, figure.a), spread(b.runs, figure.b));
    figure.p = rank_test(a.runs, b.runs);
    if (figure.kind.name != "failed")
        figure.interval = bootstrap_change(a.runs, b.runs, 1, [](std::span<const double> drawn) {
            return median_of({drawn.begin(), drawn.end()});
        });
    judge(figure, *figure.p < kSignificant && figure.a != figure.b);
    if (figure.verdict != Change::undecidable) return;
    // Even if all runs of one side are above all of the other, so few show nothing.
    const std::vector<double> low(a.runs.size(), 0), high(b.runs.size(), 1);
    if (rank_test(low, high) >= kSignificant)
        figure.why = fmt::format("{} and {} runs are too few: 4 of each can show a difference", a.runs.size(),
                                 b.runs.size());
    else
        figure.why = fmt::format("p = {:.2g}: runs of one side differ as much", *figure.p);
}

/// What single runs allow: the noise within a run, and a margin for the noise between runs.
void by_one_run(FigureChange& figure, double margin) {
    const Interval95& interval = *figure.interval;
    // The interval of the seconds and the change of the whole run must agree on the direction.
    const bool is_beyond = figure.change > 0 ? interval.low > 0 : interval.high < 0;
    const bool is_large = std::fabs(figure.change) > margin;
    judge(figure, is_beyond && is_large);
    if (figure.verdict != Change::undecidable) return;
    figure.why = !is_beyond
                     ? "within the noise of the run"
                     : fmt::format("below {:.3g} %, which two single runs may differ by", 100 * margin);
}

void by_series(FigureChange& figure, const SideOf& a, const SideOf& b, double margin) {
    figure.method = FigureChange::Method::series;
    const size_t block = block_length(std::min(a.seconds.size(), b.seconds.size()));
    figure.interval = bootstrap_change(a.seconds, b.seconds, block, mean_of);
    by_one_run(figure, margin);
}

void by_histogram(FigureChange& figure, const SideOf& a, const SideOf& b, double margin) {
    figure.method = FigureChange::Method::samples;
    const double share = figure.kind.quantile;
    const Interval95 in_a = quantile_interval(*a.histogram, share),
                     in_b = quantile_interval(*b.histogram, share);
    if (in_a.low <= 0 || in_a.high <= 0) return;
    figure.interval = Interval95{in_b.low / in_a.high - 1, in_b.high / in_a.low - 1};
    const double needed = 10 / (1 - share);
    if (static_cast<double>(std::min(a.histogram->count(), b.histogram->count())) < needed) {
        figure.why = fmt::format("too few samples: needs {:.0f}", needed);
        return;
    }
    by_one_run(figure, margin);
}

void by_share(FigureChange& figure, const SideOf& a, const SideOf& b, double margin) {
    figure.method = FigureChange::Method::samples;
    Interval95 interval =
        share_difference(std::min(a.failed, a.opened), a.opened, std::min(b.failed, b.opened), b.opened);
    const bool is_beyond = interval.low > 0 || interval.high < 0;
    figure.interval = Interval95{100 * interval.low, 100 * interval.high};
    const double most = std::max(figure.a, figure.b);
    judge(figure, is_beyond && std::fabs(figure.change) > margin * most);
    if (figure.verdict == Change::undecidable) figure.why = "within the noise of the run";
}

FigureChange change_of(const FigureKind& kind, const SideOf& a, const SideOf& b, double margin) {
    FigureChange figure;
    figure.kind = kind;
    figure.a = median_of(a.runs);
    figure.b = median_of(b.runs);
    figure.runs_a = a.runs.size();
    figure.runs_b = b.runs.size();
    const bool is_share = kind.name == "failed";
    figure.change = is_share ? figure.b - figure.a : figure.a != 0 ? figure.b / figure.a - 1 : 0;
    if (a.runs.size() > 1 && b.runs.size() > 1)
        by_repeats(figure, a, b);
    else if (a.runs.size() > 1 || b.runs.size() > 1)
        figure.why = "one side has a single run";
    else if (std::min(a.seconds.size(), b.seconds.size()) >= kLeastSeconds)
        by_series(figure, a, b, margin);
    else if (is_share && a.opened != 0 && b.opened != 0)
        by_share(figure, a, b, margin);
    else if (a.histogram && b.histogram)
        by_histogram(figure, a, b, margin);
    else
        figure.why = series_key(kind.name).empty()
                         ? "one value of each tells no noise"
                         : fmt::format("one value of each tells no noise; runs of {} s would", kLeastSeconds);
    if (figure.verdict == Change::undecidable && figure.a == figure.b) figure.why = "equal";
    return figure;
}

// -- differences of the conditions -----------------------------------------------------------

/// Keys that do not change what is measured.
bool is_output(const std::string& key) {
    static const std::set<std::string> kOutputs = {"json",    "report",      "verbose",
                                                   "control", "load.series", "metrics"};
    return kOutputs.contains(key);
}

void flatten(const ordered_json& json, const std::string& path, std::map<std::string, std::string>& into) {
    if (!json.is_object()) {
        if (!is_output(path)) into[path] = json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
        return;
    }
    for (const auto& [key, value] : json.items()) flatten(value, path.empty() ? key : path + "." + key, into);
}

std::string shortened(const std::string& text) {
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

void warn_of_differences(std::vector<std::string>& warnings, const ordered_json& a, const ordered_json& b) {
    constexpr size_t kMost = 20;
    std::map<std::string, std::string> in_a, in_b;
    flatten(items_at(a, {"config"}), "", in_a);
    flatten(items_at(b, {"config"}), "", in_b);
    size_t differences = 0;
    const auto note = [&](const std::string& key, const std::string& left, const std::string& right) {
        if (++differences <= kMost)
            warnings.push_back(fmt::format("{}: {} and {}", key, shortened(left), shortened(right)));
    };
    for (const auto& [key, value] : in_a) {
        const auto other = in_b.find(key);
        if (other == in_b.end() || other->second != value)
            note(key, value, other == in_b.end() ? "nothing" : other->second);
    }
    for (const auto& [key, value] : in_b)
        if (!in_a.contains(key)) note(key, "nothing", value);
    if (differences > kMost)
        warnings.push_back(fmt::format("{} more keys of the configuration differ", differences - kMost));
}

void warn_of_conditions(std::vector<std::string>& warnings, const ordered_json& a, const ordered_json& b) {
    const auto compare_at = [&](const char* key, std::initializer_list<std::string_view> path) {
        const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : shortened(text); };
        const std::string left = text_at(a, path), right = text_at(b, path);
        if (left != right) warnings.push_back(fmt::format("{}: {} and {}", key, shown(left), shown(right)));
    };
    compare_at("host.cpu", {"host", "cpu"});
    compare_at("host.kernel", {"host", "kernel"});
    compare_at("host.device.driver", {"host", "device", "driver"});
    compare_at("build.version", {"build", "version"});
    compare_at("build.march", {"build", "march"});
    compare_at("build.profile_guided", {"build", "profile_guided"});
}

void warn_of_validity(std::vector<std::string>& warnings, const Results& results) {
    for (const StoredResult& each : results) {
        if (!bool_at(each.json, {"valid"}))
            warnings.push_back(
                fmt::format("{}: the run is not valid, so its figures may be the generator's", each.path));
        if (bool_at(each.json, {"interrupted"}))
            warnings.push_back(fmt::format("{}: the run was interrupted", each.path));
    }
}

std::string names_of(const Results& results) {
    std::string all;
    for (const StoredResult& each : results) all += (all.empty() ? "" : ",") + each.path;
    return all;
}

}  // namespace

std::string_view name(Change change) noexcept {
    return change == Change::better ? "better" : change == Change::worse ? "worse" : "undecidable";
}

std::string_view name(FigureChange::Method method) noexcept {
    using Method = FigureChange::Method;
    switch (method) {
        case Method::repeats: return "repeats";
        case Method::series: return "series";
        case Method::samples: return "samples";
        case Method::none: break;
    }
    return "none";
}

Comparison compare(const Results& a, const Results& b, double margin) {
    Comparison comparison{names_of(a), names_of(b), margin, {}, {}};
    const StoredResult& first = a.front();
    for (const Results* side : {&a, &b})
        for (const StoredResult& each : *side)
            if (each.command() != first.command())
                throw usage_error(fmt::format("{} is a result of synfin {}, and {} of synfin {}", first.path,
                                              first.command(), each.path, each.command()),
                                  "compare two results of the same command");
    warn_of_validity(comparison.warnings, a);
    warn_of_validity(comparison.warnings, b);
    warn_of_differences(comparison.warnings, first.json, b.front().json);
    warn_of_conditions(comparison.warnings, first.json, b.front().json);
    for (const FigureKind& kind : figure_kinds()) {
        const SideOf in_a = side_of(a, kind), in_b = side_of(b, kind);
        if (in_a.runs.empty() || in_b.runs.empty()) continue;
        if (median_of(in_a.runs) == 0 && median_of(in_b.runs) == 0 && kind.name != "failed") continue;
        comparison.figures.push_back(change_of(kind, in_a, in_b, margin));
    }
    return comparison;
}

}  // namespace synfin::app
