#include "traffic/schedule.hh"

#include <gtest/gtest.h>

namespace synfin::app {
namespace {

constexpr Instant kStart = Instant::from_ns(1'000'000'000);

TEST(Schedule, EachConnectionHasItsOwnTime) {
    const Schedule schedule(kStart, 1'000'000, 0s);
    EXPECT_EQ(schedule.due(0), kStart);
    for (uint64_t k = 1; k < 100'000; ++k)
        ASSERT_NEAR(static_cast<double>((schedule.due(k) - schedule.due(k - 1)).count()), 1'000, 1) << k;
    EXPECT_NEAR(static_cast<double>((schedule.due(3'600'000'000ull) - kStart).count()), 3.6e12, 2'000);
}

TEST(Schedule, RampIsLinearAndMeetsTheRate) {
    const Schedule schedule(kStart, 1'000, 10s);
    // R T / 2 = 5000 connections in the ramp, a quarter of them in its first half.
    EXPECT_EQ(schedule.due(0), kStart);
    EXPECT_NEAR(static_cast<double>((schedule.due(1'250) - kStart).count()), 5e9, 1e6);
    EXPECT_NEAR(static_cast<double>((schedule.due(5'000) - kStart).count()), 10e9, 1e6);
    EXPECT_NEAR(static_cast<double>((schedule.due(6'000) - kStart).count()), 11e9, 1e6);
    for (uint64_t k = 1; k < 7'000; ++k) ASSERT_GE(schedule.due(k), schedule.due(k - 1)) << k;
}

TEST(Schedule, DueWithinATimeIsRateTimesTime) {
    const auto due = [](double rate, Duration time, Duration ramp = 0s) {
        return Schedule(kStart, rate, ramp).due_within(time);
    };
    EXPECT_EQ(due(1'000, 10s), 10'000u);
    EXPECT_EQ(due(10'000, 300ms), 3'000u) << "not 3,001: 0.3 is no binary number";
    EXPECT_EQ(due(1'000'000, 3600s), 3'600'000'000u);
    for (uint64_t ms = 1; ms <= 3'000; ++ms) ASSERT_EQ(due(7'000, Duration(ms * 1'000'000)), 7 * ms) << ms;
    EXPECT_EQ(due(3, 500ms), 2u) << "at 0 and 333 ms";
    EXPECT_EQ(due(1, 500ms), 1u);
    EXPECT_EQ(due(1'000, 10s, 10s), 5'000u);
    EXPECT_EQ(due(1'000, 5s, 10s), 1'250u);
    EXPECT_EQ(due(1'000, 20s, 10s), 15'000u);
}

}  // namespace
}  // namespace synfin::app
