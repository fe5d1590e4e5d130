#pragma once
/// @file
/// A frame as a stack with a NIC writes and reads it, without a connection behind it: for the floor, and for
/// what else measures a wire (bench/micro/wire_kind.cc).

#include <rte_mbuf.h>

#include <cstring>
#include <optional>

#include "port/device_port.hh"
#include "wire/checksum.hh"
#include "wire/ether.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"
#include "wire/tcp.hh"

namespace synfin::bench {

inline constexpr uint32_t kFrameHeaders = wire::kEtherBytes + wire::kIpv4Bytes + wire::kTcpBytes;
inline constexpr uint32_t kFrameHeaders6 = wire::kEtherBytes + wire::kIpv6Bytes + wire::kTcpBytes;

inline constexpr Mac kFrameSource{{2, 0, 0, 0, 0, 1}}, kFrameDestination{{2, 0, 0, 0, 0, 2}};

/// A TCP header, and text up to `segment` bytes in all, with the checksum.
template <typename Address>
void write_segment(uint8_t* at, uint16_t segment, const Address& from, const Address& to,
                   uint32_t seq) noexcept {
    wire::TcpHeader tcp{.source_port = 40'000, .destination_port = 80, .flags = wire::kAck, .window = 65'535};
    tcp.seq = seq;
    wire::write_tcp(at, tcp);
    std::memset(at + wire::kTcpBytes, 'x', segment - wire::kTcpBytes);
    wire::store_be16(at + wire::kTcpChecksumAt, wire::tcp_checksum(from, to, {at, segment}));
}

/// Ethernet, IPv4 and TCP headers, text up to `bytes` in all (at least kFrameHeaders), both checksums.
inline void write_frame(rte_mbuf* packet, uint32_t bytes, Ipv4 from, Ipv4 to, uint32_t seq) noexcept {
    uint8_t* at = port::DevicePort::data(packet);
    at += wire::write_ether(at, kFrameDestination, kFrameSource, std::nullopt, wire::kEtherTypeIpv4);
    const auto segment = static_cast<uint16_t>(bytes - wire::kEtherBytes - wire::kIpv4Bytes);
    wire::write_ipv4(at,
                     {.source = from,
                      .destination = to,
                      .total_length = static_cast<uint16_t>(segment + wire::kIpv4Bytes),
                      .protocol = wire::kProtocolTcp},
                     true);
    write_segment(at + wire::kIpv4Bytes, segment, from, to, seq);
    port::DevicePort::finish(packet, bytes, {});
}

/// The same with IPv6; `bytes` is at least kFrameHeaders6.
inline void write_frame(rte_mbuf* packet, uint32_t bytes, const Ipv6& from, const Ipv6& to,
                        uint32_t seq) noexcept {
    uint8_t* at = port::DevicePort::data(packet);
    at += wire::write_ether(at, kFrameDestination, kFrameSource, std::nullopt, wire::kEtherTypeIpv6);
    const auto segment = static_cast<uint16_t>(bytes - wire::kEtherBytes - wire::kIpv6Bytes);
    wire::write_ipv6(at, {.source = from,
                          .destination = to,
                          .payload_length = segment,
                          .next_header = wire::kProtocolTcp,
                          .hop_limit = 64});
    write_segment(at + wire::kIpv6Bytes, segment, from, to, seq);
    port::DevicePort::finish(packet, bytes, {});
}

/// Whether the headers of an IPv4 frame parse and both checksums are right.
inline bool is_good_frame(rte_mbuf* packet) noexcept {
    const Bytes frame(port::DevicePort::data(packet), port::DevicePort::length(packet));
    wire::Ipv4Header ip;
    const Bytes ip_packet = frame.subspan(wire::kEtherBytes);
    return wire::parse_ipv4(ip_packet, true, ip) == wire::Ipv4Check::ok &&
           wire::tcp_checksum_ok(
               ip.source, ip.destination,
               ip_packet.subspan(ip.header_length, size_t{ip.total_length} - ip.header_length));
}

/// The same for an IPv6 frame.
inline bool is_good_frame6(rte_mbuf* packet) noexcept {
    const Bytes frame(port::DevicePort::data(packet), port::DevicePort::length(packet));
    wire::Ipv6Header ip;
    const Bytes ip_packet = frame.subspan(wire::kEtherBytes);
    return wire::parse_ipv6(ip_packet, ip) == wire::Ipv6Check::ok &&
           wire::tcp_checksum_ok(ip.source, ip.destination,
                                 ip_packet.subspan(wire::kIpv6Bytes, ip.payload_length));
}

}  // namespace synfin::bench
