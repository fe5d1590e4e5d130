/// @file
/// The recovery record: when a connection has one, and its behaviour without one.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

/// ESTABLISHED with 10 segments in flight, all of cwnd, and 90 more queued.
void in_flight(CoreWorld& w) {
    w.open();
    w.need_flow();
    w.flow.control = CongestionControl::newreno;
    w.send(100 * kMss);
    ASSERT_EQ(w.tcb.in_flight(), 10 * kMss);
    w.sent.clear();
}

TEST(Recovery, IsMadeWhenMoreThanOneSegmentLeaves) {
    CoreWorld w;
    w.open();
    w.send(kMss);
    EXPECT_EQ(w.flow.recovery, 0u);
    w.in({});
    w.send(2 * kMss);
    EXPECT_NE(w.flow.recovery, 0u);
    EXPECT_EQ(w.rec.count, 1) << "one turn, one run";
    w.in({});
    EXPECT_TRUE(w.was_predicted);
    EXPECT_NE(w.flow.recovery, 0u) << "more may follow";
    w.advance(1000);
    EXPECT_EQ(w.tcb.flow, 0u) << "idle";
}

TEST(Recovery, IsMadeByTheFirstDuplicateAck) {
    CoreWorld w;
    w.open();
    w.send(kMss);
    EXPECT_EQ(w.flow.recovery, 0u);
    w.in({.ack = 1});
    EXPECT_NE(w.flow.recovery, 0u);
    EXPECT_EQ(w.rec.dup_acks, 1);
    w.in({.ack = 1 + kMss});
    EXPECT_EQ(w.rec.dup_acks, 0);
}

/// "Covered, not passed": duplicate ACKs of retransmitted segments may follow, and start no second recovery
/// (RFC 6582 4).
TEST(Recovery, DoesNotForgetRecoverWhenSndUnaIsThere) {
    CoreWorld w;
    in_flight(w);
    for (int i = 0; i < 3; ++i) w.in({.ack = 1});
    EXPECT_TRUE(w.flow.has(kRecovery));
    const uint32_t recover = distance(kIss, w.rec.recover);
    w.in({.ack = recover});
    EXPECT_FALSE(w.flow.has(kRecovery));
    ASSERT_GT(w.tcb.in_flight(), 0u);
    for (int i = 0; i < 4; ++i) w.in({.ack = recover});
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(distance(kIss, w.rec.recover), recover);
    w.in({.ack = recover + kMss});
    EXPECT_FALSE(w.flow.has(kRecoverSet));
    for (int i = 0; i < 3; ++i) w.in({.ack = recover + kMss});
    EXPECT_TRUE(w.flow.has(kRecovery)) << "of what was sent later";
}

/// Text that was sent during the repair has arrived, too. Nothing may follow for hours, and the Flow may
/// stay: an idle connection must not keep one of the engine's records.
TEST(Recovery, GoesWhenTheLastAckIsBeyondRecover) {
    CoreWorld w;
    w.open();
    w.need_flow();
    w.send(14 * kMss);
    for (int i = 0; i < 9; ++i) w.in({.ack = 1});
    ASSERT_TRUE(w.flow.has(kRecovery));
    ASSERT_GT(w.nxt(), distance(kIss, w.rec.recover)) << "sent during the repair";
    w.in({.ack = w.nxt()});
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(w.tcb.in_flight(), 0u);
    EXPECT_FALSE(w.flow.has(kRecoverSet)) << "passed";
    w.advance(1000);
    ASSERT_NE(w.tcb.flow, 0u);
    EXPECT_EQ(w.flow.recovery, 0u);
}

TEST(Recovery, IsMadeByATimeout) {
    CoreWorld w;
    w.open();
    w.send(kMss);
    w.send(kMss);
    EXPECT_EQ(w.flow.recovery, 0u);
    w.fire();
    EXPECT_NE(w.flow.recovery, 0u);
    EXPECT_EQ(distance(kIss, w.rec.recover), 1 + 2 * kMss);
    w.in({.ack = 1 + 2 * kMss});
    EXPECT_NE(w.flow.recovery, 0u) << "more may follow";
    w.advance(1000);
    ASSERT_NE(w.tcb.flow, 0u) << "cwnd is small: idling must not enlarge it";
    EXPECT_EQ(w.flow.recovery, 0u);
}

TEST(Recovery, IsNotMadeForProbesOfAClosedWindow) {
    CoreWorld w;
    w.open();
    w.in({.wnd = 0});
    w.send(100);
    w.fire();
    w.fire();
    EXPECT_EQ(w.flow.recovery, 0u);
}

/// The pool is empty: no fast retransmit and no limited transmit, but the timer repairs the loss.
struct WithoutRecord : testing::Test {
    WithoutRecord() {
        w.has_recoveries = false;
        in_flight(w);
    }
    CoreWorld w;
};

TEST_F(WithoutRecord, DuplicateAcksAreCountedAndDoNothing) {
    for (int i = 0; i < 20; ++i) {
        w.in({.ack = 1});
        EXPECT_TRUE(w.fx.duplicate_ack);
        EXPECT_FALSE(w.fx.retransmit);
    }
    SILENT(w);
    EXPECT_EQ(w.flow.cwnd_bytes, 10 * kMss);
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

TEST_F(WithoutRecord, TheTimerSendsAllAgain) {
    for (int i = 0; i < 5; ++i) w.in({.ack = 1});
    w.fire();
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    SILENT(w);
    EXPECT_EQ(w.flow.ssthresh_bytes, 5 * kMss);
    for (uint32_t n = 1; n < 10;) {  // slow start, from one segment on, up to what was in flight
        const uint32_t una = w.una();
        w.in({.ack = 1 + n * kMss});
        while (const auto out = w.next()) {
            EXPECT_GE(*out->seq, una);
            n += out->retransmission.value_or(false) ? 1 : 0;
        }
    }
    w.in({.ack = 1 + 10 * kMss});
    EXPECT_FALSE(w.flow.has(kRetransmitting));
}

TEST_F(WithoutRecord, ALaterLossMayHaveOne) {
    w.fire();
    EXPECT_FALSE(w.flow.has(kRecoverSet)) << "nothing is known of the loss";
    w.in({.ack = 1 + 10 * kMss});
    w.has_recoveries = true;
    const uint32_t una = w.una();
    for (int i = 0; i < 3; ++i) w.in({.ack = una});
    EXPECT_TRUE(w.flow.has(kRecovery));
}

}  // namespace
}  // namespace synfin::tcp
