#pragma once
/// @file
/// OwnIndex: maps our addresses to their indexes, in constant time for any number of them.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "synfin/units.hh"

namespace synfin::net {

/// Open addressing with linear probing, at most half full, built once. The hash has no key: the addresses
/// come from our configuration, and the network can only look them up.
/// @note cost: a lookup is two multiplications and one line, rarely two. Memory for each address: 16 to 32
/// bytes, IPv6 40 to 80.
template <typename Address>
class OwnIndex {
  public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    /// Indexes the addresses from `begin` on; of duplicates the first is kept.
    OwnIndex(const std::vector<Address>& addresses, uint32_t begin) {
        const size_t count = addresses.size() - begin;
        slots_.resize(std::bit_ceil(std::max<size_t>(2 * count, 2)));
        shift_ = static_cast<unsigned>(64 - std::countr_zero(slots_.size()));
        for (uint32_t i = begin; i < addresses.size(); ++i) {
            Slot& slot = slots_[place_of(addresses[i])];
            if (slot.index == kNone) slot = {addresses[i], i};
        }
    }

    uint32_t find(const Address& addr) const noexcept { return slots_[place_of(addr)].index; }

    size_t memory_bytes() const noexcept { return slots_.size() * sizeof(Slot); }

  private:
    struct Slot {
        Address addr{};
        uint32_t index = kNone;
    };
    static constexpr uint64_t word_of(Ipv4 addr) noexcept { return addr.value; }
    static constexpr uint64_t word_of(const Ipv6& addr) noexcept {
        const auto [low, high] = addr.words();
        return std::rotl(low * 0xff51afd7ed558ccdu, 32) ^ high;
    }
    /// The slot of the address, or the empty slot where it would be.
    size_t place_of(const Address& addr) const noexcept {
        // Two rounds of multiply and shift: equally spaced addresses must not fall into consecutive slots.
        uint64_t h = word_of(addr) * 0xff51afd7ed558ccdu;
        h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
        size_t at = h >> shift_;
        while (slots_[at].index != kNone && slots_[at].addr != addr) at = (at + 1) & (slots_.size() - 1);
        return at;
    }

    std::vector<Slot> slots_;
    unsigned shift_ = 63;
};

}  // namespace synfin::net
