#pragma once
/// @file
/// Target: whom the load generator calls, and what it says: `http://10.0.0.2:8080/path`, `tcp://10.0.0.2:7`,
/// `www.example.org`.

#include <string>
#include <string_view>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

struct Target {
    enum class Protocol : uint8_t { tcp, http };
    Protocol protocol = Protocol::tcp;
    std::string host;        ///< as it was given: an address or a name
    Endpoint peer{};         ///< the address is unspecified until a name has been looked up
    std::string path = "/";  ///< http only: the request target, query included

    /// Without a scheme it is http. The host is an IPv4 address or a name, which is not looked up here; a
    /// fragment is dropped.
    static Parsed<Target> parse(std::string_view text);
    bool is_resolved() const noexcept { return !peer.addr.v4.is_unspecified(); }
    std::string text() const;
};

}  // namespace synfin::app
