#pragma once
/// @file
/// Checks whether this host can provide a device, before DPDK tries: DPDK's errors do not name the remedy.

#include <optional>

#include "port/device_spec.hh"
#include "port/kernel_interface.hh"
#include "port/refusal.hh"

namespace synfin::port {

/// Results of the check that opening needs.
struct HostFacts {
    std::optional<InterfaceFacts> interface;  ///< af_packet, af_xdp
};

/// Checks existence, state, permission and MTU. Removes a socket file that a dead process left at the path
/// where we will listen.
std::optional<HostFacts> check_host(const DeviceSpec& spec, uint16_t mtu, unsigned engines, Refusal& refusal);

}  // namespace synfin::port
