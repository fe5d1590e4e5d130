/// @file
/// Tail loss probes (RFC 8985 7).

#include "tcp/loss/tail_loss_probe.hh"
#include "loss_world.hh"

namespace synfin::tcp {
namespace {

constexpr uint32_t kRtt = 100;

struct TailLossProbe : testing::Test {
    TailLossProbe() { w.establish(kRtt); }
    LossWorld w;
};

TEST_F(TailLossProbe, IsDueAfterTwoRoundTrips) {
    w.flight(4);
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::tail_loss_probe);
    EXPECT_NEAR(w.in_ms(), 2 * kRtt, 2);
    w.advance(kRtt);
    w.ack(2);
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::tail_loss_probe);
    EXPECT_NEAR(w.in_ms(), 2 * kRtt, 2) << "again from the ACK on";
}

/// The last two of four are lost. The probe is the last segment; its SACK shows that the one before is lost.
TEST_F(TailLossProbe, RepairsATailWithoutATimeout) {
    w.flight(4);
    w.advance(kRtt);
    w.ack(2);
    w.fire();
    EXPECT_TRUE(w.fx.tail_loss_probe);
    AGAIN(w, 3);
    SILENT(w);
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::rto) << "one probe";
    w.advance(kRtt);
    w.ack(2, {{3, 4}});
    AGAIN(w, 2);
    EXPECT_TRUE(w.flow.has(kRecovery));
    w.advance(kRtt);
    w.ack(4);
    EXPECT_EQ(w.flow.backoff, 0);
    EXPECT_EQ(w.tcb.in_flight(), 0u);
}

/// The whole first flight but the probe is lost: no ACK has given an RTT yet, except that of the handshake.
TEST_F(TailLossProbe, RepairsAFirstFlightWithoutATimeout) {
    w.flight(4);
    w.fire();
    ASSERT_TRUE(w.fx.tail_loss_probe);
    AGAIN(w, 3);
    w.advance(kRtt);
    w.ack(0, {{3, 4}});
    AGAIN(w, 0);
    w.ack(0, {{3, 4}});
    w.advance(kRtt);
    w.ack(1, {{3, 4}});
    AGAIN(w, 1);
    AGAIN(w, 2);
    w.advance(kRtt);
    w.ack(4);
    EXPECT_EQ(w.flow.backoff, 0);
}

/// With timestamps, two of four segments are acknowledged, and the timer fires. Returns the tick in which
/// they were sent.
uint32_t probe_after_two(LossWorld& w) {
    w.establish(kRtt, {.ts = 1, .sack = true});
    const uint32_t sent_at = w.tick();
    w.flight(4);
    w.advance(kRtt);
    w.ack(2, {}, sent_at);
    w.fire();
    return sent_at;
}

/// The ACK that reports the probe echoes the timestamp of a segment before the hole (RFC 7323 4.3).
TEST(TailLossProbeTs, RepairsATailWithTimestamps) {
    LossWorld w;
    const uint32_t sent_at = probe_after_two(w);
    ASSERT_TRUE(w.fx.tail_loss_probe);
    AGAIN(w, 3);
    w.advance(kRtt);
    w.ack(2, {{3, 4}}, sent_at);
    AGAIN(w, 2);
    w.advance(kRtt);
    w.ack(4, {}, w.tick() - kRtt);
    EXPECT_EQ(w.flow.backoff, 0);
    EXPECT_EQ(w.tcb.in_flight(), 0u);
}

/// The ACK of an original that comes right after the probe of it says nothing about the probe.
TEST(TailLossProbeTs, AnOriginalDoesNotCountAsTheProbe) {
    LossWorld w;
    const uint32_t sent_at = probe_after_two(w);
    AGAIN(w, 3);
    w.advance(3);
    w.ack(2, {{3, 4}}, sent_at);  // much earlier than a round trip
    EXPECT_FALSE(w.flow.has(kRecovery));
}

TEST_F(TailLossProbe, PrefersNewText) {
    w.flight(20);  // ten are out
    w.fire();
    EXPECT_TRUE(w.fx.tail_loss_probe);
    NEW(w, 10);
    SILENT(w);
    w.advance(50);
    w.ack(0, {{10, 11}});
    EXPECT_TRUE(w.flow.has(kRecovery)) << "sent long before the probe, and not delivered";
    AGAIN(w, 0);
}

