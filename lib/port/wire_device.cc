#include "port/wire_device.hh"

#include <rte_version.h>

#include <bit>

#include "port/eal.hh"

namespace synfin::port {

namespace {

constexpr uint32_t kEthernetHeader = 14 + 2 * 4;  // with room for two VLAN tags
constexpr uint32_t kPackets = 8192;
constexpr uint32_t kMaxWires = 1024;

/// A locally administered address (02:...), different for every end.
Mac mac_of(unsigned end) noexcept {
    return Mac{{0x02, 0x53, 0x46, 0x00, static_cast<uint8_t>(end >> 8), static_cast<uint8_t>(end)}};
}

bool is_valid(const WireConfig& config, Refusal& refusal) {
    if (config.mtu < 576 || config.mtu > 9000)
        return refusal.because(Error::invalid,
                               "MTU " + std::to_string(config.mtu) + ": expected 576 to 9000");
    if (config.wires == 0 || config.wires > kMaxWires)
        return refusal.because(Error::invalid, std::to_string(config.wires) + " wires: expected 1 to 1024");
    if (config.loss.ppm > 1'000'000)
        return refusal.because(Error::invalid, "a loss of " + std::to_string(config.loss.ppm) +
                                                   " frames per million: expected at most 1000000");
    if (!std::has_single_bit(config.bytes) || config.bytes < 64 * 1024)
        return refusal.because(Error::invalid, "a wire of " + std::to_string(config.bytes) +
                                                   " bytes: expected a power of two of at least 64 KiB");
    return true;
}

}  // namespace

std::unique_ptr<Device> WireDevice::open(const WireConfig& config, Refusal& refusal) {
    if (!is_valid(config, refusal)) return nullptr;
    const unsigned ends = 2 * config.wires;
    const uint32_t packets = (config.packets != 0 ? config.packets : kPackets) + config.impair.held();
    buf::QueueCaps caps;
    caps.max_frame = static_cast<uint16_t>(config.mtu + kEthernetHeader);
    const PacketSize size = PacketSize::for_frame(caps.max_frame, 0);

    const EalState* eal =
        start_eal({config.no_huge, config.verbose, uint64_t{ends} * packets * size.total, {}}, refusal);
    if (eal == nullptr) return nullptr;

    std::unique_ptr<WireDevice> device(new WireDevice);
    for (unsigned k = 0; k < config.wires; ++k) {
        device->wires_.push_back(std::make_unique<Wire>(config.bytes));
        Wire& wire = *device->wires_.back();
        for (unsigned side = 0; side < 2; ++side) {
            PacketPool pool = make_pool(packets, size, SOCKET_ID_ANY, Access::processor, refusal);
            if (!pool) return nullptr;
            caps.mac = mac_of(2 * k + side);
            auto port =
                std::make_unique<DevicePort>(side == 0 ? wire.forward : wire.backward,
                                             side == 0 ? wire.backward : wire.forward, pool.get(), caps);
            if (side == 0 && config.impair.any()) port->impair(config.impair, k);
            if (config.loss.ppm != 0)
                port->lose(config.loss.ppm, config.loss.seed * 2 * kMaxWires + 2 * k + side);
            device->ends_.push_back({std::move(pool), std::move(port)});
        }
    }

    DeviceReport& report = device->report_;
    report.device = "ring";
    report.driver = "in-memory wire";
    report.dpdk = rte_version();
    report.memory = eal->memory;
    report.hugepages = eal->hugepages;
    report.mac = mac_of(0);
    report.mtu = config.mtu;
    report.link_up = true;
    report.engines = ends;
    report.rx_queues = report.tx_queues = ends;
    report.packets_per_engine = packets;
    report.packet_bytes = size.total;
    report.rx_burst = caps.rx_burst;
    report.tx_burst = caps.tx_burst;
    report.steering = Steering::wire;
    report.steering_why = std::to_string(config.wires) + (config.wires == 1 ? " wire" : " wires") + " of " +
                          std::to_string(config.bytes / 1024) + " KiB each way";
    for (const char* what : {"rx IPv4 checksum", "rx TCP checksum", "tx IPv4 checksum", "tx TCP checksum"})
        report.offloads.push_back({what, false, false, "by the stack"});
    return device;
}

DeviceStats WireDevice::stats() const {
    DeviceStats stats;
    for (const End& end : ends_) {
        const PortCounters& counters = end.port->counters();
        stats.rx_packets += counters.rx_packets;
        stats.rx_bytes += counters.rx_bytes;
        stats.tx_packets += counters.tx_packets;
        stats.tx_bytes += counters.tx_bytes;
        stats.rx_no_buffer += counters.no_buffer;
        stats.tx_refused += counters.tx_refused;
        stats.wire_loss += counters.wire_loss;
        add_impairment_counters(counters, stats);
    }
    return stats;
}

}  // namespace synfin::port
