/// @file
/// The charts of the report: over time, and latency distributions.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "chart_lines.hh"
#include "figures.hh"
#include "html_text.hh"
#include "page_sections.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

using Scale = LineChart::Scale;

struct Phase {
    const char* key;
    const char* label;
};
constexpr Phase kPhases[] = {
    {"connect", "Connect"}, {"first_byte", "First byte"}, {"last_byte", "Last byte"}, {"life", "Whole life"}};

/// The charts show at most as many lines as there are styles.
constexpr size_t kMostLines = ChartLine::kStyles;

void add(LineChart& chart, const std::string& label, std::vector<ChartPoint> points) {
    if (points.empty() || chart.lines.size() == kMostLines) return;
    chart.lines.push_back({label, static_cast<unsigned>(chart.lines.size()), std::move(points)});
}

bool is_zero(const std::vector<ChartPoint>& points) {
    return std::all_of(points.begin(), points.end(), [](const ChartPoint& point) { return point.y == 0; });
}

/// The names of the classes, or none.
std::vector<std::string> class_names_of(const ordered_json& result) {
    std::vector<std::string> names;
    for (const auto& [name, value] : items_at(result, {"classes"}).items())
        if (value.is_object() && names.size() < kMostLines) names.push_back(name);
    return names;
}

/// Collects the charts of a section.
class Charts {
  public:
    explicit Charts(PageContext& page) : page_(page) {}

    LineChart over_time(std::string title, std::string unit, Scale scale = Scale::linear) const {
        LineChart chart{.title = std::move(title),
                        .note = {},
                        .x_unit = "s",
                        .y_unit = std::move(unit),
                        .y = scale,
                        .lines = {},
                        .bands = {}};
        if (page_.is_single()) chart.bands = phase_bands(page_.first().json);
        return chart;
    }
    void put(const LineChart& chart) { html_ += to_html(chart, page_.charts++); }
    std::string take(std::string_view title) {
        if (html_.empty()) return {};
        return fmt::format("<h2>{}</h2>\n<div class=\"charts\">{}</div>\n", title, html_);
    }

  private:
    PageContext& page_;
    std::string html_;
};

void rates_of_one(Charts& charts, const ordered_json& result) {
    LineChart rates = charts.over_time("Connections per second", "/s");
    auto offered = rate_points(result, "offered", false), completed = rate_points(result, "completed", false);
    add(rates, "completed", std::move(completed));
    add(rates, "offered", std::move(offered));
    charts.put(rates);
    LineChart requests = charts.over_time("Requests answered per second", "/s");
    if (auto points = rate_points(result, "requests", false); !is_zero(points))
        add(requests, "requests", std::move(points));
    charts.put(requests);
}

void trouble_of_one(Charts& charts, const ordered_json& result) {
    LineChart failures = charts.over_time("Failures per second", "/s");
    add(failures, "failed connections", rate_points(result, "failed", false));
    charts.put(failures);
    LineChart statuses = charts.over_time("Responses per second, by status", "/s");
    std::vector<std::pair<double, std::string>> by_count;
    for (const auto& [status, n] : items_at(result, {"statuses"}).items())
        if (n.is_number()) by_count.emplace_back(-n.get<double>(), status);
    std::sort(by_count.begin(), by_count.end());
    if (by_count.size() > kMostLines) by_count.resize(kMostLines);  // each reads the whole series
    for (const auto& [n, status] : by_count) add(statuses, status, status_points(result, status));
    charts.put(statuses);
}

void classes_over_time(Charts& charts, const ordered_json& result) {
    const std::vector<std::string> names = class_names_of(result);
    LineChart rates = charts.over_time("Requests answered per second, by class", "/s");
    LineChart open = charts.over_time("Open connections, by class", "");
    LineChart latency = charts.over_time("First byte p99, by class", "us", Scale::log);
    for (const std::string& name : names) {
        add(rates, name, rate_points(result, "requests", false, name));
        add(open, name, rate_points(result, "open", true, name));
        add(latency, name, latency_points(result, "first_byte", "p99", name));
    }
    for (const LineChart* chart : {&rates, &open, &latency}) charts.put(*chart);
}

void series_of_one(Charts& charts, const ordered_json& result) {
    rates_of_one(charts, result);
    LineChart open = charts.over_time("Open connections", "");
    add(open, "open", rate_points(result, "open", true));
    charts.put(open);
    for (const auto& [phase, title] :
         {std::pair{"connect", "Time to connect"}, {"first_byte", "Time to first byte"}}) {
        LineChart latency = charts.over_time(title, "us", Scale::log);
        for (const char* quantile : {"p50", "p90", "p99", "max"})
            add(latency, quantile, latency_points(result, phase, quantile));
        charts.put(latency);
    }
    trouble_of_one(charts, result);
    classes_over_time(charts, result);
}

