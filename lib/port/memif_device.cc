#include "port/memif_device.hh"

#include <rte_ether.h>
#include <rte_version.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "port/eal.hh"
#include "port/host_check.hh"

namespace synfin::port {

namespace {

constexpr uint32_t kPackets = 8192;
constexpr uint32_t kEthernetHeader = 14 + 4;

/// An odd number of cache lines: buffers a power of two apart would share a few cache sets.
uint32_t buffer_bytes(uint32_t frame) noexcept {
    return ((frame + WireRing::kSlack + 63) / 64 | 1) * 64;
}

}  // namespace

std::unique_ptr<Device> MemifDevice::open(const DeviceConfig& config, Refusal& refusal) {
    if (!check_host(config.spec, config.mtu, config.engines, refusal)) return nullptr;
    buf::QueueCaps caps;
    caps.max_frame = static_cast<uint16_t>(config.mtu + kEthernetHeader + (config.outer_vlan ? 4 : 0));
    const PacketSize size = PacketSize::for_frame(caps.max_frame, 0);
    const uint32_t packets = (config.packets != 0 ? config.packets : kPackets) + config.impair.held();
    const EalState* eal = start_eal(
        {config.no_huge, config.verbose, uint64_t{config.engines} * packets * size.total, {}}, refusal);
    if (eal == nullptr) return nullptr;
    rte_ether_addr address{};
    rte_eth_random_addr(address.addr_bytes);
    std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), caps.mac.octets.begin());

    std::unique_ptr<MemifDevice> device(new MemifDevice);
    for (unsigned engine = 0; engine < config.engines; ++engine) {
        PacketPool pool = make_pool(packets, size, SOCKET_ID_ANY, Access::processor, refusal);
        if (!pool) return nullptr;
        device->pools_.push_back(std::move(pool));
    }
    device->plan_ = std::make_unique<SteeringPlan>(config.engines, config.key);
    device->link_ =
        MemifLink::open({config.spec.target, config.spec.role, buffer_bytes(caps.max_frame)}, refusal);
    if (!device->link_) return nullptr;
    device->queues_ = std::make_unique<MemifQueues>(device->link_->slot(), caps.max_frame);
    for (unsigned engine = 0; engine < config.engines; ++engine) {
        DevicePort::Queues queues;
        if (engine == 0) {
            queues.memif = device->queues_.get();
            for (unsigned client = 1; client < config.engines; ++client) queues.tx_clients.push_back(client);
        } else {
            queues.rx = queues.tx = DevicePort::kNone;
        }
        device->ports_.push_back(
            std::make_unique<DevicePort>(engine, queues, *device->plan_, device->pools_[engine].get(), caps));
    }
    MemifLink* link = device->link_.get();
    device->link_watch_ = std::make_unique<LinkWatch>(Link{}, [link] {
        return Link{link->is_up(), 0, false};
    });

    device->report_.memory = eal->memory;
    device->report_.hugepages = eal->hugepages;
    device->report_.packets_per_engine = packets;
    device->report_.packet_bytes = size.total;
    device->fill_report(config, caps);
    return device;
}

void MemifDevice::fill_report(const DeviceConfig& config, const buf::QueueCaps& caps) {
    report_.device = config.spec.text;
    report_.driver = "memif 2.0";
    report_.dpdk = rte_version();
    report_.mac = caps.mac;
    report_.mtu = config.mtu;
    report_.engines = config.engines;
    report_.rx_queues = report_.tx_queues = 1;
    report_.rx_descriptors = report_.tx_descriptors = 1u << MemifLink::kLog2Ring;
    report_.rx_burst = caps.rx_burst;
    report_.tx_burst = caps.tx_burst;
    report_.steering = plan_->kind();
    report_.steering_why =
        config.engines == 1 ? "one core" : "one rx queue; the polling cores forward packets to their engines";
    for (const char* what : {"rx IPv4 checksum", "rx TCP checksum", "tx IPv4 checksum", "tx TCP checksum"})
        report_.offloads.push_back({what, false, false, "by the stack"});
    report_.notes.push_back("no link yet: no peer has connected");
}

DeviceStats MemifDevice::stats() const {
    DeviceStats sum;
    for (const auto& port : ports_) add_port_counters(port->counters(), sum);
    const MemifQueues::Counters& queues = queues_->counters();
    sum.rx_errors = queues.bad;
    sum.tx_errors = queues.unsent;
    sum.giants += queues.giants;
    sum.joined += queues.joined;
    add_link_history(link_watch_->history(), sum);
    return sum;
}

}  // namespace synfin::port
