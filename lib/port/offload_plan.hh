#pragma once
/// @file
/// Chooses the offloads to request from a device, by its driver's offer, known defects and this
/// configuration. For each offload the report says who does the work and why.

#include <rte_ethdev.h>

#include <cstdint>
#include <vector>

#include "buf/queue_pair.hh"
#include "port/device.hh"
#include "port/packet_pool.hh"

namespace synfin::port {

struct OffloadPlan {
    uint64_t rx = 0, tx = 0;     ///< RTE_ETH_RX_OFFLOAD_..., RTE_ETH_TX_OFFLOAD_... to request
    uint64_t rx_verdicts = 0;    ///< the mbuf flags of the verdicts that the device then gives
    buf::QueueCaps caps;         ///< for the engines; without the MAC address, which the device supplies
    PacketSize packet;           ///< the receive buffers
    bool filters_vlans = false;  ///< the device needs to be told which VIDs may pass
    std::vector<OffloadReport> report;
};

/// Whether frames come from this host's kernel with partial checksums: see rx_checksum.hh. False for tap: its
/// driver offers no checksum offload, so the kernel completes checksums.
bool is_host_memory(const DeviceSpec& spec) noexcept;

/// @param frame bytes of the longest frame, tags included
/// @param least_buffer bytes of the smallest buffer that the driver accepts, if it does not report this
OffloadPlan plan_offloads(const DeviceConfig& config, const rte_eth_dev_info& info, uint16_t frame,
                          uint32_t least_buffer);

}  // namespace synfin::port
