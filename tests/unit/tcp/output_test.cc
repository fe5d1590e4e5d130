/// @file
/// RFC 9293 3.7 and 3.8: what is sent, and when.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

TEST(Output, TextIsCutIntoSegments) {  // RFC 6691: beside the options
    CoreWorld w;
    w.open({.ts = 1});
    w.send(3000);
    RECV(w, {.seq = 1, .len = 1448, .psh = false});
    RECV(w, {.seq = 1449, .len = 1448, .psh = false});
    RECV(w, {.seq = 2897, .len = 104, .psh = true});  // MUST-60, MUST-61
}

/// TSO: whole segments of the text that may be sent now, without PSH and FIN.
TEST(Output, WholeSegmentsLeaveAtOnceForTheDeviceToCut) {
    CoreWorld w;
    w.large_text = 5 * kMss + 10;
    w.open();
    w.tcb.set(kNoDelay);
    w.hold = true;
    w.send(10 * kMss + 100);
    w.shutdown();
    w.hold = false;
    w.pump();
    RECV(w, {.seq = 1, .len = 5 * kMss, .psh = false, .segment = kMss});
    RECV(w, {.seq = 1 + 5 * kMss, .len = 5 * kMss, .psh = false, .segment = kMss});
    SILENT(w);  // cwnd
    w.in({});
    RECV(w, {.seq = 1 + 10 * kMss, .len = 100, .flags = kFin | kAck, .psh = true});
    SILENT(w);
}

TEST(Output, TheSegmentThatEndsTheTextIsNotCutByTheDevice) {
    CoreWorld w;
    w.large_text = 15'000;
    w.open();
    w.send(3 * kMss);
    RECV(w, {.seq = 1, .len = 2 * kMss, .psh = false, .segment = kMss});
    RECV(w, {.seq = 1 + 2 * kMss, .len = kMss, .psh = true});
    w.send(2 * kMss);
    RECV(w, {.seq = 1 + 3 * kMss, .len = kMss, .psh = false});
    RECV(w, {.seq = 1 + 4 * kMss, .len = kMss, .psh = true});
}

