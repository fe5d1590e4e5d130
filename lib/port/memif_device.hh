#pragma once
/// @file
/// A memif as a Device: frames between two processes of one host, through shared memory. It implements memif
/// 2.0, as VPP, libmemif and DPDK's net_memif do.

#include <memory>
#include <vector>

#include "port/device.hh"
#include "port/link_watch.hh"
#include "port/memif_link.hh"
#include "port/packet_pool.hh"

namespace synfin::port {

class MemifDevice final : public Device {
  public:
    static std::unique_ptr<Device> open(const DeviceConfig& config, Refusal& refusal);

    unsigned ports() const noexcept override { return static_cast<unsigned>(ports_.size()); }
    DevicePort& port(unsigned index) noexcept override { return *ports_[index]; }
    DeviceStats stats() const override;

  private:
    MemifDevice() = default;
    void fill_report(const DeviceConfig& config, const buf::QueueCaps& caps);

    // The order matters: each member uses those before it.
    std::vector<PacketPool> pools_;
    std::unique_ptr<SteeringPlan> plan_;
    std::unique_ptr<MemifLink> link_;
    std::unique_ptr<MemifQueues> queues_;
    std::vector<std::unique_ptr<DevicePort>> ports_;
    std::unique_ptr<LinkWatch> link_watch_;
};

}  // namespace synfin::port
