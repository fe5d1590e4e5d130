#pragma once
/// @file
/// The rules for what the connections of a class say and expect.

#include <functional>
#include <string>
#include <string_view>

#include "traffic_config.hh"

namespace synfin::app {

/// Why a combination of keys makes no sense, and what to do about it.
struct Objection {
    std::string why;  ///< empty: there is none
    std::string remedy;
};

/// Whether the user gave a key, without "load.", for a class.
using WasGiven = std::function<bool(std::string_view key)>;

/// The first objection to the content of one class, which has targets of one protocol.
/// @param was_given of this class
Objection content_objection(const TrafficConfig& traffic, const WasGiven& was_given);

}  // namespace synfin::app
