#pragma once
/// @file
/// Ethernet frames for the tests of this room, written out byte by byte.

#include <cstdint>
#include <vector>

#include "port/toeplitz.hh"

namespace synfin::port::test {

using Frame = std::vector<uint8_t>;

inline void put16(Frame& frame, uint32_t value) {
    frame.push_back(static_cast<uint8_t>(value >> 8));
    frame.push_back(static_cast<uint8_t>(value));
}
inline void put32(Frame& frame, uint32_t value) {
    put16(frame, value >> 16);
    put16(frame, value & 0xffff);
}

enum class Tags { none, vlan, outer, both };
inline constexpr Tags kTags[] = {Tags::none, Tags::vlan, Tags::outer, Tags::both};

inline Frame ethernet(uint16_t type, Tags tags = Tags::none) {
    Frame frame = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2};
    if (tags == Tags::outer || tags == Tags::both) put32(frame, 0x88a8'0064);
    if (tags == Tags::vlan || tags == Tags::both) put32(frame, 0x8100'0005);
    put16(frame, type);
    return frame;
}

struct IpOptions {
    uint32_t words = 0;          ///< of IPv4 options
    uint16_t fragment = 0x4000;  ///< flags and offset: don't fragment
};

/// IPv4 header; the checksum stays zero.
inline void put_ip(Frame& frame, uint8_t protocol, const FlowTuple& t, uint32_t payload,
                   IpOptions options = {}) {
    frame.push_back(static_cast<uint8_t>(0x45 + options.words));
    frame.push_back(0);
    put16(frame, 20 + 4 * options.words + payload);
    put16(frame, 1);
    put16(frame, options.fragment);
    frame.push_back(64);
    frame.push_back(protocol);
    put16(frame, 0);
    put32(frame, t.source);
    put32(frame, t.destination);
    for (uint32_t i = 0; i < options.words; ++i) put32(frame, 0x01010101);
}

/// A TCP header; the checksum stays zero.
inline void put_tcp(Frame& frame, const FlowTuple& t, uint8_t flags) {
    put16(frame, t.source_port);
    put16(frame, t.destination_port);
    put32(frame, 1000);
    put32(frame, 2000);
    frame.push_back(0x50);
    frame.push_back(flags);
    put16(frame, 65535);
    put16(frame, 0);
    put16(frame, 0);
}

inline Frame tcp_frame(const FlowTuple& t, uint8_t flags = 0x10, Tags tags = Tags::none,
                       IpOptions options = {}) {
    Frame frame = ethernet(0x0800, tags);
    put_ip(frame, 6, t, 20, options);
    put_tcp(frame, t, flags);
    return frame;
}

inline Frame arp_frame(uint16_t operation, uint32_t sender, uint32_t target) {
    Frame frame = ethernet(0x0806);
    put16(frame, 1);
    put16(frame, 0x0800);
    put16(frame, 0x0604);
    put16(frame, operation);
    frame.insert(frame.end(), {0x02, 0, 0, 0, 0, 2});
    put32(frame, sender);
    frame.insert(frame.end(), 6, 0);
    put32(frame, target);
    frame.resize(60);
    return frame;
}

}  // namespace synfin::port::test
