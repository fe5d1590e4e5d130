/// @file
/// AES-128 against FIPS 197's own example and its neighbours.

#include "base/aes128.hh"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

namespace synfin {
namespace {

uint64_t word(const uint8_t* bytes) {
    uint64_t out;
    std::memcpy(&out, bytes, sizeof out);
    return out;
}

TEST(Aes128, DoesWhatFips197Does) {  // C.1 AES-128
    uint8_t key[16], plain[16];
    for (unsigned i = 0; i < 16; ++i) {
        key[i] = static_cast<uint8_t>(i);
        plain[i] = static_cast<uint8_t>(i << 4 | i);
    }
    const uint8_t cipher[8] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30};
    EXPECT_EQ(Aes128({word(key), word(key + 8)})(word(plain), word(plain + 8)), word(cipher));
}

TEST(Aes128, ExpandsAnotherKeyAsItsExampleDoes) {  // B: key 2b7e..., input 3243...
    const uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                             0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    const uint8_t plain[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d,
                               0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
    const uint8_t cipher[8] = {0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb};
    EXPECT_EQ(Aes128({word(key), word(key + 8)})(word(plain), word(plain + 8)), word(cipher));
}

TEST(Aes128, EveryBitOfTheBlockChangesAboutHalfOfTheResult) {
    const Aes128 aes({1, 2});
    const uint64_t without = aes(3, 4);
    for (unsigned bit = 0; bit < 128; ++bit) {
        const uint64_t with =
            bit < 64 ? aes(3 ^ uint64_t{1} << bit, 4) : aes(3, 4 ^ uint64_t{1} << (bit - 64));
        EXPECT_GE(std::popcount(with ^ without), 12) << bit;
        EXPECT_LE(std::popcount(with ^ without), 52) << bit;
    }
}

}  // namespace
}  // namespace synfin
