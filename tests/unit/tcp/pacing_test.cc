/// @file
/// Pacing: bursts and the times between them.

#include "tcp/congestion/pacing.hh"

#include "core_world.hh"

namespace synfin::tcp {
namespace {

/// An open connection with a round trip of 100 ms and a cwnd of 100 segments.
struct PacedWorld : CoreWorld {
    explicit PacedWorld(Pacing pacing = Pacing::on) {
        params.pacing = pacing;
        offer = 60'000;
        open({.wscale = 10, .sack = true});
        send(2 * kMss);  // for the record
        in({});
        flow.srtt_us = 100'000;
        flow.cwnd_bytes = 100 * kMss;
        rec.pace_left = 0;
        rec.pace_at_us = ctx().now.us;
        sent.clear();
    }
    /// Segments that leave now.
    uint32_t leave() {
        if (rec.pace_waits) rec.pace_waits = false;
        perform([](Effects&) {});
        const auto n = static_cast<uint32_t>(sent.size());
        sent.clear();
        return n;
    }
    uint32_t take() {
        const auto n = static_cast<uint32_t>(sent.size());
        sent.clear();
        return n;
    }
};

TEST(Pacing, SlowStartSendsTwoWindowsPerRoundTrip) {
    PacedWorld w;
    w.send(300 * kMss);
    EXPECT_EQ(w.take(), 2u);
    EXPECT_TRUE(w.rec.pace_waits);
    EXPECT_EQ(w.rec.pace_at_us - w.ctx().now.us, 1'000u) << "200 segments in 100 ms";
    w.skip_us(999);
    EXPECT_EQ(w.leave(), 0u);
    w.skip_us(1);
    EXPECT_EQ(w.leave(), 2u);
    for (int i = 0; i < 24; ++i) {
        w.skip_us(1'000);
        EXPECT_EQ(w.leave(), 2u) << i;
    }
}

TEST(Pacing, AfterSlowStartItIs12Windows) {
    PacedWorld w;
    w.flow.ssthresh_bytes = 150 * kMss;  // cwnd is more than half of it
    w.send(300 * kMss);
    w.take();
    EXPECT_EQ(w.rec.pace_at_us - w.ctx().now.us, 1'666u);
    EXPECT_EQ(pacing::rate(w.conn()), 100u * kMss * 12);
}

TEST(Pacing, ALateTurnMakesUpForIt) {
    PacedWorld w;
    w.send(300 * kMss);
    w.take();
    w.skip_us(1'400);
    EXPECT_EQ(w.leave(), 2u);
    w.skip_us(599);
    EXPECT_EQ(w.leave(), 0u);
    w.skip_us(1);
    EXPECT_EQ(w.leave(), 2u);
    w.skip_us(50'000);
    EXPECT_EQ(w.leave(), 2u) << "no burst for what was never sent";
    EXPECT_EQ(w.rec.pace_at_us - w.ctx().now.us, 1'000u);
}

TEST(Pacing, AFastPathHasLongerBursts) {
    PacedWorld w;
    w.flow.srtt_us = 2'000;
    w.send(90 * kMss);
    EXPECT_EQ(w.take(), 10u) << "146 MB/s: 14.6 KB in 100 us";
    EXPECT_EQ(w.rec.pace_at_us - w.ctx().now.us, 100u);
}

TEST(Pacing, ALargePacketIsOneBurst) {
    PacedWorld w;
    w.large_text = 15 * kMss;
    w.flow.srtt_us = 2'000;
    w.flow.cwnd_bytes = 1'000 * kMss;
    w.send(900 * kMss);
    EXPECT_EQ(w.take(), 1u);
    w.skip_us(100);
    w.perform([](Effects&) {});
    ASSERT_EQ(w.sent.size(), 1u);
    EXPECT_EQ(w.sent.front().len, 15 * kMss);
}

TEST(Pacing, AutoIsForWindowsBeyondTheFirstAndForLongerRoundTrips) {
    for (const auto& [cwnd, srtt_us, pacing, is_on] :
         {std::tuple{100u, 100'000u, Pacing::automatic, true},
          std::tuple{10u, 100'000u, Pacing::automatic, false},
          std::tuple{100u, 999u, Pacing::automatic, false}, std::tuple{10u, 999u, Pacing::on, true},
          std::tuple{100u, 0u, Pacing::on, false}, std::tuple{100u, 100'000u, Pacing::off, false}}) {
        PacedWorld w(pacing);
        w.flow.srtt_us = srtt_us;
        w.flow.cwnd_bytes = cwnd * kMss;
        w.send(50 * kMss);
        EXPECT_EQ(w.rec.paces, is_on) << cwnd << " " << srtt_us << " " << name(pacing);
        EXPECT_EQ(w.take() < std::min(cwnd, 50u), is_on);
    }
}

TEST(Pacing, ATimeFromBeforeTheClockWrappedHoldsNothingBack) {
    PacedWorld w;
    w.send(300 * kMss);
    w.take();
    w.rec.pace_at_us = w.ctx().now.us + 2'000'000;
    EXPECT_EQ(w.leave(), 2u);
}

}  // namespace
}  // namespace synfin::tcp
