#include "base/random.hh"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace synfin {
namespace {

TEST(Random, FollowsFromItsSeed) {
    Random a(1), b(1), c(2);
    for (int i = 0; i < 100; ++i) {
        const uint64_t x = a.next();
        EXPECT_EQ(x, b.next());
        EXPECT_NE(x, c.next());
    }
}

TEST(Random, BelowIsEvenAndBelow) {
    Random random(1);
    std::vector<int> bins(10);
    for (int i = 0; i < 100'000; ++i) ++bins.at(random.below(10));
    for (const int n : bins) EXPECT_NEAR(n, 10'000, 5 * 95);
    EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, ChanceIsInPartsPerMillion) {
    Random random(1);
    int hits = 0;
    for (int i = 0; i < 100'000; ++i) hits += random.chance_ppm(250'000);
    EXPECT_NEAR(hits, 25'000, 5 * 137);
    EXPECT_FALSE(random.chance_ppm(0));
    EXPECT_TRUE(random.chance_ppm(1'000'000));
}

TEST(Random, SecretsDiffer) {
    const HashKey a = fill_secret(), b = fill_secret();
    EXPECT_TRUE(a.k0 != b.k0 && a.k1 != b.k1);
}

}  // namespace
}  // namespace synfin
