#include "line_chart.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "figures.hh"
#include "html_text.hh"

namespace synfin::app {

namespace {

constexpr double kWidth = 1'000, kHeight = 200;
constexpr size_t kMostColumns = 120;

/// One axis: maps values to 0..1.
struct Axis {
    LineChart::Scale scale = LineChart::Scale::linear;
    double low = 0, high = 1;

    double place(double value) const {
        const bool is_log = scale == LineChart::Scale::log;
        const double at =
            is_log ? std::log10(value / low) / std::log10(high / low) : (value - low) / (high - low);
        return std::clamp(at, 0.0, 1.0);
    }
};

/// 1, 2 or 5 times a power of ten, so that at most `most` steps span `width`.
double nice_step(double width, double most) {
    const double least = width / most, power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= least) return factor * power;
    return 10 * power;
}

std::vector<double> ticks(const Axis& axis, double most) {
    std::vector<double> all;
    if (axis.scale == LineChart::Scale::linear) {
        const double step = nice_step(axis.high - axis.low, most);
        for (double at = std::ceil(axis.low / step) * step; at <= axis.high + step / 1e6 && all.size() < 20;
             at += step)
            all.push_back(std::fabs(at) < step / 1e6 ? 0 : at);
        return all;
    }
    const double decades = std::log10(axis.high / axis.low);
    const double every = std::max(1.0, std::ceil(decades / most));
    double power = std::floor(std::log10(axis.low) + 1e-9);
    for (; power <= std::log10(axis.high) + 1e-9 && all.size() < 40; power += every)
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double at = factor * std::pow(10, power);
            const bool is_shown = factor == 1.0 || decades <= 1.5 || (decades <= 2.2 && factor == 2.0);
            if (is_shown && at >= axis.low * 0.999 && at <= axis.high * 1.001) all.push_back(at);
        }
    return all;
}

Axis axis_of(const LineChart& chart, bool is_x) {
    const auto of = [&](const ChartPoint& point) { return is_x ? point.x : point.y; };
    Axis axis{is_x ? chart.x : chart.y, HUGE_VAL, -HUGE_VAL};
    for (const ChartLine& line : chart.lines)
        for (const ChartPoint& point : line.points) {
            axis.low = std::min(axis.low, of(point));
            axis.high = std::max(axis.high, of(point));
        }
    if (axis.scale == LineChart::Scale::log) {
        if (!is_x || axis.high < 2 * axis.low)
            axis.low = std::pow(10, std::floor(std::log10(axis.low) + 1e-9));
        if (!is_x) axis.high = std::pow(10, std::ceil(std::log10(axis.high) - 1e-9));
        if (axis.high < 2 * axis.low) axis.high = 10 * axis.low;
        return axis;
    }
    if (!is_x) {
        axis.low = std::min(0.0, axis.low);
        if (axis.high <= axis.low) axis.high = axis.low + 0.9;  // rounded up to 1 below
        const double step = nice_step(std::max(axis.high - axis.low, 1e-9), 4);
        axis.high = std::max(std::ceil(axis.high * 1.02 / step) * step, axis.low + step);
    }
    if (axis.high <= axis.low) axis.high = axis.low + 1;
    return axis;
}

/// "10k", "2.5M": short enough for the margin.
std::string tick_text(double value, const std::string& unit, bool is_share) {
    if (is_share) return fmt::format("{:.4g} %", 100 * value);
    if (unit == "us") return value_text(value, unit);
    if (unit == "s") return fmt::format("{:.6g} s", value);
    const double size = std::fabs(value);
    std::string text = size >= 1e9   ? fmt::format("{:.4g}G", value / 1e9)
                       : size >= 1e6 ? fmt::format("{:.4g}M", value / 1e6)
                       : size >= 1e4 ? fmt::format("{:.4g}k", value / 1e3)
                                     : fmt::format("{:.6g}", value);
    if (unit == "%") text += " %";
    return text;
}

std::string full_text(double value, const LineChart& chart) {
    return chart.y_is_share ? fmt::format("{:.4g} %", 100 * value) : value_text(value, chart.y_unit);
}

