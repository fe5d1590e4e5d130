#pragma once
/// @file
/// The text after --device, parsed; and the devargs that DPDK wants for it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "port/refusal.hh"

namespace synfin::port {

enum class DeviceKind : uint8_t { pci, af_xdp, af_packet, tap, memif, vhost, virtio_user, ring, vdev };

/// "pci", "af_xdp"...: the word before the colon.
std::string_view name(DeviceKind kind) noexcept;

enum class MemifRole : uint8_t { client, server };

/// One device, named but not yet looked at.
struct DeviceSpec {
    DeviceKind kind = DeviceKind::ring;
    std::string text;    ///< as it was given
    std::string target;  ///< PCI address, interface, socket path, or the devargs of `vdev:`; empty for `ring`
    MemifRole role = MemifRole::client;

    /// Whether frames cross the kernel's network stack on this host, where checksums may be left partial.
    bool is_kernel_interface() const noexcept {
        return kind == DeviceKind::af_xdp || kind == DeviceKind::af_packet || kind == DeviceKind::tap;
    }
};

/// The forms that parse_device takes, for messages.
inline constexpr std::string_view kDeviceForms =
    "pci:0000:3b:00.0, af_xdp:IFACE, af_packet:IFACE, tap:NAME, memif:PATH[,server|,client], vhost:PATH, "
    "virtio-user:PATH, ring, vdev:DRIVER,ARGS";

/// Parses one DEV. Refusals (Error::invalid) say what was expected and what was found. Nothing is opened.
std::optional<DeviceSpec> parse_device(std::string_view text, Refusal& refusal);

/// What a virtual device must be sized for.
struct VdevNeeds {
    unsigned index = 0;     ///< makes the device's name unique in this process
    uint16_t queues = 1;    ///< queue pairs
    uint32_t frame = 1518;  ///< bytes of the longest frame
    uint16_t ring = 1024;   ///< packets that a queue holds, a power of two
};

/// Bytes of one slot of an af_packet ring for frames of `frame` bytes.
uint32_t af_packet_slot(uint32_t frame) noexcept;

/// The devargs, "net_tap0,iface=x"; for pci the address. Empty for `ring`, `memif` and
/// `af_packet`, which are not DPDK's.
std::string devargs(const DeviceSpec& spec, const VdevNeeds& needs);

}  // namespace synfin::port