/// 7.4.2: the probe has repaired the loss. The ACK beyond it shows that only one copy arrived.
TEST_F(TailLossProbe, ARepairedLossReducesCwnd) {
    w.flight(4);
    w.advance(kRtt);
    w.ack(3);
    // One segment is in flight: the probe waits for a delayed ACK, too, but never longer than the RTO.
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::tail_loss_probe);
    EXPECT_EQ(w.in_ms(), rto_ticks(w.tcb, &w.flow, w.params));
    w.flight(1);  // number 4 is lost, and the probe repairs it
    w.ack(4);
    w.flight(1);
    w.ack(4);
    ASSERT_EQ(w.tcb.in_flight(), 2 * kMss);
    while (!w.fx.tail_loss_probe && w.flow.backoff == 0) w.fire();
    ASSERT_TRUE(w.fx.tail_loss_probe);
    AGAIN(w, 5);
    const uint32_t cwnd = w.flow.cwnd_bytes;
    w.ack(6);
    EXPECT_EQ(w.flow.cwnd_bytes, cwnd) << "not known yet";
    w.flight(1);
    w.ack(7);
    EXPECT_LT(w.flow.cwnd_bytes, cwnd);
}

TEST_F(TailLossProbe, ADuplicateShowsThatNothingWasLost) {
    w.flight(4);
    w.fire();
    AGAIN(w, 3);
    w.ack(4);
    const uint32_t cwnd = w.flow.cwnd_bytes;
    w.flight(2);
    w.in({.ack = w.at(4), .blocks = {{w.at(3), w.at(4)}}});
    w.ack(6);
    EXPECT_GE(w.flow.cwnd_bytes, cwnd);
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

/// 7.4.2, case 3: a peer without D-SACK repeats its ACK when the second copy arrives.
TEST_F(TailLossProbe, ARepeatedAckShowsThatNothingWasLost) {
    w.flight(4);
    w.fire();
    AGAIN(w, 3);
    w.ack(4);
    w.flight(2);
    w.ack(4);
    w.ack(6);
    w.flight(1);
    w.ack(7);
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

TEST_F(TailLossProbe, NotWithoutSack) {
    LossWorld plain;
    plain.establish(kRtt, {});
    plain.flight(4);
    EXPECT_EQ(plain.tcb.deadline_kind, DeadlineKind::rto);
}

TEST_F(TailLossProbe, NotWhileSomethingIsReported) {
    w.flight(10);
    w.advance(kRtt);
    w.ack(0, {{1, 2}});
    EXPECT_NE(w.tcb.deadline_kind, DeadlineKind::tail_loss_probe);
}

/// 7.4.2: a probe with new text that is acknowledged was needed by nobody and repaired nothing.
TEST_F(TailLossProbe, NewTextThatArrivesIsNoLoss) {
    w.flight(20);
    w.fire();
    NEW(w, 10);
    w.advance(50);
    w.ack(11);
    w.sent.clear();
    w.ack(12);
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

/// RFC 8985 7.2: not while anything is reported, and not during a recovery.
TEST_F(TailLossProbe, OnlyWhileNothingIsAmiss) {
    w.flight(10);
    EXPECT_TRUE(tail_loss_probe::may_schedule(w.conn()));
    w.advance(kRtt);
    w.ack(0, {{1, 2}});
    EXPECT_FALSE(tail_loss_probe::may_schedule(w.conn()));
    w.ack(0, {{1, 4}});
    w.ack(4);
    ASSERT_TRUE(w.flow.has(kRecovery));
    ASSERT_EQ(w.rec.sacked + w.rec.lost, 0u);
    EXPECT_FALSE(tail_loss_probe::may_schedule(w.conn()));
}

TEST_F(TailLossProbe, FinIsTheLastSegment) {
    w.send(3 * kMss);
    w.shutdown();
    w.sent.clear();
    w.fire();
    ASSERT_TRUE(w.fx.tail_loss_probe);
    const auto out = w.next();
    ASSERT_TRUE(out);
    EXPECT_EQ(out->flags & kFin, kFin);
    EXPECT_EQ(*out->seq + *out->len + 1, w.nxt());
    SILENT(w);
}

/// A small segment is in flight, and the window has too little room for the text behind it. The peer would
/// acknowledge text that SND.NXT does not cover, and such ACKs are refused.
TEST(TailLossProbeWindow, EndsAtSndNxt) {
    LossWorld w;
    w.establish(100);
    w.in({.wnd = 2 * kMss + 500});
    w.need_recovery();
    w.send(kMss + 1000);
    w.send(10 * kMss);
    ASSERT_EQ(w.tcb.in_flight(), kMss + 1000);
    w.in({.ack = 1 + kMss, .wnd = 1500});
    ASSERT_EQ(w.tcb.in_flight(), 1000u);
    w.sent.clear();
    while (!w.fx.tail_loss_probe && w.flow.backoff == 0) w.fire();
    EXPECT_TRUE(w.fx.tail_loss_probe);
    RECV(w, {.seq = 1 + kMss, .len = 1000, .retransmission = true});
    EXPECT_EQ(w.tcb.in_flight(), 1000u);
}

}  // namespace
}  // namespace synfin::tcp
