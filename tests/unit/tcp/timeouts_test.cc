/// @file
/// RFC 9293 3.10.8, RFC 6298 5, and the other kinds of the one deadline.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

TEST(Timeouts, SynIsSentAgainAndGivenUpAfterThreeMinutes) {  // MUST-23
    CoreWorld w;
    w.connect();
    RECV(w, {.flags = kSyn});
    const uint32_t start = w.tick();
    for (const uint32_t wait : {1000u, 2000u, 4000u, 8000u, 16'000u, 32'000u, 64'000u}) {
        EXPECT_EQ(w.fire(), wait);
        RECV(w, {.seq = 0, .flags = kSyn, .retransmission = true});
        SILENT(w);
    }
    w.fire();
    STATE(w, closed);
    EXPECT_EQ(w.fx.reason, CloseReason::syn_timed_out);
    EXPECT_GE(w.tick() - start, 180'000u);
    SILENT(w);
}

TEST(Timeouts, TextIsSentAgainAndGivenUpAfterR2) {  // RFC 6298 5.4-5.6, MUST-20
    CoreWorld w;
    w.open();
    w.send(100);
    RECV(w, {.seq = 1, .len = 100, .retransmission = false});
    const uint32_t start = w.tick();
    uint32_t wait = rto_ticks(w.tcb, &w.flow, w.params);
    int n = 0;
    while (w.tcb.state() != State::closed && n < 100) {
        const uint32_t waited = w.fire();
        EXPECT_LE(waited, wait);
        if (w.tcb.state() == State::closed) break;  // not after a whole RTO: at R2
        EXPECT_EQ(waited, wait);
        RECV(w, {.seq = 1, .len = 100, .psh = true, .retransmission = true});
        SILENT(w);
        EXPECT_EQ(w.fx.trouble, ++n == w.params.r1);
        wait = std::min(2 * wait, w.params.rto_max);
    }
    EXPECT_EQ(w.fx.reason, CloseReason::timed_out);
    RECV(w, {.flags = kRst | kAck});
    SILENT(w);
    EXPECT_GE(w.tick() - start, 300'000u - 1024);
    EXPECT_LE(w.tick() - start, 300'000u + 1024);
}

TEST(Timeouts, R2IsNeverEarlyAndASecondLateAtMost) {  // MUST-21
    for (uint32_t offset = 0; offset < 1024; offset += 31) {
        CoreWorld w;
        w.move_to(5'000'000 + offset);
        w.user_timeout = 5000;
        w.open();
        w.send(10);
        const uint32_t start = w.tick();
        w.tcb.srtt = {};
        w.flow.srtt_us = 166'000 + 10 * offset;  // expiries at various times
        while (w.tcb.state() != State::closed) w.fire();
        EXPECT_GE(w.tick() - start, 5000u);
        EXPECT_LE(w.tick() - start, 5000u + 1024);
        EXPECT_EQ(w.fx.reason, CloseReason::timed_out);
    }
}

TEST(Timeouts, AnAckRestartsAndTheLastOneEndsTheTimer) {  // RFC 6298 5.2, 5.3
    CoreWorld w;
    w.open();
    w.send(2 * kMss);
    const uint32_t rto = w.in_ms();
    w.move_to(w.tick() + rto / 2);
    w.in({.ack = 1 + kMss});
    EXPECT_EQ(w.in_ms(), rto_ticks(w.tcb, &w.flow, w.params));
    w.sent.clear();
    w.in({});
    w.advance(3'600'000);
    SILENT(w);
    STATE(w, established);
}

TEST(Timeouts, FinIsSentAgain) {
    for (const State state : {State::fin_wait_1, State::closing, State::last_ack}) {
        CoreWorld w;
        w.bring(state);
        w.fire();
        RECV(w, {.seq = 1, .len = 0, .flags = kFin | kAck, .retransmission = true});
        SILENT(w);
        w.advance(1'000'000);
        STATE(w, closed);
        EXPECT_EQ(w.fx.reason, CloseReason::timed_out);
    }
}

TEST(Timeouts, FinWithTextIsSentAgainTogether) {
    CoreWorld w;
    w.open();
    w.hold = true;
    w.send(10);
    w.shutdown();
    w.hold = false;
    w.pump();
    RECV(w, {.seq = 1, .len = 10, .flags = kFin | kAck});
    w.fire();
    RECV(w, {.seq = 1, .len = 10, .flags = kFin | kAck, .retransmission = true});
    w.in({.ack = 11});
    w.sent.clear();
    w.fire();
    RECV(w, {.seq = 11, .len = 0, .flags = kFin | kAck, .retransmission = true});
}

TEST(Timeouts, FinWait2EndsForWhoeverHasClosed) {
    CoreWorld w;
    w.open();
    w.close();
    w.in({});
    STATE(w, fin_wait_2);
    w.sent.clear();
    EXPECT_EQ(w.fire(), 60'000u);
    STATE(w, closed);
    EXPECT_EQ(w.fx.reason, CloseReason::fin_wait_2_timed_out);
    SILENT(w);
}

TEST(Timeouts, AHalfClosedFinWait2Waits) {
    CoreWorld w;
    w.bring(State::fin_wait_2);
    w.advance(3'600'000);
    STATE(w, fin_wait_2);
}

TEST(Timeouts, AnIdleConnectionGivesItsSecondLineUp) {
    CoreWorld w;
    w.open();
    w.send(10);
    w.in({});
    EXPECT_NE(w.tcb.flow, 0u);
    w.fire();
    EXPECT_TRUE(w.fx.release_flow);
    EXPECT_EQ(w.tcb.deadline, kNoDeadline) << "nothing more to wait for";
}

TEST(Timeouts, ABackedOffRtoIsNotForgottenByIdling) {  // RFC 6298 5.7, Karn
    CoreWorld w;
    w.open();
    w.send(10);
    w.fire();
    w.in({.ack = 11});
    EXPECT_EQ(w.flow.backoff, 1);
    w.advance(100'000);
    EXPECT_NE(w.tcb.flow, 0u);
    EXPECT_EQ(w.tcb.is_ts_stale, 0) << "nothing is 24 days old";
}

TEST(Persist, ProbesAClosedWindowForEver) {  // MUST-34-37: first after an RTO, backing off, never giving up
    CoreWorld w;
    w.open();
    w.in({.wnd = 0});
    w.send(100);
    SILENT(w);
    uint32_t last = 0;
    for (int i = 0; i < 50; ++i) {
        const uint32_t wait = w.fire();
        EXPECT_GE(wait, last);
        EXPECT_GE(wait, 200u);
        EXPECT_LE(wait, 120'000u);
        last = wait;
        RECV(w, {.seq = 1, .len = 1, .probe = true});
        SILENT(w);
        w.in({.ack = 1, .wnd = 0});
        STATE(w, established);
    }
    EXPECT_EQ(last, 120'000u);
    w.in({.ack = 1, .wnd = 1000});
    RECV(w, {.seq = 1, .len = 1, .retransmission = true});
    SILENT(w);
    EXPECT_EQ(w.flow.backoff, 0);
    w.in({});
    RECV(w, {.seq = 2, .len = 99});
    SILENT(w);
}

TEST(Persist, GivesUpWhenThePeerIsSilent) {
    CoreWorld w;
    w.open();
    w.in({.wnd = 0});
    w.send(100);
    w.advance(1'000'000);
    STATE(w, closed);
    EXPECT_EQ(w.fx.reason, CloseReason::timed_out);
}

TEST(Persist, R2CountsFromWhenItBegins) {
    CoreWorld w;
    w.open();
    w.send(100);
    w.flow.cold = 1;  // keeps the Flow while idle
    w.in({.wnd = 0});
    w.advance(1'000'000);
    w.send(100);
    w.fire();
    RECV(w, {.len = 100});
    RECV(w, {.seq = 101, .len = 1, .probe = true});
    STATE(w, established);
}

TEST(Persist, ProbesWithFin) {
    CoreWorld w;
    w.open();
    w.send(10);
    w.in({.wnd = 0});
    w.sent.clear();
    w.shutdown();
    SILENT(w);
    w.fire();
    RECV(w, {.seq = 11, .len = 0, .flags = kFin | kAck, .probe = true});
    w.fire();
    RECV(w, {.seq = 11, .len = 0, .flags = kFin | kAck, .probe = true});
    w.in({.wnd = 0});
    STATE(w, fin_wait_2);
}

TEST(Persist, ATakenProbeIsTextLikeAnyOther) {
    CoreWorld w;
    w.open();
    w.in({.wnd = 0});
    w.send(3);
    for (const uint32_t seq : {1u, 2u, 3u}) {
        w.fire();
        RECV(w, {.seq = seq, .len = 1, .probe = true});
        w.in({.wnd = 0});
    }
    w.fire();
    SILENT(w);
    EXPECT_EQ(w.tcb.flow, 0u);
}

TEST(Persist, OverridesSwsAvoidanceWithoutBackingOff) {  // RFC 9293 3.8.6.2.1 (4)
    CoreWorld w;
    w.open();
    w.send(10);
    w.in({});
    w.sent.clear();
    w.in({.wnd = 100});
    w.send(1000);
    for (uint32_t i = 0; i < 5; ++i) {
        SILENT(w);
        EXPECT_EQ(w.fire(), rto_ticks(w.tcb, &w.flow, w.params)) << i;
        RECV(w, {.seq = 11 + 100 * i, .len = 100});
        EXPECT_EQ(w.flow.backoff, 0);
        w.in({.wnd = 100});
    }
}

struct Keepalive : testing::Test {
    static TcpConfig config() {
        TcpConfig c;
        c.keepalive_idle = 7'200s;
        return c;
    }
    Keepalive() { w.open(); }
    CoreWorld w{config()};
};

TEST_F(Keepalive, ProbesAnIdlePeer) {  // RFC 9293 3.8.4, MUST-24-29
    w.send(10);
    w.sent.clear();
    w.in({});
    const uint32_t start = w.tick();
    while (w.sent.empty() && w.tick() - start < 8'000'000) w.fire();
    EXPECT_GE(w.tick() - start, 7'200'000u);
    EXPECT_LE(w.tick() - start, 7'201'000u);
    RECV(w, {.seq = 10, .ack = 1, .len = 0, .probe = true});
    for (int i = 1; i < 9; ++i) {
        EXPECT_EQ(w.fire(), 75'000u);
        RECV(w, {.seq = 10, .ack = 1, .len = 0, .probe = true});
        SILENT(w);
    }
    w.fire();
    STATE(w, closed);
    EXPECT_EQ(w.fx.reason, CloseReason::timed_out);
}

TEST_F(Keepalive, AnAnswerStartsItAnew) {
    for (int life = 0; life < 20; ++life) {
        w.send(1);
        w.in({});
        w.sent.clear();
        while (w.sent.empty()) w.fire();
        RECV(w, {.probe = true});
        w.fire();
        RECV(w, {.probe = true});
        w.in({});
        EXPECT_EQ(w.flow.backoff, 0);
        EXPECT_FALSE(w.flow.has(kKeepalive));
        const uint32_t start = w.tick();
        while (w.sent.empty()) w.fire();
        EXPECT_GE(w.tick() - start, 7'200'000u);
        w.in({});
    }
    STATE(w, established);
}

TEST_F(Keepalive, WhatArrivesStartsItAnew) {
    w.send(1);
    w.in({});
    w.advance(7'000'000);
    w.in({.len = 10});
    w.sent.clear();
    w.advance(7'100'000);
    SILENT(w);
    w.advance(200'000);
    RECV(w, {.probe = true});
}

TEST_F(Keepalive, TextTakesOver) {
    w.send(1);
    w.in({});
    w.sent.clear();
    while (w.sent.empty()) w.fire();
    w.fire(), w.fire();
    w.sent.clear();
    w.send(10);
    RECV(w, {.seq = 2, .len = 10});
    EXPECT_EQ(w.fire(), rto_ticks(w.tcb, &w.flow, w.params));
    RECV(w, {.seq = 2, .len = 10, .retransmission = true});
}

/// CLOSE in the turn in which keepalive wants a probe: with a closed window the FIN leaves in its place, and
/// is sent again like any FIN.
TEST(KeepaliveAndClosedWindow, AFinInPlaceOfTheProbeIsSentAgain) {
    TcpConfig config;
    config.keepalive_idle = 7'200s;
    CoreWorld w(config);
    w.open();
    w.in({.wnd = 0});
    w.hold = true;
    w.fire();
    ASSERT_EQ(w.tcb.deadline_kind, DeadlineKind::keepalive);
    w.close();
    w.hold = false;
    w.pump();
    RECV(w, {.seq = 1, .flags = kAck | kFin, .probe = true});
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::probe);
    EXPECT_EQ(w.fire(), 75'000u);
    RECV(w, {.seq = 1, .flags = kAck | kFin, .retransmission = true, .probe = true});
}

/// After the peer's FIN keepalive stops; the age of TS.Recent is not affected.
TEST(KeepaliveWithTimestamps, AHalfClosedConnectionIsNotProbed) {
    TcpConfig config;
    config.keepalive_idle = 7'200s;
    CoreWorld w{config};
    w.open({.ts = 1});
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::keepalive);
    w.in({.flags = kFin | kAck});
    w.sent.clear();
    w.advance(8'000'000);
    SILENT(w);
    EXPECT_EQ(w.tcb.is_ts_stale, 0);
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::ts_recent);
}

TEST(KeepaliveOff, ByDefault) {  // MUST-25
    CoreWorld w;
    w.open();
    w.send(1);
    w.in({});
    w.sent.clear();
    w.advance(1'000'000'000);
    SILENT(w);
    STATE(w, established);
}

/// Every timer that fires has a kind, in each phase of a connection's life.
TEST(DeadlineKind, NamesWhatTheDeadlineIsFor) {
    const auto kind = [](const CoreWorld& w) { return w.tcb.deadline_kind; };
    CoreWorld client;
    client.connect();
    EXPECT_EQ(kind(client), DeadlineKind::syn);
    CoreWorld w;
    w.listen_syn({.ts = 1});
    EXPECT_EQ(kind(w), DeadlineKind::syn);
    w.in({});
    EXPECT_EQ(kind(w), DeadlineKind::ts_recent);
    w.send(100);
    EXPECT_EQ(kind(w), DeadlineKind::rto);
    w.in({});
    EXPECT_EQ(kind(w), DeadlineKind::idle) << "the second line can go";
    w.fire();
    EXPECT_EQ(w.tcb.flow, 0u);
    EXPECT_EQ(kind(w), DeadlineKind::ts_recent);
    w.in({.wnd = 0});
    w.send(100);
    EXPECT_EQ(kind(w), DeadlineKind::probe);
    w.fire();
    EXPECT_EQ(kind(w), DeadlineKind::probe) << "the octet of the probe is in flight";
    w.in({.wnd = 65'535});
    EXPECT_EQ(kind(w), DeadlineKind::rto);
    w.in({});
    w.close();
    EXPECT_EQ(kind(w), DeadlineKind::rto) << "of our FIN";
    w.fire();
    EXPECT_EQ(kind(w), DeadlineKind::rto);
    w.in({});
    STATE(w, fin_wait_2);
    EXPECT_EQ(kind(w), DeadlineKind::fin_wait_2);
    w.in({.flags = kFin | kAck});
    EXPECT_EQ(kind(w), DeadlineKind::time_wait);
    w.fire();
    STATE(w, closed);
    EXPECT_EQ(kind(w), DeadlineKind::none);
}

TEST(DeadlineKind, TextThatTheOverrideSentHasARetransmissionTimer) {  // RFC 9293 3.8.6.2.1
    CoreWorld w;
    w.open();
    w.send(20 * kMss);
    w.in({.wnd = 100});  // too little for a segment: SWS avoidance waits
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::probe);
    w.sent.clear();
    w.fire();
    RECV(w, {.len = 100});
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::rto);
}

/// Text for which the device has no room does not free the Flow.
TEST(DeadlineKind, AnIdleDeadlineFindsTextThatCouldNotLeave) {
    CoreWorld w;
    w.open();
    w.send(100);
    w.in({});
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::idle);
    w.hold = true;
    w.send(50);
    w.sent.clear();
    w.fire();
    EXPECT_NE(w.tcb.flow, 0u);
    w.hold = false;
    w.perform([](Effects&) {});
    RECV(w, {.seq = 101, .len = 50});
}

/// Text that arrives out of order just before the Flow would be freed keeps the Flow, and causes no probe.
TEST(DeadlineKind, AnIdleDeadlineThatHasNothingToGiveUpBringsNoProbe) {
    TcpConfig config;
    config.keepalive_idle = 7'200s;
    CoreWorld w{config};
    w.open();
    w.send(100);
    w.in({});
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::idle);
    w.flow.cold = 1;
    w.sent.clear();
    while (w.tcb.deadline_kind == DeadlineKind::idle) w.fire();
    SILENT(w);
    EXPECT_EQ(w.tcb.deadline_kind, DeadlineKind::keepalive);
    EXPECT_GE(w.in_ms(), 7'000'000u);
}

/// Without timestamps no retransmission gives an RTT (Karn), so the timer stays backed off although the peer
/// acknowledges text. Neither the path nor the peer is dead then.
TEST(Timeouts, ProgressIsNoBlackHole) {
    CoreWorld w;
    w.open();
    w.send(8 * kMss);
    w.need_recovery();
    const uint16_t mss = w.tcb.mss;
    for (uint32_t n = 1; n <= 3; ++n) {
        w.fire();
        w.fire();
        EXPECT_EQ(w.tcb.mss, mss);
        w.in({.ack = 1 + n * kMss});
        EXPECT_GE(w.flow.backoff, 2);
    }
    STATE(w, established);
}

TEST(Timeouts, ProgressKeepsAnOrphan) {
    CoreWorld w;
    w.open();
    w.send(9 * kMss);
    w.need_recovery();
    w.close();
    for (uint32_t n = 0; w.flow.backoff < w.params.orphan_retries; ++n) {
        w.fire();
        w.fire();
        w.in({.ack = 1 + (n + 1) * kMss});
    }
    w.fire();
    STATE(w, fin_wait_1);
}

/// A peer that is dead must not cost the memory that others need to repair their losses.
TEST(Timeouts, OneSegmentIsSentAgainWithoutARecord) {
    CoreWorld w;
    w.open();
    w.send(kMss);
    EXPECT_FALSE(wants_recovery_at_timeout(w.tcb));
    w.send(kMss);
    EXPECT_TRUE(wants_recovery_at_timeout(w.tcb));
    w.in({.ack = 1 + kMss});
    w.close();
    EXPECT_FALSE(wants_recovery_at_timeout(w.tcb)) << "one segment and a FIN";
    w.in({.ack = 1 + 2 * kMss});
    EXPECT_EQ(w.tcb.in_flight(), 1u);
    EXPECT_FALSE(wants_recovery_at_timeout(w.tcb)) << "a FIN";
}

}  // namespace
}  // namespace synfin::tcp
