/// @file
/// CUBIC (RFC 9438) with numbers.

#include "tcp/congestion/cubic.hh"

#include <cmath>

#include "core_world.hh"

namespace synfin::tcp {
namespace {

/// A connection in congestion avoidance, whose acknowledgements come once a round trip.
struct Cubic : testing::Test {
    Cubic() {
        static_cast<RecoveryState&>(rec) = RecoveryState{};
        tcb.mss = kMss;
        tcb.set(kSack);
        flow.control = CongestionControl::cubic;
    }
    Conn conn() { return {tcb, &flow, &rec}; }
    /// A loss with cwnd = `segments`.
    void lose(uint32_t segments) {
        flow.cwnd_bytes = segments * kMss;
        flow.ssthresh_bytes = cubic::reduce(conn(), flow.cwnd_bytes);
        flow.cwnd_bytes = flow.ssthresh_bytes;
    }
    void run(uint32_t ms, uint32_t rtt_ms) {
        flow.srtt_us = rtt_ms * 1000;
        for (uint32_t t = 0; t < ms; t += rtt_ms) {
            now.tick += rtt_ms;
            const uint32_t window = flow.cwnd_bytes;
            for (uint32_t acked = 0; acked < window; acked += 2 * kMss) cubic::grow(conn(), 2 * kMss, now);
        }
    }
    double segments() const { return static_cast<double>(flow.cwnd_bytes) / kMss; }

    Tcb tcb;
    Flow flow;
    Recovery rec{};
    Now now;
};

TEST(CubeRoot, IsExact) {
    for (uint64_t n = 0; n < 100'000; ++n) {
        const uint64_t root = cubic::cube_root(n);
        ASSERT_LE(root * root * root, n);
        ASSERT_GT((root + 1) * (root + 1) * (root + 1), n);
    }
    for (const uint64_t root : {2'097'151ull, 1'000'000ull, 136'000ull})
        EXPECT_EQ(cubic::cube_root(root * root * root), root);
}

TEST_F(Cubic, ReducesToSevenTenths) {  // 4.6
    lose(100);
    EXPECT_NEAR(segments(), 70, 0.01);
    lose(2);
    EXPECT_EQ(flow.ssthresh_bytes, 2 * kMss) << "at least two segments";
}

/// Figure 1: with a long round trip the window returns to W_max after K = cbrt(W_max 0.3 / 0.4) seconds,
/// stays near it, and then probes.
TEST_F(Cubic, ReturnsToThePlateauAfterK) {
    lose(1000);
    const double k_s = std::cbrt(1000 * 0.3 / 0.4);
    run(static_cast<uint32_t>(k_s * 500), 100);
    const double half_way = 1000 - 0.4 * std::pow(k_s / 2, 3);
    EXPECT_NEAR(segments(), half_way, 12);
    run(static_cast<uint32_t>(k_s * 500), 100);
    EXPECT_NEAR(segments(), 1000, 10);
    run(static_cast<uint32_t>(k_s * 1000), 100);
    EXPECT_NEAR(segments(), 1000 + 0.4 * std::pow(k_s, 3), 40);
}

/// 4.3: where Reno grows faster, CUBIC grows as Reno would with beta 0.7: by 9/17 of a segment per round trip
/// until it reaches the old window, and by one after that.
TEST_F(Cubic, IsFriendlyToRenoOnShortRoundTrips) {
    lose(20);
    const double start = segments();
    run(50, 5);  // ten round trips
    EXPECT_NEAR(segments(), start + 10 * 9.0 / 17, 1);
    run(250, 5);
    const double reached = segments();
    EXPECT_GT(reached, 20);
    run(50, 5);
    EXPECT_NEAR(segments(), reached + 10, 1.5);
}

TEST_F(Cubic, FastConvergence) {  // 4.7: W_max = cwnd (1 + beta) / 2
    lose(100);
    flow.cwnd_bytes = 90 * kMss;
    lose(90);
    EXPECT_NEAR(rec.cubic.w_max / kMss, 90 * 0.85, 1);
    EXPECT_NEAR(segments(), 63, 0.1);
}

TEST_F(Cubic, AfterATimeoutThePlateauIsWhereAvoidanceBegins) {  // 4.8
    lose(100);
    cubic::on_rto(conn());
    flow.cwnd_bytes = flow.ssthresh_bytes = 50 * kMss;
    now.tick += 100;
    flow.srtt_us = 100'000;
    cubic::grow(conn(), kMss, now);
    EXPECT_EQ(rec.cubic.k_ms, 0u);
    EXPECT_EQ(rec.cubic.w_max, 50 * kMss);
}

/// 4.2: while the application limits the connection, cwnd does not grow and t stands still.
TEST_F(Cubic, TimeStandsStillWhileTheApplicationIsSlow) {
    lose(1000);
    flow.cwnd_bytes = flow.ssthresh_bytes;
    rec.max_flight = 1u << 30;
    const auto grow_for = [&](uint32_t ms) {
        for (uint32_t t = 0; t < ms; t += 100) {
            now.tick += 100;
            for (int i = 0; i < 350; ++i) congestion::grow(conn(), 2 * kMss, now);
        }
    };
    flow.srtt_us = 100'000;
    grow_for(4000);
    const double before = segments();
    rec.max_flight = 10 * kMss;
    grow_for(60'000);
    EXPECT_EQ(segments(), before);
    rec.max_flight = 1u << 30;
    grow_for(100);
    EXPECT_NEAR(segments(), before, 20) << "not a minute of growth at once";
    const double k_s = std::cbrt(1000 * 0.3 / 0.4);
    grow_for(static_cast<uint32_t>(k_s * 1000) - 4100);
    EXPECT_NEAR(segments(), 1000, 20);
}

/// 4.3: small steps add up also where one of them is less than a byte.
TEST_F(Cubic, TheFriendlyWindowGrowsInFractions) {
    lose(20'000);
    flow.srtt_us = 100'000;
    const uint32_t start = flow.cwnd_bytes;
    cubic::grow(conn(), kMss, now);
    for (uint32_t acked = 0; acked < start; acked += kMss) cubic::grow(conn(), kMss, now);
    EXPECT_NEAR(rec.cubic.w_est - start, kMss * 9 / 17, 30) << "one round trip";
}

TEST_F(Cubic, HoldsNumbersAtTheirLimits) {
    flow.cwnd_bytes = flow.ssthresh_bytes = 1u << 30;
    cubic::grow(conn(), 1u << 30, now);
    now.tick += 2'000'000'000;
    cubic::grow(conn(), 1u << 30, now);
    EXPECT_EQ(flow.cwnd_bytes, 1u << 30);
    flow.cwnd_bytes = 1;
    flow.ssthresh_bytes = 1;
    rec.cubic = {};
    cubic::grow(conn(), 1, now);
    EXPECT_GE(flow.cwnd_bytes, 1u);
}

}  // namespace
}  // namespace synfin::tcp
