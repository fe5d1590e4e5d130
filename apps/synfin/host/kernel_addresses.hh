#pragma once
/// @file
/// The addresses of this host's kernel, in this network namespace: an address of ours must not be among them.

#include <string>
#include <string_view>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

struct KernelAddress {
    std::string interface;
    Cidr address;
};

/// IPv4 alone; empty when the kernel does not tell.
std::vector<KernelAddress> kernel_addresses();

/// A sentence with the remedy for each of `ours` that the kernel has, too.
/// @param device DEV: on a kernel interface both answer the peer; elsewhere only packets of this host go
/// astray
std::vector<std::string> shared_addresses(std::string_view device, const std::vector<Cidr>& ours,
                                          const std::vector<KernelAddress>& kernel);

}  // namespace synfin::app
