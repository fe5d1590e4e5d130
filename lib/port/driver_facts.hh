#pragma once
/// @file
/// What is known of drivers, of what they offer, and do not do or do otherwise: found on cards
/// (tests/niclab), each with what was seen.

#include <rte_ethdev.h>

#include <cstdint>

namespace synfin::port {

/// The tx queues that work.
uint16_t tx_queues(const rte_eth_dev_info& info) noexcept;

/// Why a device that offers to put VLAN tags on and to take them off is not asked to; null: no reason is
/// known.
const char* why_not_tags(const rte_eth_dev_info& info) noexcept;

/// Bytes of a frame that the driver puts into a buffer with `room` bytes behind the headroom.
uint32_t frame_bytes_in_buffer(const rte_eth_dev_info& info, uint32_t room) noexcept;

/// TSO: bytes of a frame that the device cuts when it lies in one buffer. 15.5 KiB is what one descriptor of
/// Intel's 82576 and 82599 takes; others take more (vmxnet3 16,383).
inline constexpr uint16_t kLargeFrame = 15'872;

/// Whether at least two of the longest frames go into one of those.
constexpr bool has_use_for_large(uint16_t frame) noexcept {
    return 2 * frame <= kLargeFrame;
}

}  // namespace synfin::port
