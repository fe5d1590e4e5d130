/// @file
/// RFC 9293 3.10.7.1-3: CLOSED, LISTEN, SYN-SENT.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

TEST(Closed, AnswersWithRst) {  // 3.10.7.1
    CoreWorld w;
    Effects fx;
    on_closed(w.make({.seq = 10, .len = 5, .flags = kSyn}), fx);
    EXPECT_EQ(fx.reply, Reply::rst);
    EXPECT_EQ(fx.rst_seq, Seq{0});
    EXPECT_TRUE(fx.rst_has_ack);
    EXPECT_EQ(fx.rst_ack, kIrs + 16u);
    fx = {};
    on_closed(w.make({.ack = 7, .flags = kAck | kFin}), fx);
    EXPECT_EQ(fx.reply, Reply::rst);
    EXPECT_EQ(fx.rst_seq, kIss + 7u);
    EXPECT_FALSE(fx.rst_has_ack);
    for (const int flags : {kRst + 0, kRst | kAck, kRst | kFin}) {
        fx = {};
        on_closed(w.make({.flags = flags}), fx);
        EXPECT_EQ(fx.reply, Reply::none);
    }
}

TEST(Listen, OnlyASynOpens) {  // 3.10.7.2
    CoreWorld w;
    struct {
        int flags;
        bool open;
        Reply reply;
    } const cases[] = {{kSyn, true, Reply::none},  {kSyn | kPsh, true, Reply::none},
                       {kRst, false, Reply::none}, {kRst | kAck, false, Reply::none},
                       {kAck, false, Reply::rst},  {kSyn | kAck, false, Reply::rst},
                       {kFin, false, Reply::none}, {0, false, Reply::none}};
    for (const auto& c : cases) {
        Effects fx;
        EXPECT_EQ(on_listen(w.make({.ack = 9, .flags = c.flags}), fx), c.open) << c.flags;
        EXPECT_EQ(fx.reply, c.reply) << c.flags;
        EXPECT_EQ(fx.drop == DropReason::none, c.open);
        if (c.reply == Reply::rst) {
            EXPECT_EQ(fx.rst_seq, kIss + 9u);
        }
    }
}

struct SynSent : testing::Test {
    SynSent() {
        w.connect();
        RECV(w, {.seq = 0, .len = 0, .flags = kSyn, .wnd = 65535});
        SILENT(w);
        EXPECT_EQ(w.nxt(), 1u);
    }
    CoreWorld w;
};

