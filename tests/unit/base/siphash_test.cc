#include "base/siphash.hh"

#include <gtest/gtest.h>

namespace synfin {
namespace {

TEST(SipHash, MatchesTheReferenceVector) {
    // Key 00..0f, message 00..0f: entry 16 of the vectors that come with the authors' reference
    // implementation.
    constexpr HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    static_assert(siphash(key, 0x0706050403020100, 0x0f0e0d0c0b0a0908) == 0x3f2acc7f57c29bdb);
    EXPECT_EQ(siphash(key, 0x0706050403020100, 0x0f0e0d0c0b0a0908), 0x3f2acc7f57c29bdbu);
}

TEST(SipHash, MatchesTheReferenceVectorOfTwelveBytes) {
    constexpr HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    EXPECT_EQ(siphash12(key, 0x0706050403020100, 0x0b0a0908), 0x751e8fbc860ee5fbu);
}

TEST(SipHash, EveryInputMatters) {
    const uint64_t hash = siphash<1, 3>(HashKey{1, 2}, 3, 4);
    EXPECT_NE(hash, (siphash<1, 3>(HashKey{0, 2}, 3, 4)));
    EXPECT_NE(hash, (siphash<1, 3>(HashKey{1, 0}, 3, 4)));
    EXPECT_NE(hash, (siphash<1, 3>(HashKey{1, 2}, 4, 3)));
    EXPECT_NE(hash, (siphash<2, 4>(HashKey{1, 2}, 3, 4)));
}

}  // namespace
}  // namespace synfin
