#include "trials_json.hh"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "config/quantity.hh"
#include "report/page.hh"
#include "results/publish.hh"
#include "results/result_json.hh"
#include "results/result_text.hh"
#include "scaled_load.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

double rounded(double value, int digits = 3) {
    const double scale = std::pow(10.0, digits);
    return std::round(value * scale) / scale;
}
double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}
ordered_json or_null(const std::optional<uint64_t>& value) {
    return value ? ordered_json(*value) : ordered_json();
}

ordered_json figures_json(const std::vector<Figure>& figures) {
    ordered_json all = ordered_json::object();
    for (const Figure& each : figures) all[each.name] = rounded(each.value);
    return all;
}

ordered_json to_json(const SearchTrial& trial) {
    ordered_json json = ordered_json::object();
    json["value"] = trial.step.value;
    json["duration_s"] = rounded(trial.duration_s, 6);
    json["full"] = trial.step.is_full;
    json["outcome"] = name(trial.verdict.outcome);
    json["why"] = trial.verdict.why;
    json["valid"] = trial.is_valid;
    json["passed"] = trial.has_passed;
    json["figures"] = figures_json(trial.figures);
    json["rest_s"] = rounded(seconds(trial.rest.took));
    json["open_before"] = trial.rest.open;
    json["time_wait_before"] = trial.rest.time_wait;
    return json;
}

std::string number(double value) {
    return value >= 1e5   ? count_text(value)
           : value >= 1e3 ? fmt::format("{:.0f}", value)
                          : fmt::format("{:.3g}", value);
}
/// "12.3k/s", "0.31 ms", "0.1 %".
std::string figure_text(double value, std::string_view unit) {
    if (unit == "us") return fmt::format("{:.4g} ms", value / 1e3);
    return unit == "%" ? fmt::format("{:.3g} %", value) : number(value) + std::string(unit);
}

void line(std::string& text, std::string_view label, const std::string& value) {
    text += fmt::format("{:<13}{}\n", label, value);
}

std::string search_text(const ordered_json& search) {
    std::string text;
    const std::string unit = search["unit"].get<std::string>();
    const bool is_found = !search["found"].is_null();
    std::string head = is_found ? fmt::format("found {} {}", search["found"].get<uint64_t>(), unit)
                                : fmt::format("found no {} that meets the criteria",
                                              search["kind"] == "connections" ? "number" : "rate");
    if (!search["limited_by"].is_null())
        head += fmt::format(", limited by the {}", search["limited_by"].get<std::string>());
    if (is_found && !search["upper_bound"].is_null())
        head += fmt::format(" (refused: {})", search["upper_bound"].get<uint64_t>());
    line(text, "search", head);
    if (const std::string why = search["why"].get<std::string>(); !why.empty()) line(text, "", why);
    return text;
}

std::string search_table(const ordered_json& search) {
    std::string text;
    size_t n = 0;
    for (const auto& trial : search["trials"]) {
        const auto& figures = trial["figures"];
        std::string row =
            fmt::format("{:>3} {:>11} {:>7.3g} s  {:<12}{:>9}/s", ++n, trial["value"].get<uint64_t>(),
                        trial["duration_s"].get<double>(), trial["outcome"].get<std::string>(),
                        number(figures["established_per_s"].get<double>()));
        if (figures.contains("connect.p99"))
            row += fmt::format("  connect p99 {}", figure_text(figures["connect.p99"].get<double>(), "us"));
        if (trial["full"].get<bool>()) row += "  (full)";
        line(text, n == 1 ? "trials" : "", row);
    }
    return text;
}

std::string repeats_text(const ordered_json& repeats) {
    std::string text;
    const std::string key = repeats["of"].get<std::string>();
    line(text, "repeats",
         fmt::format("{} runs: {} valid, {} passed; {} {}: the figures below are those of run {}",
                     repeats["n"].get<uint64_t>(), repeats["valid"].get<uint64_t>(),
                     repeats["passed"].get<uint64_t>(), key,
                     repeats["agree"].get<bool>() ? "agrees within 2 %" : "differs by more than 2 %",
                     repeats["median_run"].get<uint64_t>()));
    for (const auto& why : repeats["why"]) line(text, "", why.get<std::string>());
    return text;
}

