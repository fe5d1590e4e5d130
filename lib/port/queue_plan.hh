#pragma once
/// @file
/// Chooses how many queues of a device to use, and whether RSS distributes received frames over them.

#include <rte_ethdev.h>

#include <cstdint>

#include "port/device_spec.hh"

namespace synfin::port {

struct QueuePlan {
    uint16_t rx = 1, tx = 1;
    bool rss = false;  ///< request RSS with our key; the device's settings are read back afterwards
};

/// Bytes of the device's RSS key: 40, as on the first cards with RSS, if the driver does not report it.
uint8_t rss_key_bytes(const rte_eth_dev_info& info) noexcept;

/// One queue per engine if the device can distribute received frames in a way that we can predict, or if
/// queues cost nothing; otherwise one rx queue.
/// @param engines 1..64
QueuePlan plan_queues(const DeviceSpec& spec, unsigned engines, const rte_eth_dev_info& info) noexcept;

}  // namespace synfin::port
