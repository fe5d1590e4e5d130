/// @file
/// ECN where conformance row 64 cannot see it: segments that a device cuts, records from an empty pool,
/// undone reductions.

#include "tcp/ecn.hh"
#include "core_world.hh"
#include "tcp/syn_cookie.hh"

namespace synfin::tcp {
namespace {

using wire::kCwr;
using wire::kEce;

TcpConfig with_ecn() {
    TcpConfig config;
    config.ecn = true;
    config.congestion_control = CongestionControl::newreno;
    return config;
}

/// A passive open with ECN, and a flight of ten segments.
void send_flight(CoreWorld& w, bool sack = true) {
    w.open({.flags = kSyn | kEce | kCwr, .sack = sack});
    w.send(100 * kMss);
    w.sent.clear();
    EXPECT_EQ(w.tcb.in_flight(), 10 * kMss);
}

TEST(Ecn, CwrLeavesOnASegmentOfItsOwn) {
    CoreWorld w(with_ecn());
    w.large_text = 15'000;
    w.open({.flags = kSyn | kEce | kCwr, .sack = true});
    w.send(100 * kMss);
    RECV(w, {.len = 10 * kMss, .segment = kMss, .ect = true});
    w.in({.ack = 1 + 6 * kMss, .flags = kAck | kEce});
    RECV(w, {.len = kMss, .flags = kAck | kCwr, .ect = true});
    w.in({.ack = 1 + 10 * kMss, .flags = kAck | kEce});
    RECV(w, {.len = 4 * kMss, .segment = kMss, .ect = true});
    SILENT(w);
}

TEST(Ecn, EceIsOnEverySegmentThatADeviceCuts) {
    CoreWorld w(with_ecn());
    w.large_text = 15'000;
    w.open({.flags = kSyn | kEce | kCwr});
    w.in({.len = 10, .flags = kAck | kCe});
    w.sent.clear();
    w.send(4 * kMss);
    RECV(w, {.len = 3 * kMss, .flags = kAck | kEce, .segment = kMss, .ect = true});
    RECV(w, {.len = kMss, .flags = kAck | kEce, .ect = true});
}

TEST(Ecn, WithoutARecordCwndComesDownOnceUntilAnAckWithoutEce) {
    CoreWorld w(with_ecn());
    w.has_recoveries = false;
    send_flight(w);
    w.in({.ack = 1 + 2 * kMss, .flags = kAck | kEce});
    EXPECT_TRUE(w.fx.ece_received);
    EXPECT_EQ(w.flow.cwnd_bytes, 5 * kMss);
    w.in({.ack = 1 + 4 * kMss, .flags = kAck | kEce});
    w.in({.ack = 1 + 8 * kMss, .flags = kAck | kEce});
    EXPECT_FALSE(w.fx.ece_received);
    EXPECT_EQ(w.flow.cwnd_bytes, 5 * kMss);
    w.in({.ack = 1 + 9 * kMss});
    EXPECT_GT(w.flow.cwnd_bytes, 5 * kMss);
    EXPECT_FALSE(w.flow.has(kEceAnswered));
    w.in({.ack = 1 + 10 * kMss, .flags = kAck | kEce});
    EXPECT_TRUE(w.fx.ece_received);
}

TEST(Ecn, AnEchoWhileALossIsRepairedReducesNoFurther) {
    CoreWorld w(with_ecn());
    send_flight(w);
    w.skip_us(50'000);
    w.in({.ack = 1, .blocks = {{1 + kMss, 1 + 6 * kMss}}});
    w.skip_us(50'000);
    w.in({.ack = 1, .blocks = {{1 + kMss, 1 + 8 * kMss}}});
    ASSERT_TRUE(w.flow.has(kRecovery));
    const uint32_t ssthresh = w.flow.ssthresh_bytes;
    w.in({.ack = 1, .flags = kAck | kEce, .blocks = {{1 + kMss, 1 + 9 * kMss}}});
    EXPECT_FALSE(w.fx.ece_received);
    w.in({.ack = 1 + 10 * kMss, .flags = kAck | kEce});
    EXPECT_FALSE(w.fx.ece_received);
    EXPECT_EQ(w.flow.ssthresh_bytes, ssthresh);
}

TEST(Ecn, ATimeoutEndsTheReductionAndIsOneItself) {
    CoreWorld w(with_ecn());
    send_flight(w);
    w.in({.ack = 1 + kMss, .flags = kAck | kEce});
    ASSERT_TRUE(w.flow.has(kEcnRecovery));
    w.sent.clear();
    for (int i = 0; i < 4 && !w.flow.has(kRtoRecovery); ++i) w.fire();  // a probe comes first
    ASSERT_TRUE(w.flow.has(kRtoRecovery));
    EXPECT_FALSE(w.flow.has(kEcnRecovery));
    EXPECT_TRUE(w.flow.has(kCwrDue));
    EXPECT_EQ(w.flow.cwnd_bytes, kMss);
}

TEST(Ecn, ACookiesTimestampCarriesItIfItIsOn) {
    HalfOpen h;
    h.flags = kEcn | kTimestamps;
    EXPECT_EQ(cookie_timestamp(6400, h) & 32, 32u);
    h.flags = kTimestamps;
    EXPECT_EQ(cookie_timestamp(6400, h) & 32, 0u);
}

}  // namespace
}  // namespace synfin::tcp
