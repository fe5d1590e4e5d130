#pragma once
/// @file
/// In-memory wires as a Device.

#include <memory>
#include <vector>

#include "port/device.hh"
#include "port/packet_pool.hh"

namespace synfin::port {

class WireDevice final : public Device {
  public:
    static std::unique_ptr<Device> open(const WireConfig& config, Refusal& refusal);

    unsigned ports() const noexcept override { return static_cast<unsigned>(ends_.size()); }
    DevicePort& port(unsigned index) noexcept override { return *ends_[index].port; }
    DeviceStats stats() const override;

  private:
    struct End {
        PacketPool pool;
        std::unique_ptr<DevicePort> port;
    };
    std::vector<std::unique_ptr<Wire>> wires_;
    std::vector<End> ends_;  // after wires_, which the ports use
};

}  // namespace synfin::port
