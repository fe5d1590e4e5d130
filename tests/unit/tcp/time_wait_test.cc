/// @file
/// TIME-WAIT: RFC 9293 3.10.7.4, RFC 6191, RFC 1337.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

CoreWorld time_wait(std::optional<uint32_t> ts) {
    CoreWorld w;
    w.open({.ts = ts});
    w.shutdown();
    w.in({.ts = ts});
    w.in({.flags = kFin | kAck, .ts = ts});
    EXPECT_EQ(w.tcb.state(), State::time_wait);
    w.tcb.clear(kFinQueued);
    w.sent.clear();
    return w;
}

TEST(TimeWaitState, LastsTwiceMsl) {  // MUST-13
    CoreWorld w = time_wait({});
    EXPECT_EQ(w.fire(), 60'000u);
    STATE(w, closed);
    EXPECT_TRUE(w.fx.ended);
    EXPECT_EQ(w.fx.reason, CloseReason::fin);
    SILENT(w);
}

TEST(TimeWaitState, FinAgainRestartsIt) {
    CoreWorld w = time_wait({});
    w.advance(40'000);
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    EXPECT_TRUE(w.fx.time_wait_restart);
    EXPECT_TRUE(w.fx.timer) << "a full record in TIME-WAIT, too";
    EXPECT_EQ(w.in_ms(), 60'000u);
    RECV(w, {.seq = 2, .ack = 2});
    SILENT(w);
}

TEST(TimeWaitState, TextAgainIsADuplicate) {
    CoreWorld w = time_wait({});
    w.in({.seq = 0, .ack = 2, .len = 1});
    EXPECT_EQ(w.fx.drop, DropReason::duplicate_segment);
    w.in({.seq = 1'000'000, .ack = 2, .len = 1});
    EXPECT_EQ(w.fx.drop, DropReason::unacceptable_seq);
}

TEST(TimeWaitState, RstDoesNotAssassinate) {  // RFC 1337
    CoreWorld w = time_wait({});
    w.in({.seq = 2, .flags = kRst});
    STATE(w, time_wait);
    EXPECT_EQ(w.fx.drop, DropReason::rst_ignored);
    SILENT(w);
}

TEST(TimeWaitState, ANewSynByTimestamp) {  // RFC 6191 2
    CoreWorld w = time_wait(5000);
    w.in({.seq = 1'000'000, .flags = kSyn, .ts = 4999});
    EXPECT_FALSE(w.fx.reopen) << "older, whatever its number";
    EXPECT_EQ(w.fx.reply, Reply::challenge_ack);
    w.in({.seq = 2, .flags = kSyn, .ts = 5000});
    EXPECT_FALSE(w.fx.reopen) << "equal, and no later number";
    w.in({.seq = 3, .flags = kSyn, .ts = 5000});
    EXPECT_TRUE(w.fx.reopen) << "equal, with a later number";
    w.in({.seq = 0xffff'0000, .flags = kSyn, .ts = 5001});
    EXPECT_TRUE(w.fx.reopen) << "newer, whatever its number";
}

TEST(TimeWaitState, ANewSynByNumber) {
    CoreWorld w = time_wait({});
    w.in({.seq = 2, .flags = kSyn});
    EXPECT_FALSE(w.fx.reopen);
    w.in({.seq = 3, .flags = kSyn});
    EXPECT_TRUE(w.fx.reopen);
    w.params.time_wait_reuse = false;
    w.in({.seq = 3, .flags = kSyn});
    EXPECT_FALSE(w.fx.reopen);
}

TEST(TimeWaitState, TwoOfThemDoNotTalkForEver) {
    CoreWorld w = time_wait({});
    w.in({.seq = 2, .ack = 2});
    EXPECT_EQ(w.fx.reply, Reply::seldom_ack) << "once a second";
    w.in({.seq = 1, .ack = 2});
    EXPECT_EQ(w.fx.reply, Reply::challenge_ack) << "limited";
    w.in({.seq = 2, .ack = 2, .len = 5});
    EXPECT_EQ(w.fx.reply, Reply::ack) << "text comes by the peer's timer";
    STATE(w, time_wait);
}

}  // namespace
}  // namespace synfin::tcp