struct Frame {
    const LineChart& chart;
    Axis x, y;

    std::string place(const ChartPoint& point) const {
        return fmt::format("{:.1f} {:.1f}", kWidth * x.place(point.x), kHeight * (1 - y.place(point.y)));
    }
};

std::string path_of(const Frame& frame, const ChartLine& line) {
    std::string d;
    for (const ChartPoint& point : line.points) d += (d.empty() ? "M" : "L") + frame.place(point);
    std::string svg = fmt::format("<path class=\"line s{}\" d=\"{}\"/>", line.style % ChartLine::kStyles, d);
    if (line.points.size() > 32 && !line.has_marks_only) return svg;
    d.clear();
    for (const ChartPoint& point : line.points) d += "M" + frame.place(point) + "h0";
    const std::string marks =
        fmt::format("<path class=\"{} s{}\" d=\"{}\"/>", line.has_marks_only ? "marks" : "dots",
                    line.style % ChartLine::kStyles, d);
    return line.has_marks_only ? marks : svg + marks;
}

/// Invisible columns with the values as tooltips.
std::string columns(const Frame& frame) {
    const LineChart& chart = frame.chart;
    const auto longest = std::max_element(
        chart.lines.begin(), chart.lines.end(),
        [](const ChartLine& a, const ChartLine& b) { return a.points.size() < b.points.size(); });
    if (chart.y_is_share) return {};
    const size_t every = longest->points.size() / kMostColumns + 1;
    const double width = kWidth * static_cast<double>(every) / static_cast<double>(longest->points.size());
    std::string svg;
    for (size_t i = 0; i < longest->points.size(); i += every) {
        const double x = longest->points[i].x;
        std::string text = fmt::format("{:.6g} {}", x, chart.x_unit);
        for (const ChartLine& line : chart.lines) {
            const auto at = std::lower_bound(line.points.begin(), line.points.end(), x,
                                             [](const ChartPoint& point, double to) { return point.x < to; });
            if (at != line.points.end() && at->x <= x + 1e-9)
                text += fmt::format("\n{}: {}", line.label, full_text(at->y, chart));
        }
        // escaped() drops line feeds, which separate the lines of a tooltip.
        std::string html;
        for (size_t from = 0; from <= text.size();) {
            const size_t to = std::min(text.find('\n', from), text.size());
            html += (from == 0 ? "" : "\n") + escaped(text.substr(from, to - from), 200);
            from = to + 1;
        }
        svg += fmt::format(
            "<rect class=\"hit\" x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" "
            "height=\"{}\"><title>{}</title></rect>",
            std::max(0.0, kWidth * frame.x.place(x) - width / 2), width, kHeight, html);
    }
    return svg;
}

std::string bands_of(const Frame& frame) {
    std::string svg;
    for (const ChartBand& band : frame.chart.bands) {
        if (band.label == "sustain") continue;
        const double from = kWidth * frame.x.place(band.from), to = kWidth * frame.x.place(band.to);
        svg += fmt::format(
            "<rect class=\"band\" x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" "
            "height=\"{}\"><title>{}</title></rect>",
            from, std::max(0.0, to - from), kHeight, escaped(band.label, 40));
    }
    return svg;
}

/// What the lines show, for readers who do not see them.
std::string description(const LineChart& chart) {
    std::string text;
    for (const ChartLine& line : chart.lines) {
        if (line.points.empty()) continue;
        const auto by_y = [](const ChartPoint& a, const ChartPoint& b) { return a.y < b.y; };
        const auto [least, most] = std::minmax_element(line.points.begin(), line.points.end(), by_y);
        text += fmt::format("{}: from {} to {}. ", escaped(line.label, 80), full_text(least->y, chart),
                            full_text(most->y, chart));
    }
    return text;
}

