#pragma once
/// @file
/// The kernel's addresses in this network namespace. synfin's addresses must not be among them.

#include <string>
#include <string_view>
#include <vector>

#include "config/address_range.hh"
#include "synfin/units.hh"

namespace synfin::app {

struct KernelAddress {
    std::string interface;
    Cidr address;
};

/// Of both families; empty if the kernel refuses the query.
std::vector<KernelAddress> kernel_addresses();

/// A warning with its remedy for each address of `ours` that the kernel has too.
/// @param device DEV: on a kernel interface the kernel answers the peer as well; on other devices only this
/// host's own packets are misdirected
std::vector<std::string> shared_addresses(std::string_view device, const std::vector<AddressRange>& ours,
                                          const std::vector<KernelAddress>& kernel);

}  // namespace synfin::app
