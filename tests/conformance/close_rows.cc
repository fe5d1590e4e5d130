/// Rows 8 to 11, 17, 18, 38 and 39: the ends of a connection.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

TEST(Row8, ActiveCloseInThreeSteps) {
    ROW(8, "9293-3.6 case 1", "tcp::check_fin");
    World w;
    w.open();
    w.close();
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 0});
    STATE(w, fin_wait_1);
    w.in({.seq = 1, .ack = 2});
    SILENT(w);
    STATE(w, fin_wait_2);
    EXPECT_TRUE(w.closes().empty());
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck, .len = 0});
    STATE(w, time_wait);
    CLOSED(w, fin);
    EXPECT_EQ(w[Counter::time_wait_entered], 1u);
    w.advance(61s);
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, fin);
    IDLE(w);
}

TEST(Row8, SimultaneousClose) {
    ROW(8, "9293-3.6 case 3", "tcp::check_fin");
    World w;
    w.open();
    w.close();
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck});
    w.in({.seq = 1, .ack = 1, .flags = kFin | kAck});  // its FIN crossed ours
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck});
    STATE(w, closing);
    w.in({.seq = 2, .ack = 1});  // does not acknowledge our FIN
    SILENT(w);
    STATE(w, closing);
    w.in({.seq = 2, .ack = 2});
    SILENT(w);
    STATE(w, time_wait);
    CLOSED(w, fin);
    w.advance(61s);
    IDLE(w);
}

TEST(Row8, CloseFromBothOpens) {
    ROW(8, "9293-3.6", "tcp::close");
    for (const Side side : {Side::active, Side::passive}) {
        World w;
        w.bring(State::time_wait, side);
        CLOSED(w, fin);
        w.advance(61s);
        IDLE(w);
    }
}

TEST(Row9, PassiveClose) {
    ROW(9, "9293-3.6 case 2", "tcp::check_fin");
    World w;
    w.open();
    w.in({.seq = 1, .ack = 1, .flags = kFin | kAck});
    RECV(w, {.seq = 1, .ack = 2, .flags = kAck, .len = 0});
    STATE(w, close_wait);
    EXPECT_EQ(w.main().count(Event::Kind::peer_fin), 1u);
    w.send(1000);
    RECV(w, {.seq = 1, .ack = 2, .len = 1000});
    w.in({.seq = 2, .ack = 1001});
    w.send(10);
    RECV(w, {.seq = 1001, .ack = 2, .len = 10});
    w.close();
    RECV(w, {.seq = 1011, .ack = 2, .flags = kFin | kAck});
    STATE(w, last_ack);
    w.in({.seq = 2, .ack = 1011});  // acknowledges the data, not the FIN
    SILENT(w);
    STATE(w, last_ack);
    EXPECT_TRUE(w.closes().empty());
    w.in({.seq = 2, .ack = 1012});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, fin);
    IDLE(w);
}

TEST(Row9, TheFinWaitsBehindQueuedData) {
    ROW(9, "9293-3.10.4", "tcp::next_segment");
    World w;
    w.main().wnd = 500;
    w.bring(State::close_wait);
    w.send(1200);
    w.close();
    uint32_t seq = 1;
    w.discard();
    while (w.state() != State::closed && seq < 1300) {
        const uint32_t all = w.main().rcv_nxt;
        EXPECT_LE(all - seq, 501u) << "within the window";
        seq = all;
        w.in({.seq = 2, .ack = all});
        w.advance(1s);
        w.discard();
    }
    EXPECT_EQ(seq, 1202u);
    STATE(w, closed);
    CLOSED(w, fin);
}

TEST(Row10, AFinThatAcksOurFinGoesToTimeWaitAtOnce) {
    ROW(10, "9293-3.10.7.4 eighth", "tcp::check_fin");
    World w;
    w.bring(State::fin_wait_1);
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck});
    SILENT(w);
    STATE(w, time_wait);
    CLOSED(w, fin);
}

TEST(Row10, AnAckThatDoesNotCoverTheFinDoesNotMove) {
    ROW(10, "9293-3.10.7.4 fifth", "tcp::check_ack");
    World w;
    w.open();
    w.send(100);
    w.close();
    w.discard();
    ASSERT_EQ(w.main().rcv_nxt, 102u);
    w.in({.seq = 1, .ack = 1});
    STATE(w, fin_wait_1);
    w.in({.seq = 1, .ack = 51});
    STATE(w, fin_wait_1);
    w.in({.seq = 1, .ack = 101});
    STATE(w, fin_wait_1);
    w.in({.seq = 1, .ack = 102});
    STATE(w, fin_wait_2);
}

