/// @file
/// Loss detection by RACK and the repair that follows, segment by segment (RFC 8985 6, RFC 6675 5).

#include "tcp/loss/rack.hh"
#include "loss_world.hh"

namespace synfin::tcp {
namespace {

constexpr uint32_t kRtt = 100;

/// Ten segments are in flight for a round trip.
struct Rack : testing::Test {
    Rack() {
        w.establish(kRtt);
        w.flight(10);
        w.advance(kRtt);
    }
    LossWorld w;
};

/// The clock of microseconds wraps every 71 minutes. A new record knows no time yet, and 0 is as good as any.
TEST(RackClock, MayBeAnywhereInItsRange) {
    for (const uint32_t tick : {1u, 2'000'000u, 2'147'483u, 3'000'000u, 4'294'967u, 4'294'960u}) {
        SCOPED_TRACE(tick);
        LossWorld w;
        w.move_to(w.tick() + (tick - w.tick() % 4'294'967u));
        w.establish(kRtt);
        w.flight(10);
        w.advance(kRtt);
        w.ack(0, {{1, 2}});
        w.ack(0, {{1, 4}});
        AGAIN(w, 0);
        w.ack(0, {{1, 5}});
        SILENT(w);
        w.ack(10);
        EXPECT_EQ(w.tcb.in_flight(), 0u);
    }
}

TEST_F(Rack, OneHole) {
    w.ack(0, {{1, 2}});
    w.ack(0, {{1, 3}});
    SILENT(w);
    w.ack(0, {{1, 4}});
    EXPECT_TRUE(w.fx.retransmit);
    AGAIN(w, 0);
    SILENT(w);
    EXPECT_TRUE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.ssthresh_bytes, 7 * kMss) << "beta of CUBIC";
    w.ack(10);
    SILENT(w);
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.cwnd_bytes, 7 * kMss);
    EXPECT_EQ(w.rec.lost, 0u);
}

TEST_F(Rack, OneAckThatReportsThreeSegments) {
    w.ack(0, {{1, 4}});
    AGAIN(w, 0);
    SILENT(w);
}

TEST_F(Rack, TwoHolesInOneRoundTrip) {  // 0 and 1
    w.ack(0, {{2, 3}});
    w.ack(0, {{2, 4}});
    w.ack(0, {{2, 5}});
    AGAIN(w, 0);
    w.ack(0, {{2, 6}});
    AGAIN(w, 1);
    SILENT(w);
    w.ack(0, {{2, 10}});
    SILENT(w);
    w.advance(kRtt);
    w.ack(1, {{2, 10}});
    SILENT(w);
    w.ack(10);
    SILENT(w);
    EXPECT_FALSE(w.flow.has(kRecovery));
}

TEST_F(Rack, EverySecondSegmentLost) {
    w.ack(0, {{1, 2}});
    w.ack(0, {{3, 4}, {1, 2}});
    SILENT(w);
    w.ack(0, {{5, 6}, {3, 4}, {1, 2}});  // 0, 2 and 4 are lost
    AGAIN(w, 0);
    w.ack(0, {{7, 8}, {5, 6}, {3, 4}});
    w.ack(0, {{9, 10}, {7, 8}, {5, 6}});
    for (const uint32_t n : {2u, 4u}) AGAIN(w, n);
    w.advance(kRtt);
    w.ack(2, {{9, 10}, {7, 8}, {5, 6}});
    w.ack(4, {{9, 10}, {7, 8}, {5, 6}});
    w.ack(6, {{9, 10}, {7, 8}});
    for (const uint32_t n : {6u, 8u}) AGAIN(w, n);
    SILENT(w);
    w.advance(kRtt);
    w.ack(8, {{9, 10}});
    w.ack(10);
    SILENT(w);
    EXPECT_EQ(w.rec.sacked, 0u);
    EXPECT_FALSE(w.flow.has(kRecovery));
}

TEST_F(Rack, LimitedTransmitFollowsPipe) {  // RFC 3042, RFC 6675 2
    w.send(10 * kMss);
    SILENT(w);
    w.ack(0, {{1, 2}});
    NEW(w, 10);
    w.ack(0, {{1, 3}});
    NEW(w, 11);
    SILENT(w);
    w.ack(0, {{1, 4}});
    AGAIN(w, 0);
    SILENT(w);
    EXPECT_EQ(w.flow.ssthresh_bytes, 7 * kMss) << "what left beyond cwnd does not count";
}

