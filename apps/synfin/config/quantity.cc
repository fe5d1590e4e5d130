#include "config/quantity.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace synfin::app {

namespace {

struct Unit {
    std::string_view name;
    uint64_t factor;
};

constexpr std::array kTimeUnits = {Unit{"ns", 1},
                                   Unit{"us", 1'000},
                                   Unit{"ms", 1'000'000},
                                   Unit{"s", 1'000'000'000},
                                   Unit{"m", 60'000'000'000},
                                   Unit{"min", 60'000'000'000},
                                   Unit{"h", 3'600'000'000'000}};
constexpr std::array kCountUnits = {Unit{"", 1}, Unit{"k", 1'000}, Unit{"M", 1'000'000},
                                    Unit{"G", 1'000'000'000}};
constexpr std::array kPercentUnit = {Unit{"%", 10'000}};
constexpr std::array kByteUnits = {
    Unit{"", 1},           Unit{"B", 1},          Unit{"k", 1'000},         Unit{"kB", 1'000},
    Unit{"M", 1'000'000},  Unit{"MB", 1'000'000}, Unit{"G", 1'000'000'000}, Unit{"GB", 1'000'000'000},
    Unit{"KiB", 1u << 10}, Unit{"MiB", 1u << 20}, Unit{"GiB", 1u << 30}};

/// Parses digits, an optional fraction and a unit into a whole number of the smallest unit. It uses integers
/// only, so 0.1s is exactly 100,000,000 ns.
template <size_t N>
std::optional<uint64_t> scaled(std::string_view text, const std::array<Unit, N>& units) {
    const size_t number_end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view number = text.substr(0, number_end), name = text.substr(number_end);
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
    if (unit == units.end()) return std::nullopt;

    const size_t dot = std::min(number.find('.'), number.size());
    const std::string_view whole = number.substr(0, dot);
    std::string_view fraction = dot == number.size() ? std::string_view{} : number.substr(dot + 1);
    if (whole.empty() || (dot != number.size() && fraction.empty())) return std::nullopt;

    uint64_t value = 0;
    const auto [end, ec] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
    if (ec != std::errc() || end != whole.data() + whole.size()) return std::nullopt;
    if (__builtin_mul_overflow(value, unit->factor, &value)) return std::nullopt;

    while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
    if (fraction.find('.') != fraction.npos || fraction.size() > 6) return std::nullopt;
    uint64_t numerator = 0, denominator = 1;
    for (const char digit : fraction) {
        numerator = numerator * 10 + static_cast<uint64_t>(digit - '0');
        denominator *= 10;
    }
    const uint64_t product = numerator * unit->factor;    // at most 10^6 parts of 3.6 * 10^12 ns
    if (product % denominator != 0) return std::nullopt;  // "1.5" of a unit without fractions
    if (__builtin_add_overflow(value, product / denominator, &value)) return std::nullopt;
    return value;
}

std::optional<unsigned> small_number(std::string_view text, unsigned limit) {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || ec != std::errc() || end != text.data() + text.size() || value > limit)
        return std::nullopt;
    return value;
}

}  // namespace

std::string expected_but_found(std::string_view expected, std::string_view text) {
    if (text.empty()) return fmt::format("expected {}, found nothing", expected);
    return fmt::format("expected {}, found '{}'", expected, text);
}

Parsed<Duration> parse_duration(std::string_view text) {
    constexpr std::string_view kExpected = "a duration such as 10 (seconds), 250ms or 2m";
    const bool is_bare = !text.empty() && text.back() >= '0' && text.back() <= '9';
    const auto ns = scaled(is_bare ? std::string(text) + "s" : std::string(text), kTimeUnits);
    if (!ns) return Parsed<Duration>::refuse(expected_but_found(kExpected, text));
    if (*ns > (uint64_t{1} << 31) * 1'000'000)
        return Parsed<Duration>::refuse(expected_but_found("a duration of at most 24 days", text));
    return Duration(static_cast<int64_t>(*ns));
}

Parsed<uint64_t> parse_count(std::string_view text) {
    if (const auto value = scaled(text, kCountUnits)) return *value;
    return Parsed<uint64_t>::refuse(expected_but_found("a count such as 1000, 64k or 1M", text));
}

Parsed<uint64_t> parse_bytes(std::string_view text) {
    if (const auto value = scaled(text, kByteUnits)) return *value;
    return Parsed<uint64_t>::refuse(expected_but_found("a size such as 9000B, 64KiB or 1MB", text));
}

Parsed<PortRange> parse_ports(std::string_view text) {
    const size_t dash = text.find('-');
    const auto first = small_number(text.substr(0, dash), 65'535);
    const auto last = dash == text.npos ? first : small_number(text.substr(dash + 1), 65'535);
    if (!first || !last || *first == 0 || *last < *first)
        return Parsed<PortRange>::refuse(
            expected_but_found("a port 1..65535 or a range such as 8000-8099", text));
    return PortRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
}

Parsed<CountRange> parse_count_range(std::string_view text) {
    constexpr uint64_t kMost = 1'000'000'000;
    if (text == "unlimited") return CountRange{0, 0};
    const size_t dash = text.find('-');
    const auto least = scaled(text.substr(0, dash), kCountUnits);
    const auto most = dash == text.npos ? least : scaled(text.substr(dash + 1), kCountUnits);
    if (!least || !most || *least == 0 || *most < *least || *most > kMost)
        return Parsed<CountRange>::refuse(
            expected_but_found("a number from 1 to 1G, a range such as 1-8, or unlimited", text));
    return CountRange{*least, *most};
}

std::string count_range_text(const CountRange& range) {
    return range.most == 0             ? "unlimited"
           : range.least == range.most ? fmt::format("{}", range.most)
                                       : fmt::format("{}-{}", range.least, range.most);
}

Parsed<std::vector<unsigned>> parse_cores(std::string_view text) {
    const auto refuse = [&] {
        return Parsed<std::vector<unsigned>>::refuse(
            expected_but_found("a list of different cores such as 0, 0-3 or 0,2,4-6", text));
    };
    std::vector<unsigned> cores;
    for (std::string_view rest = text;;) {
        const size_t comma = rest.find(',');
        const std::string_view part = rest.substr(0, comma);
        const size_t dash = part.find('-');
        const auto first = small_number(part.substr(0, dash), 1023);
        const auto last = dash == part.npos ? first : small_number(part.substr(dash + 1), 1023);
        if (!first || !last || *last < *first) return refuse();
        for (unsigned core = *first; core <= *last; ++core) {
            if (std::find(cores.begin(), cores.end(), core) != cores.end()) return refuse();
            cores.push_back(core);
        }
        if (comma == rest.npos) return cores;
        rest.remove_prefix(comma + 1);
    }
}

Parsed<uint64_t> parse_percent(std::string_view text) {
    if (text == "0") return uint64_t{0};
    const auto ppm = scaled(text, kPercentUnit);
    if (ppm && *ppm <= 1'000'000) return *ppm;
    return Parsed<uint64_t>::refuse(
        expected_but_found("a percentage from 0.0001% to 100%, such as 1%", text));
}

Parsed<bool> parse_bool(std::string_view text) {
    for (const std::string_view word : {"true", "True", "TRUE"})
        if (text == word) return true;
    for (const std::string_view word : {"false", "False", "FALSE"})
        if (text == word) return false;
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string why = expected_but_found("true or false", text);
    for (const auto& [old, word] : {std::pair{"yes", "true"},
                                    {"on", "true"},
                                    {"y", "true"},
                                    {"1", "true"},
                                    {"no", "false"},
                                    {"off", "false"},
                                    {"n", "false"},
                                    {"0", "false"}})
        if (lower == old) why += fmt::format("; write {}", word);
    return Parsed<bool>::refuse(why);
}

std::string duration_text(Duration duration) {
    const auto ns = static_cast<uint64_t>(duration.count());
    if (ns == 0) return "0s";
    // Seconds even for whole minutes and hours: results are easier to compare in one unit.
    for (const auto& [name, factor] : {Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000}, Unit{"us", 1'000}})
        if (ns % factor == 0) return fmt::format("{}{}", ns / factor, name);
    return fmt::format("{}ns", ns);
}

std::string percent_text(uint64_t ppm) {
    std::string text = fmt::format("{}", ppm / 10'000);
    if (const uint64_t rest = ppm % 10'000; rest != 0) {
        text += fmt::format(".{:04}", rest);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text + "%";
}

std::string exact_count_text(uint64_t count) {
    for (const auto& [name, factor] : {Unit{"G", 1'000'000'000}, Unit{"M", 1'000'000}, Unit{"k", 1'000}})
        if (count >= factor && count % factor == 0) return fmt::format("{}{}", count / factor, name);
    return fmt::format("{}", count);
}

std::string exact_bytes_text(uint64_t bytes) {
    for (const auto& [name, bits] : {std::pair{"GiB", 30}, {"MiB", 20}, {"KiB", 10}})
        if (bytes != 0 && bytes % (uint64_t{1} << bits) == 0) return fmt::format("{}{}", bytes >> bits, name);
    return fmt::format("{}B", bytes);
}

std::string count_text(double count) {
    for (const auto& [factor, name] : {std::pair{1e9, "G"}, std::pair{1e6, "M"}, std::pair{1e3, "k"}})
        if (count >= 10 * factor || (count >= factor && factor > 1e3))
            return fmt::format("{:.{}f}{}", count / factor, count / factor >= 100 ? 1 : 2, name);
    return count == std::floor(count) ? fmt::format("{:.0f}", count) : fmt::format("{:.1f}", count);
}

std::string bytes_text(double bytes) {
    for (const auto& [factor, name] :
         {std::pair{0x1p30, "GiB"}, std::pair{0x1p20, "MiB"}, std::pair{0x1p10, "KiB"}})
        if (bytes >= factor) return fmt::format("{:.2f} {}", bytes / factor, name);
    return fmt::format("{:.0f} B", bytes);
}

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates) {
    const std::string* best = nullptr;
    size_t best_distance = 0;
    for (const std::string& candidate : candidates) {
        const size_t distance = edit_distance(text, candidate);
        if (best == nullptr || distance < best_distance) {
            best = &candidate;
            best_distance = distance;
        }
    }
    // No suggestion if more than half of the letters differ: a wrong hint is worse than none.
    if (best == nullptr || best_distance > std::max<size_t>(1, std::max(text.size(), best->size()) / 2))
        return std::nullopt;
    return *best;
}

}  // namespace synfin::app
