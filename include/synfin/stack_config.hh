#pragma once
/// @file
/// One engine's configuration: addresses, sizes and TCP parameters.

#include <cstdint>
#include <optional>
#include <vector>

#include "synfin/dad.hh"  // IWYU pragma: export
#include "synfin/tcp_config.hh"
#include "synfin/units.hh"

namespace synfin {

struct StackConfig {
    /// Our addresses, of either family, each with its network's prefix; the first of a family is its default
    /// source address. IPv6 needs an MTU of 1280 or more.
    std::vector<Cidr> addresses;
    std::optional<Ipv4> gateway;     ///< next hop for destinations outside our networks
    std::optional<Mac> gateway_mac;  ///< its MAC address, pinned: ARP neither requests nor changes it
    std::optional<Ipv6> gateway6;    ///< the same for IPv6; a link-local address, or one in our networks
    std::optional<Mac> gateway6_mac;
    /// Takes the IPv6 gateway, on-link prefixes and a lower MTU from router advertisements (RFC 4861 6.3).
    /// `gateway6` is the gateway until the first one arrives. Advertisements never give addresses to the
    /// stack (no RFC 4862 5.5, SLAAC). False: they are dropped as `router_ignored`.
    bool gateway_auto = false;
    Dad dad = Dad::optimistic;     ///< IPv6 on Ethernet; Stack::duplicate_address() gives the result
    std::optional<uint16_t> vlan;  ///< 802.1Q VID 1..4094: required on received frames, added to sent frames
    std::optional<uint16_t> outer_vlan;  ///< the same for an 802.1ad tag in front of the tag of `vlan`
    uint16_t mtu = 1500;                 ///< IP packet bytes, 576..9000
    uint32_t max_connections = 65'536;   ///< open connections per engine; memory is used on demand
    uint32_t max_time_wait =
        1u << 20;  ///< TIME-WAIT records per engine; beyond that the oldest one is dropped
    /// SYN-RECEIVED records per engine. When more than half are in use, SYN-ACKs carry SYN cookies. When all
    /// are in use, a new SYN replaces the oldest record, or gets a cookie without a record. SYNs that reopen
    /// a TIME-WAIT tuple take that record's place.
    uint32_t max_half_open = 16'384;
    /// Recovery records per engine; 2112 B each, mapped when used. A connection needs one while more than one
    /// segment is in flight or a loss is repaired (RFC 8985, RFC 9438). Without one it has only the
    /// retransmission timer and RFC 5681, and `no_recovery_record` counts its duplicate ACKs and timeouts.
    uint32_t max_recoveries = 65'536;
    /// Bytes queued in both directions by all connections together; at most 2 TiB. When more than half is in
    /// use, the limit of each connection shrinks with the space left.
    uint64_t max_text_bytes = uint64_t{2} << 30;
    /// The connections, in any state, for which the engine sizes its table at first. Beyond that the table
    /// doubles, and each insertion moves some entries. A table that is too large wastes cache.
    uint32_t expected_connections = 4'096;
    uint32_t max_timers = 65'536;  ///< application timers set at once (Stack::after)
    uint32_t max_posts =
        1'024;  ///< messages that wait for the engine (Stack::post); rounded up to a power of two
    uint16_t port_low = 32'768;  ///< ephemeral ports, inclusive. Linux's range by default
    uint16_t port_high = 60'999;
    TcpConfig tcp;
    /// 0: the operating system provides secrets and seeds. Else every random value of this engine follows
    /// from it, for tests and virtual time. Never set it on a network.
    uint64_t seed = 0;
};

}  // namespace synfin

namespace synfin::stack {  // for the files of lib/stack
using synfin::StackConfig;
}  // namespace synfin::stack
