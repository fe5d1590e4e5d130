/// @file
/// A Comparison as JSON and as text.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "comparison.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

double rounded(double value) {
    return std::round(value * 1e6) / 1e6;
}

/// "+4.6 %"; of shares "+0.02 points".
std::string change_text(const FigureChange& figure, double change) {
    if (figure.kind.unit == "%") return fmt::format("{:+.2g} pp", change);
    if (!std::isfinite(change)) return "from 0";
    return std::fabs(change) >= 10 ? fmt::format("x{:.3g}", 1 + change)
                                   : fmt::format("{:+.1f} %", 100 * change);
}

std::string interval_text(const FigureChange& figure) {
    if (!figure.interval) return "-";
    return fmt::format("{} .. {}", change_text(figure, figure.interval->low),
                       change_text(figure, figure.interval->high));
}

ordered_json interval_json(const FigureChange& figure) {
    if (!figure.interval || !std::isfinite(figure.interval->low) || !std::isfinite(figure.interval->high))
        return nullptr;
    return ordered_json::array({rounded(figure.interval->low), rounded(figure.interval->high)});
}

std::string explanation(FigureChange::Method method, const Comparison& comparison) {
    using Method = FigureChange::Method;
    switch (method) {
        case Method::repeats:
            return "repeats   runs against runs: Mann-Whitney U test, differs if p < 0.05; the interval is "
                   "a\n"
                   "          bootstrap of the median over runs; noise is (most - least) / median\n";
        case Method::series:
            return fmt::format(
                "series    one run each: block bootstrap over its seconds. One run has no noise between\n"
                "          runs, so differences below {:.3g} % are undecidable (--margin)\n",
                100 * comparison.margin);
        case Method::samples:
            return fmt::format(
                "samples   one run each: order statistics of the histogram (failed: Newcombe's interval).\n"
                "          Differences below {:.3g} % are undecidable (--margin)\n",
                100 * comparison.margin);
        case Method::none: break;
    }
    return "none      one value each: nothing tells its noise, so it is undecidable\n";
}

}  // namespace

ordered_json to_json(const Comparison& comparison) {
    ordered_json json = ordered_json::object();
    json["schema"] = "synfin.comparison/1";
    json["a"] = comparison.a;
    json["b"] = comparison.b;
    json["margin"] = comparison.margin;
    json["warnings"] = comparison.warnings;
    auto& figures = json["figures"] = ordered_json::array();
    for (const FigureChange& each : comparison.figures) {
        ordered_json figure = ordered_json::object();
        figure["name"] = each.kind.name;
        figure["unit"] = each.kind.unit;
        figure["a"] = each.a;
        figure["b"] = each.b;
        figure["runs"] = ordered_json::array({each.runs_a, each.runs_b});
        figure["change"] = rounded(each.change);
        figure["interval"] = interval_json(each);
        figure["noise"] = each.noise ? ordered_json(rounded(*each.noise)) : ordered_json();
        figure["p"] = each.p ? ordered_json(rounded(*each.p)) : ordered_json();
        figure["method"] = name(each.method);
        figure["verdict"] = name(each.verdict);
        figure["why"] = each.why;
        figures.push_back(std::move(figure));
    }
    return json;
}

std::string to_text(const Comparison& comparison) {
    std::string text = fmt::format("A  {}\nB  {}\n", comparison.a, comparison.b);
    for (const std::string& warning : comparison.warnings) text += fmt::format("warning  {}\n", warning);
    text += fmt::format("\n{:<22}{:>16}{:>16}{:>11}  {:<22}{:>7}  {:<8} {}\n", "figure", "A", "B", "change",
                        "95 % interval", "noise", "method", "verdict");
    std::set<FigureChange::Method> methods;
    for (const FigureChange& each : comparison.figures) {
        methods.insert(each.method);
        const bool is_single =
            std::any_of(comparison.figures.begin(), comparison.figures.end(), [](const FigureChange& one) {
                return one.verdict != Change::undecidable && one.method != FigureChange::Method::repeats;
            });
        if (is_single)
            text +=
                "\nThese verdicts are on single runs. Equal runs may differ by more than the margin: confirm "
                "them\n"
                "with several runs of each side (load --repeat 5, or lists of files).\n";
        text += fmt::format("{:<22}{:>16}{:>16}{:>11}  {:<22}{:>7}  {:<8} {}{}\n", each.kind.name,
                            value_text(each.a, each.kind.unit), value_text(each.b, each.kind.unit),
                            change_text(each, each.change), interval_text(each),
                            each.noise ? fmt::format("{:.1f} %", 100 * *each.noise) : "-", name(each.method),
                            name(each.verdict), each.why.empty() ? "" : ": " + each.why);
    }
    text += "\nmethod\n";
    for (const FigureChange::Method method : methods) text += "  " + explanation(method, comparison);
    const auto count = [&](Change change) {
        return std::count_if(comparison.figures.begin(), comparison.figures.end(),
                             [&](const FigureChange& each) { return each.verdict == change; });
    };
    text +=
        fmt::format("\n{} better, {} worse, {} undecidable. Of 20 equal figures, one differs by chance.\n",
                    count(Change::better), count(Change::worse), count(Change::undecidable));
    return text;
}

}  // namespace synfin::app
