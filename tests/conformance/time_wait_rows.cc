/// Rows 12 to 16: TIME-WAIT: its length, its answers, and the reuse of its tuple.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

void with_timestamps(WorldConfig& c) {
    c.timestamps = true;
}
void without_timestamps(WorldConfig& c) {
    c.timestamps = false;
}

TEST(Row12, TimeWaitLastsTwiceTheMsl) {
    ROW(12, "9293-3.6.1 MUST-13", "stack::TimeWaits::link");
    for (const Duration msl : {Duration(30s), Duration(2s), Duration(120s)}) {
        World w([&](WorldConfig& c) { c.stack.tcp.msl = msl; });
        w.bring(State::time_wait);
        w.advance(2 * msl - 1ms);
        STATE(w, time_wait);
        w.advance(1s);
        STATE(w, closed);
        SILENT(w);
        IDLE(w);
    }
}

TEST(Row12, TheDefaultMslIsThirtySeconds) {
    ROW(12, "9293-3.4.2 MUST-13 (DEVIATION: MSL 30 s, as Linux)", "tcp::TcpConfig");
    EXPECT_EQ(TcpConfig{}.msl, Duration(30s));
    World w;
    EXPECT_EQ(w.stack().stack().config().tcp.msl, Duration(30s));
}

TEST(Row12, AConnectionInTimeWaitHasGoneForTheApplication) {
    ROW(12, "9293-3.6.1", "stack::finish");
    World w;
    w.bring(State::time_wait);
    CLOSED(w, fin);
    EXPECT_EQ(w.occupancy().time_wait, 1u);
    EXPECT_EQ(w.occupancy().open, 0u) << "the large record is free";
    EXPECT_EQ(w.occupancy().flow_lines, 0u);
    EXPECT_EQ(w.stack().close(w.main().c).error(), Error::gone);
}

TEST(Row13, RetransmittedFinIsAckedAndRestarts2Msl) {
    ROW(13, "9293-3.10.7.4 eighth", "tcp::on_time_wait");
    World w;
    w.bring(State::time_wait);
    w.advance(40s);
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck, .len = 0});
    SILENT(w);
    w.advance(59s);
    STATE(w, time_wait);
    w.advance(2s);
    STATE(w, closed);
    CLOSED(w, fin);
    IDLE(w);
}

TEST(Row13, AFinWithItsDataIsAckedToo) {
    ROW(13, "9293-3.10.7.4 eighth", "tcp::on_time_wait");
    World w;
    w.bring(State::fin_wait_2, Side::passive, true);
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck | kPsh, .len = 10});
    RECV(w, {.seq = 2, .ack = 12});
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck | kPsh, .len = 10});
    RECV(w, {.seq = 2, .ack = 12, .flags = kAck});
    SILENT(w);
    STATE(w, time_wait);
}

TEST(Row90, AnAcceptableSegmentIsAckedAndRestarts2Msl) {
    ROW(90, "9293-3.10.7.4 fifth", "tcp::on_time_wait");
    for (const uint32_t len : {0u, 10u}) {
        World w;
        w.bring(State::time_wait);
        w.advance(40s);
        w.in({.seq = 2, .ack = 2, .len = len});
        RECV(w, {.seq = 2, .ack = 2, .flags = kAck, .len = 0});
        SILENT(w);
        w.advance(59s);
        STATE(w, time_wait);
        w.advance(2s);
        STATE(w, closed);
        IDLE(w);
    }
}

