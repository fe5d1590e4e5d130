/// @file
/// RFC 5681, 6582, 3042 and 6928 with numbers. SMSS is 1460 unless said otherwise.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

/// ESTABLISHED with n segments in flight, all of cwnd.
void in_flight(CoreWorld& w, uint32_t n) {
    w.open();
    w.need_flow();
    w.flow.control = CongestionControl::newreno;
    w.need_recovery();
    w.flow.cwnd_bytes = n * kMss;
    w.send(100 * kMss);
    ASSERT_EQ(w.tcb.in_flight(), n * kMss);
    w.sent.clear();
}

TEST(NewReno, InitialWindow) {  // RFC 6928 2: min(10*MSS, max(2*MSS, 14600))
    Tcb tcb;
    tcb.mss = 1460;
    EXPECT_EQ(initial_window(tcb), 14'600u);
    tcb.mss = 536;
    EXPECT_EQ(initial_window(tcb), 5'360u);
    tcb.mss = 8960;
    EXPECT_EQ(initial_window(tcb), 17'920u);
    tcb.mss = 1460;
    tcb.set(kTimestamps);
    EXPECT_EQ(initial_window(tcb), 14'480u);
    tcb.set(kSynResent);  // RFC 5681 3.1
    EXPECT_EQ(initial_window(tcb), 1'448u);
}

TEST(NewReno, SlowStart) {
    CoreWorld w;
    in_flight(w, 10);
    w.in({.ack = 1 + 2 * kMss});
    EXPECT_EQ(w.flow.cwnd_bytes, 12 * kMss);
    EXPECT_EQ(w.sent.size(), 4u) << "two that left, two by which cwnd grew";
}

TEST(NewReno, SlowStartEndsAtSsthresh) {
    CoreWorld w;
    in_flight(w, 10);
    w.flow.ssthresh_bytes = 11 * kMss;
    w.in({.ack = 1 + 2 * kMss});
    EXPECT_EQ(w.flow.cwnd_bytes, 11 * kMss);
}

TEST(NewReno, CongestionAvoidance) {  // eq. 3: SMSS*SMSS/cwnd for each ACK: 1460*1460/14600 = 146
    CoreWorld w;
    in_flight(w, 10);
    w.flow.ssthresh_bytes = 10 * kMss;
    w.in({.ack = 1 + kMss});
    EXPECT_EQ(w.flow.cwnd_bytes, 10 * kMss + 146);
    for (int i = 2; i <= 10; ++i) w.in({.ack = 1 + static_cast<uint32_t>(i) * kMss});
    EXPECT_NEAR(w.flow.cwnd_bytes, 11 * kMss, 80) << "about one SMSS for each round trip";
}

TEST(NewReno, LimitedTransmit) {  // RFC 3042: one new segment on each of the first two
    CoreWorld w;
    in_flight(w, 10);
    w.in({.ack = 1});
    RECV(w, {.seq = 1 + 10 * kMss, .len = kMss});
    SILENT(w);
    w.in({.ack = 1});
    RECV(w, {.seq = 1 + 11 * kMss, .len = kMss});
    SILENT(w);
    EXPECT_EQ(w.flow.cwnd_bytes, 10 * kMss);
}

TEST(NewReno, ThirdDuplicateAckRetransmits) {  // RFC 5681 3.2 2-4: ssthresh 5, cwnd 5 + 3
    CoreWorld w;
    in_flight(w, 10);
    w.in({.ack = 1}), w.in({.ack = 1});
    w.sent.clear();
    w.in({.ack = 1});
    EXPECT_TRUE(w.fx.retransmit);
    EXPECT_EQ(w.flow.ssthresh_bytes, 5 * kMss) << "what limited transmit sent does not count";
    EXPECT_EQ(w.flow.cwnd_bytes, 8 * kMss);
    EXPECT_FALSE(w.flow.has(kTiming)) << "what is sent again is not timed (Karn)";
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    SILENT(w);
    for (int i = 0; i < 4; ++i) w.in({.ack = 1});  // inflated to 12, the flight
    SILENT(w);
    w.in({.ack = 1});
    RECV(w, {.seq = 1 + 12 * kMss, .len = kMss, .retransmission = false});
    SILENT(w);
}

TEST(NewReno, PartialAckRetransmitsTheNextHole) {  // RFC 6582 3.2 step 3
    CoreWorld w;
    in_flight(w, 10);
    for (int i = 0; i < 3; ++i) w.in({.ack = 1});
    w.sent.clear();
    const uint32_t cwnd = w.flow.cwnd_bytes;
    w.in({.ack = 1 + 4 * kMss});
    EXPECT_FALSE(w.fx.retransmit) << "no new recovery";
    EXPECT_EQ(w.flow.cwnd_bytes, cwnd - 4 * kMss + kMss) << "deflated by what was acked, one SMSS back";
    RECV(w, {.seq = 1 + 4 * kMss, .len = kMss, .retransmission = true});
    EXPECT_TRUE(w.flow.has(kRecovery));
}

TEST(NewReno, OnlyTheFirstPartialAckRestartsTheTimer) {  // RFC 6582 3.2 step 3, and 4: Impatient
    CoreWorld w;
    in_flight(w, 10);
    for (int i = 0; i < 3; ++i) w.in({.ack = 1});
    w.advance(10);
    const uint32_t before = w.tcb.deadline;
    w.in({.ack = 1 + 2 * kMss});
    const uint32_t first = w.tcb.deadline;
    EXPECT_GT(first, before);
    w.advance(10);
    w.in({.ack = 1 + 4 * kMss});
    EXPECT_EQ(w.tcb.deadline, first);
    w.in({.ack = 1 + 12 * kMss});  // with the two segments of limited transmit
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_GT(w.tcb.deadline, first) << "the next recovery begins with a whole RTO";
    w.in({.ack = 1 + 13 * kMss});
    for (int i = 0; i < 3; ++i) w.in({.ack = 1 + 13 * kMss});
    ASSERT_TRUE(w.flow.has(kRecovery));
    const uint32_t second = w.tcb.deadline;
    w.advance(10);
    w.in({.ack = 1 + 14 * kMss});
    EXPECT_GT(w.tcb.deadline, second);
}

/// Text behind a hole has left the network, but counts in SND.NXT - SND.UNA.
TEST(NewReno, ATimeoutInRecoveryLeavesSsthresh) {
    CoreWorld w;
    in_flight(w, 10);
    for (int i = 0; i < 12; ++i) w.in({.ack = 1});
    ASSERT_GT(w.tcb.in_flight(), 14 * kMss);
    ASSERT_EQ(w.flow.ssthresh_bytes, 5 * kMss);
    w.fire();
    EXPECT_EQ(w.flow.ssthresh_bytes, 5 * kMss);
    EXPECT_EQ(w.flow.cwnd_bytes, kMss);
}

TEST(NewReno, FullAckEndsRecovery) {  // RFC 6582 3.2 step 3 (1): min(ssthresh, max(flight, SMSS) + SMSS)
    CoreWorld w;
    in_flight(w, 10);
    w.flow.snd_end = w.tcb.snd.nxt;  // nothing new to send
    for (int i = 0; i < 3; ++i) w.in({.ack = 1});
    w.in({.ack = 1 + 10 * kMss});
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.cwnd_bytes, 2 * kMss);
    EXPECT_EQ(w.rec.dup_acks, 0);
}

TEST(NewReno, RecoverPreventsASecondRecovery) {  // RFC 6582 3.2 step 2 and 4: not again below recover
    CoreWorld w;
    in_flight(w, 10);
    w.fire();
    w.sent.clear();
    EXPECT_EQ(w.flow.cwnd_bytes, kMss);
    EXPECT_EQ(w.flow.ssthresh_bytes, 5 * kMss);
    w.in({.ack = 1 + kMss});
    w.flow.clear(kRetransmitting);
    for (int i = 0; i < 5; ++i) w.in({.ack = 1 + kMss});
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.ssthresh_bytes, 5 * kMss);
}

TEST(NewReno, RecoverIsForgottenOnceItIsPassed) {
    // Otherwise it would lie ahead again 2^31 bytes later and prevent every fast retransmit.
    CoreWorld w;
    in_flight(w, 10);
    w.fire();
    w.in({.ack = 1 + 10 * kMss});
    EXPECT_TRUE(w.flow.has(kRecoverSet)) << "covered, not passed";
    w.in({.ack = w.nxt()});
    EXPECT_FALSE(w.flow.has(kRecoverSet));
    w.sent.clear();
    w.rec.recover = w.tcb.snd.una + 0x7000'0000u;  // its position then
    ASSERT_GT(w.tcb.in_flight(), 3 * kMss);
    const uint32_t una = w.una();
    for (int i = 0; i < 3; ++i) w.in({.ack = una});
    EXPECT_TRUE(w.flow.has(kRecovery));
}

TEST(NewReno, TimeoutGoesBackToSlowStart) {  // RFC 5681 3.1; RFC 6298 5.4-5.6
    CoreWorld w;
    in_flight(w, 10);
    const uint32_t rto = w.fire();
    EXPECT_EQ(rto, rto_ticks(w.tcb, &w.flow, w.params));
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    SILENT(w);
    EXPECT_EQ(w.fire(), 2 * rto);
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    EXPECT_EQ(w.flow.ssthresh_bytes, 5 * kMss) << "once for one loss";
    w.in({.ack = 1 + kMss});  // cwnd 2
    RECV(w, {.seq = 1 + kMss, .len = kMss, .retransmission = true});
    RECV(w, {.seq = 1 + 2 * kMss, .len = kMss, .retransmission = true});
    SILENT(w);
    w.in({.ack = 1 + 10 * kMss});  // everything else had arrived
    EXPECT_FALSE(w.flow.has(kRetransmitting));
    RECV(w, {.seq = 1 + 10 * kMss, .len = kMss, .retransmission = false});
}

TEST(NewReno, WhatIsADuplicateAck) {  // RFC 5681 2
    for (const In& seg :
         {In{.ack = 1, .len = 1}, In{.ack = 1, .flags = kFin | kAck}, In{.ack = 1, .wnd = 60'000}}) {
        CoreWorld w;
        in_flight(w, 10);
        w.in(seg);
        EXPECT_FALSE(w.fx.duplicate_ack);
        EXPECT_EQ(w.rec.dup_acks, 0);
    }
    CoreWorld w;
    w.open();
    w.send(10);
    w.in({});
    w.in({.ack = 11});
    EXPECT_FALSE(w.fx.duplicate_ack) << "nothing is outstanding";
}

TEST(NewReno, IdlingRestartsFromTheInitialWindow) {  // RFC 5681 4.1
    CoreWorld w;
    in_flight(w, 40);
    w.flow.snd_end = w.tcb.snd.nxt;
    w.in({});
    EXPECT_GT(w.flow.cwnd_bytes, 40 * kMss);
    w.advance(1000);
    EXPECT_EQ(w.tcb.flow, 0u);
    w.send(100 * kMss);
    EXPECT_EQ(w.tcb.in_flight(), 10 * kMss);
}

}  // namespace
}  // namespace synfin::tcp