void series_of_several(Charts& charts, const PageContext& page) {
    const auto put = [&](LineChart chart, const auto& points_of) {
        for (size_t run = 0; run < page.results.size(); ++run) {
            std::vector<ChartPoint> points = points_of(page.results[run].json);
            if (points.empty() || run >= kMostLines) continue;
            chart.lines.push_back({page.label(run), static_cast<unsigned>(run), std::move(points)});
        }
        charts.put(chart);
    };
    put(charts.over_time("Connections completed per second", "/s"),
        [](const ordered_json& result) { return rate_points(result, "completed", false); });
    put(charts.over_time("Requests answered per second", "/s"),
        [](const ordered_json& result) { return rate_points(result, "requests", false); });
    put(charts.over_time("Open connections", ""),
        [](const ordered_json& result) { return rate_points(result, "open", true); });
    put(charts.over_time("Failures per second", "/s"),
        [](const ordered_json& result) { return rate_points(result, "failed", false); });
    put(charts.over_time("Connect p99", "us", Scale::log),
        [](const ordered_json& result) { return latency_points(result, "connect", "p99"); });
    put(charts.over_time("First byte p99", "us", Scale::log),
        [](const ordered_json& result) { return latency_points(result, "first_byte", "p99"); });
}

LineChart distribution(std::string title) {
    return {.title = std::move(title),
            .note = {},
            .x_unit = "us",
            .y_unit = "%",
            .x = Scale::log,
            .y = Scale::log,
            .y_is_share = true,
            .lines = {},
            .bands = {}};
}

constexpr std::string_view kHowToRead =
    "A line at 1 % above 5 ms says: 1 % took longer than 5 ms. Both axes are logarithmic.";

void distributions_of_one(Charts& charts, const ordered_json& result) {
    LineChart all = distribution("Share of connections that took longer");
    all.note = kHowToRead;
    for (const Phase& phase : kPhases) add(all, phase.label, slower_points(result, phase.key));
    charts.put(all);
    const std::vector<std::string> names = class_names_of(result);
    for (const Phase& phase : kPhases) {
        LineChart by_class = distribution(fmt::format("{}, by class", phase.label));
        for (const std::string& name : names)
            add(by_class, name, slower_points(items_at(result, {"classes", name}), phase.key));
        charts.put(by_class);
    }
}

void distributions_of_several(Charts& charts, const PageContext& page) {
    for (const Phase& phase : kPhases) {
        LineChart chart = distribution(fmt::format("{}: share that took longer", phase.label));
        for (size_t run = 0; run < page.results.size() && run < kMostLines; ++run)
            if (auto points = slower_points(page.results[run].json, phase.key); !points.empty())
                chart.lines.push_back({page.label(run), static_cast<unsigned>(run), std::move(points)});
        charts.put(chart);
    }
}

std::string quantiles(const ordered_json& result) {
    HtmlTable table({"Latency", "p50", "p90", "p99", "p99.9", "max", "mean", "samples"});
    for (const Phase& phase : kPhases) {
        const ordered_json& latency = items_at(result, {"latency_us", phase.key});
        if (number_or(latency, {"count"}, 0) <= 0) continue;
        std::vector<std::string> cells = {phase.label};
        for (const char* key : {"p50", "p90", "p99", "p999", "max", "mean"})
            cells.push_back(value_text(number_or(latency, {key}, 0), "us"));
        cells.push_back(number_text(number_or(latency, {"count"}, 0)));
        table.row(cells);
    }
    return table.rows() == 0 ? "" : table.take("Latency quantiles");
}

}  // namespace

std::string time_section(PageContext& page) {
    Charts charts(page);
    if (page.is_single())
        series_of_one(charts, page.first().json);
    else
        series_of_several(charts, page);
    return charts.take("Over time");
}

std::string latency_section(PageContext& page) {
    Charts charts(page);
    if (page.is_single())
        distributions_of_one(charts, page.first().json);
    else
        distributions_of_several(charts, page);
    std::string html = charts.take("Latency");
    if (!page.is_single()) return html;
    const std::string table = quantiles(page.first().json);
    if (html.empty() && !table.empty()) html = "<h2>Latency</h2>\n";
    return html + (table.empty() ? "" : "<h3>Quantiles</h3>\n" + table);
}

}  // namespace synfin::app