/// RFC 8985 6.2 step 3: an original that arrives late shows reordering. From then on a hole waits for the
/// reordering window, a quarter of the round trip.
TEST_F(Rack, ReorderingIsSeenAndThenTolerated) {
    w.ack(0, {{1, 2}});
    EXPECT_FALSE(w.rec.reordering_seen);
    w.ack(2);
    EXPECT_TRUE(w.rec.reordering_seen);
    w.ack(2, {{3, 6}});
    SILENT(w);
    ASSERT_EQ(w.tcb.deadline_kind, DeadlineKind::reorder);
    EXPECT_NEAR(w.in_ms(), kRtt / 4, 1);
    w.advance(10);
    w.ack(6);  // it was only late
    SILENT(w);
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_NE(w.tcb.deadline_kind, DeadlineKind::reorder);
    w.advance(kRtt);
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

TEST_F(Rack, ThreeSegmentsLateByLessThanTheWindow) {
    w.ack(0, {{1, 2}});
    w.ack(2);
    w.ack(2, {{5, 6}});
    w.ack(2, {{5, 10}});
    SILENT(w);
    w.advance(20);
    w.ack(3, {{5, 10}});
    w.ack(4, {{5, 10}});
    w.ack(10);
    SILENT(w);
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

TEST_F(Rack, AfterTheWindowAHoleIsLost) {
    w.ack(0, {{1, 2}});
    w.ack(2);
    w.ack(2, {{3, 10}});
    SILENT(w);
    EXPECT_NEAR(w.fire(), kRtt / 4, 1);
    EXPECT_TRUE(w.fx.retransmit);
    AGAIN(w, 2);
    SILENT(w);
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::rto);
}

/// Without reordering seen before, fewer than three segments wait for the window, too.
TEST_F(Rack, FewSegmentsWaitForTheWindow) {
    w.ack(8);
    w.ack(8, {{9, 10}});
    SILENT(w);
    ASSERT_EQ(w.tcb.deadline_kind, DeadlineKind::reorder);
    EXPECT_NEAR(w.fire(), kRtt / 4, 1);
    AGAIN(w, 8);
}

/// RFC 8985 6.2 step 4: where reordering has been seen, D-SACK widens the window, once in a round trip.
TEST_F(Rack, DuplicatesWidenTheWindow) {
    w.ack(0, {{1, 2}});
    w.ack(2);
    ASSERT_TRUE(w.rec.reordering_seen);
    w.ack(2, {{3, 4}});
    w.fire();
    AGAIN(w, 2);
    w.in({.ack = w.at(8), .blocks = {{w.at(2), w.at(3)}}});
    EXPECT_EQ(w.rec.reo_wnd_mult, 2);
    w.in({.ack = w.at(9), .blocks = {{w.at(2), w.at(3)}}});
    EXPECT_EQ(w.rec.reo_wnd_mult, 2) << "the same round trip";
    w.ack(10);
    w.flight(5);
    w.advance(kRtt);
    w.ack(13, {{14, 15}});
    EXPECT_NEAR(w.in_ms(), kRtt / 2, 1);
}

TEST_F(Rack, DuplicatesAloneShowNoReordering) {
    w.ack(0, {{1, 4}});
    AGAIN(w, 0);
    w.in({.ack = w.at(10), .blocks = {{w.at(0), w.at(1)}}});
    EXPECT_FALSE(w.rec.reordering_seen);
    EXPECT_EQ(w.rec.reo_wnd_mult, 1);
}

/// A tail loss probe was sent by its timer: its duplicate says nothing about the reordering window.
TEST_F(Rack, TheDuplicateOfAProbeDoesNotWidenTheWindow) {
    w.ack(0, {{1, 2}});
    w.ack(2);
    w.sent.clear();
    while (!w.fx.tail_loss_probe) w.fire();
    w.sent.clear();
    w.in({.ack = w.at(10), .blocks = {{w.at(9), w.at(10)}}});
    EXPECT_EQ(w.rec.reo_wnd_mult, 1);
}

/// RFC 8985 6.2 step 4: 16 recoveries without D-SACK narrow the window again.
TEST_F(Rack, TheWindowNarrowsAfterSixteenRecoveries) {
    w.rec.reo_wnd_mult = 5;
    w.rec.reo_wnd_persist = 16;
    uint32_t una = 10;
    w.ack(10);
    for (int i = 1; i <= 16; ++i) {
        EXPECT_EQ(w.rec.reo_wnd_mult, 5) << i;
        w.flow.cwnd_bytes = 20 * kMss;
        w.flight(8);
        w.advance(kRtt);
        w.ack(una, {{una + 1, una + 5}});
        AGAIN(w, una);
        w.sent.clear();
        w.advance(kRtt);
        una += 8;
        w.ack(una);
        ASSERT_FALSE(w.flow.has(kRecovery));
    }
    EXPECT_EQ(w.rec.reo_wnd_mult, 1);
}

/// RFC 8985 6.2 step 1: RACK.min_RTT is of a window of time: a path that became longer is believed at last.
TEST_F(Rack, TheLeastRoundTripExpires) {
    w.ack(10);
    EXPECT_NEAR(w.rec.min_rtt_us, kRtt * 1000, 1000);
    uint32_t una = 10;
    const uint32_t start = w.tick();
    while (w.tick() - start < 400'000) {
        w.flight(2);
        w.advance(3 * kRtt);
        una += 2;
        w.ack(una);
        w.sent.clear();
        if (w.tick() - start < 150'000) {
            EXPECT_NEAR(w.rec.min_rtt_us, kRtt * 1000, 1000);
        }
    }
    EXPECT_NEAR(w.rec.min_rtt_us, 3 * kRtt * 1000, 1000);
}

/// RFC 8985 6.2 step 4: the window is at most SRTT.
TEST_F(Rack, TheWindowIsAtMostARoundTrip) {
    w.ack(0, {{1, 2}});
    w.ack(2);
    w.rec.reo_wnd_mult = 3;
    EXPECT_NEAR(rack::reordering_window(w.conn()), kRtt * 3000 / 4, 1000);
    w.rec.reo_wnd_mult = 20;
    EXPECT_EQ(rack::reordering_window(w.conn()), w.flow.srtt_us);
}

/// RFC 8985 6.2 step 4: in recovery nothing waits, unless reordering has been seen.
TEST_F(Rack, InRecoveryTheFirstReportSuffices) {
    w.ack(10);
    w.flow.cwnd_bytes = 30 * kMss;
    w.flight(20);
    w.advance(kRtt);
    w.ack(10, {{11, 12}});
    w.fire();
    AGAIN(w, 10);
    ASSERT_TRUE(w.flow.has(kRecovery));
    w.ack(10, {{13, 14}, {11, 12}});
    EXPECT_EQ(w.rec.lost, kMss) << "12, at once";
}

/// RFC 8985 6.2 step 1: an ACK much sooner than a round trip after a retransmission answers the original. It
/// says nothing about what was sent between the two.
TEST_F(Rack, AnAckTooSoonSaysNothingAboutARetransmission) {
    w.ack(0, {{1, 2}});
    w.ack(2);  // reordering has been seen, and the round trip is known
    w.ack(2, {{3, 4}});
    w.fire();
    AGAIN(w, 2);
    const uint32_t before_us = w.rec.rack_rtt_us;
    w.advance(2);
    w.ack(3, {{3, 4}});
    EXPECT_EQ(w.rec.rack_rtt_us, before_us);
}

/// RFC 8985 6.2 step 5: a retransmission that is lost again is found by what was sent after it.
TEST_F(Rack, ALostRetransmissionIsSentAgainWithoutATimeout) {
    w.send(10 * kMss);
    w.ack(0, {{1, 4}});
    AGAIN(w, 0);
    w.skip_us(10);
    w.ack(0, {{1, 10}});
    std::optional<uint32_t> last;
    while (const auto out = w.next()) {
        EXPECT_FALSE(out->retransmission.value_or(true));
        last = *out->seq;
    }
    ASSERT_TRUE(last) << "new text follows";
    const uint32_t beyond = (*last - 1) / kMss + 1;
    w.advance(kRtt);
    w.ack(0, {{1, beyond}});
    AGAIN(w, 0);
    EXPECT_NE(w.rec.lost + w.tcb.in_flight(), 0u);
    w.advance(kRtt);
    w.ack(beyond);
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.backoff, 0);
}

