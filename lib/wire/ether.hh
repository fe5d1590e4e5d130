#pragma once
/// @file
/// The Ethernet II header, with at most one 802.1Q tag, and at most one 802.1ad tag before that (QinQ).

#include <cstdint>
#include <cstring>
#include <optional>

#include "synfin/units.hh"
#include "wire/bytes.hh"

namespace synfin::wire {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;  ///< 802.1Q tag
inline constexpr uint16_t kEtherTypeQinQ = 0x88a8;  ///< 802.1ad service tag

inline constexpr uint8_t kEtherBytes = 14;
inline constexpr uint8_t kVlanTagBytes = 4;
inline constexpr uint16_t kVidMask = 0x0fff;

struct EtherHeader {
    Mac destination{};
    Mac source{};
    uint16_t ethertype =
        0;  ///< of the payload; of the next tag when there are more tags, or tags in another order
    uint16_t outer_vid = 0;  ///< of the 802.1ad tag; 0 as for `vid`
    uint16_t vid = 0;        ///< 0: untagged, or a priority tag, which 802.1Q treats as untagged
    uint8_t length = 0;      ///< bytes before the payload: 14, and 4 for each tag
};

/// False when the frame is shorter than its header; `out` is then unspecified.
inline bool parse_ether(Bytes frame, EtherHeader& out) noexcept {
    if (frame.size() < kEtherBytes) return false;
    const uint8_t* p = frame.data();
    std::memcpy(out.destination.octets.data(), p, 6);
    std::memcpy(out.source.octets.data(), p + 6, 6);
    out.ethertype = load_be16(p + 12);
    out.outer_vid = out.vid = 0;
    out.length = kEtherBytes;
    const auto take_tag = [&](uint16_t& vid) {
        if (frame.size() < out.length + size_t{kVlanTagBytes}) return false;
        vid = load_be16(p + out.length) & kVidMask;
        out.ethertype = load_be16(p + out.length + 2);
        out.length += kVlanTagBytes;
        return true;
    };
    if (out.ethertype == kEtherTypeQinQ && !take_tag(out.outer_vid)) return false;
    return out.ethertype != kEtherTypeVlan || take_tag(out.vid);
}

/// Writes 14 bytes, and 4 for each VID (priority 0). Returns the number of bytes written.
inline uint8_t write_ether(uint8_t* out, const Mac& destination, const Mac& source,
                           std::optional<uint16_t> vid, uint16_t ethertype,
                           std::optional<uint16_t> outer_vid = {}) noexcept {
    std::memcpy(out, destination.octets.data(), 6);
    std::memcpy(out + 6, source.octets.data(), 6);
    uint8_t at = 12;
    const auto put_tag = [&](uint16_t kind, uint16_t tag_vid) {
        store_be16(out + at, kind);
        store_be16(out + at + 2, tag_vid & kVidMask);
        at += kVlanTagBytes;
    };
    if (outer_vid) put_tag(kEtherTypeQinQ, *outer_vid);
    if (vid) put_tag(kEtherTypeVlan, *vid);
    store_be16(out + at, ethertype);
    return static_cast<uint8_t>(at + 2);
}

}  // namespace synfin::wire
