#pragma once
/// @file
/// The IPv6 header (RFC 8200 3). wire/ipv6_extensions.hh reads the headers behind it.

#include <cstdint>
#include <cstring>

#include "synfin/units.hh"
#include "wire/bytes.hh"
#include "wire/checksum.hh"

namespace synfin::wire {

inline constexpr uint8_t kIpv6Bytes = 40;
inline constexpr uint16_t kLeastIpv6Mtu = 1280;  ///< every link carries packets of this size (RFC 8200 5)
inline constexpr uint32_t kFlowLabelMask = 0xf'ffff;  ///< 20 bits

/// A parsed IPv6 header.
struct Ipv6Header {
    Ipv6 source, destination;
    uint16_t payload_length = 0;  ///< bytes behind the 40 bytes of this header
    /// The next header. net::FrameIn replaces it by the protocol of the payload, behind all extension
    /// headers.
    uint8_t next_header = 0;
    uint8_t hop_limit = 0;
    uint8_t traffic_class = 0;  ///< DSCP and ECN
    uint32_t flow_label = 0;    ///< 20 bits
};

enum class Ipv6Check : uint8_t {
    ok,
    runt,        ///< fewer bytes than the header
    bad_header,  ///< version or payload length
};

/// Reads an address of a packet.
inline Ipv6 load_ipv6(const uint8_t* p) noexcept {
    Ipv6 out;
    std::memcpy(out.octets.data(), p, sizeof out.octets);
    return out;
}

/// Parses the bytes after the Ethernet header; padding behind the packet is allowed. `out` is unspecified
/// unless the result is ok.
inline Ipv6Check parse_ipv6(Bytes packet, Ipv6Header& out) noexcept {
    if (packet.size() < kIpv6Bytes) return Ipv6Check::runt;
    const uint8_t* p = packet.data();
    const uint32_t word = load_be32(p);
    out.payload_length = load_be16(p + 4);
    if (word >> 28 != 6 || out.payload_length > packet.size() - kIpv6Bytes) return Ipv6Check::bad_header;
    out.traffic_class = static_cast<uint8_t>(word >> 20);
    out.flow_label = word & kFlowLabelMask;
    out.next_header = p[6];
    out.hop_limit = p[7];
    out.source = load_ipv6(p + 8);
    out.destination = load_ipv6(p + 24);
    return Ipv6Check::ok;
}

/// Writes kIpv6Bytes bytes.
inline void write_ipv6(uint8_t* out, const Ipv6Header& ip) noexcept {
    store_be32(out, uint32_t{6} << 28 | uint32_t{ip.traffic_class} << 20 | (ip.flow_label & kFlowLabelMask));
    store_be16(out + 4, ip.payload_length);
    out[6] = ip.next_header;
    out[7] = ip.hop_limit;
    std::memcpy(out + 8, ip.source.octets.data(), 16);
    std::memcpy(out + 24, ip.destination.octets.data(), 16);
}

}  // namespace synfin::wire
