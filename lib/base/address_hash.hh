#pragma once
/// @file
/// Keyed hashes of one address: for tables whose keys the network chooses, and the fold that stands for an
/// IPv6 address in a tuple.

#include <cstdint>

#include "base/aes128.hh"
#include "base/siphash.hh"
#include "synfin/units.hh"

namespace synfin {

/// SipHash-1-3 of an address, of the 16 bytes of an IPv6 one.
/// @note cost: about 20 cycles.
constexpr uint64_t address_hash(HashKey key, Ipv4 addr) noexcept {
    return siphash<1, 3>(key, addr.value, 0);
}
constexpr uint64_t address_hash(HashKey key, const Ipv6& addr) noexcept {
    const auto [low, high] = addr.words();
    return siphash<1, 3>(key, low, high);
}

/// The 32 bits that stand for an IPv6 peer in Tuple::remote_addr, so that tuples of both families have 12
/// bytes: a pseudo-random function of all 16 bytes. Without the key nobody can choose addresses with equal
/// folds; by chance one pair in 2^32 has them, so the full address beside the record is compared, too
/// (net::RemoteAddresses). It never leaves the engine.
/// @note cost: 12 instructions, some 40 cycles until the result is there.
class AddressFold {
  public:
    /// @param key from fill_secret(), this process's own.
    explicit AddressFold(HashKey key) noexcept : f_(key) {}
    uint32_t operator()(const Ipv6& addr) const noexcept {
        const auto [low, high] = addr.words();
        return static_cast<uint32_t>(f_(low, high));
    }

  private:
    Aes128 f_;
};

}  // namespace synfin
