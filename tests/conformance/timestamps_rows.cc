/// Rows 43 to 45, 79, 89: timestamps, TS.Recent, and PAWS (RFC 7323); segments that are discarded whole (RFC
/// 5961 5.2).
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

/// A connection with timestamps; the test sets the peer's clock.
struct Stamped {
    World w{[](WorldConfig& c) { c.timestamps = true; }};
    uint32_t t0;
    explicit Stamped(Side side = Side::passive) {
        w.open(side);
        t0 = w.main().ts_offset + static_cast<uint32_t>(w.elapsed() / 1ms);
    }
    Ts at(int32_t ticks) const { return Ts{t0 + static_cast<uint32_t>(ticks), w_last()}; }
    uint32_t w_last() const { return const_cast<World&>(w).main().last_tsval; }
};

TEST(Row43, OnAllSegmentsWhenBothOffer) {
    ROW(43, "7323-3.2", "tcp::next_segment");
    for (const Side side : {Side::passive, Side::active}) {
        World w([](WorldConfig& c) { c.timestamps = true; });
        w.open(side);
        EXPECT_TRUE(w.info().timestamps);
        w.send(10);
        RECV(w, {.len = 10, .ts = Ts{w.main().last_tsval, w.main().ts_offset}});
        w.in({.ack = 11, .len = 10});
        RECV_IN(w, 0ms, 500ms, {.ack = 11});
        EXPECT_TRUE(w.main().last().ts.has_value());
        EXPECT_EQ(w.read_all(), 10u);
        w.close();
        RECV(w, {.has = kFin});
        EXPECT_TRUE(w.main().last().ts.has_value());
        w.in({.ack = 12, .flags = kFin | kAck});
        RECV(w, {.ack = 12});
        EXPECT_TRUE(w.main().last().ts.has_value());
        w.advance(1ms);
        w.in({.seq = 11, .ack = 12, .flags = kFin | kAck});  // in TIME-WAIT
        RECV(w, {.ack = 12});
        EXPECT_TRUE(w.main().last().ts.has_value());
    }
}

TEST(Row43, OnNoneWhenOneDoesNot) {
    ROW(43, "7323-3.2", "tcp::next_segment");
    World w([](WorldConfig& c) { c.timestamps = false; });
    w.bring(State::syn_received);
    EXPECT_FALSE(w.main().last().ts.has_value());
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
    w.send(10);
    RECV(w, {.len = 10, .no_ts = true});

    World off([](WorldConfig& c) { c.timestamps = true, c.stack.tcp.timestamps = false; });
    off.bring(State::syn_received);
    EXPECT_FALSE(off.main().last().ts.has_value());
}

TEST(Row43, TheSynsTsEcrIsZeroAndTheSynAckEchoes) {
    ROW(43, "7323-3.2", "wire::put_syn_options");
    World w([](WorldConfig& c) { c.timestamps = true; });
    w.main().connect();
    ASSERT_TRUE(w.main().last().ts.has_value());
    EXPECT_EQ(w.main().last().ts->ecr, 0u);
    World v([](WorldConfig& c) { c.timestamps = true; });
    v.bring(State::syn_received);
    ASSERT_TRUE(v.main().last().ts.has_value());
    EXPECT_EQ(v.main().last().ts->ecr, v.main().ts_offset);
}

TEST(Row43, ASegmentWithoutTheOptionIsDroppedNotReset) {
    ROW(43, "7323-3.2", "tcp::check_sequence");
    Stamped s;
    s.w.in({.len = 10, .no_ts = true});
    s.w.in({.flags = kAck | kFin, .no_ts = true});
    SILENT(s.w);
    STATE(s.w, established);
    EXPECT_EQ(s.w.read_all(), 0u);
    EXPECT_EQ(s.w[DropReason::no_timestamp], 2u);
}

TEST(Row43, ARstNeedsNoTimestamp) {
    ROW(43, "7323-3.2", "tcp::check_rst");
    Stamped s;
    s.w.in({.flags = kRst, .no_ts = true});
    STATE(s.w, closed);
    CLOSED(s.w, reset_by_peer);
}

TEST(Row43, TsEcrCountsOnlyWithAck) {
    ROW(43, "7323-3.2", "tcp::on_syn_sent");
    // A simultaneous open's SYN carries no ACK: its TSecr is not a round trip.
    World w([](WorldConfig& c) { c.timestamps = true; });
    w.main().connect();
    w.advance(100ms);
    w.in({.seq = 0, .flags = kSyn, .ts = Ts{5000, w.main().last_tsval - 77}});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    EXPECT_EQ(w.info().srtt_us, 0u);
}

