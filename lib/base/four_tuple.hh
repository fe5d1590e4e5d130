#pragma once
/// @file
/// A connection's name on the wire: both addresses and both ports. Keyed functions whose results leave the
/// engine (initial sequence numbers, timestamp offsets, SYN cookies) hash this. They do not hash the engine's
/// Tuple, because its index of the local address depends on the order of the configuration.

#include <cstdint>

#include "synfin/units.hh"

namespace synfin {

/// Of an IPv4 connection: 12 bytes, ports in host byte order.
struct FourTuple {
    Ipv4 remote{};
    uint16_t remote_port = 0, local_port = 0;
    Ipv4 local{};
    constexpr bool operator==(const FourTuple&) const noexcept = default;
    /// The same bits as Tuple::word0(). @note cost: one load when the tuple lies in memory.
    constexpr uint64_t word0() const noexcept {
        return uint64_t{local_port} << 48 | uint64_t{remote_port} << 32 | remote.value;
    }
};

/// Of an IPv6 connection: 36 bytes.
struct FourTuple6 {
    Ipv6 remote{}, local{};
    uint16_t remote_port = 0, local_port = 0;
    constexpr bool operator==(const FourTuple6&) const noexcept = default;
    constexpr uint32_t ports() const noexcept { return uint32_t{local_port} << 16 | remote_port; }
};

}  // namespace synfin
