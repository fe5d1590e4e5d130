#include "arrival_pattern.hh"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace synfin::app {

namespace {

using Parse = Parsed<ArrivalPattern>;
using Kind = ArrivalPattern::Kind;

std::string_view without_space(std::string_view text) noexcept {
    constexpr std::string_view kSpace = " \t\r";
    const size_t first = text.find_first_not_of(kSpace);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Parse bursts(std::string_view inner) {
    const auto size = parse_count(inner);
    if (!size) return Parse::refuse(size.error);
    constexpr uint64_t kMostBurst = 1'000'000;
    if (*size.value == 0 || *size.value > kMostBurst)
        return Parse::refuse(expected_but_found(fmt::format("bursts of 1 to {}", kMostBurst), inner));
    ArrivalPattern pattern;
    pattern.kind = Kind::bursts;
    pattern.burst = *size.value;
    return pattern;
}

Parse steps(std::string_view inner) {
    constexpr size_t kMostSteps = 1'000;
    ArrivalPattern pattern;
    pattern.kind = Kind::steps;
    for (size_t at = 0; at <= inner.size();) {
        const size_t comma = std::min(inner.find(',', at), inner.size());
        const std::string_view each = without_space(inner.substr(at, comma - at));
        const size_t sign = each.find('@');
        if (sign == each.npos) return Parse::refuse(expected_but_found("RATE@TIME, such as 10k@5s", each));
        const auto rate = parse_count(without_space(each.substr(0, sign)));
        if (!rate) return Parse::refuse(rate.error);
        const auto length = parse_duration(without_space(each.substr(sign + 1)));
        if (!length) return Parse::refuse(length.error);
        if (*length.value == Duration::zero())
            return Parse::refuse(expected_but_found("a step longer than 0", each));
        if (pattern.steps.size() == kMostSteps)
            return Parse::refuse(fmt::format("more than {} steps", kMostSteps));
        pattern.steps.push_back({static_cast<double>(*rate.value), *length.value});
        at = comma + 1;
    }
    if (pattern.greatest_rate() == 0) return Parse::refuse("all steps have the rate 0");
    return pattern;
}

/// Reads the lines of a trace.
class TraceReader {
  public:
    /// Returns the error text.
    std::string read(std::string_view name) {
        std::ifstream file{std::string(name)};
        if (!file) return fmt::format("the file '{}' can't be read", name);
        trace_.classes = {""};
        std::string line;
        for (size_t number = 1; std::getline(file, line); ++number)
            if (const std::string why = add(line); !why.empty())
                return fmt::format("{}:{}: {}", name, number, why);
        if (trace_.times.empty()) return fmt::format("the file '{}' has no times", name);
        if (trace_.classes.size() == 1) trace_.class_of = {};
        return {};
    }
    ArrivalTrace take() { return std::move(trace_); }

  private:
    std::string add(std::string_view line) {
        line = without_space(line.substr(0, line.find('#')));
        if (line.empty()) return {};
        const size_t comma = std::min(line.find(','), line.size());
        const std::string_view time = without_space(line.substr(0, comma));
        double seconds = 0;
        const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), seconds);
        constexpr double kMostSeconds = 24 * 86'400;
        if (error != std::errc{} || end != time.data() + time.size() || !(seconds >= 0) ||
            seconds > kMostSeconds)
            return expected_but_found("a time in seconds, such as 0.25", time);
        const Duration at(std::llround(seconds * 1e9));
        if (!trace_.times.empty() && at < trace_.times.back())
            return expected_but_found("times in order", time);
        if (trace_.times.size() == ArrivalTrace::kMost)
            return fmt::format("more than {} arrivals", ArrivalTrace::kMost);
        const auto index = class_index(comma == line.size() ? "" : without_space(line.substr(comma + 1)));
        if (!index) return fmt::format("more than {} classes", kMostNames);
        trace_.times.push_back(at);
        trace_.class_of.push_back(*index);
        return {};
    }
    std::optional<uint8_t> class_index(std::string_view name) {
        const auto found = std::find(trace_.classes.begin(), trace_.classes.end(), name);
        const auto index = static_cast<size_t>(found - trace_.classes.begin());
        if (found == trace_.classes.end()) {
            if (index == kMostNames) return std::nullopt;
            trace_.classes.emplace_back(name);
        }
        return static_cast<uint8_t>(index);
    }

    static constexpr size_t kMostNames = 250;
    ArrivalTrace trace_;
};

Parse trace(std::string_view name) {
    TraceReader reader;
    if (const std::string why = reader.read(name); !why.empty()) return Parse::refuse(why);
    ArrivalPattern pattern;
    pattern.kind = Kind::trace;
    pattern.trace = std::make_shared<const ArrivalTrace>(reader.take());
    return pattern;
}

Parse pattern_of(std::string_view text) {
    ArrivalPattern pattern;
    if (text == "constant") return pattern;
    pattern.kind = Kind::poisson;
    if (text == "poisson") return pattern;
    const size_t open = std::min(text.find('('), text.size());
    const std::string_view word = without_space(text.substr(0, open));
    const bool is_closed = open != text.size() && text.back() == ')';
    const std::string_view inner =
        is_closed ? without_space(text.substr(open + 1, text.size() - open - 2)) : std::string_view{};
    if (is_closed && word == "bursts") return bursts(inner);
    if (is_closed && word == "steps") return steps(inner);
    if (is_closed && word == "trace") return trace(inner);
    std::string why =
        expected_but_found("constant, poisson, bursts(N), steps(RATE@TIME, ...) or trace(FILE)", text);
    const auto meant = nearest(word, {"constant", "poisson", "bursts", "steps", "trace"});
    if (meant && *meant != word) why += fmt::format("; did you mean '{}'?", *meant);
    return Parse::refuse(why);
}

}  // namespace

std::vector<Duration> ArrivalTrace::times_of(std::string_view class_name) const {
    if (class_of.empty()) return times;
    std::vector<Duration> some;
    for (size_t i = 0; i < times.size(); ++i)
        if (class_of[i] == 0 || classes[class_of[i]] == class_name) some.push_back(times[i]);
    return some;
}

double ArrivalPattern::greatest_rate() const noexcept {
    double most = 0;
    for (const Step& each : steps) most = std::max(most, each.rate);
    return most;
}

Parsed<ArrivalPattern> parse_arrivals(std::string_view text) {
    Parse parsed = pattern_of(text);
    if (parsed) parsed.value->text = std::string(text);
    return parsed;
}

}  // namespace synfin::app
