#pragma once
/// @file
/// The TCP header without its options (RFC 9293 3.1).

#include <cstdint>

#include "synfin/units.hh"
#include "wire/bytes.hh"

namespace synfin::wire {

inline constexpr uint8_t kTcpBytes = 20;       ///< header without options
inline constexpr uint8_t kMaxTcpBytes = 60;    ///< header with the most options that fit
inline constexpr uint8_t kTcpChecksumAt = 16;  ///< offset of the checksum field

inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;
inline constexpr uint8_t kUrg = 0x20;
inline constexpr uint8_t kEce = 0x40;
inline constexpr uint8_t kCwr = 0x80;

struct TcpHeader {
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint8_t header_length = kTcpBytes;  ///< bytes, options included: 20..60, a multiple of 4
    uint8_t flags = 0;                  ///< kFin | kSyn | ...
    uint16_t window = 0;                ///< the field's value, not scaled
    uint16_t checksum = 0;
    uint16_t urgent = 0;
};

/// Parses a segment without IP padding. Returns false when the data offset is below 20 bytes or exceeds the
/// segment. The four reserved bits are ignored (RFC 9293 3.1); the checksum is not verified.
inline bool parse_tcp(Bytes segment, TcpHeader& out) noexcept {
    if (segment.size() < kTcpBytes) return false;
    const uint8_t* p = segment.data();
    const auto header_length = static_cast<uint8_t>((p[12] >> 4) * 4);
    if (header_length < kTcpBytes || header_length > segment.size()) return false;
    out.source_port = load_be16(p);
    out.destination_port = load_be16(p + 2);
    out.seq = load_be32(p + 4);
    out.ack = load_be32(p + 8);
    out.header_length = header_length;
    out.flags = p[13];
    out.window = load_be16(p + 14);
    out.checksum = load_be16(p + kTcpChecksumAt);
    out.urgent = load_be16(p + 18);
    return true;
}

/// Writes the first kTcpBytes bytes; the caller writes the options. The checksum is written as given.
inline void write_tcp(uint8_t* out, const TcpHeader& tcp) noexcept {
    store_be16(out, tcp.source_port);
    store_be16(out + 2, tcp.destination_port);
    store_be32(out + 4, tcp.seq);
    store_be32(out + 8, tcp.ack);
    out[12] = static_cast<uint8_t>((tcp.header_length / 4) << 4);
    out[13] = tcp.flags;
    store_be16(out + 14, tcp.window);
    store_be16(out + kTcpChecksumAt, tcp.checksum);
    store_be16(out + 18, tcp.urgent);
}

}  // namespace synfin::wire
