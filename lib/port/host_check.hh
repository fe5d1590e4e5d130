#pragma once
/// @file
/// Whether this host can give us a device, asked before DPDK is: its own answers are hard to act on.

#include <optional>

#include "port/device_spec.hh"
#include "port/kernel_interface.hh"
#include "port/refusal.hh"

namespace synfin::port {

/// What the check found that opening needs.
struct HostFacts {
    std::optional<InterfaceFacts> interface;  ///< af_packet, af_xdp
};

/// Existence, state, permission, MTU. Removes a socket file that a dead process left where we will listen.
std::optional<HostFacts> check_host(const DeviceSpec& spec, uint16_t mtu, unsigned engines, Refusal& refusal);

}  // namespace synfin::port