TEST_F(SynSent, AckOutsideIsAnsweredWithRst) {  // first
    for (const uint32_t ack : {0xffff'ffffu, 0u, 2u}) {
        w.in({.ack = ack, .flags = kAck});
        RECV(w, {.seq = ack, .flags = kRst});
        if (ack == 0xffff'ffffu) RECV(w, {.seq = 0, .flags = kSyn, .wnd = 65535});  // once
        SILENT(w);
        w.in({.ack = ack, .flags = kSyn | kAck});
        RECV(w, {.seq = ack, .flags = kRst});
        w.in({.ack = ack, .flags = kRst | kAck});
        SILENT(w);
        STATE(w, syn_sent);
    }
}

TEST_F(SynSent, ARefusedSynIsSentAgainOnceAndTheTimerStays) {
    const uint32_t deadline = w.tcb.deadline;
    w.advance(200);
    w.in({.ack = 1'000'000, .flags = kAck});
    EXPECT_TRUE(w.fx.syn_again);
    RECV(w, {.seq = 1'000'000, .flags = kRst});
    RECV(w, {.seq = 0, .flags = kSyn, .wnd = 65535});
    EXPECT_EQ(w.tcb.deadline, deadline);
    w.in({.ack = 1'000'000, .flags = kAck});
    EXPECT_FALSE(w.fx.syn_again);
    RECV(w, {.seq = 1'000'000, .flags = kRst});
    SILENT(w);
    w.in({.ack = 1, .flags = kSyn | kAck});
    STATE(w, established);
    RECV(w, {.seq = 1, .ack = 1});
    EXPECT_FALSE(w.tcb.has(kSynResent)) << "nothing was lost: RTO and initial window stay";
    EXPECT_EQ(w.tcb.srtt, CompactRtt::from_us(200'000))
        << "from the first SYN: rather too long than too short";
}

TEST_F(SynSent, AfterItsFirstTimeoutARefusedSynWaitsForTheTimer) {
    w.fire();
    RECV(w, {.seq = 0, .flags = kSyn, .wnd = 65535});
    w.in({.ack = 1'000'000, .flags = kAck});
    EXPECT_FALSE(w.fx.syn_again);
    RECV(w, {.seq = 1'000'000, .flags = kRst});
    SILENT(w);
}

TEST_F(SynSent, RstIsBelievedWithOurAckOnly) {  // second
    w.in({.flags = kRst});
    EXPECT_EQ(w.fx.drop, DropReason::rst_ignored);
    STATE(w, syn_sent);
    w.in({.ack = 1, .flags = kRst | kAck});
    STATE(w, closed);
    EXPECT_TRUE(w.fx.ended);
    EXPECT_EQ(w.fx.reason, CloseReason::refused);
}

TEST_F(SynSent, SynAckEstablishes) {  // fourth
    w.in({.ack = 1, .flags = kSyn | kAck, .wnd = 5000, .ts = 9, .mss = 1000, .wscale = 3, .sack = true});
    STATE(w, established);
    EXPECT_TRUE(w.fx.opened);
    RECV(w, {.seq = 1, .ack = 1, .len = 0});
    SILENT(w);
    EXPECT_EQ(w.tcb.snd.wnd, 5000u) << "never scaled on SYN";
    EXPECT_EQ(w.tcb.mss, 1000);
    EXPECT_TRUE(w.tcb.has(kSack));
    EXPECT_EQ(w.tcb.ts_recent, 9u);
    w.in({.wnd = 5000});
    EXPECT_EQ(w.tcb.snd.wnd, 40'000u);
}

TEST_F(SynSent, WithoutTheOptionTheWindowIsNotScaled) {  // RFC 7323 2.2
    w.in({.ack = 1, .flags = kSyn | kAck});
    EXPECT_EQ(w.tcb.shifts, 0);
    EXPECT_LE(w.tcb.rcv.wnd, 65'535u);
}

TEST_F(SynSent, TextOnTheSynAckComesAgain) {
    w.in({.ack = 1, .len = 10, .flags = kSyn | kAck});
    EXPECT_EQ(w.fx.deliver_len, 0u);
    RECV(w, {.seq = 1, .ack = 1});
}

TEST_F(SynSent, QueuedTextLeavesWithTheHandshakeAck) {
    w.send(100);
    SILENT(w);
    w.in({.ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .ack = 1, .len = 100, .psh = true});
    SILENT(w);
    EXPECT_EQ(w.flow.cwnd_bytes, 14'600u);
}

TEST_F(SynSent, SimultaneousOpen) {  // MUST-10
    w.in({.flags = kSyn});
    STATE(w, syn_received);
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    SILENT(w);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    STATE(w, established);
    EXPECT_TRUE(w.fx.opened);
    EXPECT_EQ(w.tcb.snd.wnd, 65'535u);
}

TEST_F(SynSent, SimultaneousOpenGivesNoRttSample) {  // RFC 6298 3: our SYN has left twice
    w.in({.flags = kSyn});
    w.advance(100);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    STATE(w, established);
    EXPECT_FALSE(w.tcb.srtt.is_set());
    EXPECT_EQ(w.flow.srtt_us, 0u);
}

TEST_F(SynSent, SimultaneousOpenWhoseSynAckIsLost) {
    w.in({.flags = kSyn});
    w.sent.clear();
    w.fire();
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck, .retransmission = true});
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.in({.ack = 1});
    STATE(w, established);
}

TEST_F(SynSent, RstAfterSimultaneousOpenRefuses) {
    w.in({.flags = kSyn});
    w.in({.seq = 1, .flags = kRst});
    STATE(w, closed);
    EXPECT_EQ(w.fx.reason, CloseReason::refused);
}

TEST_F(SynSent, CloseIsSilent) {  // 3.10.4
    w.close();
    STATE(w, closed);
    EXPECT_TRUE(w.fx.ended);
    SILENT(w);
}

TEST_F(SynSent, HardIcmpErrorsOfOurSynEndIt) {  // RFC 1122 4.2.3.9, RFC 5927 4.1
    const auto icmp = [&](bool is_hard, Seq seq) {
        w.perform([&](Effects& fx) { on_icmp_error(w.tcb, is_hard, seq, fx); });
    };
    icmp(false, kIss);
    icmp(true, kIss - 1u);  // not in flight
    icmp(true, kIss + 1u);
    STATE(w, syn_sent);
    EXPECT_EQ(w.fx.drop, DropReason::icmp_ignored);
    icmp(true, kIss);
    STATE(w, closed);
    EXPECT_EQ(w.fx.reason, CloseReason::unreachable);
}

TEST(Icmp, AnOpenConnectionIgnoresHardErrors) {
    CoreWorld w;
    w.open();
    w.send(10);
    w.perform([&](Effects& fx) { on_icmp_error(w.tcb, true, w.tcb.snd.una, fx); });
    STATE(w, established);
}

}  // namespace
}  // namespace synfin::tcp
