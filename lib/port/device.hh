#pragma once
/// @file
/// Device: opens what a DeviceSpec names, or in-memory wires, and holds one DevicePort for each engine.

#include <cstdint>
#include <memory>
#include <optional>

#include "base/siphash.hh"
#include "port/device_port.hh"
#include "port/device_spec.hh"
#include "port/refusal.hh"
#include "synfin/device_report.hh"
#include "synfin/units.hh"

namespace synfin::port {

struct DeviceConfig {
    DeviceSpec spec;
    unsigned engines = 1;            ///< cores that share the device, 1..64
    uint16_t mtu = 1500;             ///< IP packet bytes, 576..9000
    bool no_huge = false;            ///< ordinary pages even where huge ones are free
    bool no_offload = false;         ///< checksums by the stack, whatever the device offers
    int verbose = 0;                 ///< DPDK's own lines: 0 hidden, 1 shown, 2 with debugging
    std::optional<uint16_t> vlan{};  ///< the VID of every frame, for cards that let none pass unless told
    std::optional<uint16_t> outer_vlan{};  ///< the same of an 802.1ad tag, before it
    uint32_t packets = 0;     ///< packet buffers of each engine; 0: from the descriptors, and 8192 to hold
    HashKey key{};            ///< of software steering and of RSS: a secret of this process
    Duration link_wait = 5s;  ///< how long a device that reports a link may take to bring it up
};

/// What a wire loses on purpose: each frame with the same probability, in either direction, by a sequence
/// that follows from the seed.
struct WireLoss {
    uint32_t ppm = 0;  ///< frames lost of a million, 0..1,000,000
    uint64_t seed = 1;
};

struct WireConfig {
    unsigned wires = 1;  ///< port 2k is one end of wire k, port 2k+1 the other
    uint16_t mtu = 1500;
    bool no_huge = false;
    int verbose = 0;
    uint32_t packets = 0;         ///< packet buffers of each end; 0: 8192
    uint32_t bytes = 256 * 1024;  ///< in flight in each direction; a power of two
    WireLoss loss{};
};

/// An open device. Ports are used on their engines' threads; everything else on one thread, ports at rest.
class Device {
  public:
    virtual ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    /// Null and a refusal with the mend when it cannot be had; nothing is left changed then.
    static std::unique_ptr<Device> open(const DeviceConfig& config, Refusal& refusal);
    static std::unique_ptr<Device> open_wires(const WireConfig& config, Refusal& refusal);

    virtual unsigned ports() const noexcept = 0;
    virtual DevicePort& port(unsigned index) noexcept = 0;
    /// Any thread may ask while the ports are at work: each value is right, not all of one moment.
    virtual DeviceStats stats() const = 0;
    const DeviceReport& report() const noexcept { return report_; }

  protected:
    Device() = default;
    DeviceReport report_;
};

}  // namespace synfin::port