std::string repeats_table(const ordered_json& repeats) {
    std::string text;
    text += fmt::format("{:<20}{:>11} {:>11} {:>11} {:>9}\n", "repeats", "median", "least", "most", "spread");
    for (const auto& figure : repeats["figures"].items()) {
        const ordered_json& spread = figure.value();
        const std::string unit = spread["unit"].get<std::string>();
        const auto cell = [&](const char* what) { return figure_text(spread[what].get<double>(), unit); };
        text += fmt::format("  {:<18}{:>11} {:>11} {:>11} {:>7.1f} %\n", figure.key(), cell("median"),
                            cell("least"), cell("most"), 100 * spread["spread"].get<double>());
    }
    return text;
}

}  // namespace

ordered_json to_json(const SearchReport& search) {
    ordered_json json = ordered_json::object();
    json["kind"] = name(search.kind);
    json["unit"] = unit_of(search.kind);
    json["found"] = or_null(search.found);
    json["limited_by"] =
        search.limited_by == SearchLimit::none ? ordered_json() : ordered_json(name(search.limited_by));
    json["why"] = search.why;
    json["lower_bound"] = or_null(search.lower_bound);
    json["upper_bound"] = or_null(search.upper_bound);
    json["until"] = search.until;
    json["resolution"] = static_cast<double>(search.plan.resolution_ppm) / 1e6;
    json["first"] = search.plan.first;
    json["most"] = search.plan.most;
    auto& trials = json["trials"] = ordered_json::array();
    for (const SearchTrial& each : search.trials) trials.push_back(to_json(each));
    return json;
}

ordered_json to_json(const Repeats& repeats) {
    ordered_json json = ordered_json::object();
    json["n"] = repeats.runs().size();
    json["of"] = repeats.key();
    json["median_run"] = repeats.median_run() + 1;
    json["valid"] = repeats.valid();
    json["passed"] = repeats.passed();
    json["agree_within"] = kAgreement;
    json["agree"] = repeats.agree();
    json["why"] = repeats.why_not();
    auto& figures = json["figures"] = ordered_json::object();
    for (const Repeats::FigureSpread& each : repeats.spreads()) {
        ordered_json spread = ordered_json::object();
        spread["unit"] = each.unit;
        spread["median"] = rounded(each.spread.median);
        spread["least"] = rounded(each.spread.least);
        spread["most"] = rounded(each.spread.most);
        spread["spread"] = rounded(each.spread.relative(), 5);
        figures[each.name] = std::move(spread);
    }
    auto& runs = json["runs"] = ordered_json::array();
    for (const RepeatedRun& each : repeats.runs()) {
        ordered_json run = ordered_json::object();
        run["valid"] = each.is_valid;
        run["passed"] = each.has_passed;
        run["interrupted"] = each.is_interrupted;
        run["troubles"] = each.troubles;
        run["duration_s"] = rounded(each.duration_s, 6);
        run["rest_s"] = rounded(each.rest_s);
        run["time_wait_before"] = each.time_wait_before;
        run["figures"] = figures_json(each.figures);
        runs.push_back(std::move(run));
    }
    return json;
}

ordered_json to_json(const TrialRuns& runs) {
    ordered_json json = to_json(runs.result.result);
    if (runs.search) json["search"] = to_json(*runs.search);
    if (runs.repeats) json["repeats"] = to_json(*runs.repeats);
    return json;
}

std::string trials_text(const ordered_json& result) {
    std::string text;
    if (result.contains("search")) text += search_text(result["search"]);
    if (result.contains("repeats")) text += repeats_text(result["repeats"]);
    return text;
}

std::string trials_tables(const ordered_json& result) {
    std::string text;
    if (result.contains("search")) text += search_table(result["search"]);
    if (result.contains("repeats")) text += repeats_table(result["repeats"]);
    return text;
}

void publish_trials(const TrialRuns& runs, const std::string& json_path) {
    const ordered_json json = to_json(runs);
    publish(json, trials_text(json) + to_text(json) + trials_tables(json), json_path);
    write_report(json, runs.result.result.config.report);
}

}  // namespace synfin::app
