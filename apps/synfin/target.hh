#pragma once
/// @file
/// Target: whom the load generator calls, and what it says: `http://10.0.0.2:8080/path`, `tcp://10.0.0.2:7`.

#include <string>
#include <string_view>

#include "base/units.hh"
#include "units.hh"

namespace synfin::app {

struct Target {
    enum class Protocol : uint8_t { tcp, http };
    Protocol protocol = Protocol::tcp;
    Endpoint peer{};
    std::string path = "/";  ///< http only: the request target, query included

    /// An IPv4 literal is the only kind of host: names are not looked up, since a lookup would send packets
    /// that the configuration does not name.
    static Parsed<Target> parse(std::string_view text);
    std::string text() const;
};

}  // namespace synfin::app
