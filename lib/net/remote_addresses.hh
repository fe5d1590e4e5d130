#pragma once
/// @file
/// RemoteAddresses: the full addresses of IPv6 peers, in an array parallel to the records of one pool.

#include <cstddef>
#include <cstdint>

#include "base/mapped_array.hh"
#include "synfin/units.hh"

namespace synfin::net {

/// 16 bytes for each record of a RecordPool, by the record's index. A record keeps the peer's address folded
/// to 32 bits (AddressFold), so a lookup of an IPv6 record must compare this address, too. IPv4 records never
/// touch the array, so its pages are mapped for IPv6 only.
/// @note cost: one line for each IPv6 segment; no memory before the first IPv6 record.
class RemoteAddresses {
  public:
    RemoteAddresses() noexcept = default;  ///< for engines without IPv6: reserves no address space
    /// @param capacity capacity of the pool.
    /// @throws std::bad_alloc
    explicit RemoteAddresses(uint32_t capacity) : addresses_(size_t{capacity} + 1) {}

    void set(uint32_t index, const Ipv6& peer) noexcept { addresses_[index] = peer; }
    const Ipv6& operator[](uint32_t index) const noexcept { return addresses_[index]; }
    /// Whether the record is this peer's. @note cost: two compares.
    bool is(uint32_t index, const Ipv6& peer) const noexcept { return addresses_[index] == peer; }
    void prefetch(uint32_t index) const noexcept { __builtin_prefetch(addresses_.data() + index); }
    /// Bytes for the records with an index up to high_water, if all were IPv6.
    static constexpr size_t memory_bytes(uint32_t high_water) noexcept {
        return size_t{high_water} * sizeof(Ipv6);
    }

  private:
    MappedArray<Ipv6> addresses_;
};

}  // namespace synfin::net