TEST(Row11, DataAfterAHalfCloseIsDelivered) {
    ROW(11, "9293-3.6.1", "tcp::accept_text");
    for (const State state : {State::fin_wait_1, State::fin_wait_2}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state, Side::passive, true);
        const uint32_t ack = state == State::fin_wait_1 ? 1 : 2;
        w.in({.seq = 1, .ack = ack, .len = 500});
        RECV_IN(w, 0ms, 500ms, {.seq = 2, .ack = 501, .len = 0});
        EXPECT_EQ(w.read_all(), 500u);
        w.in({.seq = 501, .ack = ack, .flags = kAck | kFin | kPsh, .len = 100});
        RECV(w, {.seq = 2, .ack = 602});
        EXPECT_EQ(tcp::name(w.state()), state == State::fin_wait_1 ? "CLOSING" : "TIME-WAIT");
        EXPECT_EQ(w.read_all(), 100u);
        EXPECT_EQ(w.main().count(Event::Kind::peer_fin), 1u);
    }
}

TEST(Row11, SendingAfterAHalfCloseIsRefused) {
    ROW(11, "9293-3.10.2", "stack::send");
    World w;
    w.bring(State::fin_wait_1, Side::passive, true);
    const uint8_t byte = 0;
    EXPECT_EQ(w.stack().send(w.main().c, Bytes(&byte, 1)).error(), Error::closing);
    EXPECT_EQ(w.stack().shutdown(w.main().c).error(), Error::closing);
    SILENT(w);
}

TEST(Row17, CloseWithUnreadDataResets) {
    ROW(17, "9293-3.6.1 SHLD-3", "tcp::close");
    World w;
    w.open();
    w.in({.len = 100});
    RECV_IN(w, 0ms, 500ms, {.ack = 101});
    w.close();
    RECV(w, {.seq = 1, .len = 0, .has = kRst});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, aborted);
    IDLE(w);
}

TEST(Row17, DataAfterCloseResets) {
    ROW(17, "9293-3.6.1 SHLD-3, 1122-4.2.2.13", "tcp::accept_text");
    for (const State state : {State::fin_wait_1, State::fin_wait_2}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.in({.seq = 1, .ack = 2, .len = 10});
        RECV(w, {.seq = 2, .len = 0, .has = kRst});
        SILENT(w);
        STATE(w, closed);
        CLOSED(w, aborted);
        EXPECT_EQ(w[DropReason::after_close], 1u);
        IDLE(w);
    }
}

TEST(Row17, AReadConnectionClosesByFin) {
    ROW(17, "9293-3.6.1 SHLD-3", "tcp::close");
    World w;
    w.open();
    w.in({.len = 100});
    EXPECT_EQ(w.read_all(), 100u);
    w.advance(100ms);
    w.discard();
    w.close();
    RECV(w, {.seq = 1, .ack = 101, .flags = kFin | kAck});
}

TEST(Row18, AbortSendsRstAtSndNxt) {
    ROW(18, "9293-3.10.5, MUST-12", "tcp::abort");
    for (const State state :
         {State::syn_received, State::established, State::fin_wait_1, State::fin_wait_2, State::close_wait}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state, Side::active);
        w.main().abort();
        RECV(w, {.seq = w.main().rcv_nxt, .len = 0, .has = kRst});
        SILENT(w);
        STATE(w, closed);
        CLOSED(w, aborted);
        w.advance(200s);
        SILENT(w);
        CLOSED(w, aborted);
        IDLE(w);
        EXPECT_EQ(w.stack().abort(w.main().c).error(), Error::gone);
    }
}

TEST(Row18, AbortFlushesTheQueues) {
    ROW(18, "9293-3.10.5", "tcp::abort");
    World w;
    w.main().wnd = 1000;
    w.open();
    w.send(5000);
    w.discard();
    w.in({.ack = 1, .len = 300});
    w.advance(1ms);
    w.discard();
    ASSERT_GT(w.info().unsent_bytes, 0u);
    w.main().abort();
    RECV(w, {.seq = 1001, .len = 0, .has = kRst});
    SILENT(w);
    uint8_t byte;
    EXPECT_EQ(w.stack().receive(w.main().c, MutableBytes(&byte, 1)).error(), Error::gone);
    IDLE(w);
}

TEST(Row18, AbortAfterBothFinsIsSilent) {
    ROW(18, "9293-3.10.5", "tcp::abort");
    for (const State state : {State::closing, State::last_ack}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.main().abort();
        SILENT(w);
        STATE(w, closed);
        EXPECT_EQ(w.closes().size(), 1u);
        IDLE(w);
    }
}

TEST(Row18, AbortInSynSentIsSilent) {
    ROW(18, "9293-3.10.5", "tcp::abort");
    World w;
    w.bring(State::syn_sent);
    w.send(10);
    w.main().abort();
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, aborted);
    IDLE(w);
}

