#pragma once
/// @file
/// Neighbour discovery (RFC 4861 4) on Ethernet.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "synfin/units.hh"

namespace synfin::wire {

/// ICMPv6 types.
inline constexpr uint8_t kNdRouterSolicitation = 133;
inline constexpr uint8_t kNdRouterAdvertisement = 134;
inline constexpr uint8_t kNdNeighbourSolicitation = 135;
inline constexpr uint8_t kNdNeighbourAdvertisement = 136;
inline constexpr uint8_t kNdRedirect = 137;

inline constexpr uint8_t kNdHopLimit = 255;  ///< of every message: nobody beyond a router can send that

/// The prefix information option of a router advertisement (RFC 4861 4.6.2).
struct NdPrefix {
    Ipv6 prefix;
    uint8_t length = 0;  ///< bits, 0..128
    bool on_link = false;
    uint32_t valid_s = 0;  ///< seconds; 0xffffffff: without end
    bool operator==(const NdPrefix&) const noexcept = default;
};

/// One message. Fields that its type does not have are zero.
struct NdMessage {
    static constexpr uint32_t kMostPrefixes = 16;

    uint8_t type = 0;
    bool router = false, solicited = false, overrides = false;  ///< neighbour advertisement
    uint16_t router_lifetime_s = 0;  ///< router advertisement; 0: no default router
    Ipv6 target;                     ///< neighbour solicitation and advertisement, redirect
    Ipv6 destination;                ///< redirect
    std::optional<Mac> source_link;  ///< source link-layer address option
    std::optional<Mac> target_link;  ///< target link-layer address option
    uint32_t mtu = 0;                ///< MTU option; 0: none
    uint32_t prefix_count = 0;       ///< of `prefixes`
    uint32_t prefixes_left_out = 0;  ///< more than kMostPrefixes
    std::array<NdPrefix, kMostPrefixes> prefixes;

    std::span<const NdPrefix> all_prefixes() const noexcept { return {prefixes.data(), prefix_count}; }
};

/// Most bytes that write_nd() writes.
inline constexpr uint32_t kMostNdBytes = 40 + 3 * 8 + NdMessage::kMostPrefixes * 32;

/// Parses an ICMPv6 message of the types above; the caller has verified its checksum. Unknown options are
/// skipped. Returns false when the message is not one of them, its code is not 0, it is shorter than its type
/// requires, an option has length 0 or runs past the end, an option above has the wrong length, or a
/// link-layer address is multicast (RFC 4861 6.1, 7.1, 8.1).
bool parse_nd(Bytes icmp, NdMessage& out) noexcept;

/// Writes a message with checksum 0, and with the options that are set. The fields of a router advertisement
/// that NdMessage does not have are zero. Returns its length in bytes, at most kMostNdBytes.
uint32_t write_nd(uint8_t* out, const NdMessage& message) noexcept;

}  // namespace synfin::wire
