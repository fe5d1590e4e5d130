#pragma once
/// @file
/// The addresses of a host name, and the choice among them.

#include <optional>
#include <string>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// The addresses of a name in both families, in the order of the system's resolver.
/// @param error the resolver's sentence if there is none
std::vector<IpAddress> look_up(const std::string& name, std::string& error);

/// The first address of the family that is wanted; without a wish the first of a family that we have an
/// address of, IPv6 before IPv4 (RFC 6724 2.1). None: no address is usable.
std::optional<IpAddress> choose_address(const std::vector<IpAddress>& found,
                                        std::optional<IpAddress::Family> wanted, bool has_v4, bool has_v6);

}  // namespace synfin::app
