/// @file
/// HyStart++ (RFC 9406).

#include "tcp/congestion/hystart.hh"

#include "core_world.hh"

namespace synfin::tcp {
namespace {

struct Hystart : testing::Test {
    /// A round trip with ten samples; returns by how much cwnd grows for 1000 bytes at its end.
    uint32_t round(uint32_t rtt_us) {
        uint32_t grown = 0;
        for (int i = 0; i < 10; ++i) {
            hystart::take_rtt(state, rtt_us);
            at += 100;
            grown = hystart::growth(state, at, at + 1000u, 1000);
        }
        return grown;
    }
    HystartState state;
    Seq at{0xffff'ff00};
};

TEST_F(Hystart, SlowStartGoesOnWhileTheRoundTripIsSteady) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(round(50'000 + 100 * static_cast<uint32_t>(i)), 1000u);
    EXPECT_FALSE(hystart::has_ended(state));
}

TEST_F(Hystart, ALongerRoundTripSlowsItAndFiveRoundsEndIt) {
    round(50'000);
    round(50'000);
    round(58'000);  // more than an eighth, 6.25 ms
    EXPECT_TRUE(state.in_css);
    int rounds = 0;
    while (!hystart::has_ended(state) && rounds < 10) {
        EXPECT_EQ(round(58'000), 250u);
        ++rounds;
    }
    EXPECT_NEAR(rounds, 5, 1);
}

TEST_F(Hystart, AFalseAlarmIsTakenBack) {
    round(50'000);
    round(50'000);
    round(58'000);
    ASSERT_TRUE(state.in_css);
    round(50'000);
    EXPECT_EQ(round(50'000), 1000u);
    EXPECT_FALSE(state.in_css);
}

TEST_F(Hystart, ASampleSmallerByLessThanTheScoreboardsErrorIsNoFalseAlarm) {
    round(50'000);
    round(50'000);
    round(58'000);
    ASSERT_TRUE(state.in_css);
    EXPECT_EQ(round(55'000), 250u);
    EXPECT_TRUE(state.in_css);
}

TEST_F(Hystart, TheThresholdHasLimits) {  // 4 ms to 16 ms
    round(1'000);
    round(1'000);
    round(4'900);
    EXPECT_FALSE(state.in_css) << "less than 4 ms more";
    round(1'000);
    round(5'100);
    EXPECT_TRUE(state.in_css);
    state = {};
    round(400'000);
    round(400'000);
    round(417'000);
    EXPECT_TRUE(state.in_css) << "more than 16 ms more";
}

TEST_F(Hystart, FewSamplesDecideNothing) {
    round(50'000);
    round(50'000);
    for (int i = 0; i < 7; ++i) {
        hystart::take_rtt(state, 90'000);
        EXPECT_EQ(hystart::growth(state, at, at + 1000u, 1000), 1000u);
    }
    EXPECT_FALSE(state.in_css);
}

}  // namespace
}  // namespace synfin::tcp
