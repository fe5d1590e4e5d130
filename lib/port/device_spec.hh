#pragma once
/// @file
/// Parses the text after --device, and makes the devargs that DPDK needs for it.

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

/// A parsed device name; the device has not been examined yet.
struct DeviceSpec {
    DeviceKind kind = DeviceKind::ring;
    std::string text;    ///< the text as given
    std::string target;  ///< PCI address, interface, socket path, or the devargs of `vdev:`; empty for `ring`
    MemifRole role = MemifRole::client;

    /// Whether frames cross this host's kernel network stack, which may leave checksums partial.
    bool is_kernel_interface() const noexcept {
        return kind == DeviceKind::af_xdp || kind == DeviceKind::af_packet || kind == DeviceKind::tap;
    }
};

/// The forms that parse_device accepts, for messages.
inline constexpr std::string_view kDeviceForms =
    "pci:0000:3b:00.0, af_xdp:IFACE, af_packet:IFACE, tap:NAME, memif:PATH[,server|,client], vhost:PATH, "
    "virtio-user:PATH, ring, vdev:DRIVER,ARGS";

/// Parses one DEV. Refusals (Error::invalid) name what was expected and what was found. It opens nothing.
std::optional<DeviceSpec> parse_device(std::string_view text, Refusal& refusal);

/// The sizes that a virtual device needs.
struct VdevNeeds {
    unsigned index = 0;     ///< makes the device's name unique in this process
    uint16_t queues = 1;    ///< queue pairs
    uint32_t frame = 1518;  ///< bytes of the longest frame
    uint16_t ring = 1024;   ///< descriptors of a queue, a power of two
};

/// Bytes of one slot in an af_packet ring, for frames of `frame` bytes.
uint32_t af_packet_slot(uint32_t frame) noexcept;

/// The devargs, such as "net_tap0,iface=x"; for pci the address. Empty for `ring`, `memif` and `af_packet`,
/// which do not use a DPDK driver.
std::string devargs(const DeviceSpec& spec, const VdevNeeds& needs);

}  // namespace synfin::port