/// New text and a retransmission that leave in one turn have the same time. If the new text arrives first,
/// the retransmission is not lost.
TEST_F(Rack, NewTextOfTheSameTurnSaysNothingAboutARetransmission) {
    w.send(10 * kMss);
    w.ack(0, {{1, 2}});
    NEW(w, 10);
    w.ack(0, {{1, 4}});
    AGAIN(w, 0);
    w.sent.clear();
    w.advance(kRtt);
    w.ack(0, {{1, 4}, {10, 11}});
    while (const auto out = w.next()) EXPECT_NE(*out->seq, w.at(0));
}

/// RFC 2018 8: the ACK stops at text that had been reported: the peer has dropped it.
TEST_F(Rack, Reneging) {
    w.ack(0, {{1, 10}});
    AGAIN(w, 0);
    w.advance(kRtt);
    w.ack(1);
    EXPECT_TRUE(w.fx.reneged);
    EXPECT_EQ(w.rec.sacked, 0u);
    for (uint32_t n = 1, una = 1; una < 10;) {  // everything is sent again, as cwnd permits
        while (const auto out = w.next()) {
            EXPECT_EQ(*out->seq, w.at(n++));
            EXPECT_TRUE(out->retransmission.value_or(false));
        }
        ASSERT_GT(n, una);
        w.ack(++una);
    }
    EXPECT_EQ(w.tcb.in_flight(), 0u);
}

