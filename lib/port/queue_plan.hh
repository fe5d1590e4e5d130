#pragma once
/// @file
/// How many queues of a device its engines get, and whether RSS is asked to spread what arrives over them.

#include <rte_ethdev.h>

#include <cstdint>

#include "port/device_spec.hh"

namespace synfin::port {

struct QueuePlan {
    uint16_t rx = 1, tx = 1;
    bool rss = false;  ///< the device is asked to spread with our key; what became of that is read back
};

/// Bytes of the device's RSS key. Drivers that do not say mean the 40 of the first cards that had RSS.
uint8_t rss_key_bytes(const rte_eth_dev_info& info) noexcept;

/// A queue of its own for each engine where the device can spread what it receives in a way that we can
/// predict, or where its queues cost nothing; one rx queue else.
/// @param engines 1..64
QueuePlan plan_queues(const DeviceSpec& spec, unsigned engines, const rte_eth_dev_info& info) noexcept;

}  // namespace synfin::port
