#pragma once
/// @file
/// Codec: how the values of one type are written: in the YAML file, in an option, in the result.

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config.hh"
#include "quantity.hh"

namespace synfin::app {

/// Of numbers, bytes, or nanoseconds.
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

/// From where on the most of a count is not worth telling.
inline constexpr uint64_t kNoLimit = uint64_t{1} << 48;

Codec<uint64_t> count(uint64_t low, uint64_t high);
Codec<uint64_t> size(uint64_t low, uint64_t high);
/// The longest that can be written is 24 days.
Codec<Duration> duration(Duration least = Duration::zero(), Duration most = Duration::max());
/// Parts of a million, written as percent.
Codec<uint64_t> percent();
Codec<bool> boolean();
/// A name, not empty.
Codec<std::string> text();
Codec<std::string> any_text();
Codec<std::string> method();
Codec<std::string> header();
Codec<std::string> statuses();
Codec<PortRange> ports();
Codec<CountRange> requests();
Codec<std::vector<unsigned>> cores();
Codec<Cidr> cidr();
Codec<Gateway> gateway();
Codec<Target> target();
Codec<Route> route();
/// `PORT[-PORT][=APP]`
Codec<ServeConfig::Listen> listen();

/// One word of a few: ServeConfig::App, LoadConfig::Close, CloseBy, BenchConfig::Profile.
template <typename E>
Codec<E> choice();

}  // namespace synfin::app
