#pragma once
/// @file
/// Codec: parses the values of one type from YAML and options, and writes them to the JSON result.

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "arrival_pattern.hh"
#include "config.hh"
#include "distribution.hh"
#include "quantity.hh"

namespace synfin::app {

/// The allowed range, both ends included: a count, bytes or nanoseconds.
struct Range {
    uint64_t low = 0, high = std::numeric_limits<uint64_t>::max();
};

template <typename T>
struct Codec {
    Parsed<T> (*parse)(std::string_view text, const Range& range);
    nlohmann::ordered_json (*json)(const T& value);
    std::string allowed{};  ///< see Field
    Range range{};
    bool in_bytes = false;
};

/// A count whose upper limit is at least this is shown without a limit.
inline constexpr uint64_t kNoLimit = uint64_t{1} << 48;

Codec<uint64_t> count(uint64_t low, uint64_t high);
Codec<uint64_t> size(uint64_t low, uint64_t high);
/// A duration may be at most 24 days (see parse_duration()).
Codec<Duration> duration(Duration least = Duration::zero(), Duration most = Duration::max());
/// See parse_times() and parse_sizes().
Codec<Distribution> times();
Codec<Distribution> sizes();
/// See parse_arrivals().
Codec<ArrivalPattern> arrivals();
/// The value is in parts per million; the text is in percent.
Codec<uint64_t> percent();
Codec<bool> boolean();
/// `on` or `off`, as TCP names its options; true and false mean the same.
Codec<bool> on_off();
/// A text that is not empty.
Codec<std::string> text();
Codec<std::string> any_text();
Codec<std::string> method();
Codec<std::string> header();
Codec<std::string> statuses();
Codec<PortRange> ports();
Codec<CountRange> requests();
Codec<std::vector<unsigned>> cores();
Codec<AddressRange> addresses();
/// 4 or 6.
Codec<IpAddress::Family> family();
Codec<Target> target();
Codec<Route> route();
Codec<Impairments> impairments();
/// `PORT[-PORT][=APP]`
Codec<ServeConfig::Listen> listen();

/// One word of an enumeration: ServeConfig::App, LoadConfig::Close, CloseBy, BenchConfig::Profile, Dad,
/// CongestionControl, Pacing, SearchConfig::Kind.
template <typename E>
Codec<E> choice();

}  // namespace synfin::app
