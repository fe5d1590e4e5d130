#include "net/neighbour_waits.hh"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <vector>

#include "base/random.hh"

namespace synfin::net {
namespace {

std::vector<uint32_t> taken(NeighbourWaits& waits) {
    std::vector<uint32_t> out;
    while (const uint32_t open = waits.take_failed()) out.push_back(open);
    return out;
}

TEST(NeighbourWaits, AFailureGivesWhoWaitedForIt) {
    NeighbourWaits waits(3, 10);
    for (const uint32_t open : {1u, 2u, 10u}) waits.add(1, open);
    for (const uint32_t open : {3u, 4u}) waits.add(3, open);
    waits.fail(2);
    EXPECT_FALSE(waits.has_failed());
    waits.fail(3);
    EXPECT_EQ(taken(waits), (std::vector<uint32_t>{3, 4}));
    waits.fail(3);
    EXPECT_FALSE(waits.has_failed());
    waits.fail(1);
    EXPECT_EQ(taken(waits), (std::vector<uint32_t>{1, 2, 10}));
    EXPECT_EQ(waits.visited(), 5u);
}

TEST(NeighbourWaits, WhoWaitsAgainWaitsOnce) {
    NeighbourWaits waits(2, 3);
    waits.add(1, 1);
    waits.add(1, 2);
    waits.add(1, 1);
    waits.add(2, 2);  // its record serves another open
    waits.fail(1);
    EXPECT_EQ(taken(waits), (std::vector<uint32_t>{1}));
    waits.fail(2);
    waits.add(2, 2);  // failed, and not yet taken
    EXPECT_FALSE(waits.has_failed());
    waits.fail(2);
    EXPECT_EQ(taken(waits), (std::vector<uint32_t>{2}));
}

TEST(NeighbourWaits, AsAModelDoesUnderRandomCalls) {
    Random random(7);
    NeighbourWaits waits(5, 40);
    std::map<uint32_t, std::deque<uint32_t>> lists;  // 0: failed
    for (int i = 0; i < 100'000; ++i) {
        const uint32_t neighbour = 1 + random.below(5);
        switch (random.below(3)) {
            case 0: {
                const uint32_t open = 1 + random.below(40);
                for (auto& list : lists) std::erase(list.second, open);
                lists[neighbour].push_back(open);
                waits.add(neighbour, open);
                break;
            }
            case 1:
                if (random.below(8) != 0) break;
                lists[0].insert(lists[0].end(), lists[neighbour].begin(), lists[neighbour].end());
                lists[neighbour].clear();
                waits.fail(neighbour);
                break;
            default: {
                const uint32_t open = waits.take_failed();
                ASSERT_EQ(open, lists[0].empty() ? 0 : lists[0].front()) << i;
                if (open != 0) lists[0].pop_front();
            }
        }
    }
}

}  // namespace
}  // namespace synfin::net
