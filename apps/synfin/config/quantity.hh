#pragma once
/// @file
/// Numbers with units, as people write them: durations `10s 250ms 2m`, counts and rates `1M 64k`, sizes
/// `64KiB 9000B`, ports `80` and `8000-8099`, cores `0-3,6`. An error text says what was expected and what
/// was found.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// A value, or the error text: "expected a count such as 1000, 64k or 1M, found 'x'".
template <typename T>
struct Parsed {
    std::optional<T> value;
    std::string error;

    Parsed(T v) : value(std::move(v)) {}  // NOLINT(google-explicit-constructor)
    static Parsed refuse(std::string why) {
        Parsed parsed;
        parsed.error = std::move(why);
        return parsed;
    }
    explicit operator bool() const noexcept { return value.has_value(); }

  private:
    Parsed() = default;
};

/// Ports from first to last, both included; host byte order.
struct PortRange {
    uint16_t first = 0;
    uint16_t last = 0;
    uint32_t size() const noexcept { return static_cast<uint32_t>(last - first) + 1; }
    bool operator==(const PortRange&) const noexcept = default;
};

/// A count from least to most, both included.
struct CountRange {
    uint64_t least = 1;
    uint64_t most = 1;  ///< 0: unlimited
    bool operator==(const CountRange&) const noexcept = default;
};

/// "expected EXPECTED, found 'TEXT'" ("found nothing" for an empty text).
std::string expected_but_found(std::string_view expected, std::string_view text);

/// A decimal number with an optional fraction and one of ns, us, ms, s, m (or min), h; a bare number is
/// seconds. At most 24 days (2^31 ms), the span of the timers.
Parsed<Duration> parse_duration(std::string_view text);
/// A decimal number, optionally followed by k (10^3), M (10^6) or G (10^9). A fraction is allowed if the
/// result is a whole number.
Parsed<uint64_t> parse_count(std::string_view text);
/// Bytes: B (or nothing), kB, MB, GB are powers of 10; KiB, MiB, GiB powers of 2; a bare k, M or G counts as
/// kB, MB, GB.
Parsed<uint64_t> parse_bytes(std::string_view text);
/// "80" or "8000-8099"; 1..65535, in order.
Parsed<PortRange> parse_ports(std::string_view text);
/// "10", "1-8" or "unlimited"; at most 10^9.
Parsed<CountRange> parse_count_range(std::string_view text);
/// The shortest text that parse_count_range() reads back as the same.
std::string count_range_text(const CountRange& range);
/// "0", "0-3", "0,2,4-6"; no core twice; at most 1024.
Parsed<std::vector<unsigned>> parse_cores(std::string_view text);
/// "1%", "0.01%" as parts of a million; at most 100%.
Parsed<uint64_t> parse_percent(std::string_view text);
/// true or false as in YAML 1.2's core schema (true, True, TRUE). The error text for YAML 1.1's yes, on, no
/// and off says which word to write.
Parsed<bool> parse_bool(std::string_view text);

/// The shortest text that parse_duration() reads back as the same: "30s", "250ms", "1h".
std::string duration_text(Duration duration);
/// The shortest text that parse_percent() reads back as the same: "1%", "0.05%".
std::string percent_text(uint64_t ppm);
/// The shortest text that parse_count() reads back as the same: "64M", "16384".
std::string exact_count_text(uint64_t count);
/// The shortest text that parse_bytes() reads back as the same: "256KiB", "1500B".
std::string exact_bytes_text(uint64_t bytes);
/// "12.3M", "64.0k", "999": three significant digits, for display.
std::string count_text(double count);
/// "1.50 GiB", "640 B".
std::string bytes_text(double bytes);

/// The Levenshtein distance: insertions, deletions and substitutions from a to b.
size_t edit_distance(std::string_view a, std::string_view b);
/// The candidate with the least edit distance to text, if it is near enough to suggest.
std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace synfin::app
