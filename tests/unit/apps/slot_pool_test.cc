#include "traffic/slot_pool.hh"

#include <gtest/gtest.h>

namespace synfin::app {
namespace {

struct Slot {
    uint64_t first = 0;
    uint32_t second = 7;
};

TEST(SlotPool, ASlotIsNewEachTimeItIsTaken) {
    SlotPool<Slot> pool(2);
    const uint32_t id = pool.take();
    pool[id] = {1, 2};
    pool.give(id);
    ASSERT_EQ(pool.take(), id) << "the warmest first";
    EXPECT_EQ(pool[id].first, 0u);
    EXPECT_EQ(pool[id].second, 7u);
}

TEST(SlotPool, IdsAreFromOneToTheLimit) {
    SlotPool<Slot> pool(3);
    EXPECT_EQ(pool.take(), 1u);
    EXPECT_EQ(pool.take(), 2u);
    EXPECT_EQ(pool.take(), 3u);
    EXPECT_EQ(pool.take(), 0u) << "none left";
    EXPECT_EQ(pool.in_use(), 3u);
    pool.give(2);
    EXPECT_EQ(pool.in_use(), 2u);
    EXPECT_EQ(pool.high_water(), 3u);
}

TEST(SlotPool, NothingBesideTheSlots) {
    SlotPool<Slot> pool(1u << 20);
    EXPECT_EQ(pool.memory_bytes(), 0u);
    for (int i = 0; i < 1'000; ++i) pool.take();
    for (uint32_t id = 1; id <= 1'000; ++id) pool.give(id);
    EXPECT_EQ(pool.memory_bytes(), 1'000 * sizeof(Slot));
}

}  // namespace
}  // namespace synfin::app
