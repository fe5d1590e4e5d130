/// @file
/// RFC 9293 3.10.7.4, second to eighth, in SYN-RECEIVED and later.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

constexpr State kOpenStates[] = {State::established, State::fin_wait_1, State::fin_wait_2,
                                 State::close_wait,  State::closing,    State::last_ack};

TEST(Rst, ExactlyRcvNxtResets) {  // RFC 5961 3.2
    for (const State state : kOpenStates) {
        CoreWorld w;
        w.bring(state);
        w.in({.seq = w.rcv() + 1, .flags = kRst});
        EXPECT_EQ(w.fx.reply, Reply::challenge_ack) << name(state);
        EXPECT_EQ(w.tcb.state(), state);
        w.in({.seq = w.rcv() - 1, .flags = kRst});
        EXPECT_EQ(w.fx.reply, Reply::none) << "outside: silence";
        EXPECT_EQ(w.tcb.state(), state);
        w.sent.clear();
        w.in({.seq = w.rcv(), .flags = kRst});
        STATE(w, closed);
        EXPECT_EQ(w.fx.reason, CloseReason::reset_by_peer);
        SILENT(w);
    }
}

TEST(SynReceived, RstReturnsToListen) {  // MUST-11
    CoreWorld w;
    w.listen_syn();
    w.in({.seq = 1, .flags = kRst});
    EXPECT_TRUE(w.fx.to_listen);
    EXPECT_FALSE(w.fx.ended);
    STATE(w, listen);
}

TEST(SynReceived, TheSynAgainElicitsTheSynAck) {
    CoreWorld w;
    w.listen_syn();
    w.in({.flags = kSyn});
    EXPECT_EQ(w.fx.reply, Reply::syn_ack);
    STATE(w, syn_received);
}

