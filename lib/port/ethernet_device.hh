#pragma once
/// @file
/// A DPDK Ethernet device as a Device: hardware or virtual.

#include <rte_ethdev.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "port/device.hh"
#include "port/group_membership.hh"
#include "port/host_check.hh"
#include "port/link_watch.hh"
#include "port/offload_plan.hh"
#include "port/packet_pool.hh"
#include "port/queue_plan.hh"
#include "port/steering.hh"

namespace synfin::port {

class EthernetDevice final : public Device {
  public:
    static std::unique_ptr<Device> open(const DeviceConfig& config, Refusal& refusal);
    ~EthernetDevice() override;

    unsigned ports() const noexcept override { return static_cast<unsigned>(ports_.size()); }
    DevicePort& port(unsigned index) noexcept override { return *ports_[index]; }
    DeviceStats stats() const override;

  private:
    explicit EthernetDevice(const DeviceConfig& config) : config_(config) {}

    // The steps of open(), in order; each returns true, or false with a refusal.
    bool attach(const HostFacts& facts, Refusal& refusal);
    bool configure(Refusal& refusal);
    bool make_pools(Refusal& refusal);
    bool make_large_pools(Refusal& refusal);
    bool fill(std::vector<PacketPool>& pools, uint32_t packets, const PacketSize& size, Refusal& refusal);
    bool set_up_queues(Refusal& refusal);
    bool start(Refusal& refusal);
    void receive_groups();
    void plan_steering();
    void wait_for_link();
    void make_ports();

    bool probe(const std::string& args, Refusal& refusal);
    RxScrutiny choose_scrutiny() const;
    Link ask_link() const;
    void find_frame_counters();
    void add_device_counters(DeviceStats& sum) const;
    uint16_t device_mtu() const noexcept;
    bool set_mtu(rte_eth_conf& conf, Refusal& refusal);
    bool refuse(int error, const std::string& what, Refusal& refusal) const;

    DeviceConfig config_;
    int interface_ = 0;  ///< index of its kernel interface; 0: none
    bool attached_ = false;
    bool started_ = false;
    uint16_t id_ = 0;
    rte_eth_dev_info info_{};
    uint16_t frame_ = 0;  ///< bytes of the longest frame
    QueuePlan queues_;
    uint16_t rx_descriptors_ = 1024, tx_descriptors_ = 1024;
    std::vector<uint8_t> rss_key_;
    OffloadPlan offloads_;
    buf::QueueCaps caps_;
    std::unique_ptr<GroupMembership> groups_;  ///< af_xdp with IPv6
    std::vector<PacketPool> pools_, large_pools_;
    std::unique_ptr<SteeringPlan> plan_;
    std::vector<std::unique_ptr<DevicePort>> ports_;
    std::vector<uint64_t> runt_counters_, giant_counters_;  ///< ids of the driver's own counters
    mutable std::mutex asking_;                             ///< DPDK's control calls are not thread-safe
    std::unique_ptr<LinkWatch> link_watch_;
};

}  // namespace synfin::port