/// RFC 2018 8: text that SACK reported stays in the queue until it is acknowledged, and a second timeout
/// forgets the reports.
TEST_F(Rack, ASecondTimeoutForgetsTheReports) {
    w.ack(0, {{2, 3}});
    ASSERT_EQ(w.rec.sacked, kMss);
    w.sent.clear();
    while (w.flow.backoff == 0) w.fire();
    EXPECT_EQ(w.rec.sacked, kMss);
    while (w.flow.backoff == 1) w.fire();
    EXPECT_EQ(w.rec.sacked, 0u);
}

/// RFC 8985 6.3: at a timeout what is older than the patience is lost, whether it is the first text or not;
/// younger text may arrive yet.
TEST_F(Rack, ATimeoutLosesOldText) {
    w.ack(10);
    w.flow.cwnd_bytes = 20 * kMss;
    w.flight(4);
    w.advance(20);
    w.flight(2);
    w.advance(kRtt - 10);
    w.flight(4);
    w.advance(40);
    ASSERT_EQ(w.rec.count, 3);
    rack::mark_losses_on_rto(w.conn(), w.ctx().now);
    EXPECT_EQ(w.rec.lost, 6 * kMss);
}

/// RFC 8985 6.3: the first text counts as lost however young it is, or nothing would be sent again.
TEST_F(Rack, ATimeoutLosesTheFirstText) {
    w.ack(10);
    w.flow.cwnd_bytes = 20 * kMss;
    w.flight(4);
    w.advance(kRtt / 2);
    w.flight(4);
    w.advance(10);
    ASSERT_EQ(w.rec.count, 2);
    rack::mark_losses_on_rto(w.conn(), w.ctx().now);
    EXPECT_EQ(w.rec.lost, 4 * kMss);
}

TEST_F(Rack, ATimeoutStartsAtOneSegmentAndSlowStartRepairs) {
    w.sent.clear();
    while (w.flow.backoff == 0) w.fire();
    EXPECT_EQ(w.flow.cwnd_bytes, kMss);
    EXPECT_EQ(w.flow.ssthresh_bytes, 7 * kMss);
    EXPECT_TRUE(w.flow.has(kRtoRecovery));
}

/// A sender who knows only the tuple cannot make a connection take a record: an ACK of text that is not in
/// flight is dropped.
TEST_F(Rack, AForgedAckTakesNoRecord) {
    Segment report;
    report.flags = kAck;
    report.seq = w.tcb.rcv.nxt;
    report.wnd = 1000;
    report.sack_count = 1;
    for (const auto& [ack, wanted] : {std::pair{w.tcb.snd.una - 1u, false},
                                      {w.tcb.snd.una, true},
                                      {w.tcb.snd.nxt, true},
                                      {w.tcb.snd.nxt + 1u, false}}) {
        report.ack = ack;
        EXPECT_EQ(wants_recovery(w.tcb, &w.flow, report), wanted);
    }
}

TEST_F(Rack, LiesDoNotConfuseIt) {
    w.in({.ack = w.at(0), .blocks = {{w.at(3), w.at(20)}, {w.at(5), w.at(4)}, {0x9000'0000, 0x9000'1000}}});
    EXPECT_EQ(w.rec.sacked, 0u);
    w.in({.ack = w.at(0), .blocks = {{w.at(0), w.at(10)}}});
    EXPECT_EQ(w.rec.sacked, 0u) << "the octet at SND.UNA cannot be held";
    w.ack(10);
    EXPECT_EQ(w.tcb.in_flight(), 0u);
}

}  // namespace
}  // namespace synfin::tcp
