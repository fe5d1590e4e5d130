#pragma once
/// @file
/// IPv6 frames for the tests, built octet by octet without the library's writers, and addresses.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "net/link.hh"
#include "synfin/units.hh"

namespace synfin::net::test {

using Octets = std::vector<uint8_t>;

inline const Mac kOurMac{{2, 0, 0, 0, 0, 1}}, kPeerMac{{2, 0, 0, 0, 0, 2}};
inline const Ipv6 kUs = *Ipv6::parse("2001:db8::1"), kUsToo = *Ipv6::parse("2001:db8::12:3456"),
                  kUsLocal = *Ipv6::parse("fe80::1"), kPeer = *Ipv6::parse("2001:db8::2"),
                  kPeerLocal = *Ipv6::parse("fe80::2"), kAllNodes = *Ipv6::parse("ff02::1"),
                  kSolicited = *Ipv6::parse("ff02::1:ff12:3456");

inline void put16(Octets& out, uint32_t n) {
    out.push_back(static_cast<uint8_t>(n >> 8));
    out.push_back(static_cast<uint8_t>(n));
}
inline void put32(Octets& out, uint32_t n) {
    put16(out, n >> 16);
    put16(out, n & 0xffff);
}
inline void put(Octets& out, Bytes more) {
    out.insert(out.end(), more.begin(), more.end());
}
inline void put(Octets& out, const Ipv6& addr) {
    put(out, Bytes(addr.octets));
}

/// RFC 1071, word by word.
inline uint16_t ones_sum(Bytes bytes, uint32_t sum = 0) {
    for (size_t i = 0; i < bytes.size(); ++i) sum += static_cast<uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}
/// Over pseudo-header (RFC 8200 8.1) and payload; 0xffff if the checksum within is right.
inline uint16_t upper_sum(const Ipv6& from, const Ipv6& to, uint8_t protocol, Bytes payload) {
    Octets pseudo;
    put(pseudo, from);
    put(pseudo, to);
    put32(pseudo, static_cast<uint32_t>(payload.size()));
    put32(pseudo, protocol);
    return ones_sum(payload, ones_sum(pseudo));
}
inline void set_checksum(Octets& payload, size_t at, const Ipv6& from, const Ipv6& to, uint8_t protocol) {
    payload[at] = payload[at + 1] = 0;
    const auto sum = static_cast<uint16_t>(~upper_sum(from, to, protocol, payload));
    payload[at] = static_cast<uint8_t>(sum >> 8);
    payload[at + 1] = static_cast<uint8_t>(sum);
}

/// A segment of 20 bytes, `options` (a multiple of 4 bytes) and `text`, from port 4000 to port 80.
inline Octets segment(const Ipv6& from = kPeer, const Ipv6& to = kUs, uint8_t flags = 0x10,
                      const Octets& options = {}, const Octets& text = {}) {
    Octets out;
    put16(out, 4000);
    put16(out, 80);
    put32(out, 0x01020304);
    put32(out, 0x05060708);
    out.push_back(static_cast<uint8_t>((5 + options.size() / 4) << 4));
    out.push_back(flags);
    put16(out, 1000);
    put32(out, 0);
    put(out, options);
    put(out, text);
    set_checksum(out, 16, from, to, 6);
    return out;
}

/// An ICMPv6 message; its checksum is set.
inline Octets icmp6(uint8_t type, uint8_t code, const Octets& body, const Ipv6& from = kPeer,
                    const Ipv6& to = kUs) {
    Octets out(4 + body.size());
    out[0] = type;
    out[1] = code;
    std::copy(body.begin(), body.end(), out.begin() + 4);
    set_checksum(out, 2, from, to, 58);
    return out;
}

/// An IPv6 packet: `payload` begins with the extension headers, of which `next_header` names the first.
inline Octets packet6(uint8_t next_header, const Octets& payload, const Ipv6& from = kPeer,
                      const Ipv6& to = kUs) {
    Octets out;
    put32(out, 0x60000000);
    put16(out, static_cast<uint32_t>(payload.size()));
    out.push_back(next_header);
    out.push_back(64);
    put(out, from);
    put(out, to);
    put(out, payload);
    return out;
}

inline Octets ethernet(const Octets& packet, const Mac& to = kOurMac) {
    Octets out;
    put(out, Bytes(to.octets));
    put(out, Bytes(kPeerMac.octets));
    put16(out, 0x86dd);
    put(out, packet);
    return out;
}

inline Octets operator+(const Octets& a, const Octets& b) {
    Octets out = a;
    put(out, b);
    return out;
}

}  // namespace synfin::net::test
