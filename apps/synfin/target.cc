#include "target.hh"

#include <fmt/format.h>

#include <algorithm>

namespace synfin::app {

Parsed<Target> Target::parse(std::string_view text) {
    const auto refuse = [&](std::string_view expected) {
        return Parsed<Target>::refuse(expected_but_found(expected, text));
    };
    Target target;
    std::string_view rest = text;
    if (rest.starts_with("http://")) {
        target.protocol = Protocol::http;
        target.peer.port = 80;
        rest.remove_prefix(7);
    } else if (rest.starts_with("tcp://")) {
        rest.remove_prefix(6);
    } else if (rest.starts_with("https://")) {
        return refuse("http:// or tcp:// (TLS is not built)");
    } else {
        return refuse("a target such as http://10.0.0.2:80/ or tcp://10.0.0.2:7");
    }

    const size_t slash = rest.find('/');
    if (slash != rest.npos) {
        const std::string_view path = rest.substr(slash);
        const bool clean = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f; });
        if (!clean || path.size() > 4096) return refuse("a path of printable ASCII without blanks");
        if (target.protocol == Protocol::tcp && path.size() > 1)
            return refuse("tcp://HOST:PORT without a path");
        target.path = path;
        rest = rest.substr(0, slash);
    }
    if (rest.starts_with("[")) return refuse("an IPv4 address (IPv6 is not built yet)");

    const size_t colon = rest.find(':');
    const auto host = Ipv4::parse(rest.substr(0, colon));
    if (!host) return refuse("an IPv4 address for the host (names are not looked up)");
    if (host->is_multicast() || host->is_limited_broadcast() || host->is_unspecified())
        return refuse("a unicast address for the host");
    target.peer.addr = *host;
    if (colon != rest.npos) {
        const auto port = parse_ports(rest.substr(colon + 1));
        if (!port || port.value->size() != 1) return refuse("a port 1..65535 after the host");
        target.peer.port = port.value->first;
    }
    if (target.peer.port == 0) return refuse("tcp://HOST:PORT with a port");
    return target;
}

std::string Target::text() const {
    if (protocol == Protocol::tcp) return fmt::format("tcp://{}", peer.text());
    return fmt::format("http://{}{}", peer.text(), path);
}

}  // namespace synfin::app
