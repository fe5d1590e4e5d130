#pragma once
/// @file
/// The tuple that names a connection within one engine.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace synfin {

/// Remote address and port, local address and port, as numbers in host byte order. Every record of a
/// connection begins with its tuple.
///
/// The remote address is the IPv4 address, or a keyed 32-bit fold of the IPv6 address, whose 16 bytes lie in
/// a separate array. So a record has the same size in both families. The local address is an index into the
/// engine's addresses; the index determines the family.
struct Tuple {
    uint32_t remote_addr = 0;  // 0
    uint16_t remote_port = 0;  // 4
    uint16_t local_port = 0;   // 6
    uint32_t local_index = 0;  // 8  index into the engine's addresses (net::LocalAddresses)

    /// @note cost: two compares, on every segment.
    bool operator==(const Tuple& other) const noexcept { return std::memcmp(this, &other, 12) == 0; }
    /// @note cost: one load, because the fields have this order in memory.
    constexpr uint64_t word0() const noexcept {
        return uint64_t{local_port} << 48 | uint64_t{remote_port} << 32 | remote_addr;
    }
    constexpr uint32_t word1() const noexcept { return local_index; }
};
static_assert(sizeof(Tuple) == 12 && offsetof(Tuple, local_index) == 8);

}  // namespace synfin
