#pragma once
/// @file
/// The Ethernet II header, with at most one 802.1Q tag.

#include <cstdint>
#include <cstring>
#include <optional>

#include "base/units.hh"
#include "wire/bytes.hh"

namespace synfin::wire {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;  ///< 802.1Q tag
inline constexpr uint16_t kEtherTypeQinQ = 0x88a8;  ///< 802.1ad service tag: not looked into

inline constexpr uint8_t kEtherBytes = 14;
inline constexpr uint8_t kVlanTagBytes = 4;
inline constexpr uint16_t kVidMask = 0x0fff;

struct EtherHeader {
    Mac destination{};
    Mac source{};
    uint16_t ethertype = 0;  ///< of what follows the tag; kEtherTypeVlan again when there is a second tag
    uint16_t vid = 0;        ///< 0: untagged, or a priority tag, which 802.1Q wants treated as untagged
    uint8_t length = 0;      ///< bytes before the payload: 14, or 18 with a tag
};

/// False when the frame is shorter than its header; `out` is then unspecified.
inline bool parse_ether(Bytes frame, EtherHeader& out) noexcept {
    if (frame.size() < kEtherBytes) return false;
    const uint8_t* p = frame.data();
    std::memcpy(out.destination.octets.data(), p, 6);
    std::memcpy(out.source.octets.data(), p + 6, 6);
    out.ethertype = load_be16(p + 12);
    out.vid = 0;
    out.length = kEtherBytes;
    if (out.ethertype != kEtherTypeVlan) [[likely]]
        return true;
    if (frame.size() < kEtherBytes + kVlanTagBytes) return false;
    out.vid = load_be16(p + 14) & kVidMask;
    out.ethertype = load_be16(p + 16);
    out.length = kEtherBytes + kVlanTagBytes;
    return true;
}

/// Writes 14 bytes, or 18 when there is a VID (priority 0); returns how many.
inline uint8_t write_ether(uint8_t* out, const Mac& destination, const Mac& source,
                           std::optional<uint16_t> vid, uint16_t ethertype) noexcept {
    std::memcpy(out, destination.octets.data(), 6);
    std::memcpy(out + 6, source.octets.data(), 6);
    if (!vid) {
        store_be16(out + 12, ethertype);
        return kEtherBytes;
    }
    store_be16(out + 12, kEtherTypeVlan);
    store_be16(out + 14, *vid & kVidMask);
    store_be16(out + 16, ethertype);
    return kEtherBytes + kVlanTagBytes;
}

}  // namespace synfin::wire
