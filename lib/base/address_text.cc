/// @file
/// Addresses as text: Ethernet, IPv4 (dotted), IPv6 (parsed by RFC 4291, printed by RFC 5952), with port and
/// prefix.

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

#include "synfin/units.hh"

namespace synfin {

namespace {

/// Parses a text that consists of one decimal number.
template <typename T>
std::optional<T> whole_number(std::string_view text, T most) noexcept {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || text.empty() || value > most)
        return std::nullopt;
    return static_cast<T>(value);
}

/// Calls inet_pton(), which reads up to the first zero: a text with one inside is refused. `Space` bytes hold
/// the longest valid text.
template <size_t Space, typename Address>
bool convert(int family, std::string_view text, Address& out) noexcept {
    char copy[Space];
    if (text.size() >= Space || text.find('\0') != std::string_view::npos) return false;
    text.copy(copy, text.size());
    copy[text.size()] = 0;
    return inet_pton(family, copy, &out) == 1;
}

/// A range of groups of an IPv6 address.
struct Groups {
    size_t begin = 0, end = 0;
};

/// RFC 5952 4.2: "::" replaces the longest run of zero groups, the first of equally long runs, and never a
/// single group.
Groups longest_zeros(const std::array<uint16_t, 8>& groups) noexcept {
    Groups best;
    for (size_t i = 0; i < 8;) {
        size_t end = i;
        while (end < 8 && groups[end] == 0) ++end;
        if (end - i >= 2 && end - i > best.end - best.begin) best = {i, end};
        i = end + 1;
    }
    return best;
}

}  // namespace

std::string Mac::text() const {
    char out[18];
    std::snprintf(out, sizeof out, "%02x:%02x:%02x:%02x:%02x:%02x", octets[0], octets[1], octets[2],
                  octets[3], octets[4], octets[5]);
    return out;
}

std::optional<Mac> Mac::parse(std::string_view text) noexcept {
    Mac mac;
    if (text.size() != 17) return std::nullopt;
    for (size_t i = 0; i < 6; ++i) {
        const char* first = text.data() + 3 * i;
        auto [end, ec] = std::from_chars(first, first + 2, mac.octets[i], 16);
        if (ec != std::errc() || end != first + 2 || (i < 5 && *end != ':')) return std::nullopt;
    }
    return mac;
}

std::string Ipv4::text() const {
    char out[16];
    std::snprintf(out, sizeof out, "%u.%u.%u.%u", value >> 24, (value >> 16) & 255, (value >> 8) & 255,
                  value & 255);
    return out;
}

std::optional<Ipv4> Ipv4::parse(std::string_view text) noexcept {
    in_addr addr{};
    if (!convert<INET_ADDRSTRLEN>(AF_INET, text, addr)) return std::nullopt;
    return Ipv4{ntohl(addr.s_addr)};
}

std::string Ipv6::text() const {
    if (is_v4_mapped())  // RFC 5952 5
        return "::ffff:" + Ipv4{uint32_t{octets[12]} << 24 | uint32_t{octets[13]} << 16 |
                                uint32_t{octets[14]} << 8 | octets[15]}
                               .text();
    std::array<uint16_t, 8> groups{};
    for (size_t i = 0; i < 8; ++i) groups[i] = static_cast<uint16_t>(octets[2 * i] << 8 | octets[2 * i + 1]);
    const Groups zeros = longest_zeros(groups);
    std::string out;
    for (size_t i = 0; i < 8;) {
        if (i == zeros.begin && zeros.end != 0) {
            out += "::";
            i = zeros.end;
            continue;
        }
        if (i != 0 && i != zeros.end) out += ':';
        char group[5];
        std::snprintf(group, sizeof group, "%x", groups[i]);
        out += group;
        ++i;
    }
    return out;
}

std::optional<Ipv6> Ipv6::parse(std::string_view text) noexcept {
    Ipv6 addr;
    if (!convert<INET6_ADDRSTRLEN>(AF_INET6, text, addr.octets)) return std::nullopt;
    return addr;
}

std::string IpAddress::text() const {
    return is_v4() ? v4.text() : v6.text();
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
    if (const auto addr = Ipv4::parse(text)) return IpAddress(*addr);
    if (const auto addr = Ipv6::parse(text)) return IpAddress(*addr);
    return std::nullopt;
}

std::string Endpoint::text() const {
    const std::string host = addr.text();
    return (addr.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) noexcept {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = whole_number<uint16_t>(text.substr(colon + 1), 65'535);
    std::string_view host = text.substr(0, colon);
    std::optional<IpAddress> addr;
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        if (const auto v6 = Ipv6::parse(host.substr(1, host.size() - 2))) addr = *v6;
    } else if (const auto v4 = Ipv4::parse(host)) {
        addr = *v4;
    }
    if (!addr || !port) return std::nullopt;
    return Endpoint{*addr, *port};
}

std::string Cidr::text() const {
    return addr.text() + "/" + std::to_string(prefix);
}

std::optional<Cidr> Cidr::parse(std::string_view text) noexcept {
    const size_t slash = text.find('/');
    const auto addr = IpAddress::parse(text.substr(0, slash));
    if (!addr) return std::nullopt;
    const uint8_t longest = addr->is_v4() ? 32 : 128;
    if (slash == std::string_view::npos) return Cidr{*addr, longest};
    const auto prefix = whole_number<uint8_t>(text.substr(slash + 1), longest);
    if (!prefix) return std::nullopt;
    return Cidr{*addr, *prefix};
}

}  // namespace synfin
