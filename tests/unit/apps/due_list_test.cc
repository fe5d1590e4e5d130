/// DueList and IdleQueue: who is due when, and in which order.
#include "traffic/due_list.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "traffic/idle_queue.hh"

namespace synfin::app {
namespace {

constexpr Instant kStart = Instant::from_ns(1'000'000'000);
constexpr auto kNoPrefetch = [](uint32_t) {};

TEST(DueList, FiresEachIdOnceWithinAStepOfItsTime) {
    DueList list(1'000, 1s);
    EXPECT_EQ(list.step(), 62'500ns);
    list.start(kStart);
    std::mt19937 random(1);
    std::map<uint32_t, Instant> due;
    for (uint32_t id = 1; id <= 1'000; ++id) {
        // Some beyond the wheel.
        due[id] = kStart + Duration(std::uniform_int_distribution<int64_t>(0, 5'000'000'000)(random));
        list.add(id, due[id]);
        EXPECT_TRUE(list.has(id));
    }
    for (Instant now = kStart; now < kStart + 6s; now += 50us)
        list.turn(now, 64, kNoPrefetch, [&](uint32_t id) {
            ASSERT_EQ(due.count(id), 1u);
            EXPECT_GE(now, due[id]);
            EXPECT_LE(now, due[id] + list.step() + 50us);
            EXPECT_GE(list.due(id), due[id]);
            EXPECT_LT(list.due(id), due[id] + list.step());
            EXPECT_FALSE(list.has(id));
            due.erase(id);
        });
    EXPECT_TRUE(due.empty());
}

TEST(DueList, RemovesFromAnyPlace) {
    DueList list(10, 1s);
    list.start(kStart);
    for (uint32_t id = 1; id <= 5; ++id) list.add(id, kStart + 10ms);
    list.remove(5);  // the first of its slot
    list.remove(1);  // the last
    list.remove(3);
    EXPECT_FALSE(list.has(3));
    std::vector<uint32_t> fired;
    for (Instant now = kStart; now < kStart + 20ms; now += 1ms)
        list.turn(now, 64, kNoPrefetch, [&](uint32_t id) { fired.push_back(id); });
    std::sort(fired.begin(), fired.end());
    EXPECT_EQ(fired, (std::vector<uint32_t>{2, 4}));
}

TEST(DueList, ATurnIsBounded) {
    DueList list(1'000, 1s);
    list.start(kStart);
    for (uint32_t id = 1; id <= 1'000; ++id) list.add(id, kStart + 1ms);
    uint32_t fired = 0;
    const auto count = [&](uint32_t) { ++fired; };
    EXPECT_FALSE(list.turn(kStart + 500us, 10, kNoPrefetch, count));
    EXPECT_TRUE(list.turn(kStart + 1s, 10, kNoPrefetch, count));
    EXPECT_EQ(fired, 10u);
    for (int i = 0; i < 99; ++i) list.turn(kStart + 1s, 10, kNoPrefetch, count);
    EXPECT_EQ(fired, 1'000u);
    // One that is added late is due at once.
    list.add(7, kStart);
    for (int i = 0; i < 100; ++i) list.turn(kStart + 2s, 10, kNoPrefetch, count);
    EXPECT_EQ(fired, 1'001u);
}

TEST(DueList, TurnsBeforeTheStartHaveNoEffect) {
    DueList list(1, 1s);
    uint32_t fired = 0;
    const auto count = [&](uint32_t) { ++fired; };
    for (Instant now = kStart; now < kStart + 1s; now += 10ms) list.turn(now, 64, kNoPrefetch, count);
    const Instant start = kStart + 1s;
    list.start(start);
    list.add(1, start + 100ms);
    list.turn(start + 99ms, 64, kNoPrefetch, count);
    list.turn(start + 99ms, 64, kNoPrefetch, count);
    EXPECT_EQ(fired, 0u);
    for (int i = 0; i < 3; ++i) list.turn(start + 101ms, 64, kNoPrefetch, count);
    EXPECT_EQ(fired, 1u);
}

TEST(DueList, FixedIntervalsDoNotDrift) {
    DueList list(1, 1s);
    list.start(kStart);
    list.add(1, kStart + 123'456us);
    uint32_t n = 0;
    for (Instant now = kStart; now < kStart + 100s; now += 10ms)
        list.turn(now, 64, kNoPrefetch, [&](uint32_t id) {
            ++n;
            list.add(id, list.due(id) + 1s);
        });
    EXPECT_EQ(n, 100u);
    EXPECT_LE(list.due(1) - kStart, 100s + 123'456us + list.step());
}

TEST(IdleQueue, FirstInFirstOutAndRemoval) {
    IdleQueue queue(10);
    EXPECT_TRUE(queue.empty());
    for (const uint32_t id : {3u, 1u, 2u, 9u}) queue.push(id);
    queue.remove(1);
    EXPECT_EQ(queue.size(), 3u);
    EXPECT_EQ(queue.pop(), 3u);
    EXPECT_EQ(queue.pop(), 2u);
    queue.push(1);
    EXPECT_EQ(queue.pop(), 9u);
    EXPECT_EQ(queue.pop(), 1u);
    EXPECT_TRUE(queue.empty());
    queue.push(5);
    queue.remove(5);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace synfin::app
