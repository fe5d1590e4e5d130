#include "synfin/core_time.hh"

#include <gtest/gtest.h>

namespace synfin {
namespace {

constexpr Instant at(Duration since) {
    return Instant::from_ns(1'000'000'000) + since;
}

TEST(LostTime, CountsGapsAboveTheLimitWhileWorkWasDue) {
    LostTime lost(1ms, at(0ms));
    lost.look(at(1ms));
    lost.turn(true);
    EXPECT_EQ(lost.total(), 0ms) << "at the limit";
    lost.look(at(4ms));  // 3 ms, after a turn with work
    lost.turn(false);
    EXPECT_EQ(lost.total(), 3ms);
    lost.look(at(9ms));  // 5 ms with nothing to do before and after
    lost.turn(false);
    EXPECT_EQ(lost.total(), 3ms);
    lost.look(at(11ms));  // 2 ms, and work has come meanwhile
    lost.turn(true);
    EXPECT_EQ(lost.total(), 5ms);
    EXPECT_EQ(lost.longest(), 3ms);
}

TEST(LostTime, WhatTheLoopRestsIsNotLost) {
    LostTime lost(1ms, at(0ms));
    lost.look(at(0ms));
    lost.turn(false);
    lost.rested(at(50ms));
    lost.look(at(50ms));
    lost.turn(true);
    EXPECT_EQ(lost.total(), 0ms);
    lost.look(at(52ms));  // two looks in one turn, as with two engines on a core
    lost.look(at(55ms));
    lost.turn(true);
    EXPECT_EQ(lost.total(), 5ms);
    EXPECT_EQ(lost.longest(), 3ms);
}

TEST(BusyMeter, CountsTurnsWithWorkAndAllButWhatIsSkipped) {
    BusyMeter meter;
    BusyCycles cycles;
    meter.turn(false, cycles);
    EXPECT_EQ(cycles.busy, 0u);
    const uint64_t idle = cycles.all;
    EXPECT_GT(idle, 0u);
    meter.turn(true, cycles);
    EXPECT_EQ(cycles.all - idle, cycles.busy);
    EXPECT_GT(cycles.busy, 0u);
    EXPECT_LT(cycles.share(), 1);
}

}  // namespace
}  // namespace synfin
