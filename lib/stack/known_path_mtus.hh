#pragma once
/// @file
/// KnownPathMtus: path MTUs of the destinations of both families.

#include <cstdint>

#include "net/path_mtus.hh"
#include "synfin/units.hh"

namespace synfin::stack {

class KnownPathMtus {
  public:
    /// @throws std::bad_alloc
    KnownPathMtus(HashKey key4, HashKey key6) : of4_(key4), of6_(key6) {}

    /// Whether find() may return an entry; nearly always false.
    bool any() const noexcept { return of4_.any() || of6_.any(); }
    /// In bytes, IP header included; 0: unknown.
    uint16_t find(const IpAddress& destination, Instant now) const noexcept {
        return destination.is_v6() ? of6_.find(destination.v6, now) : of4_.find(destination.v4, now);
    }
    void set(const IpAddress& destination, uint16_t mtu, Instant now) noexcept {
        if (destination.is_v6())
            of6_.set(destination.v6, mtu, now);
        else
            of4_.set(destination.v4, mtu, now);
    }
    /// Clears any() if all entries have expired.
    void expire(Instant now) noexcept {
        of4_.expire(now);
        of6_.expire(now);
    }

  private:
    net::PathMtus of4_;
    net::PathMtus6 of6_;
};

}  // namespace synfin::stack
