#include "port/af_packet_device.hh"

#include <rte_version.h>

#include <algorithm>
#include <utility>

#include "port/eal.hh"
#include "port/host_check.hh"
#include "port/multicast_groups.hh"

namespace synfin::port {

namespace {

constexpr uint32_t kPackets = 8192;
constexpr uint32_t kEthernetHeader = 14 + 4;
constexpr uint32_t kOuterTag = 4;

}  // namespace

std::unique_ptr<Device> AfPacketDevice::open(const DeviceConfig& config, Refusal& refusal) {
    const auto device_mtu = static_cast<uint16_t>(config.mtu + (config.outer_vlan ? kOuterTag : 0));
    const auto facts = check_host(config.spec, device_mtu, config.engines, refusal);
    if (!facts) return nullptr;
    buf::QueueCaps caps;
    caps.max_frame = static_cast<uint16_t>(device_mtu + kEthernetHeader);
    caps.mac = facts->interface->mac;
    caps.rx_tcp_checksum = true;
    const PacketSize size = PacketSize::for_frame(caps.max_frame, 0);
    const uint32_t packets = (config.packets != 0 ? config.packets : kPackets) + config.impair.held();
    const EalState* eal = start_eal(
        {config.no_huge, config.verbose, uint64_t{config.engines} * packets * size.total, {}}, refusal);
    if (eal == nullptr) return nullptr;

    std::unique_ptr<AfPacketDevice> device(new AfPacketDevice);
    device->wire_like_ = std::make_unique<WireLike>(config.spec.target, *facts->interface);
    for (unsigned engine = 0; engine < config.engines; ++engine) {
        PacketPool pool = make_pool(packets, size, SOCKET_ID_ANY, Access::processor, refusal);
        if (!pool) return nullptr;
        device->pools_.push_back(std::move(pool));
    }
    device->plan_ = std::make_unique<SteeringPlan>(config.engines, config.key);
    if (!config.addresses6.empty())
        device->groups_ = std::make_unique<GroupMembership>(facts->interface->index,
                                                            groups_of(config.addresses6, caps.mac));
    if (!device->open_sockets(config, *facts->interface, caps.max_frame, refusal)) return nullptr;
    device->make_ports(config, caps);
    const int index = facts->interface->index;
    const Link link = wait_for_link([index] { return ask_kernel_link(index); }, config.link_wait);
    device->link_watch_ = std::make_unique<LinkWatch>(link, [index] { return ask_kernel_link(index); });

    device->report_.memory = eal->memory;
    device->report_.hugepages = eal->hugepages;
    device->report_.packets_per_engine = packets;
    device->report_.packet_bytes = size.total;
    device->report_.link_up = link.up;
    device->report_.link_mbps = link.mbps;
    device->fill_report(config, caps);
    return device;
}

bool AfPacketDevice::open_sockets(const DeviceConfig& config, const InterfaceFacts& facts, uint32_t max_frame,
                                  Refusal& refusal) {
    for (unsigned engine = 0; engine < config.engines; ++engine) {
        PacketSocket::Setup setup;
        setup.name = config.spec.target;
        setup.index = facts.index;
        setup.max_frame = max_frame;
        setup.makes_group = config.engines > 1 && engine == 0;
        setup.group = engine > 0 ? sockets_.front().get() : nullptr;
        auto socket = PacketSocket::open(setup, refusal);
        if (!socket) return false;
        sockets_.push_back(std::move(socket));
    }
    return true;
}

void AfPacketDevice::make_ports(const DeviceConfig& config, const buf::QueueCaps& caps) {
    for (unsigned engine = 0; engine < config.engines; ++engine) {
        DevicePort::Queues queues;
        queues.socket = sockets_[engine].get();
        ports_.push_back(std::make_unique<DevicePort>(engine, queues, *plan_, pools_[engine].get(), caps));
    }
}

void AfPacketDevice::fill_report(const DeviceConfig& config, const buf::QueueCaps& caps) {
    report_.device = config.spec.text;
    report_.driver = "AF_PACKET";
    report_.dpdk = rte_version();
    report_.mac = caps.mac;
    report_.mtu = config.mtu;
    report_.engines = config.engines;
    report_.rx_queues = report_.tx_queues = config.engines;
    report_.rx_descriptors = PacketSocket::kRing;
    report_.tx_descriptors = PacketSocket::kBurst;
    report_.rx_burst = caps.rx_burst;
    report_.tx_burst = caps.tx_burst;
    report_.steering = plan_->kind();
    report_.steering_why = config.engines == 1 ? "one core"
                                               : "the kernel distributes flows by its own hash; the polling "
                                                 "cores forward packets to their engines";
    report_.offloads.push_back(
        {"rx TCP checksum", true, true, "the kernel's verdict, otherwise by the stack"});
    for (const char* what : {"rx IPv4 checksum", "tx IPv4 checksum", "tx TCP checksum"})
        report_.offloads.push_back({what, false, false, "by the stack"});
    report_.notes = wire_like_->notes();
    report_.warnings = wire_like_->warnings();
    if (groups_ && kernel_speaks_ipv6(config.spec.target))
        report_.notes.push_back("the kernel uses IPv6 on " + config.spec.target +
                                " too, and its link-local address may be the same as ours: echo 1 "
                                ">/proc/sys/net/ipv6/conf/" +
                                config.spec.target + "/disable_ipv6");
    if (groups_ && !groups_->why_not().empty()) report_.warnings.push_back(groups_->why_not());
    if (!report_.link_up) report_.warnings.push_back("no link: check the cable or the other end");
}

DeviceStats AfPacketDevice::stats() const {
    DeviceStats sum;
    for (const auto& port : ports_) add_port_counters(port->counters(), sum);
    const std::lock_guard lock(asking_);
    for (const auto& socket : sockets_) {
        const PacketSocket::Counters& counters = socket->counters();
        sum.rx_packets += counters.rx_packets;
        sum.rx_bytes += counters.rx_bytes;
        sum.tx_packets += counters.tx_packets;
        sum.tx_bytes += counters.tx_bytes;
        sum.rx_no_buffer += counters.no_buffer;
        sum.cut += counters.cut;
        sum.giants += counters.giants;
        sum.tx_errors += counters.tx_lost;
        sum.rx_missed += socket->missed();
    }
    add_link_history(link_watch_->history(), sum);
    return sum;
}

}  // namespace synfin::port
