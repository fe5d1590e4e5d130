#pragma once
/// @file
/// Clock: the concept of a clock that an engine reads. TscClock models it; FakeClock does in tests.

#include <concepts>

#include "synfin/units.hh"

namespace synfin {

/// now() never goes back. All clocks of one type in a process share their origin.
template <typename C>
concept Clock = requires(const C& clock) {
    { clock.now() }
    noexcept->std::same_as<Instant>;
};

}  // namespace synfin
