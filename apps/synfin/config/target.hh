#pragma once
/// @file
/// Target: the server that the load generator connects to, and the protocol: `http://10.0.0.2:8080/path`,
/// `tcp://10.0.0.2:7`, `www.example.org`.

#include <string>
#include <string_view>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

struct Target {
    enum class Protocol : uint8_t { tcp, http };
    Protocol protocol = Protocol::tcp;
    std::string host;        ///< as the user wrote it: an address or a name
    Endpoint peer{};         ///< the address is unspecified until the name has been resolved
    std::string path = "/";  ///< http only: the request target, query included

    /// The default scheme is http. The host is an IPv4 address or a name; parse() does not resolve names. It
    /// drops a fragment.
    static Parsed<Target> parse(std::string_view text);
    bool is_resolved() const noexcept { return !peer.addr.v4.is_unspecified(); }
    std::string text() const;
};

}  // namespace synfin::app
