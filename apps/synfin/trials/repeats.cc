#include "repeats.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "config/quantity.hh"
#include "results/verdict.hh"

namespace synfin::app {

namespace {

/// What counts as a cause: this share of the time that a core was away, and these shares of the connections.
constexpr double kLostCause = 0.005;
constexpr double kCountCause = 0.001;

void add_latency(std::vector<Figure>& all, std::string_view phase, const Histogram& histogram) {
    if (histogram.count() == 0) return;
    all.push_back({fmt::format("{}.p50", phase), "us", histogram.quantile_us(0.5)});
    all.push_back({fmt::format("{}.p99", phase), "us", histogram.quantile_us(0.99)});
}

std::vector<std::string> troubles_of(const RunResult& result) {
    std::vector<std::string> all = result.invalid_because;
    for (const Judgement& each : result.criteria)
        if (each.verdict != Verdict::pass)
            all.push_back(fmt::format("{}{}: {}{}{}", each.name, each.limit, name(each.verdict),
                                      each.why.empty() ? "" : ", ", each.why));
    return all;
}

std::vector<std::string> causes_of(const RunResult& result) {
    std::vector<std::string> all;
    for (const CoreShare& core : result.cores)
        if (core.lost > kLostCause)
            all.push_back(
                fmt::format("core {} was away for {:.1f} % of the time", core.core, 100 * core.lost));
    const auto opened = static_cast<double>(std::max<uint64_t>(1, result.tally.opened));
    const auto add = [&](uint64_t n, std::string_view what) {
        if (static_cast<double>(n) > kCountCause * opened) all.push_back(fmt::format("{} {}", n, what));
    };
    if (result.client) {
        add(result.client->final[Counter::retransmitted], "segments were retransmitted");
        add(result.client->final[Counter::stale_syn], "SYNs met TIME-WAIT at the target");
    }
    add(result.tally.failed(), "connections failed");
    add(result.tally.skipped(), "connections were skipped");
    add(result.device.rx_missed + result.device.rx_no_buffer, "packets were lost at receiving");
    for (const Skip reason : {Skip::no_port, Skip::no_memory})
        if (const double s = std::chrono::duration<double>(result.tally.waited(reason)).count();
            s > kLostCause * result.duration_s)
            all.push_back(fmt::format("the generator waited {:.2f} s for a {}", s,
                                      reason == Skip::no_port ? "port" : "record"));
    return all;
}

}  // namespace

std::vector<Figure> figures_of(const RunResult& result) {
    std::vector<Figure> all;
    const double time = result.duration_s > 0 ? result.duration_s : 1;
    const auto rate = [&](std::string_view of, uint64_t n) {
        all.push_back({std::string(of), "/s", static_cast<double>(n) / time});
    };
    rate("cps", result.measured.completed);
    rate("established_per_s", result.measured.established);
    rate("requests_per_s", result.measured.responses);
    const auto opened = static_cast<double>(result.tally.opened);
    all.push_back(
        {"failed", "%", opened > 0 ? 100 * static_cast<double>(result.tally.failed()) / opened : 0});
    if (result.times == nullptr) return all;
    add_latency(all, "connect", result.times->connect);
    add_latency(all, "first_byte", result.times->first_byte);
    add_latency(all, "last_byte", result.times->last_byte);
    add_latency(all, "life", result.times->life);
    return all;
}

Spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t middle = values.size() / 2;
    const double median = values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back()};
}

double RepeatedRun::value_of(std::string_view figure) const noexcept {
    const auto found =
        std::find_if(figures.begin(), figures.end(), [&](const Figure& each) { return each.name == figure; });
    return found == figures.end() ? 0 : found->value;
}

RepeatedRun repeated_run(const RunResult& result) {
    return {.is_valid = result.invalid_because.empty(),
            .has_passed = has_passed(result),
            .is_interrupted = result.interrupted,
            .troubles = troubles_of(result),
            .causes = causes_of(result),
            .duration_s = result.duration_s,
            .figures = figures_of(result)};
}

Repeats::Repeats(std::vector<RepeatedRun> runs, std::string key)
    : runs_(std::move(runs)), key_(std::move(key)) {}

std::vector<double> Repeats::values_of(std::string_view figure) const {
    std::vector<double> all;
    for (const RepeatedRun& run : runs_) all.push_back(run.value_of(figure));
    return all;
}

std::vector<Repeats::FigureSpread> Repeats::spreads() const {
    std::vector<FigureSpread> all;
    for (const Figure& each : runs_.front().figures) {
        const auto has_it = [&](const RepeatedRun& run) {
            return std::any_of(run.figures.begin(), run.figures.end(),
                               [&](const Figure& other) { return other.name == each.name; });
        };
        if (std::all_of(runs_.begin(), runs_.end(), has_it))
            all.push_back({each.name, each.unit, spread_of(values_of(each.name))});
    }
    return all;
}

Spread Repeats::key_spread() const {
    return spread_of(values_of(key_));
}

size_t Repeats::median_run() const {
    const std::vector<double> values = values_of(key_);
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
    return order[(order.size() - 1) / 2];
}

std::vector<std::string> Repeats::why_not() const {
    if (agree()) return {};
    const Spread spread = key_spread();
    const std::vector<double> values = values_of(key_);
    std::vector<std::string> all;
    bool is_explained = false;
    for (size_t i = 0; i < values.size(); ++i) {
        // A run within half of the limit of the median is no outlier.
        const double off = spread.median == 0 ? 0 : (values[i] - spread.median) / spread.median;
        if (std::abs(off) <= kAgreement / 2) continue;
        std::string causes;
        for (const std::string& cause : runs_[i].causes) causes += (causes.empty() ? ": " : ", ") + cause;
        is_explained |= !causes.empty();
        all.push_back(fmt::format("run {}: {} {:+.1f} % from the median{}", i + 1, key_, 100 * off, causes));
    }
    if (!is_explained)
        all.push_back("no run lost its core, packets or connections: the target or the path varied");
    return all;
}

uint64_t Repeats::valid() const noexcept {
    return static_cast<uint64_t>(
        std::count_if(runs_.begin(), runs_.end(), [](const RepeatedRun& run) { return run.is_valid; }));
}
uint64_t Repeats::passed() const noexcept {
    return static_cast<uint64_t>(
        std::count_if(runs_.begin(), runs_.end(), [](const RepeatedRun& run) { return run.has_passed; }));
}

std::string key_figure(const RunResult& result) {
    return result.measured.responses > 2 * result.measured.completed ? "requests_per_s" : "cps";
}

}  // namespace synfin::app
