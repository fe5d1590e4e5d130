#pragma once
/// @file
/// LineChart: lines over a time or a latency as inline SVG. Labels are HTML around it, so they keep their
/// size when the chart is narrow.

#include <string>
#include <vector>

namespace synfin::app {

struct ChartPoint {
    double x = 0, y = 0;
};

struct ChartLine {
    std::string label;               ///< text, not HTML
    unsigned style = 0;              ///< colour and dashes, 0 to kStyles - 1
    std::vector<ChartPoint> points;  ///< ascending in x, all finite; on a log axis positive
    bool has_marks_only = false;     ///< round, or square in style 1, instead of a line
    static constexpr unsigned kStyles = 6;
};

/// A part of the x axis with a name: a phase of the run.
struct ChartBand {
    double from = 0, to = 0;
    std::string label;
};

struct LineChart {
    enum class Scale : uint8_t { linear, log };
    std::string title;   ///< text
    std::string note;    ///< text, below the chart
    std::string x_unit;  ///< "s", "us"
    std::string y_unit;  ///< "/s", "us", "%", "": value_text() writes the values
    Scale x = Scale::linear, y = Scale::linear;
    bool y_is_share = false;  ///< y is 0..1 on a log axis, written as percents
    std::vector<ChartLine> lines;
    std::vector<ChartBand> bands;
};

/// The chart as a <figure>; empty if no line has a point.
/// @param number distinguishes the charts of a page
/// @note size: about 20 bytes for each point; see thinned()
std::string to_html(const LineChart& chart, unsigned number);

/// At most `most` points of a line that look the same on a chart: per step of x the least and the greatest.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, size_t most);

}  // namespace synfin::app
