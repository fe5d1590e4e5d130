#pragma once
/// @file
/// The figures of a stored result by their names in --pass, with unit and which direction is better.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stored_result.hh"

namespace synfin::app {

enum class Better : uint8_t { higher, lower };

/// What a figure is, the same in every result.
struct FigureKind {
    std::string name;  ///< "cps", "connect.p99", "cycles_per_connection"
    std::string unit;  ///< "/s", "us", "%", "cycles", "B", "bit/s"
    Better better = Better::higher;
    std::string phase;     ///< of a latency: "connect"
    double quantile = -1;  ///< of a latency: 0..1; -1: it is no quantile
};

/// Every figure that compare and the CSV know, in the order of their output.
const std::vector<FigureKind>& figure_kinds();

/// The figure of the whole run; none if the result does not have it, or without a sample.
/// @param part the result itself or one of its `classes`
std::optional<double> figure_of(const nlohmann::ordered_json& part, const FigureKind& kind);

/// "12,345", "1.23", "0.0123": four significant digits, thousands apart.
std::string number_text(double value);
/// With its unit: "12,345/s", "1.234 ms", "0.02 %", "1.21 Gbit/s".
std::string value_text(double value, const std::string& unit);

}  // namespace synfin::app
