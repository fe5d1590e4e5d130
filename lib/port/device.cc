#include "port/device.hh"

#include "port/ethernet_device.hh"
#include "port/wire_device.hh"

namespace synfin::port {

std::unique_ptr<Device> Device::open(const DeviceConfig& config, Refusal& refusal) {
    if (config.spec.kind == DeviceKind::ring) {
        refusal.because(Error::invalid, "device 'ring' has both ends in one process: for bench only");
        return nullptr;
    }
    return EthernetDevice::open(config, refusal);
}

std::unique_ptr<Device> Device::open_wires(const WireConfig& config, Refusal& refusal) {
    return WireDevice::open(config, refusal);
}

}  // namespace synfin::port
