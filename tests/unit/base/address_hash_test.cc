#include "base/address_hash.hh"

#include <gtest/gtest.h>

namespace synfin {
namespace {

constexpr HashKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

TEST(AddressHash, EveryBitOfTheAddressAndOfTheKeyMatters) {
    const Ipv6 addr = *Ipv6::parse("2001:db8::1");
    const AddressFold fold(kKey);
    const uint32_t folded = fold(addr);
    const uint64_t hashed = address_hash(kKey, addr);
    EXPECT_EQ(fold(addr), folded);
    for (size_t bit = 0; bit < 128; ++bit) {
        Ipv6 other = addr;
        other.octets[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
        EXPECT_NE(fold(other), folded) << bit;
        EXPECT_NE(address_hash(kKey, other), hashed) << bit;
    }
    for (const HashKey other : {HashKey{kKey.k0 ^ 1, kKey.k1}, HashKey{kKey.k0, kKey.k1 ^ 1}}) {
        EXPECT_NE(AddressFold(other)(addr), folded);
        EXPECT_NE(address_hash(other, addr), hashed);
    }
}

}  // namespace
}  // namespace synfin