std::string legend(const LineChart& chart) {
    std::string html = "<ul class=\"legend\">";
    for (const ChartLine& line : chart.lines)
        html += fmt::format(
            "<li><svg class=\"key\" viewBox=\"0 0 26 8\" aria-hidden=\"true\"><path class=\"{} s{}\" "
            "d=\"{}\"/></svg>{}</li>",
            line.has_marks_only ? "marks" : "line", line.style % ChartLine::kStyles,
            line.has_marks_only ? "M13 4h0" : "M0 4L26 4", escaped(line.label, 80));
    return html + "</ul>";
}

/// The labels of an axis, which keep their distance to each other.
std::string labels(const Axis& axis, const std::vector<double>& at, const std::string& unit, bool is_x,
                   bool is_share) {
    std::string html;
    double before = -1;
    for (const double tick : at) {
        const double place = axis.place(tick);
        if (before >= 0 && std::fabs(place - before) < (is_x ? 0.12 : 0.1)) continue;
        before = place;
        const char* edge = !is_x          ? ""
                           : place > 0.94 ? " class=\"last\""
                           : place < 0.03 ? " class=\"first\""
                                          : "";
        html += fmt::format("<span{} style=\"{}:{:.2f}%\">{}</span>", edge, is_x ? "left" : "bottom",
                            100 * place, tick_text(tick, unit, is_share));
    }
    return html;
}

std::string drawing(const Frame& frame, unsigned number) {
    const LineChart& chart = frame.chart;
    std::string svg = fmt::format(
        "<svg class=\"drawing\" viewBox=\"0 0 {0} {1}\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-labelledby=\"t{2} d{2}\"><title id=\"t{2}\">{3}</title><desc id=\"d{2}\">{4}</desc>",
        kWidth, kHeight, number, escaped(chart.title, 200), description(chart));
    svg += bands_of(frame);
    std::string grid;
    for (const double tick : ticks(frame.y, 4))
        grid += fmt::format("M0 {:.1f}H{}", kHeight * (1 - frame.y.place(tick)), kWidth);
    if (chart.x == LineChart::Scale::log)
        for (const double tick : ticks(frame.x, 6))
            grid += fmt::format("M{:.1f} 0V{}", kWidth * frame.x.place(tick), kHeight);
    svg += fmt::format("<path class=\"grid\" d=\"{}\"/><path class=\"axis\" d=\"M0 {}H{}\"/>", grid, kHeight,
                       kWidth);
    for (const ChartLine& line : chart.lines)
        if (!line.points.empty()) svg += path_of(frame, line);
    return svg + columns(frame) + "</svg>";
}

}  // namespace

std::string to_html(const LineChart& chart, unsigned number) {
    if (std::all_of(chart.lines.begin(), chart.lines.end(),
                    [](const ChartLine& line) { return line.points.empty(); }))
        return {};
    const Frame frame{chart, axis_of(chart, true), axis_of(chart, false)};
    std::string html =
        fmt::format("<figure><figcaption>{}</figcaption>{}", escaped(chart.title, 200), legend(chart));
    html += fmt::format(
        "<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\">{}</div>{}<div class=\"x\" "
        "aria-hidden=\"true\">{}</div></div>",
        labels(frame.y, ticks(frame.y, 4), chart.y_unit, false, chart.y_is_share), drawing(frame, number),
        labels(frame.x, ticks(frame.x, 6), chart.x_unit, true, false));
    if (!chart.note.empty()) html += fmt::format("<p class=\"note\">{}</p>", escaped(chart.note));
    return html + "</figure>\n";
}

std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, size_t most) {
    if (points.size() <= most || most < 4) return points;
    const size_t every = (points.size() * 2 + most - 1) / most;
    std::vector<ChartPoint> all;
    for (size_t from = 0; from < points.size(); from += every) {
        const auto first = points.begin() + static_cast<std::ptrdiff_t>(from);
        const auto last = points.begin() + static_cast<std::ptrdiff_t>(std::min(from + every, points.size()));
        auto [least, greatest] = std::minmax_element(
            first, last, [](const ChartPoint& a, const ChartPoint& b) { return a.y < b.y; });
        if (greatest < least) std::swap(least, greatest);
        all.push_back(*least);
        if (greatest != least) all.push_back(*greatest);
    }
    return all;
}

}  // namespace synfin::app
