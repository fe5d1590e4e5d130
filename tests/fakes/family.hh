#pragma once
/// @file
/// The address family of a run. One test program runs once for each family: SYNFIN_FAMILY=6 in its
/// environment selects IPv6, otherwise it uses IPv4. Tests take addresses and sizes from here.

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "synfin/units.hh"

namespace synfin::fakes {

using Family = IpAddress::Family;

/// Whether this run uses IPv6.
inline bool is_ipv6() noexcept {
    static const bool six = [] {
        const char* value = std::getenv("SYNFIN_FAMILY");
        return value != nullptr && std::strcmp(value, "6") == 0;
    }();
    return six;
}
inline Family family() noexcept {
    return is_ipv6() ? Family::v6 : Family::v4;
}

/// Host `n` of the tests' network: 10.0.0.0 plus n, or 2001:db8:: plus n.
inline IpAddress host(uint32_t n, Family of = family()) noexcept {
    if (of == Family::v4) return Ipv4{0x0a000000u + n};
    Ipv6 out{{0x20, 0x01, 0x0d, 0xb8}};
    for (unsigned i = 0; i < 4; ++i) out.octets[12 + i] = static_cast<uint8_t>(n >> (24 - 8 * i));
    return out;
}
/// The address with its network: /24 (or `prefix4`) with IPv4, /64 with IPv6.
inline Cidr on_net(const IpAddress& addr, uint8_t prefix4 = 24) noexcept {
    return {addr, addr.is_v4() ? prefix4 : uint8_t{64}};
}
inline Cidr net_host(uint32_t n, uint8_t prefix4 = 24) noexcept {
    return on_net(host(n), prefix4);
}
/// Another address: the bits of `mask` in the last octet are inverted.
inline IpAddress inverted(IpAddress addr, uint8_t mask) noexcept {
    if (addr.is_v4())
        addr.v4.value ^= mask;
    else
        addr.v6.octets[15] ^= mask;
    return addr;
}

/// Bytes of the IP header without options or extension headers.
inline uint16_t ip_header_bytes(Family of = family()) noexcept {
    return of == Family::v6 ? 40 : 20;
}
/// The MTU with which IPv6 segments have the size that IPv4 segments have with `mtu4`: 20 bytes more. With it
/// the numbers of a test are the same in both families.
inline uint16_t same_mtu(uint16_t mtu4) noexcept {
    return static_cast<uint16_t>(mtu4 + ip_header_bytes() - 20);
}
/// The MSS of a peer that sends no option (RFC 9293 MUST-15).
inline uint16_t default_mss() noexcept {
    return is_ipv6() ? 1220 : 536;
}

}  // namespace synfin::fakes
