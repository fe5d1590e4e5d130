#pragma once
/// @file
/// The IPv4 header (RFC 791): validation as RFC 1122 3.2.1 requires, and emission without options.

#include <cstdint>

#include "synfin/units.hh"
#include "wire/bytes.hh"
#include "wire/checksum.hh"

namespace synfin::wire {

inline constexpr uint8_t kIpv4Bytes = 20;  ///< header without options

/// The ECN field, the last two bits of Ipv4Header::tos and of IPv6's traffic class (RFC 3168 5).
inline constexpr uint8_t kEcnMask = 3, kEcnEct0 = 2, kEcnCe = 3;

struct Ipv4Header {
    Ipv4 source{};
    Ipv4 destination{};
    uint16_t total_length =
        0;  ///< bytes, header included; at most the bytes given, of which the rest is padding
    uint8_t header_length = 0;  ///< bytes, 20..60
    uint8_t ttl = 0;
    uint8_t protocol = 0;
    uint8_t tos = 0;  ///< DSCP and ECN
    uint16_t id = 0;
    bool dont_fragment = false;
    bool fragment = false;      ///< more fragments follow, or the offset is not zero
    bool source_route = false;  ///< an LSRR or SSRR option is present
};

enum class Ipv4Check : uint8_t {
    ok,
    runt,          ///< fewer bytes than the shortest header
    bad_header,    ///< version, IHL, total length or option lengths
    bad_checksum,  ///< of the header
};

/// Walks the options: unknown options are ignored (RFC 1122 3.2.1.8), LSRR and SSRR set `source_route`.
/// Returns false when a length is below 2 or passes the end.
bool parse_ipv4_options(Bytes options, bool& source_route) noexcept;

/// Parses the bytes after the Ethernet header; padding behind the packet is allowed. Set `verify_checksum` to
/// false when the device has verified it. `out` is unspecified unless the result is ok.
inline Ipv4Check parse_ipv4(Bytes packet, bool verify_checksum, Ipv4Header& out) noexcept {
    if (packet.size() < kIpv4Bytes) return Ipv4Check::runt;
    const uint8_t* p = packet.data();
    const auto header_length = static_cast<uint8_t>((p[0] & 0xf) * 4);
    const uint16_t total_length = load_be16(p + 2);
    if (p[0] >> 4 != 4 || header_length < kIpv4Bytes || total_length < header_length ||
        total_length > packet.size())
        return Ipv4Check::bad_header;
    if (verify_checksum) {  // the compiler unrolls the sum for the usual length
        const uint64_t sum = header_length == kIpv4Bytes ? sum_bytes(Bytes(p, kIpv4Bytes))
                                                         : sum_bytes(packet.first(header_length));
        if (!is_right(sum)) return Ipv4Check::bad_checksum;
    }
    const uint16_t flags = load_be16(p + 6);
    out.source = Ipv4{load_be32(p + 12)};
    out.destination = Ipv4{load_be32(p + 16)};
    out.total_length = total_length;
    out.header_length = header_length;
    out.ttl = p[8];
    out.protocol = p[9];
    out.tos = p[1];
    out.id = load_be16(p + 4);
    out.dont_fragment = (flags & 0x4000) != 0;
    out.fragment = (flags & 0x3fff) != 0;
    out.source_route = false;
    if (header_length == kIpv4Bytes) [[likely]]
        return Ipv4Check::ok;
    const Bytes options = packet.subspan(kIpv4Bytes, header_length - kIpv4Bytes);
    return parse_ipv4_options(options, out.source_route) ? Ipv4Check::ok : Ipv4Check::bad_header;
}

/// The fields that write_ipv4() writes.
struct Ipv4Emit {
    Ipv4 source{};
    Ipv4 destination{};
    uint16_t total_length = 0;  ///< bytes, header included
    uint16_t id = 0;            ///< may be 0 for atomic datagrams, those with DF (RFC 6864 4.1)
    uint8_t ttl = 64;
    uint8_t protocol = kProtocolTcp;
    uint8_t tos = 0;
    bool dont_fragment = true;
};

/// Writes kIpv4Bytes bytes. With `fill_checksum` false the checksum field stays zero and the device fills it.
inline void write_ipv4(uint8_t* out, const Ipv4Emit& ip, bool fill_checksum) noexcept {
    out[0] = 0x45;
    out[1] = ip.tos;
    store_be16(out + 2, ip.total_length);
    store_be16(out + 4, ip.id);
    store_be16(out + 6, ip.dont_fragment ? 0x4000 : 0);
    out[8] = ip.ttl;
    out[9] = ip.protocol;
    store_be16(out + 10, 0);
    store_be32(out + 12, ip.source.value);
    store_be32(out + 16, ip.destination.value);
    if (fill_checksum) store_be16(out + 10, internet_checksum(Bytes(out, kIpv4Bytes)));
}

}  // namespace synfin::wire
