#include "base/worklist.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace synfin {
namespace {

TEST(Worklist, GivesWhatWasAddedInOrder) {
    Worklist<uint32_t> list(4);
    EXPECT_TRUE(list.empty());
    for (uint32_t i = 0; i < 100; ++i) list.add() = i;
    EXPECT_EQ(list.size(), 100u);
    EXPECT_EQ(std::count_if(list.begin(), list.end(), [](uint32_t v) { return v % 2 == 0; }), 50);
    for (uint32_t i = 0; i < 100; ++i) {
        EXPECT_EQ(list.front(), i);
        EXPECT_EQ(list.take(), i);
    }
    EXPECT_TRUE(list.empty());
}

TEST(Worklist, BeginsAnewWhenEmpty) {
    Worklist<uint32_t> list(4);
    uint32_t* const first = &list.add();
    list.add();
    list.pop();
    list.pop();
    EXPECT_EQ(&list.add(), first);
}

TEST(Worklist, WhatWasTakenStaysUntilTheNextAdd) {
    Worklist<uint32_t> list(4);
    list.add() = 7;
    const uint32_t& taken = list.take();
    EXPECT_EQ(taken, 7u);
}

/// A list that is never quite empty, as of connections with output while the device is always full, must not
/// grow for ever: nor at all while no more wait than was said.
TEST(Worklist, ReusesTheRoomOfWhatWasTaken) {
    constexpr uint64_t kWaiting = 8;
    Worklist<uint64_t> list(kWaiting + 1);
    uint64_t added = 0, taken = 0;
    const uint64_t* const first = list.begin();
    while (added < kWaiting) list.add() = added++;
    for (int i = 0; i < 100'000; ++i) {
        uint64_t& made = list.add();
        ASSERT_GE(&made, first);
        ASSERT_LT(&made, first + 2 * (kWaiting + 1));
        made = added++;
        ASSERT_EQ(list.take(), taken++);
    }
    EXPECT_EQ(list.size(), kWaiting);
}

TEST(Worklist, KeepsTheOrderWhenMoreWaitThanWasSaid) {
    Worklist<uint32_t> list(1);
    uint32_t added = 0, taken = 0;
    for (uint32_t burst = 1; burst < 300; ++burst) {
        for (uint32_t i = 0; i < burst; ++i) list.add() = added++;
        for (uint32_t i = 0; i < burst / 2; ++i) ASSERT_EQ(list.take(), taken++);
    }
    while (!list.empty()) ASSERT_EQ(list.take(), taken++);
    EXPECT_EQ(taken, added);
}

}  // namespace
}  // namespace synfin
