#pragma once
/// @file
/// What a device is asked to do for the engines, by what its driver offers, what is known of it and what this
/// configuration can use; and of everything who does it and why, for the report.

#include <rte_ethdev.h>

#include <cstdint>
#include <vector>

#include "buf/queue_pair.hh"
#include "port/device.hh"
#include "port/packet_pool.hh"

namespace synfin::port {

struct OffloadPlan {
    uint64_t rx = 0, tx = 0;     ///< RTE_ETH_RX_OFFLOAD_..., RTE_ETH_TX_OFFLOAD_... to ask for
    uint64_t rx_verdicts = 0;    ///< the mbuf flags of the verdicts that are then given
    buf::QueueCaps caps;         ///< what an engine is told of it; the MAC is the device's to tell
    PacketSize packet;           ///< of the buffers that the device receives into
    bool filters_vlans = false;  ///< the device is to be told which VIDs pass
    std::vector<OffloadReport> report;
};

/// Frames come from this host's kernel, which may leave checksums to us: see rx_checksum.hh. Tap is not one:
/// the kernel completes them, since the driver does not offer to.
bool is_host_memory(const DeviceSpec& spec) noexcept;

/// @param frame bytes of the longest frame, tags included
/// @param least_buffer bytes that the driver wants of a buffer, as far as it does not say so itself
OffloadPlan plan_offloads(const DeviceConfig& config, const rte_eth_dev_info& info, uint16_t frame,
                          uint32_t least_buffer);

}  // namespace synfin::port
