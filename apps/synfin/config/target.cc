#include "target.hh"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/ip_text.hh"

namespace synfin::app {

namespace {

/// Removes "scheme://" from the front and returns the scheme in lower case; empty if there is none.
std::string take_scheme(std::string_view& text) {
    const size_t end = text.find("://");
    if (end == text.npos || text.substr(0, end).find_first_of("/?#") != text.npos) return {};
    std::string scheme(text.substr(0, end));
    for (char& c : scheme)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    text.remove_prefix(end + 3);
    return scheme;
}

/// A host name: letters, digits, hyphens and underscores between dots, at most 253 bytes. Refuses a mistyped
/// address such as 10.0.0.1000.
bool is_host_name(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto is_name_byte = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !text.empty() && text.size() <= 253 && text.front() != '.' && text.front() != '-' &&
           text.find("..") == text.npos && std::all_of(text.begin(), text.end(), is_name_byte) &&
           std::any_of(text.begin(), text.end(), is_letter);
}

/// The error text for an IPv6 address without brackets: 2001:db8::1:80 may end in a port or not.
std::string without_brackets(std::string_view text) {
    const size_t colon = text.rfind(':');
    const auto with_port = Ipv6::parse(text.substr(0, colon));
    const auto port = parse_ports(text.substr(colon + 1));
    const bool is_whole = Ipv6::parse(text).has_value();
    if (with_port && port && port.value->size() == 1) {
        const std::string split = fmt::format("[{}]:{}", with_port->text(), port.value->first);
        return is_whole ? fmt::format("an IPv6 address in brackets: {}, or [{}] for the address alone", split,
                                      text)
                        : fmt::format("an IPv6 address in brackets: {}", split);
    }
    if (is_whole) return fmt::format("an IPv6 address in brackets: [{}]", text);
    return "an address or a name for the host, an IPv6 address in brackets such as [2001:db8::1]:80";
}

/// Reads "[2001:db8::1]" or "[fe80::1%eth0]" from the front of `rest` and removes it.
/// @return the error text; empty on success
std::string take_ipv6(std::string_view& rest, Target& target) {
    const size_t end = rest.find(']');
    if (end == rest.npos) return "a closing bracket after the IPv6 address, such as [2001:db8::1]:80";
    std::string inside(rest.substr(1, end - 1));
    // RFC 6874 escapes the '%' of a zone in a URI.
    if (const size_t percent = inside.find("%25"); percent != inside.npos) inside.erase(percent + 1, 2);
    const auto addr = parse_zoned_ip(inside);
    if (!addr) return addr.error;
    if (addr.value->addr.is_v4()) return "an IPv4 address without brackets";
    target.peer.addr = addr.value->addr;
    target.zone = addr.value->zone;
    target.host = fmt::format("[{}]", target.peer.addr.text());
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return "a port or a path after the bracket";
    return {};
}

/// Reads a name or an IPv4 address from the front of `rest` and removes it.
/// @return the error text; empty on success
std::string take_host(std::string_view& rest, Target& target) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (rest.find(':', colon + 1) < rest.size()) return without_brackets(rest);
    target.host = rest.substr(0, colon);
    rest.remove_prefix(colon);
    if (const auto address = Ipv4::parse(target.host))
        target.peer.addr = *address;
    else if (!is_host_name(target.host))
        return "an IPv4 address, an IPv6 address in brackets or a name for the host";
    return {};
}

}  // namespace

Parsed<Target> Target::parse(std::string_view text) {
    const auto refuse = [&](std::string_view expected) {
        return Parsed<Target>::refuse(expected_but_found(expected, text));
    };
    Target target;
    std::string_view rest = text;
    const std::string scheme = take_scheme(rest);
    if (scheme == "https") return refuse("http:// or tcp:// (TLS is not built)");
    if (text.empty() || (!scheme.empty() && scheme != "http" && scheme != "tcp"))
        return refuse("a target such as http://10.0.0.2:80/, 10.0.0.2:8080 or tcp://10.0.0.2:7");
    target.protocol = scheme == "tcp" ? Protocol::tcp : Protocol::http;
    if (target.protocol == Protocol::http) target.peer.port = 80;
    rest = rest.substr(0, rest.find('#'));

    if (const size_t end = rest.find_first_of("/?"); end != rest.npos) {
        const std::string_view path = rest.substr(end);
        const bool clean = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f; });
        if (!clean || path.size() > 4096) return refuse("a path of printable ASCII without blanks");
        if (target.protocol == Protocol::tcp && path != "/") return refuse("tcp://HOST:PORT without a path");
        target.path = path.front() == '?' ? fmt::format("/{}", path) : std::string(path);
        rest = rest.substr(0, end);
    }
    if (rest.empty()) return refuse("a host");
    const std::string why = rest.front() == '[' ? take_ipv6(rest, target) : take_host(rest, target);
    if (!why.empty()) return refuse(why);
    const bool is_name = target.host.front() != '[' && !Ipv4::parse(target.host);
    const IpAddress& host = target.peer.addr;
    if (host.is_multicast() || host.is_limited_broadcast() || (host.is_v6() && host.is_loopback()) ||
        (!is_name && host.is_unspecified()))
        return refuse("a unicast address for the host");
    if (!rest.empty()) {
        const auto port = parse_ports(rest.substr(1));
        if (!port || port.value->size() != 1) return refuse("a port 1..65535 after the host");
        target.peer.port = port.value->first;
    }
    if (target.peer.port == 0) return refuse("tcp://HOST:PORT with a port");
    return target;
}

std::string Target::text() const {
    const std::string zoned =
        zone.empty() ? host : fmt::format("{}%{}]", std::string_view(host).substr(0, host.size() - 1), zone);
    if (protocol == Protocol::tcp) return fmt::format("tcp://{}:{}", zoned, peer.port);
    return fmt::format("http://{}:{}{}", zoned, peer.port, path);
}

}  // namespace synfin::app
