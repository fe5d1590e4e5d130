#include "distribution.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace synfin::app {

namespace {

/// The most values of an empirical distribution; each costs 16 bytes in every engine.
constexpr size_t kMostPoints = 65'536;
constexpr double kMostSigma = 8;

using ParseValue = Parsed<double> (*)(std::string_view);

Parsed<double> time_value(std::string_view text) {
    const auto parsed = parse_duration(text);
    if (!parsed) return Parsed<double>::refuse(parsed.error);
    return static_cast<double>(parsed.value->count());
}
Parsed<double> size_value(std::string_view text) {
    const auto parsed = parse_bytes(text);
    if (!parsed) return Parsed<double>::refuse(parsed.error);
    return static_cast<double>(*parsed.value);
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view kSpace = " \t\r";
    const size_t first = text.find_first_not_of(kSpace);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<double> number_of(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    const double value = std::strtod(copy.c_str(), &end);
    if (copy.empty() || *end != '\0' || !std::isfinite(value)) return std::nullopt;
    return value;
}

using Parse = Parsed<Distribution>;

/// Parses one kind of value.
class Reader {
  public:
    explicit Reader(ParseValue value) noexcept : value_(value) {}

    Parse read(std::string_view text) const {
        Parse parsed = kind(text);
        if (parsed) parsed.value->text = std::string(text);
        return parsed;
    }

  private:
    Parse kind(std::string_view text) const {
        const size_t open = text.find('(');
        if (open == text.npos) return plain(text);
        const std::string_view word = trimmed(text.substr(0, open));
        if (text.back() != ')') return Parse::refuse(expected_but_found("a closing ')'", text));
        const std::string_view inner = trimmed(text.substr(open + 1, text.size() - open - 2));
        if (word == "exponential") return exponential(inner);
        if (word == "lognormal") return lognormal(inner);
        if (word == "empirical") return inner.find(':') != inner.npos ? listed(inner) : from_file(inner);
        const std::vector<std::string> words{"exponential", "lognormal", "empirical"};
        std::string why = expected_but_found("exponential(), lognormal() or empirical()", word);
        if (const auto meant = nearest(word, words)) why += fmt::format("; did you mean '{}'?", *meant);
        return Parse::refuse(why);
    }

    /// One value, or a range of them.
    Parse plain(std::string_view text) const {
        Distribution of;
        const size_t dash = text.find('-');
        const auto low = value_(trimmed(text.substr(0, dash)));
        if (!low) return Parse::refuse(low.error);
        of.a = of.b = *low.value;
        if (dash == text.npos) return of;
        const auto high = value_(trimmed(text.substr(dash + 1)));
        if (!high) return Parse::refuse(high.error);
        if (*high.value < of.a)
            return Parse::refuse(expected_but_found("a range from the smaller to the larger value", text));
        of.kind = Distribution::Kind::uniform;
        of.b = *high.value;
        return of;
    }

    Parse exponential(std::string_view inner) const {
        Distribution of;
        const auto mean = value_(inner);
        if (!mean) return Parse::refuse(mean.error);
        of.kind = Distribution::Kind::exponential;
        of.a = *mean.value;
        return of;
    }

    Parse lognormal(std::string_view inner) const {
        const size_t comma = inner.find(',');
        if (comma == inner.npos) return Parse::refuse(expected_but_found("lognormal(MEDIAN, SIGMA)", inner));
        const auto median = value_(trimmed(inner.substr(0, comma)));
        if (!median) return Parse::refuse(median.error);
        const auto sigma = number_of(trimmed(inner.substr(comma + 1)));
        if (!sigma || *sigma < 0 || *sigma > kMostSigma)
            return Parse::refuse(
                expected_but_found(fmt::format("a standard deviation of the logarithm, 0 to {}", kMostSigma),
                                   trimmed(inner.substr(comma + 1))));
        Distribution of;
        of.kind = Distribution::Kind::lognormal;
        of.a = *median.value;
        of.b = *sigma;
        return of;
    }

    /// Adds a value. Returns the error text.
    std::string add(Distribution& to, std::string_view value, std::string_view weight) const {
        const auto parsed = value_(value);
        if (!parsed) return parsed.error;
        const auto share = weight.empty() ? std::optional(1.0) : number_of(weight);
        if (!share || *share <= 0) return expected_but_found("a weight above 0", weight);
        if (to.points.size() == kMostPoints) return fmt::format("more than {} values", kMostPoints);
        to.points.push_back({*parsed.value, *share});
        return {};
    }

    Parse listed(std::string_view inner) const {
        Distribution of;
        of.kind = Distribution::Kind::empirical;
        for (size_t at = 0; at <= inner.size();) {
            const size_t comma = std::min(inner.find(',', at), inner.size());
            const std::string_view each = trimmed(inner.substr(at, comma - at));
            const size_t colon = std::min(each.find(':'), each.size());
            const std::string_view weight = colon == each.size() ? "" : trimmed(each.substr(colon + 1));
            if (std::string why = add(of, trimmed(each.substr(0, colon)), weight); !why.empty())
                return Parse::refuse(why);
            at = comma + 1;
        }
        return of;
    }

    Parse from_file(std::string_view name) const {
        std::ifstream file{std::string(name)};
        if (!file) return Parse::refuse(fmt::format("the file '{}' can't be read", name));
        Distribution of;
        of.kind = Distribution::Kind::empirical;
        std::string line;
        for (size_t number = 1; std::getline(file, line); ++number) {
            const std::string_view text = trimmed(std::string_view(line).substr(0, line.find('#')));
            if (text.empty()) continue;
            const size_t space = std::min(text.find_first_of(" \t,"), text.size());
            std::string_view weight = space == text.size() ? "" : trimmed(text.substr(space + 1));
            if (weight.starts_with(',')) weight = trimmed(weight.substr(1));
            if (const std::string why = add(of, text.substr(0, space), weight); !why.empty())
                return Parse::refuse(fmt::format("{}:{}: {}", name, number, why));
        }
        if (of.points.empty()) return Parse::refuse(fmt::format("the file '{}' has no values", name));
        return of;
    }

    ParseValue value_;
};

}  // namespace

double Distribution::mean() const noexcept {
    switch (kind) {
        case Kind::fixed:
        case Kind::exponential: return a;
        case Kind::uniform: return (a + b) / 2;
        case Kind::lognormal: return a * std::exp(b * b / 2);
        case Kind::empirical: break;
    }
    double sum = 0, weights = 0;
    for (const Point& each : points) {
        sum += each.value * each.weight;
        weights += each.weight;
    }
    return weights > 0 ? sum / weights : 0;
}

Parsed<Distribution> parse_times(std::string_view text) {
    return Reader(time_value).read(text);
}
Parsed<Distribution> parse_sizes(std::string_view text) {
    return Reader(size_value).read(text);
}

}  // namespace synfin::app
