#include "target.hh"

#include <fmt/format.h>

#include <algorithm>

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
    if (rest.starts_with("[")) return refuse("an IPv4 address or a name (IPv6 is not built yet)");

    const size_t colon = rest.find(':');
    target.host = rest.substr(0, colon);
    if (const auto address = Ipv4::parse(target.host)) {
        if (address->is_multicast() || address->is_limited_broadcast() || address->is_unspecified())
            return refuse("a unicast address for the host");
        target.peer.addr = *address;
    } else if (!is_host_name(target.host)) {
        return refuse("an IPv4 address or a name for the host");
    }
    if (colon != rest.npos) {
        const auto port = parse_ports(rest.substr(colon + 1));
        if (!port || port.value->size() != 1) return refuse("a port 1..65535 after the host");
        target.peer.port = port.value->first;
    }
    if (target.peer.port == 0) return refuse("tcp://HOST:PORT with a port");
    return target;
}

std::string Target::text() const {
    if (protocol == Protocol::tcp) return fmt::format("tcp://{}:{}", host, peer.port);
    return fmt::format("http://{}:{}{}", host, peer.port, path);
}

}  // namespace synfin::app