TEST(Row18, ARstFromThePeerIsToldOnce) {
    ROW(18, "9293-3.9.1 MUST-47", "tcp::check_rst");
    for (const State state : {State::established, State::fin_wait_1, State::fin_wait_2, State::close_wait}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.in({.flags = kRst});
        w.in({.flags = kRst});
        SILENT(w);
        STATE(w, closed);
        CLOSED(w, reset_by_peer);
        EXPECT_TRUE(w.closes().front().established);
        IDLE(w);
    }
}

TEST(Row38, TheFinIsRetransmitted) {
    ROW(38, "9293-3.10.8", "tcp::on_no_answer");
    for (const State state : {State::fin_wait_1, State::closing, State::last_ack}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        const uint32_t ack = state == State::fin_wait_1 ? 1 : 2;
        for (int i = 0; i < 4; ++i)
            RECV_IN(w, 100ms, 20s, {.seq = 1, .ack = ack, .flags = kFin | kAck, .len = 0});
        EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
    }
}

TEST(Row38, AnOrphanInFinWait2TimesOut) {
    ROW(38, "9293-3.6 (Linux: tcp_fin_timeout)", "tcp::on_deadline");
    World w;
    w.bring(State::fin_wait_2);
    w.advance(59s);
    STATE(w, fin_wait_2);
    w.advance(3s);
    STATE(w, closed);
    CLOSED(w, fin_wait_2_timed_out);
    w.discard();
    IDLE(w);
}

TEST(Row38, AHalfClosedConnectionMayStayInFinWait2) {
    ROW(38, "9293-3.6.1", "tcp::on_deadline");
    World w;
    w.bring(State::fin_wait_2, Side::passive, true);
    w.advance(3600s);
    SILENT(w);
    STATE(w, fin_wait_2);
    w.in({.seq = 1, .ack = 2, .len = 10});
    RECV_IN(w, 0ms, 500ms, {.ack = 11});
    EXPECT_EQ(w.read_all(), 10u);
}

TEST(Row38, LastAckClosingAndFinWait1TimeOut) {
    ROW(38, "9293-3.10.8 user timeout", "tcp::on_no_answer");
    for (const State state : {State::fin_wait_1, State::closing, State::last_ack}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.advance(900s);
        w.discard();
        STATE(w, closed);
        EXPECT_EQ(w.closes().size(), 1u);
        IDLE(w);
    }
}

TEST(Row39, AFinWithData) {
    ROW(39, "9293-3.10.7.4 eighth", "tcp::check_fin");
    World w;
    w.open();
    w.in({.flags = kAck | kFin | kPsh, .len = 100});
    RECV(w, {.seq = 1, .ack = 102, .flags = kAck});
    STATE(w, close_wait);
    EXPECT_EQ(w.read_all(), 100u);
    uint8_t byte;
    const auto end = w.stack().receive(w.main().c, MutableBytes(&byte, 1));
    ASSERT_TRUE(end);
    EXPECT_EQ(*end, 0u) << "the end of the stream";
}

TEST(Row39, AFinOutOfOrderWaitsForTheHole) {
    ROW(39, "9293-3.10.7.4 eighth", "tcp::check_fin");
    World w;
    w.open();
    w.in({.seq = 101, .ack = 1, .flags = kAck | kFin});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    STATE(w, established);
    EXPECT_EQ(w.main().count(Event::Kind::peer_fin), 0u);
    w.in({.seq = 1, .ack = 1, .len = 50});
    RECV(w, {.seq = 1, .ack = 51});
    STATE(w, established);
    w.in({.seq = 51, .ack = 1, .len = 50});
    RECV(w, {.seq = 1, .has = kAck});
    if (w.main().last_ack() == 101) {  // a bare FIN need not be kept: the peer sends it again
        w.in({.seq = 101, .ack = 1, .flags = kAck | kFin});
        RECV(w, {.seq = 1, .ack = 102});
    } else {
        EXPECT_EQ(w.main().last_ack(), 102u);
    }
    STATE(w, close_wait);
    EXPECT_EQ(w.read_all(), 100u);
    EXPECT_EQ(w.main().count(Event::Kind::peer_fin), 1u);
}

TEST(Row39, AFinWithDataBehindAHole) {
    ROW(39, "9293-3.10.7.4 eighth", "tcp::check_fin");
    World w;
    w.open();
    w.in({.seq = 51, .ack = 1, .flags = kAck | kFin | kPsh, .len = 50});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    STATE(w, established);
    w.in({.seq = 1, .ack = 1, .len = 50});
    RECV(w, {.seq = 1, .has = kAck});
    if (w.main().last_ack() != 102) {
        w.in({.seq = 51, .ack = 1, .flags = kAck | kFin | kPsh, .len = 50});
        RECV(w, {.seq = 1, .ack = 102});
    }
    STATE(w, close_wait);
    EXPECT_EQ(w.read_all(), 100u);
}

