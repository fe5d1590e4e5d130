#pragma once
/// @file
/// The multicast groups that IPv6 needs, as Ethernet addresses (RFC 2464 7): neighbours and routers send
/// there.

#include <vector>

#include "synfin/units.hh"

namespace synfin::port {

/// With more groups than this, a device receives all multicast frames. Cards filter by a few exact addresses
/// or by a hash, so a longer list gains little.
inline constexpr size_t kMostGroups = 64;

/// All nodes (ff02::1), and the solicited-node group (RFC 4291 2.7.1) of each address and of the link-local
/// address that follows from the MAC address; each once, sorted. Empty without addresses.
std::vector<Mac> groups_of(const std::vector<Ipv6>& addresses, const Mac& mac);

}  // namespace synfin::port
