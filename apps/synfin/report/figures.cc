#include "figures.hh"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

std::vector<FigureKind> all_kinds() {
    std::vector<FigureKind> all = {
        {"cps", "/s"}, {"established_per_s", "/s"}, {"requests_per_s", "/s"}, {"failed", "%", Better::lower}};
    for (const char* phase : {"connect", "first_byte", "last_byte", "life"}) {
        for (const auto& [name, quantile] :
             {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}})
            all.push_back({fmt::format("{}.{}", phase, name), "us", Better::lower, phase, quantile});
        for (const char* name : {"mean", "max"})
            all.push_back({fmt::format("{}.{}", phase, name), "us", Better::lower, phase});
    }
    for (const char* direction : {"rx_bps", "tx_bps"}) all.push_back({direction, "bit/s"});
    for (const char* name : {"cycles_per_connection", "cycles_per_request"})
        all.push_back({name, "cycles", Better::lower});
    all.push_back({"bytes_per_connection", "B", Better::lower});
    return all;
}

/// "1234567" with commas.
std::string grouped(double value) {
    std::string digits = fmt::format("{:.0f}", value);
    const size_t first = digits.starts_with('-') ? 1 : 0;
    for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string scaled(double value, const char* unit) {
    for (const auto& [scale, prefix] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
        if (std::fabs(value) >= scale) return fmt::format("{:.3g} {}{}", value / scale, prefix, unit);
    return fmt::format("{:.3g} {}", value, unit);
}

}  // namespace

const std::vector<FigureKind>& figure_kinds() {
    static const std::vector<FigureKind> kAll = all_kinds();
    return kAll;
}

std::optional<double> figure_of(const ordered_json& part, const FigureKind& kind) {
    if (!kind.phase.empty()) {
        if (number_or(part, {"latency_us", kind.phase, "count"}, 0) <= 0) return std::nullopt;
        return number_at(part, {"latency_us", kind.phase, kind.name.substr(kind.phase.size() + 1)});
    }
    if (kind.name == "failed") {
        const double opened = number_or(part, {"connections", "opened"}, 0);
        if (opened <= 0) return std::nullopt;
        return 100 * number_or(part, {"connections", "failed"}, 0) / opened;
    }
    if (kind.unit == "cycles") return number_at(part, {kind.name, "both"});
    if (kind.unit == "B") return number_at(part, {"memory", kind.name});
    return number_at(part, {"rates", kind.name});
}

std::string number_text(double value) {
    const double size = std::fabs(value);
    if (size >= 1e15) return fmt::format("{:.3e}", value);
    if (size >= 1e3) return grouped(value);
    return fmt::format("{:.4g}", value);
}

std::string value_text(double value, const std::string& unit) {
    if (unit == "us") {
        const double size = std::fabs(value);
        if (size >= 1e6) return fmt::format("{:.4g} s", value / 1e6);
        if (size >= 1e3) return fmt::format("{:.4g} ms", value / 1e3);
        return fmt::format("{:.4g} µs", value);
    }
    if (unit == "bit/s") return scaled(value, "bit/s");
    if (unit == "/s") return number_text(value) + "/s";
    return unit.empty() ? number_text(value) : number_text(value) + " " + unit;
}

}  // namespace synfin::app
