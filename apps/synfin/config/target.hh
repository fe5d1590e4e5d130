#pragma once
/// @file
/// Target: the server that the load generator connects to, and the protocol: `http://10.0.0.2:8080/path`,
/// `tcp://[2001:db8::2]:7`, `www.example.org`.

#include <string>
#include <string_view>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

struct Target {
    enum class Protocol : uint8_t { tcp, http };
    Protocol protocol = Protocol::tcp;
    /// A name, an IPv4 address, or an IPv6 address in brackets without its zone: the host of a URI (RFC 3986
    /// 3.2.2) and of the Host field (RFC 9110 7.2).
    std::string host;
    std::string zone;        ///< of a link-local address, "eth0"; never sent
    Endpoint peer{};         ///< the address is unspecified until the name has been resolved
    std::string path = "/";  ///< http only: the request target, query included

    /// The default scheme is http. The host is an IPv4 address, an IPv6 address in brackets or a name;
    /// parse() does not resolve names. It drops a fragment. A zone may be written `%eth0`, or `%25eth0` as in
    /// a URI (RFC 6874).
    static Parsed<Target> parse(std::string_view text);
    bool is_resolved() const noexcept { return !peer.addr.is_unspecified(); }
    std::string text() const;
};

}  // namespace synfin::app
