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
#include "wire/tcp.hh"

namespace synfin::bench {

inline constexpr uint32_t kFrameHeaders = wire::kEtherBytes + wire::kIpv4Bytes + wire::kTcpBytes;

/// Ethernet, IPv4 and TCP headers, text up to `bytes` in all (at least kFrameHeaders), both checksums.
inline void write_frame(rte_mbuf* packet, uint32_t bytes, Ipv4 from, Ipv4 to, uint32_t seq) noexcept {
    static constexpr Mac kOwn{{2, 0, 0, 0, 0, 1}}, kPeer{{2, 0, 0, 0, 0, 2}};
    uint8_t* at = port::DevicePort::data(packet);
    at += wire::write_ether(at, kPeer, kOwn, std::nullopt, wire::kEtherTypeIpv4);
    const auto segment = static_cast<uint16_t>(bytes - wire::kEtherBytes - wire::kIpv4Bytes);
    wire::write_ipv4(at,
                     {.source = from,
                      .destination = to,
                      .total_length = static_cast<uint16_t>(segment + wire::kIpv4Bytes),
                      .protocol = wire::kProtocolTcp},
                     true);
    at += wire::kIpv4Bytes;
    wire::TcpHeader tcp{.source_port = 40'000, .destination_port = 80, .flags = wire::kAck, .window = 65'535};
    tcp.seq = seq;
    wire::write_tcp(at, tcp);
    std::memset(at + wire::kTcpBytes, 'x', segment - wire::kTcpBytes);
    wire::store_be16(at + wire::kTcpChecksumAt, wire::tcp_checksum(from, to, {at, segment}));
    port::DevicePort::finish(packet, bytes, {});
}

/// Whether its headers parse and both checksums are right.
inline bool is_good_frame(rte_mbuf* packet) noexcept {
    const Bytes frame(port::DevicePort::data(packet), port::DevicePort::length(packet));
    wire::Ipv4Header ip;
    const Bytes ip_packet = frame.subspan(wire::kEtherBytes);
    return wire::parse_ipv4(ip_packet, true, ip) == wire::Ipv4Check::ok &&
           wire::tcp_checksum_ok(
               ip.source, ip.destination,
               ip_packet.subspan(ip.header_length, size_t{ip.total_length} - ip.header_length));
}

}  // namespace synfin::bench
