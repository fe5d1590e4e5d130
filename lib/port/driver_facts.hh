#pragma once
/// @file
/// Known driver defects: features that a driver offers but does not provide, or provides differently. Each
/// was observed on an emulated card (tests/niclab).

#include <rte_ethdev.h>

#include <cstdint>

namespace synfin::port {

/// The number of tx queues that work.
uint16_t tx_queues(const rte_eth_dev_info& info) noexcept;

/// The reason not to use VLAN insertion and stripping that the device offers; null if there is none.
const char* why_not_tags(const rte_eth_dev_info& info) noexcept;

/// How many bytes of a frame the driver puts into a buffer with `room` bytes after the headroom.
uint32_t frame_bytes_in_buffer(const rte_eth_dev_info& info, uint32_t room) noexcept;

/// TSO: bytes of a large packet, which lies in one buffer. One descriptor of Intel's 82576 and 82599 takes
/// 15.5 KiB; others take more (vmxnet3 16,383).
inline constexpr uint16_t kLargeFrame = 15'872;

/// Whether a large packet holds at least two of the longest frames.
constexpr bool has_use_for_large(uint16_t frame) noexcept {
    return 2 * frame <= kLargeFrame;
}

}  // namespace synfin::port
