#pragma once
/// @file
/// This process's resource limits, asked before DPDK meets them: it aborts, or crashes, where a descriptor is
/// missing in the middle of its start.

#include <string>

namespace synfin::port {

/// Why `wanted` file descriptors cannot be opened now, with the remedy; empty when they can.
std::string lacking_descriptors(unsigned wanted);

/// What to do where memory is refused: names the limit of address space (ulimit -v) when there is one.
std::string memory_remedy();

}  // namespace synfin::port
