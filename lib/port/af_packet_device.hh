#pragma once
/// @file
/// A kernel interface as a Device, through AF_PACKET sockets: one socket for each engine.

#include <memory>
#include <vector>

#include "port/device.hh"
#include "port/group_membership.hh"
#include "port/kernel_interface.hh"
#include "port/link_watch.hh"
#include "port/packet_pool.hh"
#include "port/packet_socket.hh"

namespace synfin::port {

class AfPacketDevice final : public Device {
  public:
    static std::unique_ptr<Device> open(const DeviceConfig& config, Refusal& refusal);

    unsigned ports() const noexcept override { return static_cast<unsigned>(ports_.size()); }
    DevicePort& port(unsigned index) noexcept override { return *ports_[index]; }
    DeviceStats stats() const override;

  private:
    AfPacketDevice() = default;
    bool open_sockets(const DeviceConfig& config, const InterfaceFacts& facts, uint32_t max_frame,
                      Refusal& refusal);
    void make_ports(const DeviceConfig& config, const buf::QueueCaps& caps);
    void fill_report(const DeviceConfig& config, const buf::QueueCaps& caps);

    // The order matters: each member uses those before it.
    std::unique_ptr<WireLike> wire_like_;
    std::unique_ptr<GroupMembership> groups_;  ///< with IPv6
    std::vector<PacketPool> pools_;
    std::unique_ptr<SteeringPlan> plan_;
    std::vector<std::unique_ptr<PacketSocket>> sockets_;
    std::vector<std::unique_ptr<DevicePort>> ports_;
    std::unique_ptr<LinkWatch> link_watch_;
    mutable std::mutex asking_;  ///< reading the kernel's count of missed frames resets it
};

}  // namespace synfin::port
