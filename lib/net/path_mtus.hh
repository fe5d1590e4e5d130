#pragma once
/// @file
/// PathMtus: path MTUs reported by routers (RFC 1191, RFC 8201), by destination, with a lifetime.

#include <cstdint>

#include "base/address_hash.hh"
#include "base/mapped_array.hh"
#include "base/siphash.hh"
#include "synfin/units.hh"

namespace synfin::net {

/// Each engine has its own. Holds 2,048 destinations in sets of eight; in a full set the entry that would
/// expire first is replaced.
/// @tparam Address Ipv4 or Ipv6.
/// @note cost: any() is a load; find() and set() read one set, two lines (IPv6: four). 32 KiB (64 KiB),
/// touched when used.
template <typename Address>
class BasicPathMtus {
  public:
    static constexpr uint32_t kSets = 256, kWays = 8;
    /// RFC 1191 6.3 (RFC 8201 4: at least 5, 10 recommended): "it should be set to ... 10 minutes".
    /// Connections opened later try the interface's MTU again; open ones keep their segment size.
    static constexpr Duration kLifetime = 10min;

    /// @throws std::bad_alloc
    explicit BasicPathMtus(HashKey key) : key_(key), entries_(size_t{kSets} * kWays) {}

    /// Whether find() may return an entry; nearly always false.
    bool any() const noexcept { return any_; }

    /// The path MTU in bytes, IP header included; 0: unknown.
    uint16_t find(Address destination, Instant now) const noexcept {
        const Entry* set = set_of(destination);
        for (uint32_t i = 0; i < kWays; ++i)
            if (set[i].destination == destination && now < set[i].until) return set[i].mtu;
        return 0;
    }

    void set(Address destination, uint16_t mtu, Instant now) noexcept {
        Entry* const set = &entries_[index_of(destination)];
        Entry* place = set;
        for (Entry* each = set; each != set + kWays; ++each) {
            if (each->destination == destination) {
                place = each;
                break;
            }
            if (each->until < place->until) place = each;
        }
        *place = {now + kLifetime, destination, mtu};
        any_ = true;
        last_until_ = now + kLifetime;
    }

    /// Clears any() if all entries have expired.
    void expire(Instant now) noexcept {
        if (now >= last_until_) any_ = false;
    }

  private:
    struct Entry {
        Instant until;
        Address destination;
        uint16_t mtu;
    };
    size_t index_of(Address destination) const noexcept {
        return address_hash(key_, destination) % kSets * kWays;
    }
    const Entry* set_of(Address destination) const noexcept { return &entries_[index_of(destination)]; }

    bool any_ = false;
    Instant last_until_{};
    HashKey key_;
    MappedArray<Entry> entries_;
};

using PathMtus = BasicPathMtus<Ipv4>;
using PathMtus6 = BasicPathMtus<Ipv6>;

}  // namespace synfin::net
