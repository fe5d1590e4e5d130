#include "port/device.hh"

#include "port/af_packet_device.hh"
#include "port/ethernet_device.hh"
#include "port/limits.hh"
#include "port/memif_device.hh"
#include "port/wire_device.hh"

namespace synfin::port {

namespace {

constexpr unsigned kMaxEngines = 64;
/// File descriptors for DPDK's start, a device and clients that watch a run; and for each engine.
constexpr unsigned kDescriptors = 24, kDescriptorsOfEngine = 4;

bool is_valid(const DeviceConfig& config, Refusal& refusal) {
    if (config.mtu < 576 || config.mtu > 9000)
        return refusal.because(Error::invalid,
                               "MTU " + std::to_string(config.mtu) + ": expected 576 to 9000");
    if (config.engines == 0 || config.engines > kMaxEngines)
        return refusal.because(Error::invalid,
                               std::to_string(config.engines) + " cores for one device: expected 1 to 64");
    return true;
}

bool has_descriptors(unsigned engines, Refusal& refusal) {
    const std::string why = lacking_descriptors(kDescriptors + kDescriptorsOfEngine * engines);
    return why.empty() || refusal.because(Error::device_failed, why);
}

}  // namespace

std::unique_ptr<Device> Device::open(const DeviceConfig& config, Refusal& refusal) {
    if (config.spec.kind == DeviceKind::ring) {
        refusal.because(Error::invalid, "device 'ring' has both ends in one process: for bench only");
        return nullptr;
    }
    if (!is_valid(config, refusal) || !has_descriptors(config.engines, refusal)) return nullptr;
    std::unique_ptr<Device> device;
    if (config.spec.kind == DeviceKind::memif)
        device = MemifDevice::open(config, refusal);
    else if (config.spec.kind == DeviceKind::af_packet)
        device = AfPacketDevice::open(config, refusal);
    else
        device = EthernetDevice::open(config, refusal);
    if (device && config.impair.any())
        for (unsigned i = 0; i < device->ports(); ++i) device->port(i).impair(config.impair, i);
    return device;
}

std::unique_ptr<Device> Device::open_wires(const WireConfig& config, Refusal& refusal) {
    if (!has_descriptors(config.wires, refusal)) return nullptr;
    return WireDevice::open(config, refusal);
}

}  // namespace synfin::port