TEST(Row90, WhatIsNotAcceptableDoesNotRestartIt) {
    ROW(90, "9293-3.10.7.4 first and fifth, 5961-5.2, 1337", "tcp::on_time_wait");
    World w;
    w.bring(State::time_wait);
    w.advance(40s);
    w.in({.seq = 2, .ack = 3});              // acknowledges what was never sent
    w.in({.seq = 2, .ack = uint32_t(-70)});  // too old
    w.in({.seq = 0x1000'0000, .ack = 2});    // outside the window
    w.in({.seq = 2, .flags = kFin});         // no ACK
    w.in({.seq = 2, .flags = kRst});
    w.discard();
    w.advance(21s);
    STATE(w, closed);
}

TEST(Row90, TwoEndsDoNotAnswerEachOtherForEver) {
    ROW(90, "9293-3.10.7.4 fifth", "stack::allow_challenge");
    World w;
    w.bring(State::time_wait);
    w.advance(10s);
    uint32_t answers = 0;
    for (int i = 0; i < 100; ++i) {  // each 10 ms later, as if in answer to our ACK
        w.in({.seq = 2, .ack = 2});
        while (w.out()) ++answers;
        w.advance(10ms);
    }
    EXPECT_GE(answers, 1u);
    EXPECT_LE(answers, 2u);
}

TEST(Row14, ASynWithANewerTimestampOpensANewConnection) {
    ROW(14, "6191-2, 9293-3.6.1 MAY-2", "tcp::on_time_wait");
    World w(with_timestamps);
    w.bring(State::time_wait);
    const uint32_t last = w.main().stack_isn + w.main().rcv_nxt;
    w.advance(10ms);
    // The sequence number may even be lower: the timestamp decides.
    w.in({.seq = uint32_t(-100000), .flags = kSyn});
    RECV(w, {.flags = kSyn | kAck});
    EXPECT_EQ(w.main().last_ack(), uint32_t(-99999));
    EXPECT_GT(static_cast<int32_t>(w.main().last().seq - last), 0)
        << "the new ISN is beyond all that was sent";
    EXPECT_EQ(w[Counter::time_wait_reused], 1u);
    STATE(w, syn_received);
    EXPECT_EQ(w.occupancy().time_wait, 0u);
    w.in({.seq = uint32_t(-99999), .ack = 1});
    w.main().accept();
    STATE(w, established);
}

TEST(Row14, ASynWithAnOlderTimestampIsAcked) {
    ROW(14, "6191-2", "tcp::on_time_wait");
    World w(with_timestamps);
    w.bring(State::time_wait);
    w.advance(10ms);
    // Refused: an older timestamp, whatever the sequence number, and an equal one with a lower number.
    const uint32_t recent = w.main().ts_offset;
    for (const Seg& syn : {Seg{.seq = 100000, .flags = kSyn, .ts = Ts{recent - 1000, 0}},
                           Seg{.seq = 1, .flags = kSyn, .ts = Ts{recent, 0}}}) {
        const uint32_t nxt = w.main().nxt;
        const auto packet = build(w.main().make(syn));
        w.raw(packet);
        RECV(w, {.seq = 2, .ack = nxt, .flags = kAck});
        SILENT(w);
        STATE(w, time_wait);
    }
    EXPECT_EQ(w[Counter::time_wait_reused], 0u);
}

TEST(Row14, WithoutTimestampsAHigherSequenceNumberDecides) {
    ROW(14, "9293-3.6.1 MAY-2", "tcp::on_time_wait");
    for (const uint32_t seq : {2u, 3u, 100000u}) {
        World w(without_timestamps);
        w.bring(State::time_wait);
        const uint32_t last = w.main().stack_isn + 2;
        w.advance(1ms);
        w.raw(build(w.main().make({.seq = seq, .flags = kSyn})));
        if (seq > 2) {
            RECV(w, {.ack = seq + 1, .flags = kSyn | kAck});
            EXPECT_GT(static_cast<int32_t>(w.main().last().seq - last), 0);
            STATE(w, syn_received);
        } else {  // RCV.NXT itself is the number after the last: new, or refused; never lost
            RECV(w, {.has = w.state() == State::syn_received ? kSyn | kAck : kAck});
        }
    }
    for (const uint32_t seq : {1u, 0u, uint32_t(-100000)}) {
        World w(without_timestamps);
        w.bring(State::time_wait);
        w.advance(1ms);
        w.raw(build(w.main().make({.seq = seq, .flags = kSyn})));
        RECV(w, {.seq = 2, .ack = 2, .flags = kAck});
        SILENT(w);
        STATE(w, time_wait);
    }
}

TEST(Row14, WithoutAListenerASynDoesNotEndTimeWait) {
    ROW(14, "6191-2", "stack::arrive_time_wait");
    World w(with_timestamps);
    w.bring(State::time_wait);
    REQUIRE(w.stack().unlisten(80));
    w.advance(10ms);
    w.raw(build(w.main().make({.seq = 1000, .flags = kSyn})));
    w.discard();
    EXPECT_EQ(w.occupancy().half_open, 0u);
    EXPECT_EQ(w[Counter::time_wait_reused], 0u);
}

TEST(Row14, SwitchedOffNoSynOpensATimeWaitTuple) {
    ROW(14, "9293-3.6.1", "tcp::on_time_wait");
    World w([](WorldConfig& c) { c.timestamps = true, c.stack.tcp.time_wait_reuse = false; });
    w.bring(State::time_wait);
    w.advance(10ms);
    w.raw(build(w.main().make({.seq = 1000, .flags = kSyn})));
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck});
    STATE(w, time_wait);
}

TEST(Row15, RstInTimeWaitIsIgnored) {
    ROW(15, "1337-3 (F1)", "tcp::on_time_wait");
    World w;
    w.bring(State::time_wait);
    for (const uint32_t seq : {2u, 1u, 3u, 1000u, 0u}) {
        w.in({.seq = seq, .flags = kRst});
        w.in({.seq = seq, .ack = 2, .flags = kRst | kAck});
    }
    SILENT(w);
    STATE(w, time_wait);
    EXPECT_EQ(w[DropReason::rst_ignored], 10u);
    w.advance(59s);
    STATE(w, time_wait);
    w.advance(2s);
    STATE(w, closed);
}

