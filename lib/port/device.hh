#pragma once
/// @file
/// Device: opens the device that a DeviceSpec names, or in-memory wires, and owns one DevicePort for each
/// engine.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/siphash.hh"
#include "port/device_port.hh"
#include "port/device_spec.hh"
#include "port/refusal.hh"
#include "synfin/device_report.hh"
#include "synfin/impairment.hh"
#include "synfin/units.hh"

namespace synfin::port {

struct DeviceConfig {
    DeviceSpec spec;
    unsigned engines = 1;                  ///< cores that share the device, 1..64
    uint16_t mtu = 1500;                   ///< IP packet bytes, 576..9000
    bool no_huge = false;                  ///< use ordinary pages even if hugepages are free
    bool no_offload = false;               ///< the stack computes checksums, even if the device offers to
    int verbose = 0;                       ///< DPDK's log: 0 hidden, 1 shown, 2 with debugging
    std::optional<uint16_t> vlan{};        ///< the VID of every frame, for cards that filter VLANs
    std::optional<uint16_t> outer_vlan{};  ///< the VID of an 802.1ad tag before it
    uint32_t packets = 0;                  ///< packet buffers of each engine; 0: the descriptors plus 8192
    Impairments impair{};                  ///< needs Impairments::held() buffers more
    std::vector<Ipv6> addresses6{};        ///< our IPv6 addresses, whose multicast groups are to arrive
    HashKey key{};                         ///< for software steering and RSS: a secret of this process
    Duration link_wait = 5s;               ///< how long to wait for the link of a device that reports one
};

/// Deliberate loss on a wire: each frame in either direction is lost with the same probability, by a sequence
/// that the seed determines.
struct WireLoss {
    uint32_t ppm = 0;  ///< frames lost per million, 0..1,000,000
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
    Impairments impair{};  ///< of the port 2k of each wire
};

/// An open device. Each port is used on its engine's thread. Everything else is called on one thread while no
/// port is in use, except where noted.
class Device {
  public:
    virtual ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    /// Returns null and a refusal with the remedy when the device cannot be opened; it then leaves the host
    /// unchanged.
    static std::unique_ptr<Device> open(const DeviceConfig& config, Refusal& refusal);
    static std::unique_ptr<Device> open_wires(const WireConfig& config, Refusal& refusal);

    virtual unsigned ports() const noexcept = 0;
    virtual DevicePort& port(unsigned index) noexcept = 0;
    /// Any thread may call it while the ports are in use. Each value is correct, but they need not belong to
    /// one moment.
    virtual DeviceStats stats() const = 0;
    const DeviceReport& report() const noexcept { return report_; }

  protected:
    Device() = default;
    DeviceReport report_;
};

}  // namespace synfin::port