TEST(Output, WhatTheWindowLetsGoIsRoundedDownToSegments) {
    CoreWorld w;
    w.large_text = 15'000;
    w.open();
    w.in({.wnd = 3 * kMss + 700});
    w.send(20'000);
    RECV(w, {.seq = 1, .len = 3 * kMss, .segment = kMss});
    SILENT(w);  // 700: less than a segment, and than half of the largest window
}

TEST(Output, WhatIsSentAgainIsOneSegment) {
    CoreWorld w;
    w.large_text = 15'000;
    w.open();
    w.send(8 * kMss);
    w.sent.clear();
    w.fire();
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    SILENT(w);
    w.in({.ack = 1 + kMss});
    RECV(w, {.seq = 1 + kMss, .len = kMss, .retransmission = true});
    RECV(w, {.seq = 1 + 2 * kMss, .len = kMss, .retransmission = true});
}

TEST(Output, NagleHoldsASmallSegment) {  // 3.7.4
    CoreWorld w;
    w.open();
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    w.send(10);
    SILENT(w);
    w.send(kMss);
    RECV(w, {.seq = 11, .len = kMss});
    SILENT(w);
    w.in({});
    RECV(w, {.seq = 11 + kMss, .len = 10});
}

TEST(Output, FullSegmentsInFlightDoNotHoldASmallOne) {  // RFC 9293 A.3, Minshall
    CoreWorld w;
    w.open();
    w.send(kMss);
    RECV(w, {.seq = 1, .len = kMss});
    w.send(10);
    RECV(w, {.seq = 1 + kMss, .len = 10, .psh = true});
    w.send(20);
    SILENT(w);
    w.in({.ack = 1 + kMss});
    SILENT(w);  // the small one is still under way
    w.send(kMss);
    RECV(w, {.seq = 11 + kMss, .len = kMss});
    SILENT(w);
    w.in({.ack = 11 + kMss});
    RECV(w, {.seq = 11 + 2 * kMss, .len = 20, .psh = true});
    w.in({});
    EXPECT_FALSE(w.flow.has(kSmallInFlight)) << "no mark is left for the sequence numbers' next round";
}

TEST(Output, ASmallSegmentThatIsSentAgainStillHoldsTheNext) {
    CoreWorld w;
    w.open();
    w.send(2 * kMss + 10);
    w.sent.clear();
    w.fire();  // RTO: the three are sent again, one by one
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    w.send(20);
    SILENT(w);
    w.in({.ack = 1 + kMss});
    RECV(w, {.seq = 1 + kMss, .len = kMss, .retransmission = true});
    RECV(w, {.seq = 1 + 2 * kMss, .len = 10, .retransmission = true});
    SILENT(w);
    w.in({.ack = 1 + 2 * kMss});
    SILENT(w);
    w.in({.ack = 11 + 2 * kMss});
    RECV(w, {.seq = 11 + 2 * kMss, .len = 20, .retransmission = false});
}

TEST(Output, SmallSegmentsThatAreSentAgainAsFullOnesHoldNothing) {
    CoreWorld w;
    w.open();
    w.tcb.set(kNoDelay);
    w.send(kMss - 500), w.send(500);
    w.tcb.clear(kNoDelay);
    w.sent.clear();
    w.fire();
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    w.send(20);
    SILENT(w);  // cwnd is one segment
    w.flow.cwnd_bytes = 4 * kMss;
    w.send(20);
    RECV(w, {.seq = 1 + kMss, .len = 40, .retransmission = false});
}

TEST(Output, AFastRetransmissionLeavesTheMark) {
    CoreWorld w;
    w.open();
    w.send(5 * kMss + 10);
    w.sent.clear();
    for (int i = 0; i < 3; ++i) w.in({.ack = 1});
    RECV(w, {.seq = 1, .len = kMss, .retransmission = true});
    w.send(20);
    SILENT(w);
    w.in({.ack = 1 + 5 * kMss});
    RECV(w, {.seq = 1 + 5 * kMss, .len = 10, .retransmission = true});  // RFC 6582, partial
    SILENT(w);
    w.in({.ack = 11 + 5 * kMss});
    RECV(w, {.seq = 11 + 5 * kMss, .len = 20});
}

TEST(Output, NagleCanBeSwitchedOff) {  // MUST-17
    CoreWorld w;
    w.open();
    w.tcb.set(kNoDelay);
    w.send(10), w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    RECV(w, {.seq = 11, .len = 10});
}

TEST(Output, SmallWindowsAreNotFilled) {  // 3.8.6.2.1: not below half of the largest window offered
    CoreWorld w;
    w.offer = 2000;
    w.open();
    w.send(10);
    w.in({});
    w.sent.clear();
    w.in({.wnd = 999});
    w.send(5000);
    SILENT(w);
    w.in({.wnd = 1000});
    RECV(w, {.seq = 11, .len = 1000, .psh = false});
}

TEST(Output, TheWindowIsNotExceeded) {
    CoreWorld w;
    w.open();
    w.in({.wnd = 3000});
    w.send(10'000);
    uint32_t sent = 0;
    while (const auto out = w.next()) sent += *out->len;
    EXPECT_LE(sent, 3000u);
    EXPECT_GE(sent, 2 * kMss);
}

TEST(Output, FinTakesARoomInTheWindow) {
    for (const uint16_t wnd : {uint16_t{100}, uint16_t{101}}) {
        CoreWorld w;
        w.open();
        w.in({.wnd = wnd});
        w.hold = true;
        w.send(100);
        w.shutdown();
        w.hold = false;
        w.pump();
        RECV(w, {.seq = 1, .len = 100, .flags = wnd == 101 ? kFin | kAck : +kAck});
        SILENT(w);
    }
}

TEST(Output, FinRidesOnTheLastText) {
    CoreWorld w;
    w.open();
    w.hold = true;
    w.send(kMss + 10);
    w.shutdown();
    w.hold = false;
    w.pump();
    RECV(w, {.seq = 1, .len = kMss, .flags = kAck});
    RECV(w, {.seq = 1 + kMss, .len = 10, .flags = kFin | kAck, .psh = true});
    SILENT(w);
    EXPECT_EQ(w.nxt(), 1 + kMss + 11);
}

TEST(Output, AnAckRidesOnText) {
    CoreWorld w;
    w.open();
    w.hold = true;
    w.in({.len = 100});
    w.send(50);
    w.hold = false;
    w.pump();
    RECV(w, {.seq = 1, .ack = 101, .len = 50});
    SILENT(w);
}

TEST(Output, TheRightEdgeNeverMovesLeft) {  // SHLD-14, RFC 7323 2.4: with any scale, in every kind of ACK
    TcpConfig c;
    c.receive_buffer_bytes = 300'000;  // unit 8
    CoreWorld w(c);
    w.open({.wscale = 0});
    ASSERT_EQ(w.tcb.rcv_shift(), 3);
    uint32_t held = 0, edge = 0;
    for (const uint32_t len : {1u, 3u, 1460u, 7u, 8u, 9u, 100u, 1459u, 1u, 1u}) {
        held += len;
        w.room = 300'000 - held;  // nobody reads
        w.in({.len = len});
        w.in({.seq = 1, .len = 1});  // old: answered
        while (const auto out = w.next()) {
            const uint32_t now = *out->ack + (uint32_t{*out->wnd} << 3);
            EXPECT_GE(now, edge);
            edge = now;
        }
    }
}

TEST(Output, RoundingDoesNotAddUp) {  // a peer that sends single bytes cannot fill memory without end
    TcpConfig c;
    c.receive_buffer_bytes = 100'000;  // unit 2
    CoreWorld w(c);
    w.open({.wscale = 0});
    ASSERT_EQ(w.tcb.rcv_shift(), 1);
    uint32_t held = 0;
    for (int i = 0; i < 200'000 && w.tcb.rcv.wnd != 0; ++i) {
        w.room = 100'000 - std::min(held, 100'000u);
        w.tcb.set_quick_acks(1);
        w.in({.len = 1});
        held += w.fx.deliver_len;
        w.sent.clear();
    }
    EXPECT_EQ(w.tcb.rcv.wnd, 0u);
    EXPECT_LE(held, 100'000u + most_rounding(w.tcb) + 2);
    EXPECT_GE(held, 99'000u);
}

TEST(Output, WindowsGrowBySegments) {  // 3.8.6.2.2: by min(MSS, half the buffer)
    CoreWorld w;
    w.open();
    w.tcb.rcv.wnd = 10'000;
    w.room = 9'900 + kMss - 1;
    w.in({.len = 100});
    RECV(w, {.ack = 101, .wnd = 10'000 - 100});
    w.room = 9'900 + kMss;
    w.tcb.set(kAckNow);
    w.pump();
    RECV(w, {.wnd = 9'900 + kMss});
}

TEST(Output, RetransmissionStaysWithinWhatWasSent) {
    CoreWorld w;
    w.open();
    w.in({.wnd = 100});
    w.send(1000);
    RECV(w, {.seq = 1, .len = 100});
    w.fire();
    RECV(w, {.seq = 1, .len = 100, .psh = false, .retransmission = true});
    SILENT(w);
}

TEST(Output, AShrunkWindowIsTolerated) {  // SHLD-15
    CoreWorld w;
    w.open();
    w.send(3 * kMss);
    w.sent.clear();
    w.in({.ack = 1 + kMss, .wnd = 100});
    SILENT(w);
    w.fire();
    RECV(w, {.seq = 1 + kMss, .retransmission = true});
    w.in({.wnd = 65535});
    STATE(w, established);
}

TEST(Output, NothingIsSentInTimeWait) {
    CoreWorld w;
    w.bring(State::time_wait);
    w.tcb.set(kAckNow);
    w.need_flow();
    w.flow.snd_end += 100;
    w.sent.clear();
    w.pump();
    RECV(w, {.len = 0});
    SILENT(w);
}

TEST(Output, FlowCameTooLateForTheSyn) {
    // Text queued before the SYN has left is numbered after it.
    CoreWorld w;
    w.hold = true;
    w.connect();
    w.send(10);
    w.hold = false;
    w.pump();
    RECV(w, {.seq = 0, .flags = kSyn});
    SILENT(w);
    w.in({.ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .len = 10});
}

}  // namespace
}  // namespace synfin::tcp
