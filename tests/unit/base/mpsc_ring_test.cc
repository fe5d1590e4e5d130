#include "base/mpsc_ring.hh"

#include <gtest/gtest.h>

#include <deque>

#include "base/random.hh"

namespace synfin {
namespace {

TEST(MpscRing, CapacityIsAPowerOfTwoAndAllOfItIsUsed) {
    EXPECT_EQ(MpscRing<int>(0).capacity(), 2u);
    EXPECT_EQ(MpscRing<int>(1000).capacity(), 1024u);
    MpscRing<int> ring(4);
    EXPECT_EQ(ring.pop(), std::nullopt);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
    EXPECT_FALSE(ring.push(4));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(ring.pop(), i);
    EXPECT_EQ(ring.pop(), std::nullopt);
    EXPECT_TRUE(ring.push(5));
}

TEST(MpscRing, BehavesAsABoundedDeque) {
    Random random(1);
    MpscRing<uint32_t> ring(8);
    std::deque<uint32_t> reference;
    for (uint32_t next = 0; next < 100'000; ++next) {
        if (random.below(2) != 0) {
            const bool taken = ring.push(next);
            ASSERT_EQ(taken, reference.size() < 8);
            if (taken) reference.push_back(next);
        } else {
            const auto got = ring.pop();
            ASSERT_EQ(got.has_value(), !reference.empty());
            if (!got) continue;
            ASSERT_EQ(*got, reference.front());
            reference.pop_front();
        }
    }
}

}  // namespace
}  // namespace synfin
