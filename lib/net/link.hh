#pragma once
/// @file
/// Link: the link layer of an engine's frames: MAC address, VLAN tags, header length.

#include <cstdint>
#include <optional>

#include "buf/queue_pair.hh"
#include "synfin/units.hh"
#include "wire/ether.hh"

namespace synfin::net {

/// Fixed after construction.
class Link {
  public:
    /// @param vlan, outer_vlan the tags that received frames must have and sent frames get. If the queue
    ///        handles the inner tag (QueueCaps::vid), the engine's frames do not contain it.
    Link(const buf::QueueCaps& caps, std::optional<uint16_t> vlan,
         std::optional<uint16_t> outer_vlan) noexcept
        : mac_(caps.mac), is_ethernet_(caps.ethernet), queue_tags_(caps.vid != 0), outer_vlan_(outer_vlan) {
        if (!queue_tags_) vlan_ = vlan;
        if (!is_ethernet_) return;
        const int tags = (vlan_ ? 1 : 0) + (outer_vlan_ ? 1 : 0);
        header_bytes_ = static_cast<uint8_t>(wire::kEtherBytes + tags * wire::kVlanTagBytes);
    }

    /// False: frames are bare IP packets, without link header and neighbours.
    bool is_ethernet() const noexcept { return is_ethernet_; }
    const Mac& mac() const noexcept { return mac_; }  ///< ours
    /// Bytes before the IP header: 14, plus 4 for each tag; 0 if is_ethernet() is false.
    uint8_t header_bytes() const noexcept { return header_bytes_; }

    /// Whether a received frame has exactly the required tags.
    bool has_right_tags(const wire::EtherHeader& ether) const noexcept {
        return ether.vid == vlan_.value_or(0) && ether.outer_vid == outer_vlan_.value_or(0);
    }
    /// Whether the queue removes one tag from every frame that it receives.
    bool queue_tags() const noexcept { return queue_tags_; }

    /// Writes the header of a frame that we send, header_bytes() long. Only if is_ethernet().
    void write_header(uint8_t* out, const Mac& to, uint16_t ethertype) const noexcept {
        wire::write_ether(out, to, mac_, vlan_, ethertype, outer_vlan_);
    }

  private:
    Mac mac_;
    bool is_ethernet_;
    bool queue_tags_;
    uint8_t header_bytes_ = 0;
    std::optional<uint16_t> vlan_, outer_vlan_;
};

}  // namespace synfin::net