TEST(Row44, AnOutOfWindowSegmentDoesNotTouchTsRecent) {
    ROW(44, "7323-4.3", "tcp::check_sequence");
    Stamped s;
    s.w.in({.seq = 0x10000000, .ack = 1, .len = 10, .ts = s.at(1'000'000)});
    RECV(s.w, {.ack = 1});
    EXPECT_EQ(s.w.main().last().ts->ecr, s.t0);
    // With a poisoned TS.Recent, PAWS would drop this for ever.
    s.w.in({.seq = 1, .ack = 1, .len = 10, .ts = s.at(5)});
    RECV_IN(s.w, 0ms, 500ms, {.ack = 11});
    EXPECT_EQ(s.w.read_all(), 10u);
}

TEST(Row44, ASegmentBeyondAHoleDoesNotTouchTsRecent) {
    ROW(44, "7323-4.3", "tcp::check_sequence");
    Stamped s;
    s.w.in({.seq = 101, .ack = 1, .len = 10, .ts = s.at(500)});  // SEG.SEQ > Last.ACK.sent
    RECV(s.w, {.ack = 1});
    EXPECT_EQ(s.w.main().last().ts->ecr, s.t0) << "the left edge has not moved";
    s.w.in({.seq = 1, .ack = 1, .len = 100, .ts = s.at(10)});
    RECV(s.w, {.ack = 111});
    EXPECT_EQ(s.w.main().last().ts->ecr, s.t0 + 10) << "of the segment that filled the hole";
    EXPECT_EQ(s.w.read_all(), 110u);
}

TEST(Row44, AnOldDuplicateDoesNotSetTsRecentBack) {
    ROW(44, "7323-4.3 (2)", "tcp::check_sequence");
    Stamped s;
    s.w.in({.seq = 1, .ack = 1, .len = 10, .ts = s.at(100)});
    s.w.advance(500ms);
    s.w.discard();
    s.w.in({.seq = 1, .ack = 1, .len = 10, .ts = s.at(50)});
    RECV(s.w, {.ack = 11});
    EXPECT_EQ(s.w.main().last().ts->ecr, s.t0 + 100);
}

TEST(Row44, ADelayedAckEchoesTheEarliestSegment) {
    ROW(44, "7323-4.3 (A)", "tcp::check_sequence");
    Stamped s;
    s.w.main().end_quick_acks();
    s.w.advance(1s);
    const uint32_t seq = s.w.main().nxt;
    const int32_t now = 100000;
    s.w.in({.seq = seq, .len = 10, .ts = s.at(now)});
    SILENT(s.w);
    s.w.in({.seq = seq + 10, .len = 10, .ts = s.at(now + 3)});
    s.w.advance(500ms);
    RECV(s.w, {.ack = seq + 20});
    EXPECT_EQ(s.w.main().last().ts->ecr, s.t0 + static_cast<uint32_t>(now))
        << "the round trip includes the delay";
}

TEST(Row45, AnOlderTimestampIsDroppedWithAnAck) {
    ROW(45, "7323-5.3 R1", "tcp::check_sequence");
    Stamped s;
    s.w.in({.seq = 1, .ack = 1, .len = 10, .ts = s.at(100)});
    s.w.advance(500ms);
    s.w.discard();
    EXPECT_EQ(s.w.read_all(), 10u);
    for (const int32_t age : {99, 0, -100000}) {
        s.w.in({.seq = 11, .ack = 1, .len = 10, .ts = s.at(age)});
        RECV(s.w, {.ack = 11, .flags = kAck, .len = 0});
        SILENT(s.w);
    }
    EXPECT_EQ(s.w[DropReason::paws], 3u);
    EXPECT_EQ(s.w.read_all(), 0u);
    s.w.in({.seq = 11, .ack = 1, .len = 10, .ts = s.at(100)});  // an equal timestamp is not older
    RECV_IN(s.w, 0ms, 500ms, {.ack = 21});
    EXPECT_EQ(s.w.read_all(), 10u);
}

TEST(Row45, TheTimestampClockMayWrap) {
    ROW(45, "7323-5.2", "tcp::check_sequence");
    World w([](WorldConfig& c) { c.timestamps = true; });
    w.main().ts_offset = 0xfffffff0;
    w.open();
    w.in({.len = 10, .ts = Ts{0xffffffff, w.main().last_tsval}});
    w.in({.len = 10, .ts = Ts{0, w.main().last_tsval}});
    w.in({.len = 10, .ts = Ts{5, w.main().last_tsval}});
    EXPECT_EQ(w.read_all(), 30u);
    EXPECT_EQ(w[DropReason::paws], 0u);
}

