#pragma once
/// @file
/// Checks this process's resource limits before DPDK starts: DPDK aborts or crashes when it runs out of file
/// descriptors during its start.

#include <string>

namespace synfin::port {

/// The reason why `wanted` file descriptors cannot be opened now, with the remedy; empty when they can.
std::string lacking_descriptors(unsigned wanted);

/// The remedy when memory is refused. It names the address space limit (ulimit -v) if there is one.
std::string memory_remedy();

}  // namespace synfin::port