TEST(Row39, AFinBeyondTheWindowIsNotTaken) {
    ROW(39, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w([](WorldConfig& c) { c.stack.tcp.receive_buffer_bytes = 4096; });
    w.open();
    const uint32_t wnd = w.info().rcv_wnd;
    w.in({.seq = 1 + wnd, .ack = 1, .flags = kAck | kFin});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    // Data fills the window, and the FIN does not fit: the data is accepted, and the FIN comes again.
    for (uint32_t at = 0; at + 1024 < wnd; at += 1024) w.in({.len = 1024});
    w.advance(100ms);
    w.discard();
    const uint32_t seq = w.main().rel_rcv();
    w.in({.seq = seq, .flags = kAck | kFin | kPsh, .len = 1 + wnd - seq});
    w.advance(100ms);
    EXPECT_GE(w.main().rel_rcv(), wnd + 1);
    EXPECT_EQ(w.read_all(), wnd);
    w.discard();
    w.in({.seq = 1 + wnd, .flags = kAck | kFin});
    STATE(w, close_wait);
    EXPECT_EQ(w.main().rel_rcv(), wnd + 2);
}

TEST(Row39, NothingAfterAFinIsTaken) {
    ROW(39, "9293-3.10.7.4 seventh", "tcp::accept_text");
    World w;
    w.bring(State::close_wait);
    w.in({.seq = 2, .ack = 1, .len = 10});
    w.advance(500ms);
    w.discard();
    EXPECT_EQ(w.read_all(), 0u);
    EXPECT_EQ(w.main().rel_rcv(), 2u);
    STATE(w, close_wait);
    EXPECT_EQ(w.main().count(Event::Kind::peer_fin), 1u);
}

/// All FINs (with preceding text) that are sent until the connection is given up; the last packet is a RST.
int fins_until_reset(World& w) {
    int fins = 0;
    while (w.advance_to_packet(200s)) {
        const auto sent = w.out();
        if (sent->has(kRst)) return fins;
        fins += sent->has(kFin);
    }
    return -1;
}

TEST(Row85, AnOrphanIsGivenUpByRetransmissions) {
    ROW(85, "9293-3.8.3 R2; Linux tcp_orphan_retries", "tcp::is_abandoned");
    for (const State state : {State::fin_wait_1, State::last_ack, State::closing}) {
        World w;
        w.bring(state);
        const Duration since = w.elapsed();
        EXPECT_EQ(fins_until_reset(w), state == State::fin_wait_1 ? 8 : -1) << tcp::name(state);
        CLOSED(w, timed_out);
        EXPECT_LT(w.elapsed() - since, 110s + (state == State::fin_wait_1 ? 0s : 200s));
        EXPECT_EQ(w[Counter::retransmitted], 8u);
        IDLE(w);
    }
}

TEST(Row85, RetriesOfOrphansAreSettableAndFewerWhenRecordsAreScarce) {
    ROW(85, "Linux tcp_orphan_retries", "tcp::is_abandoned");
    World w([](WorldConfig& c) { c.stack.tcp.orphan_retries = 4; });
    w.bring(State::fin_wait_1);
    EXPECT_EQ(fins_until_reset(w), 4);
    World full([](WorldConfig& c) { c.stack.max_connections = 16; });
    for (uint16_t i = 0; i < 15; ++i) full.flow(static_cast<uint16_t>(41'000 + i)).open(Side::passive);
    full.bring(State::fin_wait_1);
    EXPECT_EQ(fins_until_reset(full), 2);
}

TEST(Row85, WhoStillHasAnApplicationWaitsForTheUserTimeout) {
    ROW(85, "9293-3.9.1", "tcp::on_deadline");
    World w;
    w.bring(State::fin_wait_1, Side::passive, true);
    const Duration since = w.elapsed();
    EXPECT_GT(fins_until_reset(w), 8);
    EXPECT_GE(w.elapsed() - since, 299s);
    CLOSED(w, timed_out);
}

/// A peer that answers each probe but never reads cannot keep the text of a closed connection in memory.
TEST(Row85, AnOrphanDoesNotProbeAClosedWindowForEver) {
    ROW(85, "9293-3.8.6.1; Linux tcp_probe_timer", "tcp::is_abandoned");
    World w;
    w.open();
    w.in({.wnd = 0});
    w.send(100);
    w.close();
    int probes = 0;
    while (w.advance_to_packet(200s)) {
        const auto sent = w.out();
        if (sent->has(kRst)) break;
        ++probes;
        w.in({.ack = 1, .wnd = 0});
        REQUIRE(probes < 50);
    }
    EXPECT_EQ(probes, 8);
    CLOSED(w, timed_out);
    EXPECT_EQ(w.occupancy().send_blocks, 0u);
}

}  // namespace
}  // namespace synfin::fakes