TEST(Row45, RstIsExempt) {
    ROW(45, "7323-5.2, 5.3 R1", "tcp::check_rst");
    Stamped s;
    s.w.in({.seq = 1, .ack = 1, .len = 10, .ts = s.at(100)});
    EXPECT_EQ(s.w.read_all(), 10u);
    s.w.in({.seq = 11, .flags = kRst, .ts = s.at(-1000)});
    STATE(s.w, closed);
    CLOSED(s.w, reset_by_peer);
}

TEST(Row45, TsRecentIsInvalidAfter24DaysIdle) {
    ROW(45, "7323-5.5", "tcp::check_sequence");
    for (const bool expired : {false, true}) {
        Stamped s;
        s.w.in({.seq = 1, .ack = 1, .len = 10, .ts = s.at(100)});
        EXPECT_EQ(s.w.read_all(), 10u);
        s.w.advance(500ms);
        s.w.discard();
        s.w.advance(expired ? 25 * 24h : 20 * 24h);
        s.w.in({.seq = 11, .ack = 1, .len = 10, .ts = s.at(99)});
        s.w.advance(500ms);
        s.w.discard();
        EXPECT_EQ(s.w.read_all(), expired ? 10u : 0u);
        STATE(s.w, established);
    }
}

TEST(Row51, WithTimestampsARetransmissionGivesASample) {
    ROW(51, "7323-4.1, 6298-3", "tcp::sample_rtt");
    World w([](WorldConfig& c) { c.timestamps = true; });
    w.open();
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    const uint32_t before = w.info().srtt_us;
    RECV_IN(w, 100ms, 4s, {.seq = 1, .len = 10});
    w.advance(100ms);
    w.in({.ack = 11});  // echoes the retransmission
    EXPECT_GT(w.info().srtt_us, before);
    EXPECT_LE(w.info().srtt_us, 101'000u);
}

/// After a segment that must be discarded whole: TS.Recent is unchanged, so the peer's next segment passes
/// PAWS.
void expect_untouched(Stamped& s, uint32_t rcv_nxt) {
    s.w.discard();
    const auto before = s.w.info();
    s.w.in({.seq = rcv_nxt, .ack = 1, .len = 10, .ts = s.at(10)});
    s.w.advance(100ms);
    s.w.discard();
    EXPECT_EQ(s.w.read_all(), 10u);
    EXPECT_EQ(s.w.main().rel_rcv(), rcv_nxt + 10);
    EXPECT_EQ(s.w[DropReason::paws], 0u);
    EXPECT_EQ(before.snd_wnd, 65535u);
}

TEST(Row79, AWrongAckChangesNothing) {
    ROW(79, "5961-5.2, 7323-4.3", "tcp::check_ack");
    for (const uint32_t ack : {2u, 0x4000'0000u, 0x8000'0000u, uint32_t(-100'000)}) {
        SCOPED_TRACE(ack);
        Stamped s;
        s.w.in({.seq = 1, .ack = ack, .wnd = 77, .len = 10, .ts = s.at(1'000'000)});
        RECV(s.w, {.seq = 1, .ack = 1, .flags = kAck, .ts = Ts{s.w.main().last_tsval, s.t0}});
        EXPECT_EQ(s.w[DropReason::unacceptable_ack], 1u);
        expect_untouched(s, 1);
    }
}

TEST(Row79, ASynAnRstAndASegmentWithoutAckChangeNothing) {
    ROW(79, "5961-3, 5961-4, 7323-4.3", "tcp::check_ack");
    for (const int flags : {kSyn + 0, kSyn | kAck, +kRst, +kPsh, +kFin}) {
        SCOPED_TRACE(flags_text(flags));
        Stamped s;
        s.w.in({.seq = 1, .ack = 1, .len = 0});  // Last.ACK.sent is 1
        // An RST exactly at RCV.NXT resets; another one gets a challenge ACK.
        s.w.in({.seq = flags == kRst ? 2u : 1u, .ack = 1, .flags = flags, .wnd = 77, .ts = s.at(1'000'000)});
        expect_untouched(s, 1);
    }
}

TEST(Row79, AWrongAckForAHalfOpenRecordChangesNothing) {
    ROW(79, "5961-5.2, 7323-4.3", "stack::judge_half_open");
    for (const int flags : {+kAck, +kPsh, kRst | kAck}) {
        SCOPED_TRACE(flags_text(flags));
        World w([](WorldConfig& c) { c.timestamps = true; });
        w.bring(State::syn_received);
        const uint32_t t0 = w.main().ts_offset;
        w.in({.seq = flags == (kRst | kAck) ? 2u : 1u,
              .ack = 77,
              .flags = flags,
              .ts = Ts{t0 + 1'000'000, 0}});
        w.discard();
        w.in({.seq = 1, .ack = 1, .len = 10, .ts = Ts{t0 + 5, w.main().last_tsval}});
        w.main().accept();
        STATE(w, established);
        EXPECT_EQ(w.read_all(), 10u);
    }
}

TEST(Row79, DataWithAnAckBelowOurIsnIsNotTaken) {
    ROW(79, "5961-5.2", "tcp::old_acks");
    World w;
    w.open();
    for (const uint32_t ack : {0u, uint32_t(-1), uint32_t(-1000)}) {
        w.in({.seq = 1, .ack = ack, .len = 10});
        RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    }
    w.send(100);
    w.discard();
    w.in({.seq = 1, .ack = 101});
    w.in({.seq = 1, .ack = 0, .len = 10});
    RECV(w, {.seq = 101, .ack = 1, .flags = kAck});
    EXPECT_EQ(w.read_all(), 0u);
    w.in({.seq = 1, .ack = 1, .len = 10});  // sent before our text arrived
    EXPECT_EQ(w.read_all(), 10u);
}

TEST(Row79, TextThatWasOvertakenByTheAckOfOurFinIsTaken) {
    ROW(79, "5961-5.2", "tcp::old_acks");
    World w([](WorldConfig& c) { c.sack = true; });
    w.bring(State::fin_wait_1, Side::passive, true);
    w.in({.seq = 11, .ack = 2, .len = 10});  // the second: acknowledges our FIN
    w.in({.seq = 1, .ack = 1, .len = 10});   // the first
    EXPECT_EQ(w.read_all(), 20u);
    STATE(w, fin_wait_2);
}

/// Or a forged segment would tell how long a round trip of the receiver takes.
TEST(Row79, ASegmentThatIsDroppedGivesNoRoundTripTime) {
    ROW(79, "5961-5.2", "stack::note_received");
    World w([](WorldConfig& c) { c.timestamps = true, c.wscale = 7; });
    w.open();
    w.main().end_quick_acks();
    for (int i = 0; i < 4; ++i) w.in({.len = w.main().full()});
    w.read_all();
    w.discard();
    const uint32_t rtt_us = w.info().rcv_rtt_us;
    ASSERT_NE(rtt_us, 0u);
    const auto now = static_cast<uint32_t>(w.elapsed() / 1ms);
    w.in({.ack = 100'000, .len = 10, .ts = Ts{w.main().ts_offset + now, w.main().last_tsval - 3000}});
    w.discard();
    EXPECT_EQ(w[DropReason::unacceptable_ack], 1u);
    EXPECT_EQ(w.info().rcv_rtt_us, rtt_us);
}

TEST(Row79, AWrongAckDoesNotRestartKeepalive) {
    ROW(79, "5961-5.2", "tcp::restart_keepalive");
    World w([](WorldConfig& c) { c.stack.tcp.keepalive_idle = 100s; });
    w.open();
    w.advance(60s);
    w.in({.seq = 1, .ack = 1000});
    w.discard();
    RECV_IN(w, 39s, 41s, {.seq = 0, .ack = 1});
}

TEST(Row89, AnRstOfAConnectionWithTimestampsCarriesThem) {
    ROW(89, "7323-3.2", "stack::reply_rst");
    Stamped s;
    s.w.advance(50ms);
    s.w.main().abort();
    RECV(s.w, {.seq = 1, .ack = 1, .flags = kRst | kAck});
    REQUIRE(s.w.main().last().ts.has_value());
    EXPECT_EQ(s.w.main().last().ts->ecr, s.t0);
    EXPECT_GE(s.w.main().last().ts->val, s.w.main().last_tsval);

    Stamped late;  // text after close
    late.w.close();
    late.w.discard();
    late.w.in({.seq = 1, .ack = 1, .len = 10, .ts = late.at(0)});
    RECV(late.w, {.flags = kRst});
    REQUIRE(late.w.main().last().ts.has_value());
    EXPECT_EQ(late.w.main().last().ts->ecr, 0u) << "TSecr is valid with ACK only";

    World half([](WorldConfig& c) { c.timestamps = true; });
    half.bring(State::syn_received);
    half.in({.seq = 1, .ack = 77});
    RECV(half, {.seq = 77, .flags = kRst});
    EXPECT_TRUE(half.main().last().ts.has_value());
}

TEST(Row89, AnRstWithoutAConnectionCarriesNone) {
    ROW(89, "7323-3.2", "stack::reply_rst");
    World w([](WorldConfig& c) { c.timestamps = true; });
    auto& flow = w.flow(41000, host(2), 81);
    flow.in({.seq = 0, .flags = kSyn});
    RECV(flow, {.flags = kRst | kAck, .no_ts = true});
    World plain([](WorldConfig& c) { c.timestamps = false; });
    plain.open();
    plain.main().abort();
    RECV(plain, {.flags = kRst | kAck, .no_ts = true});
}

}  // namespace
}  // namespace synfin::fakes
