/// @file
/// The receive window follows what the application reads in a round trip.

#include "tcp/receive_tuning.hh"

#include "core_world.hh"

namespace synfin::tcp {
namespace {

constexpr uint32_t kStart = 256 * 1024;
constexpr uint32_t kMost = 32u << 20;

/// A connection to which the peer sends, with a round trip of kRttMs.
struct Receiver {
    static constexpr uint32_t kRttMs = 100;

    explicit Receiver(bool timestamps = false) {
        TcpConfig config;
        config.timestamps = timestamps;
        w.emplace(config);
        In syn{.wscale = 7};
        if (timestamps) syn.ts = 1;
        w->listen_syn(syn);
        w->advance(kRttMs);
        w->in({});
        tuning = start_receive_tuning(w->tcb, kStart, 0, w->ctx());
    }
    /// A round trip in which `bytes` arrive evenly; at its end the application has read all but `unread`.
    void round(uint32_t bytes, uint32_t unread = 0, uint32_t ms = kRttMs) {
        constexpr uint32_t kSteps = 50;
        for (uint32_t i = 0; i < kSteps; ++i) {
            w->skip_us(ms * 1000 / kSteps);
            w->tcb.rcv.nxt += bytes / kSteps;
            Segment seg;
            seg.len = bytes / kSteps;
            if (w->tcb.has(kTimestamps)) {
                seg.has_ts = true;
                seg.ts_ecr = w->tick() + kTsOffsets.of(kTuple) - ms;
            }
            on_text_received(tuning, w->tcb, seg, unread, most, w->ctx());
        }
    }

    std::optional<CoreWorld> w;
    ReceiveTuning tuning;
    uint32_t most = kMost;
};

TEST(ReceiveTuning, AWindowThatSufficesStays) {
    Receiver r;
    for (int i = 0; i < 20; ++i) r.round(100'000);
    EXPECT_EQ(r.tuning.limit, kStart);
}

TEST(ReceiveTuning, ThePeerCanDoubleItsRateInEachRoundTrip) {
    Receiver r;
    uint32_t bytes = 150'000;
    for (; bytes < kMost / 2; bytes *= 2) {
        r.round(bytes);
        EXPECT_GE(r.tuning.limit, 2 * bytes) << bytes;
    }
    EXPECT_LE(r.tuning.limit, kMost);
}

TEST(ReceiveTuning, ASteadyRateGetsAboutTwiceItsBytes) {
    Receiver r;
    for (uint32_t bytes = 150'000; bytes < 1'000'000; bytes += 10'000) r.round(bytes);
    const uint32_t settled = r.tuning.limit;
    EXPECT_GE(settled, 2'000'000u);
    EXPECT_LE(settled, 4'000'000u);
    for (int i = 0; i < 20; ++i) r.round(900'000);
    EXPECT_EQ(r.tuning.limit, settled) << "it neither grows nor falls";
}

TEST(ReceiveTuning, TextThatIsNotReadDoesNotOpenTheWindow) {
    Receiver r;
    for (uint32_t unread = 0; unread < 2'000'000; unread += 200'000) r.round(200'000, unread + 200'000);
    EXPECT_EQ(r.tuning.limit, kStart);
    r.round(200'000, 2'000'000);
    r.round(200'000, 0);  // the application reads it all at once
    EXPECT_GT(r.tuning.limit, kStart);
}

TEST(ReceiveTuning, WithoutMemoryTheWindowStays) {
    Receiver r;
    r.most = 0;
    for (int i = 0; i < 5; ++i) r.round(1'000'000);
    EXPECT_EQ(r.tuning.limit, kStart);
    r.most = 400'000;
    r.round(1'000'000);
    r.round(1'000'000);
    EXPECT_EQ(r.tuning.limit, 400'000u);
    r.most = kMost;
    r.round(1'100'000);
    r.round(1'100'000);
    EXPECT_GT(r.tuning.limit, 1'000'000u) << "it grows when there is memory again";
}

TEST(ReceiveTuning, TimestampsMeasureTheRoundTrip) {
    Receiver r(true);
    for (int i = 0; i < 40; ++i) r.round(50'000, 0, 20);
    EXPECT_NEAR(r.tuning.rtt_us, 20'000, 3'000) << "the handshake took 100 ms, the path takes 20 ms now";
    for (int i = 0; i < 40; ++i) r.round(500'000, 0, 300);
    EXPECT_NEAR(r.tuning.rtt_us, 300'000, 30'000);
}

TEST(ReceiveTuning, AForgedEchoIsNoSample) {
    Receiver r(true);
    r.round(50'000);
    const uint32_t before = r.tuning.rtt_us;
    Segment seg;
    seg.len = 1000, seg.has_ts = true;
    for (const uint32_t age : {11'000u, 0x8000'0000u, 0xffff'ffffu}) {
        seg.ts_ecr = r.w->tick() + kTsOffsets.of(kTuple) - age;
        on_text_received(r.tuning, r.w->tcb, seg, 0, kMost, r.w->ctx());
    }
    EXPECT_EQ(r.tuning.rtt_us, before);
}

TEST(ReceiveTuning, WithoutAnySampleTheRoundTripIsAssumed) {
    CoreWorld w;
    EXPECT_GT(start_receive_tuning(w.tcb, kStart, 0, w.ctx()).rtt_us, 0u);
}

}  // namespace
}  // namespace synfin::tcp
