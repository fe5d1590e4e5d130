/// @file
/// The report's view of searches and repeats.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "figures.hh"
#include "html_text.hh"
#include "line_chart.hh"
#include "page_sections.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

constexpr size_t kMostTrials = 200;

std::string found_text(const ordered_json& search) {
    const std::string unit = text_at(search, {"unit"});
    const auto found = number_at(search, {"found"});
    std::string text = found ? fmt::format("Found {} {}", number_text(*found), unit)
                             : "Found no value that meets the criteria";
    if (const std::string by = text_at(search, {"limited_by"}); !by.empty()) text += ", limited by the " + by;
    if (const auto refused = number_at(search, {"upper_bound"}))
        text += fmt::format("; {} was refused", number_text(*refused));
    if (const std::string why = text_at(search, {"why"}); !why.empty()) text += ". " + why;
    return text;
}

LineChart trial_chart(const ordered_json& search) {
    LineChart chart{
        .title = "Value of each trial", .note = {}, .x_unit = "", .y_unit = "", .lines = {}, .bands = {}};
    ChartLine tried{"tried", 4, {}}, passed{"passed", 0, {}, true}, refused{"not passed", 1, {}, true};
    double n = 0;
    for (const ordered_json& trial : items_at(search, {"trials"})) {
        if (++n > static_cast<double>(kMostTrials)) break;
        const ChartPoint point{n, std::clamp(number_or(trial, {"value"}, 0), 0.0, 1e15)};
        tried.points.push_back(point);
        (text_at(trial, {"outcome"}) == "pass" ? passed : refused).points.push_back(point);
    }
    chart.lines = {std::move(tried), std::move(passed), std::move(refused)};
    std::erase_if(chart.lines, [](const ChartLine& line) { return line.points.empty(); });
    chart.note = "In the order of the trials.";
    return chart;
}

std::string trials_table(const ordered_json& search) {
    HtmlTable table({"Trial", "Value", "Time", "Outcome", "Established/s", "Connect p99", "Why"});
    size_t n = 0;
    for (const ordered_json& trial : items_at(search, {"trials"})) {
        if (++n > kMostTrials) break;
        const auto rate = number_at(trial, {"figures", "established_per_s"}),
                   p99 = number_at(trial, {"figures", "connect.p99"});
        table.row({fmt::format("{}{}", n, bool_at(trial, {"full"}) ? " (full)" : ""),
                   number_text(number_or(trial, {"value"}, 0)),
                   fmt::format("{:.3g} s", number_or(trial, {"duration_s"}, 0)),
                   verdict_html(text_at(trial, {"outcome"})), rate ? number_text(*rate) : "-",
                   p99 ? value_text(*p99, "us") : "-", escaped(text_at(trial, {"why"}), 160)});
    }
    return table.rows() == 0 ? "" : table.take("Trials");
}

std::string search_html(PageContext& page, const ordered_json& search) {
    std::string html = fmt::format("<h2>Search</h2>\n<p>{}.</p>\n", escaped(found_text(search), 600));
    if (page.is_single())
        html += "<div class=\"charts\">" + to_html(trial_chart(search), page.charts++) +
                "</div>\n<h3>Trials</h3>\n";
    return html + trials_table(search);
}

std::string repeats_html(const ordered_json& repeats) {
    std::string html = fmt::format(
        "<h2>Repeats</h2>\n<p>{} runs, {} valid, {} passed. {} {}. The figures of this page are those of run "
        "{}.</p>\n",
        escaped(text_at(repeats, {"n"}), 20), escaped(text_at(repeats, {"valid"}), 20),
        escaped(text_at(repeats, {"passed"}), 20), escaped(text_at(repeats, {"of"}), 60),
        bool_at(repeats, {"agree"}) ? "agrees within 2 %" : "differs by more than 2 %",
        escaped(text_at(repeats, {"median_run"}), 20));
    for (const std::string& why : texts_at(repeats, {"why"}))
        html += fmt::format("<p class=\"note\">{}</p>\n", escaped(why, 400));
    HtmlTable table({"Figure", "Median", "Least", "Most", "Spread"});
    for (const auto& [name, figure] : items_at(repeats, {"figures"}).items()) {
        if (table.rows() == kMostTrials) break;
        const ordered_json& of = figure;
        const std::string unit = text_at(of, {"unit"});
        const auto cell = [&](const char* key) {
            return escaped(value_text(number_or(of, {key}, 0), unit), 60);
        };
        table.row({escaped(name, 80), cell("median"), cell("least"), cell("most"),
                   fmt::format("{:.2f} %", 100 * number_or(of, {"spread"}, 0))});
    }
    return html + (table.rows() == 0 ? "" : table.take("Repeats"));
}

}  // namespace

std::string trials_section(PageContext& page) {
    std::string html;
    for (size_t run = 0; run < page.results.size(); ++run) {
        const ordered_json& result = page.results[run].json;
        std::string part;
        if (const ordered_json& search = items_at(result, {"search"}); search.is_object() && !search.empty())
            part += search_html(page, search);
        if (const ordered_json& repeats = items_at(result, {"repeats"});
            repeats.is_object() && !repeats.empty())
            part += repeats_html(repeats);
        if (!part.empty() && !page.is_single()) html += "<p>" + PageContext::badge(run) + "</p>\n";
        html += part;
    }
    return html;
}

}  // namespace synfin::app
