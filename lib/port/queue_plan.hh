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
    /// The RTE_ETH_RSS_ types to request with it: TCP over IPv4, and over IPv6 if the device offers it.
    uint64_t rss_types = 0;
};

/// TCP over IPv6. The type with EX differs only for packets behind extension headers, whose queues are not
/// predicted; some cards hash TCP over IPv6 only by that name.
inline constexpr uint64_t kRssTcp6 = RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX;

/// Bytes of the device's RSS key: 40, as on the first cards with RSS, if the driver does not report it.
uint8_t rss_key_bytes(const rte_eth_dev_info& info) noexcept;

/// One queue per engine if the device can distribute received frames in a way that we can predict, or if
/// queues cost nothing; otherwise one rx queue.
/// @param engines 1..64
QueuePlan plan_queues(const DeviceSpec& spec, unsigned engines, const rte_eth_dev_info& info) noexcept;

}  // namespace synfin::port
