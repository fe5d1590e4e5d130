#pragma once
/// @file
/// Keyed hashes of one address, for tables whose keys remote hosts choose, and the fold that represents an
/// IPv6 address in a tuple.

#include <cstdint>

#include "base/aes128.hh"
#include "base/siphash.hh"
#include "synfin/units.hh"

namespace synfin {

/// SipHash-1-3 of an address; of all 16 bytes for IPv6.
/// @note cost: about 20 cycles.
constexpr uint64_t address_hash(HashKey key, Ipv4 addr) noexcept {
    return siphash<1, 3>(key, addr.value, 0);
}
constexpr uint64_t address_hash(HashKey key, const Ipv6& addr) noexcept {
    const auto [low, high] = addr.words();
    return siphash<1, 3>(key, low, high);
}

/// The 32 bits that represent an IPv6 peer in Tuple::remote_addr, so that tuples of both families have 12
/// bytes. It is a pseudo-random function of all 16 bytes: without the key nobody can choose addresses with
/// equal folds. One pair in 2^32 has equal folds by chance, so lookups also compare the full address
/// (net::RemoteAddresses). The fold never leaves the engine.
/// @note cost: 12 instructions; about 40 cycles of latency.
class AddressFold {
  public:
    /// @param key from fill_secret(); each process has its own.
    explicit AddressFold(HashKey key) noexcept : f_(key) {}
    uint32_t operator()(const Ipv6& addr) const noexcept {
        const auto [low, high] = addr.words();
        return static_cast<uint32_t>(f_(low, high));
    }

  private:
    Aes128 f_;
};

}  // namespace synfin
