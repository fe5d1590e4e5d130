#pragma once
/// @file
/// The tuple that names a connection within one engine, and the 12-byte form that records keep.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace synfin {

/// Remote address and port, local address and port, as numbers in host byte order. The local address is an
/// index into the engine's address list; the remote one is the IPv4 address, or for IPv6 later the index of
/// an interned address: so every record stays as small as it is today.
struct Tuple {
    uint32_t remote_addr = 0;
    uint16_t remote_port = 0;
    uint16_t local_port = 0;
    uint16_t local_index = 0;  ///< index into StackConfig::addresses

    constexpr bool operator==(const Tuple&) const noexcept = default;
    /// @note cost: as it lies in memory, one load.
    constexpr uint64_t word0() const noexcept {
        return uint64_t{local_port} << 48 | uint64_t{remote_port} << 32 | remote_addr;
    }
    constexpr uint32_t word1() const noexcept { return local_index; }
};

/// A tuple at the head of a record, with 16 bits of the record's own where the padding would be.
struct TupleSlot {
    uint32_t remote_addr = 0;  // 0
    uint16_t remote_port = 0;  // 4
    uint16_t local_port = 0;   // 6
    uint16_t local_index = 0;  // 8
    uint16_t extra = 0;        // 10

    constexpr TupleSlot() noexcept = default;
    constexpr explicit TupleSlot(const Tuple& t, uint16_t own = 0) noexcept
        : remote_addr(t.remote_addr),
          remote_port(t.remote_port),
          local_port(t.local_port),
          local_index(t.local_index),
          extra(own) {}
    constexpr Tuple get() const noexcept { return {remote_addr, remote_port, local_port, local_index}; }
    /// @note cost: two compares; every segment asks.
    bool is(const Tuple& t) const noexcept { return std::memcmp(this, &t, 10) == 0; }
};
static_assert(sizeof(TupleSlot) == 12 && sizeof(Tuple) == 12 && offsetof(TupleSlot, extra) == 10 &&
              offsetof(Tuple, local_index) == 8);

}  // namespace synfin