TEST(SynReceived, AckOutsideIsAnsweredWithRst) {  // fifth
    CoreWorld w;
    w.listen_syn();
    for (const uint32_t ack : {0u, 2u, 0x8000'0000u}) {
        w.in({.ack = ack});
        RECV(w, {.seq = ack, .flags = kRst});
        SILENT(w);
        STATE(w, syn_received);
    }
}

TEST(SynReceived, WhateverCarriesTheAckCompletes) {
    for (const int flags : {kAck + 0, kAck | kPsh, kAck | kFin}) {
        CoreWorld w;
        w.listen_syn();
        w.in({.len = flags == kAck ? 0u : 10u, .flags = flags});
        EXPECT_TRUE(w.fx.opened);
        EXPECT_EQ(w.fx.deliver_len, flags == kAck ? 0u : 10u);
        EXPECT_EQ(name(w.tcb.state()), name((flags & kFin) != 0 ? State::close_wait : State::established));
        EXPECT_EQ(w.tcb.snd.wnd, 65'535u);
    }
}

TEST(SynReceived, TextBehindALostFirstSegmentCompletesToo) {
    CoreWorld w;
    w.listen_syn();
    w.in({.seq = 101, .len = 100});
    STATE(w, established);
    EXPECT_EQ(w.fx.keep_len, 100u);
    EXPECT_EQ(w.fx.keep_seq, kIrs + 101u);
    RECV(w, {.ack = 1});
}

TEST(Syn, InASynchronisedStateIsChallenged) {  // RFC 5961 4
    for (const State state : kOpenStates) {
        CoreWorld w;
        w.bring(state);
        for (const uint32_t seq : {w.rcv(), w.rcv() + 100, w.rcv() - 100}) {
            w.in({.seq = seq, .flags = kSyn});
            EXPECT_TRUE(w.fx.reply == Reply::challenge_ack || w.fx.reply == Reply::ack);
            EXPECT_EQ(w.tcb.state(), state);
        }
    }
}

TEST(Ack, WithoutTheFlagNothingHappens) {
    CoreWorld w;
    w.open();
    w.in({.len = 10, .flags = kPsh});
    EXPECT_EQ(w.fx.drop, DropReason::no_ack_flag);
    EXPECT_EQ(w.rcv(), 1u);
    SILENT(w);
}

TEST(Ack, RangeOfRfc5961) {  // SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT
    CoreWorld w;
    w.open();
    w.send(1000);
    w.in({});
    w.flow.max_snd_wnd = 500;
    w.sent.clear();
    const uint32_t una = w.una();
    const auto refused = [&](uint32_t ack) {
        w.in({.ack = ack, .len = 1});
        return w.fx.drop == DropReason::unacceptable_ack;
    };
    EXPECT_FALSE(refused(una - 500));
    EXPECT_TRUE(refused(una - 501));
    EXPECT_EQ(w.fx.reply, Reply::challenge_ack);
    EXPECT_TRUE(refused(w.nxt() + 1));
    EXPECT_EQ(w.fx.reply, Reply::challenge_ack);
    EXPECT_EQ(w.rcv(), 2u) << "only the first was taken";
}

TEST(Ack, AnOldSegmentDoesNotUpdateTheWindow) {  // WL1, WL2
    CoreWorld w;
    w.open();
    w.in({.len = 10, .wnd = 1000});
    EXPECT_EQ(w.tcb.snd.wnd, 1000u);
    w.in({.seq = 1, .len = 20, .wnd = 2000});  // begins before WL1... its front is cut, so it counts
    EXPECT_EQ(w.tcb.snd.wnd, 2000u);
    w.in({.seq = 31, .len = 10, .wnd = 3000});  // beyond a hole
    EXPECT_EQ(w.tcb.snd.wnd, 3000u);
    w.in({.seq = 21, .len = 5, .wnd = 500});  // older than that
    EXPECT_EQ(w.tcb.snd.wnd, 3000u);
    w.send(10);
    w.in({.seq = 36, .ack = 11, .wnd = 700});
    EXPECT_EQ(w.tcb.snd.wnd, 700u);
    w.in({.seq = 36, .ack = 1, .wnd = 9000});  // SEG.ACK < SND.UNA
    EXPECT_EQ(w.tcb.snd.wnd, 700u);
}

TEST(Text, IsDeliveredAndAcked) {
    CoreWorld w;
    w.open();
    w.in({.len = 100});
    EXPECT_EQ(w.fx.deliver_len, 100u);
    RECV(w, {.seq = 1, .ack = 101, .len = 0});
    SILENT(w);
}

TEST(Text, DelayedAckOfEachSecondFullSegment) {  // MUST-58, SHLD-18
    CoreWorld w;
    w.open();
    w.no_quick_acks();
    w.in({.len = kMss});
    EXPECT_TRUE(w.fx.delayed_ack);
    SILENT(w);
    w.in({.len = kMss});
    RECV(w, {.ack = 1 + 2 * kMss});
    w.in({.len = 10});
    EXPECT_TRUE(w.fx.delayed_ack);
    w.in({.len = 10});
    EXPECT_FALSE(w.fx.delayed_ack) << "one entry is enough";
    SILENT(w);
    w.send(5);
    RECV(w, {.ack = 21 + 2 * kMss, .len = 5});
    EXPECT_FALSE(w.tcb.has(kAckDelayed)) << "it rode";
}

TEST(Text, OutOfOrderIsKeptAndAckedAtOnce) {  // RFC 5681 4.2
    CoreWorld w;
    w.open();
    w.no_quick_acks();
    w.in({.seq = 101, .len = 100});
    EXPECT_EQ(w.fx.keep_seq, kIrs + 101u);
    EXPECT_EQ(w.fx.keep_len, 100u);
    RECV(w, {.ack = 1});
    SILENT(w);
}

TEST(Text, EachSegmentOutOfOrderHasItsDuplicateAck) {  // in one burst, too: the peer counts three
    CoreWorld w;
    w.open();
    w.hold = true;
    for (const uint32_t at : {101u, 201u, 301u}) w.in({.seq = at, .len = 100});
    w.hold = false;
    w.pump();
    for (int i = 0; i < 3; ++i) RECV(w, {.ack = 1, .len = 0});
    SILENT(w);
}

TEST(Text, WhatWasKeptBecomesContiguous) {
    CoreWorld w;
    w.open();
    w.no_quick_acks();
    w.in({.seq = 101, .len = 100, .flags = kFin | kAck});
    EXPECT_TRUE(w.fx.keep_fin);
    w.sent.clear();
    w.hold = true;
    w.in({.seq = 1, .len = 100});
    w.hold = false;
    w.perform([&](Effects& fx) { on_reassembled(w.tcb, 100, true, w.ctx(), fx); });
    EXPECT_TRUE(w.fx.peer_fin);
    STATE(w, close_wait);
    RECV(w, {.ack = 202});
    SILENT(w);
}

TEST(Text, AfterTheApplicationIsGoneResets) {  // SHLD-3
    for (const State state : {State::fin_wait_1, State::fin_wait_2}) {
        CoreWorld w;
        w.bring(state);
        w.tcb.set(kAppGone);
        w.in({.len = 1});
        EXPECT_EQ(w.fx.drop, DropReason::after_close);
        EXPECT_TRUE(w.fx.ended);
        EXPECT_EQ(w.fx.reason, CloseReason::aborted);
        RECV(w, {.seq = 2, .flags = kRst});
    }
}

TEST(Text, InHalfClosedStatesIsDelivered) {
    for (const State state : {State::fin_wait_1, State::fin_wait_2}) {
        CoreWorld w;
        w.bring(state);
        w.in({.len = 10});
        EXPECT_EQ(w.fx.deliver_len, 10u);
    }
    for (const State state : {State::close_wait, State::closing, State::last_ack}) {
        CoreWorld w;
        w.bring(state);
        w.in({.ack = w.una(), .len = 10});
        EXPECT_EQ(w.fx.deliver_len, 0u) << "nothing follows a FIN";
        EXPECT_EQ(w.tcb.state(), state);
    }
}

TEST(Fin, Edges) {  // eighth, and what its ACK does in the fifth
    struct {
        State from;
        In seg;
        State to;
        bool ack;
    } const cases[] = {
        {State::established, {.flags = kFin | kAck}, State::close_wait, true},
        {State::fin_wait_1, {.ack = 1, .flags = kFin | kAck}, State::closing, true},
        {State::fin_wait_1, {.ack = 2}, State::fin_wait_2, false},
        {State::fin_wait_1, {.ack = 1}, State::fin_wait_1, false},
        {State::fin_wait_1, {.ack = 2, .flags = kFin | kAck}, State::time_wait, true},
        {State::fin_wait_2, {.flags = kFin | kAck}, State::time_wait, true},
        {State::fin_wait_2, {.len = 10, .flags = kFin | kAck}, State::time_wait, true},
        {State::closing, {.ack = 2}, State::time_wait, false},
        {State::closing, {.ack = 1}, State::closing, false},
        {State::last_ack, {.ack = 2}, State::closed, false},
        {State::last_ack, {.ack = 1}, State::last_ack, false},
    };
    for (const auto& c : cases) {
        CoreWorld w;
        w.bring(c.from);
        w.in(c.seg);
        EXPECT_EQ(name(w.tcb.state()), name(c.to)) << "from " << name(c.from);
        if (c.ack) RECV(w, {.ack = w.rcv(), .len = 0});
        SILENT(w);
        EXPECT_EQ(w.fx.time_wait, c.to == State::time_wait);
        EXPECT_EQ(w.fx.ended, c.to == State::closed);
        if (c.to == State::time_wait) {
            EXPECT_EQ(w.in_ms(), 60'000u);
        }
        if (c.to == State::closed) {
            EXPECT_EQ(w.fx.reason, CloseReason::fin);
        }
    }
}

TEST(Fin, BehindAHoleMovesNothing) {
    CoreWorld w;
    w.open();
    w.in({.seq = 11, .flags = kFin | kAck});
    STATE(w, established);
    EXPECT_TRUE(w.fx.keep_fin);
    EXPECT_EQ(w.fx.keep_seq, kIrs + 11u);
    RECV(w, {.ack = 1});
}

TEST(Fin, AgainIsAckedAgain) {
    for (const State state : {State::close_wait, State::closing, State::last_ack}) {
        CoreWorld w;
        w.bring(state);
        w.in({.seq = 1, .ack = 1, .flags = kFin | kAck});
        RECV(w, {.ack = 2, .len = 0});
        SILENT(w);
        EXPECT_EQ(w.tcb.state(), state);
    }
}

}  // namespace
}  // namespace synfin::tcp
