#pragma once
/// @file
/// A packet of IPv6 neighbour or multicast listener discovery to send, and its frame.

#include <cstdint>
#include <optional>
#include <span>

#include "net/link.hh"
#include "synfin/counters.hh"
#include "synfin/units.hh"
#include "wire/nd.hh"

namespace synfin::net {

/// Multicast listener reports, instead of a message of neighbour discovery.
struct MldReport {
    uint8_t record_type = 0;       ///< version 2: see wire/mld.hh; 0: a version 1 report of one group
    std::span<const Ipv6> groups;  ///< at most kMostGroups; 0: not a report
};

/// @note cost: 600 bytes, for rare packets.
struct DiscoveryPacket {
    static constexpr uint32_t kMostGroups = 60;  ///< a report of so many fits into 1280 bytes

    Ipv6 source, destination;
    std::optional<Mac> to;  ///< none: the MAC address of the destination, which is on link, has to be found
    wire::NdMessage nd;
    MldReport mld;
};

/// The counter of such packets.
Counter counter_of(const DiscoveryPacket& packet) noexcept;

/// Builds the frame and returns its length. Without `to`, the destination MAC address, the first 6 bytes, is
/// zero. Only on Ethernet. `frame` has room for 1280 bytes and the link header.
uint32_t build_discovery(uint8_t* frame, const Link& link, const DiscoveryPacket& packet) noexcept;

}  // namespace synfin::net
