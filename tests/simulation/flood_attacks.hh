#pragma once
/// @file
/// What the lists of attacks share.

#include <vector>

#include "flood_world.hh"

namespace synfin::simulation {

inline constexpr fakes::Family k4 = fakes::Family::v4, k6 = fakes::Family::v6;

/// A segment from an address behind the gateway to the server's port 80. A SYN has all options.
Packet attack_segment(fakes::Family family, int flags, uint32_t payload = 0);

/// Attacks by peers that have connections.
void add_connection_attacks(std::vector<Attack>& out);

}  // namespace synfin::simulation
