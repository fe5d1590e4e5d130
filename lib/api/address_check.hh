#pragma once
/// @file
/// Checks the addresses of a StackConfig before anything is opened.

#include "synfin/refusal.hh"
#include "synfin/stack_config.hh"

namespace synfin {

/// Refuses a prefix that is longer than its address, an IPv6 address that no host can have (RFC 4291 2.4), an
/// IPv6 gateway that cannot be reached, and an MTU below IPv6's minimum. IPv4 addresses and gateways are the
/// engine's to judge, as before.
/// @return false with a refusal (Error::invalid) that names the remedy
bool check_addresses(const StackConfig& config, Refusal& refusal);

}  // namespace synfin