TEST(Row15, AnOldDuplicateIsAckedAndDoesNotAssassinate) {
    ROW(15, "1337-2", "tcp::on_time_wait");
    World w;
    w.bring(State::time_wait);
    w.in({.seq = uint32_t(-500), .ack = 1, .len = 10});  // RFC 1337's old duplicate
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck});
    w.in({.seq = 2, .flags = kRst});  // and the RST of a peer without state
    SILENT(w);
    STATE(w, time_wait);
}

/// Connects from a tuple that is in TIME-WAIT.
Result<Connection> again(World& w) {
    return w.stack().connect(w.main().peer, {.source_port = w.main().local.port});
}

TEST(Row16, ConnectReusesATimeWaitTupleOnlyWithTimestamps) {
    ROW(16, "6191-3", "stack::connect");
    World w(without_timestamps);
    w.bring(State::time_wait, Side::active);
    w.advance(30s);
    EXPECT_EQ(again(w).error(), Error::in_use);
    SILENT(w);
    w.advance(31s);
    EXPECT_TRUE(again(w)) << "after 2 MSL it is free";
}

TEST(Row16, ConnectReusesATimeWaitTupleWhenItsClockHasMoved) {
    ROW(16, "6191-3", "stack::connect");
    World w(with_timestamps);
    w.bring(State::time_wait, Side::active);
    EXPECT_EQ(again(w).error(), Error::in_use) << "in the same tick of the timestamp clock";
    w.advance(1100ms);
    const uint32_t last_seq = w.main().stack_isn + 2, last_ts = w.main().last_tsval;
    auto c = again(w);
    ASSERT_TRUE(c);
    const auto syn = w.out();
    ASSERT_TRUE(syn && syn->flags == kSyn && syn->ts);
    EXPECT_GT(static_cast<int32_t>(syn->ts->val - last_ts), 0) << "newer than any the peer has seen";
    EXPECT_GT(static_cast<int32_t>(syn->seq - last_seq), 0);
    EXPECT_EQ(w[Counter::time_wait_reused_active], 1u);
    EXPECT_EQ(w.occupancy().time_wait, 0u);
}

TEST(Row16, SwitchedOffConnectNeverReuses) {
    ROW(16, "9293-3.6.1", "stack::connect");
    World w([](WorldConfig& c) { c.timestamps = true, c.stack.tcp.time_wait_reuse = false; });
    w.bring(State::time_wait, Side::active);
    w.advance(50s);
    EXPECT_EQ(again(w).error(), Error::in_use);
}

TEST(Row16, AnEphemeralPortAvoidsUnsafeTimeWaitTuples) {
    ROW(16, "6056-2, 6191-3", "net::EphemeralPorts");
    World w([](WorldConfig& c) {
        c.timestamps = false;
        c.stack.port_low = 50000;
        c.stack.port_high = 50001;
    });
    w.bring(State::time_wait, Side::active);  // 50000
    const Endpoint peer = w.main().peer;
    ASSERT_TRUE(w.stack().connect(peer));
    const auto syn = w.out();
    ASSERT_TRUE(syn.has_value());
    EXPECT_EQ(syn->sport, 50001);
    EXPECT_EQ(w.stack().connect(peer).error(), Error::no_port);
}

TEST(Row83, WithTheTimeWaitPoolFullTheOldestRecordYields) {
    ROW(83, "project choice: as Linux's tcp_max_tw_buckets, but the oldest goes", "stack::yield_time_wait");
    World w([](WorldConfig& c) { c.stack.max_time_wait = 2, c.stack.max_connections = 2; });
    std::vector<Flow*> flows;
    for (uint16_t i = 0; i < 5; ++i) {
        auto& f = w.flow(static_cast<uint16_t>(41000 + i));
        f.bring(State::time_wait);
        flows.push_back(&f);
        EXPECT_EQ(f.closes().size(), 1u);
        EXPECT_EQ(w.occupancy().open, 0u) << "no full record stays behind";
    }
    EXPECT_EQ(w.occupancy().time_wait, 2u);
    EXPECT_EQ(w[Counter::time_wait_yielded], 3u);
    EXPECT_EQ(w[Counter::time_wait_entered], 5u);
    EXPECT_EQ(w[DropReason::accept_full], 0u);
    for (size_t i = 0; i < flows.size(); ++i) {
        flows[i]->in({.seq = 1, .ack = 2, .flags = kFin | kAck});
        if (i < 3) {
            RECV(*flows[i], {.seq = 2, .flags = kRst});
        } else {
            RECV(*flows[i], {.seq = 2, .ack = 2, .flags = kAck});
        }
    }
    w.advance(61s);
    w.advance(1s);
    IDLE(w);
}

TEST(Row83, WithoutTimeWaitRecordsAConnectionJustEnds) {
    ROW(83, "project choice", "stack::finish");
    World w([](WorldConfig& c) { c.stack.max_time_wait = 0; });
    w.bring(State::fin_wait_2);
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck});
    CLOSED(w, fin);
    EXPECT_EQ(w[Counter::time_wait_yielded], 1u);
    EXPECT_EQ(w.occupancy().open, 0u);
    IDLE(w);
}

}  // namespace
}  // namespace synfin::fakes
