#pragma once
/// @file
/// IPv6 addresses that follow from other addresses: link-local ones from a MAC, groups from an address.

#include "synfin/units.hh"

namespace synfin::net {

inline constexpr Ipv6 kAllNodes{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};          ///< ff02::1
inline constexpr Ipv6 kAllRouters{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};        ///< ff02::2
inline constexpr Ipv6 kAllMldRouters{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16}};  ///< ff02::16

/// The link-local address with the modified EUI-64 of a MAC address (RFC 4291 appendix A, RFC 2464 5).
constexpr Ipv6 link_local_of(const Mac& mac) noexcept {
    const auto& m = mac.octets;
    return Ipv6{{0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(m[0] ^ 2u), m[1], m[2], 0xff, 0xfe, m[3],
                 m[4], m[5]}};
}

/// The solicited-node group of an address (RFC 4291 2.7.1): ff02::1:ff00:0/104 and its last 24 bits.
constexpr Ipv6 solicited_node(const Ipv6& addr) noexcept {
    const auto& a = addr.octets;
    return Ipv6{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a[13], a[14], a[15]}};
}

/// The MAC address of a group (RFC 2464 7): 33:33 and its last 32 bits.
constexpr Mac multicast_mac(const Ipv6& group) noexcept {
    const auto& g = group.octets;
    return Mac{{0x33, 0x33, g[12], g[13], g[14], g[15]}};
}

}  // namespace synfin::net
