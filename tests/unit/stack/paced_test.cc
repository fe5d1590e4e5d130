/// @file
/// The list of connections that wait for their next burst.

#include "stack/paced.hh"

#include <gtest/gtest.h>

#include <map>

#include "base/random.hh"

namespace synfin::stack {
namespace {

TEST(Paced, TakesConnectionsInTheOrderOfTheirTimes) {
    Random random(1);
    Paced paced(1000);
    std::multimap<uint32_t, uint32_t> wanted;  // microseconds from the start, which lies before the wrap
    constexpr uint32_t kStart = 0xffff'8000;
    uint32_t now = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (random.below(2) == 0 && wanted.size() < 1000) {
            const uint32_t due = now + random.below(5'000), connection = 1 + random.below(1'000'000);
            ASSERT_TRUE(paced.add(connection, kStart + due));
            wanted.emplace(due, connection);
        }
        now += random.below(6);
        while (!wanted.empty() && wanted.begin()->first <= now) {
            ASSERT_EQ(paced.first_due_us(), kStart + wanted.begin()->first);
            const uint32_t taken = paced.take_due(kStart + now);
            const auto [first, last] = wanted.equal_range(wanted.begin()->first);
            const auto found = std::find_if(first, last, [&](const auto& e) { return e.second == taken; });
            ASSERT_NE(found, last);
            wanted.erase(found);
        }
        ASSERT_EQ(paced.take_due(kStart + now), 0u);
        ASSERT_EQ(paced.empty(), wanted.empty());
    }
}

TEST(Paced, RefusesWhenItIsFull) {
    Paced paced(2);
    EXPECT_TRUE(paced.add(1, 10));
    EXPECT_TRUE(paced.add(2, 5));
    EXPECT_FALSE(paced.add(3, 1));
    EXPECT_EQ(paced.take_due(20), 2u);
    EXPECT_TRUE(paced.add(3, 1));
    EXPECT_EQ(paced.take_due(20), 3u);
    EXPECT_EQ(paced.take_due(20), 1u);
    EXPECT_EQ(paced.take_due(20), 0u);
    EXPECT_EQ(paced.first_due_us(), std::nullopt);
}

}  // namespace
}  // namespace synfin::stack
