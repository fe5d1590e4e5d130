#pragma once
/// @file
/// ARP for IPv4 over Ethernet (RFC 826). No other pair of protocol and hardware is supported.

#include <cstdint>
#include <cstring>

#include "synfin/units.hh"
#include "wire/bytes.hh"
#include "wire/ether.hh"

namespace synfin::wire {

inline constexpr uint8_t kArpBytes = 28;
inline constexpr uint16_t kArpRequest = 1;
inline constexpr uint16_t kArpReply = 2;

struct ArpPacket {
    uint16_t operation =
        kArpRequest;  ///< the parser accepts any value; callers use kArpRequest and kArpReply
    Mac sender_mac{};
    Ipv4 sender_ip{};
    Mac target_mac{};
    Ipv4 target_ip{};
};

/// Hardware type 1, protocol 0x0800, address lengths 6 and 4: the first six bytes of the packet.
inline constexpr uint32_t kArpTypes = 0x0001'0800;
inline constexpr uint16_t kArpLengths = 0x0604;

/// Parses the bytes after the Ethernet header; padding after the 28 bytes is allowed. Returns false, and
/// leaves `out` unchanged, when the packet is shorter or is not IPv4 over Ethernet.
inline bool parse_arp(Bytes packet, ArpPacket& out) noexcept {
    if (packet.size() < kArpBytes) return false;
    const uint8_t* p = packet.data();
    if (load_be32(p) != kArpTypes || load_be16(p + 4) != kArpLengths) return false;
    out.operation = load_be16(p + 6);
    std::memcpy(out.sender_mac.octets.data(), p + 8, 6);
    out.sender_ip = Ipv4{load_be32(p + 14)};
    std::memcpy(out.target_mac.octets.data(), p + 18, 6);
    out.target_ip = Ipv4{load_be32(p + 24)};
    return true;
}

/// Writes kArpBytes bytes.
inline void write_arp(uint8_t* out, const ArpPacket& arp) noexcept {
    store_be32(out, kArpTypes);
    store_be16(out + 4, kArpLengths);
    store_be16(out + 6, arp.operation);
    std::memcpy(out + 8, arp.sender_mac.octets.data(), 6);
    store_be32(out + 14, arp.sender_ip.value);
    std::memcpy(out + 18, arp.target_mac.octets.data(), 6);
    store_be32(out + 24, arp.target_ip.value);
}

}  // namespace synfin::wire
