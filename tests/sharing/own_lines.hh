#pragma once
/// @file
/// OwnLines: what operator new gave that begins or ends within a cache line, and so may have a neighbour in
/// it.
///
/// Which two allocations meet in a line depends on all that was allocated before: two engines may be
/// neighbours in one build and not in the next. Whether a line can have a neighbour does not depend on it.

#include <cstdint>

namespace synfin::sharing {

class OwnLines {
  public:
    /// Whether the line at `address` reaches out of an allocation that holds a part of it.
    static bool reaches_out(uintptr_t address) noexcept;
    /// Allocations since the start of the process, as operator new was called.
    static uint64_t allocations() noexcept;
};

}  // namespace synfin::sharing
