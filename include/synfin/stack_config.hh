#pragma once
/// @file
/// One engine's configuration: addresses, sizes, and TCP's.

#include <cstdint>
#include <optional>
#include <vector>

#include "synfin/tcp_config.hh"
#include "synfin/units.hh"

namespace synfin {

struct StackConfig {
    /// Ours, of either family, each with its network's prefix; the first of a family is its default source.
    /// IPv6 addresses are kept, but nothing is sent from or to them yet.
    std::vector<Cidr> addresses;
    std::optional<Ipv4> gateway;     ///< next hop for what is on no network of ours
    std::optional<Mac> gateway_mac;  ///< its MAC address, pinned: never asked for by ARP, never changed
    std::optional<Ipv6> gateway6;    ///< the same for IPv6
    std::optional<Mac> gateway6_mac;
    std::optional<uint16_t> vlan;        ///< 802.1Q VID 1..4094: expected on every frame, put on every frame
    std::optional<uint16_t> outer_vlan;  ///< the same of an 802.1ad tag, before that of `vlan`
    uint16_t mtu = 1500;                 ///< IP packet bytes, 576..9000
    uint32_t max_connections =
        65'536;  ///< open connections per engine (records are mapped, touched on demand)
    uint32_t max_time_wait = 1u << 20;  ///< TIME-WAIT records per engine; beyond, the oldest yields
    /// SYN-RECEIVED records per engine. From half of it on their SYN-ACKs carry SYN cookies; beyond, the
    /// oldest yields, or a cookie is all there is. SYNs that reopen a TIME-WAIT tuple take that record's
    /// place.
    uint32_t max_half_open = 16'384;
    /// Connections per engine that may repair losses at once with more than the retransmission timer: by
    /// duplicate ACKs (RFC 5681 3.2). Beyond, a connection has the timer alone, and `no_recovery_record`
    /// counts.
    uint32_t max_recoveries = 65'536;
    /// Bytes queued in either direction, of all connections together; at most 2 TiB. Beyond half of it, what
    /// each may queue shrinks with what is left.
    uint64_t max_text_bytes = uint64_t{2} << 30;
    /// Connections in any of these states that the table is made for at first: beyond, it doubles, and its
    /// entries move as others are added. Made for more than there will be, it wastes cache.
    uint32_t expected_connections = 4'096;
    uint32_t max_timers = 65'536;  ///< timers of the application that are set at once (Stack::after)
    uint32_t max_posts =
        1'024;  ///< messages that wait for the engine (Stack::post); a power of two, or the next
    uint16_t port_low = 32'768;  ///< ephemeral ports, inclusive. Linux's range by default
    uint16_t port_high = 60'999;
    TcpConfig tcp;
    /// 0: secrets and seeds from the operating system. Else everything random in this engine follows from it
    /// (tests and virtual time): never on a network.
    uint64_t seed = 0;
};

}  // namespace synfin

namespace synfin::stack {  // as the room's own files call them
using synfin::StackConfig;
}  // namespace synfin::stack
