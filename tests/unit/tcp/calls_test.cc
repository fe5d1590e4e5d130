/// @file
/// RFC 9293 3.10.1-3.10.6.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

TEST(Close, SendsFinAfterAllText) {  // 3.10.4
    CoreWorld w;
    w.open();
    w.need_flow();
    w.flow.cwnd_bytes = 2 * kMss;
    w.send(3 * kMss);
    w.close();
    STATE(w, fin_wait_1);
    RECV(w, {.seq = 1, .len = kMss});
    RECV(w, {.seq = 1 + kMss, .len = kMss});
    SILENT(w);
    w.in({});
    RECV(w, {.seq = 1 + 2 * kMss, .len = kMss, .flags = kFin | kAck, .psh = true});
    SILENT(w);
    w.in({});
    STATE(w, fin_wait_2);
}

TEST(Close, WithoutTextSendsFinAtOnce) {
    CoreWorld w;
    w.open();
    w.close();
    RECV(w, {.seq = 1, .len = 0, .flags = kFin | kAck});
    SILENT(w);
    EXPECT_EQ(w.tcb.flow, 0u) << "teardown needs no second line";
}

TEST(Close, WithUnreadTextResets) {  // 3.6.1, SHLD-3
    CoreWorld w;
    w.open();
    w.close(true);
    STATE(w, closed);
    EXPECT_TRUE(w.tcb.has(kAppGone));
    EXPECT_EQ(w.fx.reason, CloseReason::aborted);
    RECV(w, {.seq = 1, .ack = 1, .flags = kRst | kAck});
    SILENT(w);
}

TEST(Close, InSynReceivedWaitsForTheAck) {
    CoreWorld w;
    w.connect();
    w.in({.flags = kSyn});
    w.sent.clear();
    w.send(10);
    w.close();
    STATE(w, syn_received);
    SILENT(w);
    w.in({.ack = 1});
    STATE(w, fin_wait_1);
    EXPECT_TRUE(w.fx.opened);
    RECV(w, {.seq = 1, .len = 10, .flags = kFin | kAck});
}

TEST(Close, InCloseWaitGoesToLastAck) {
    CoreWorld w;
    w.bring(State::close_wait);
    w.send(10);
    w.close();
    STATE(w, last_ack);
    RECV(w, {.seq = 1, .len = 10});
    RECV(w, {.seq = 11, .flags = kFin | kAck});
}

TEST(Close, TwiceIsOnce) {
    for (const State state : {State::fin_wait_1, State::fin_wait_2, State::closing, State::last_ack}) {
        CoreWorld w;
        w.bring(state);
        w.shutdown();
        EXPECT_EQ(w.tcb.state(), state);
        SILENT(w);
    }
}

TEST(Close, InFinWait2BeginsToWait) {
    CoreWorld w;
    w.bring(State::fin_wait_2);
    w.close();
    EXPECT_TRUE(w.fx.timer);
    EXPECT_EQ(w.in_ms(), 60'000u);
}

TEST(Abort, SendsRstWhereThePeerMayNotKnow) {  // 3.10.5
    struct {
        State state;
        bool rst;
    } const cases[] = {{State::syn_sent, false},  {State::syn_received, true}, {State::established, true},
                       {State::fin_wait_1, true}, {State::fin_wait_2, true},   {State::close_wait, true},
                       {State::closing, false},   {State::last_ack, false},    {State::time_wait, false}};
    for (const auto& c : cases) {
        CoreWorld w;
        w.bring(c.state);
        w.abort();
        STATE(w, closed);
        EXPECT_TRUE(w.fx.ended);
        EXPECT_EQ(w.fx.reason, CloseReason::aborted);
        if (c.rst) RECV(w, {.seq = w.nxt(), .ack = w.rcv(), .flags = kRst | kAck});
        SILENT(w);
    }
}

TEST(Abort, OfWhatHasEndedIsNothing) {
    CoreWorld w;
    w.open();
    w.abort();
    w.abort();
    EXPECT_FALSE(w.fx.ended) << "on_close is told once";
    w.close(true);
    EXPECT_FALSE(w.fx.ended);
}

TEST(Abort, NothingLeavesAfterwards) {
    CoreWorld w;
    w.connect();
    w.sent.clear();
    w.tcb.snd.nxt = w.tcb.snd.una;  // the SYN has not left yet
    w.abort();
    SILENT(w);

    CoreWorld open;
    open.open();
    open.send(10 * kMss);
    open.hold = true;
    open.fire();  // retransmission is asked for
    open.abort();
    open.sent.clear();
    open.pump();
    SILENT(open);
}

TEST(OpenWindow, TellsThePeerWhenItWasNearlyClosed) {  // 3.8.6.2.2
    CoreWorld w;
    w.open();
    w.tcb.rcv.wnd = 0;
    const auto opens = [&](uint32_t room) {
        w.room = room;
        w.sent.clear();
        w.perform([&](Effects& fx) { open_window(w.tcb, room, w.params, fx); });
        return !w.sent.empty();
    };
    EXPECT_FALSE(opens(kMss - 1)) << "not by slivers";
    EXPECT_TRUE(opens(kMss));
    RECV(w, {.ack = 1, .wnd = kMss});
    EXPECT_TRUE(opens(3 * kMss));
    EXPECT_FALSE(opens(10 * kMss)) << "open enough: the next ACK carries it";
}

}  // namespace
}  // namespace synfin::tcp
