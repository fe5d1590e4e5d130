#pragma once
/// @file
/// Peers6: the full addresses of IPv6 peers, for the records of every kind, by handle.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "net/remote_addresses.hh"
#include "stack/record_handle.hh"

namespace synfin::stack {

/// One array beside each pool of records. The address moves with its connection, from the half-open record to
/// the open one and on to the TIME-WAIT one. It stays readable when the record is freed, until the record's
/// next IPv6 connection. IPv4 records never touch the arrays.
class Peers6 {
  public:
    Peers6() noexcept = default;  ///< for engines without IPv6: reserves no address space
    /// @param opens,half_opens,time_waits the capacities of the pools.
    /// @throws std::bad_alloc
    Peers6(uint32_t opens, uint32_t half_opens, uint32_t time_waits)
        : of_kind_{net::RemoteAddresses(opens), net::RemoteAddresses(half_opens),
                   net::RemoteAddresses(time_waits)} {}

    const Ipv6& operator[](uint32_t handle) const noexcept { return of(handle)[handle & kIndexMask]; }
    /// Whether the record's peer has this address. @note cost: two compares.
    bool is(uint32_t handle, const Ipv6& peer) const noexcept {
        return of(handle).is(handle & kIndexMask, peer);
    }
    void prefetch(uint32_t handle) const noexcept { of(handle).prefetch(handle & kIndexMask); }

    void set(uint32_t handle, const Ipv6& peer) noexcept {
        const uint32_t kind = handle >> 30, index = handle & kIndexMask;
        of_kind_[kind].set(index, peer);
        high_water_[kind] = std::max(high_water_[kind], index);
    }
    /// The connection has moved to another record.
    void move(uint32_t from, uint32_t to) noexcept { set(to, (*this)[from]); }

    /// Bytes of the addresses beside the records of one kind, as far as IPv6 connections have used them.
    size_t memory_bytes(RecordKind kind) const noexcept {
        return net::RemoteAddresses::memory_bytes(high_water_[static_cast<uint32_t>(kind)]);
    }

  private:
    const net::RemoteAddresses& of(uint32_t handle) const noexcept { return of_kind_[handle >> 30]; }

    std::array<net::RemoteAddresses, 3> of_kind_;
    std::array<uint32_t, 3> high_water_{};
};

}  // namespace synfin::stack
