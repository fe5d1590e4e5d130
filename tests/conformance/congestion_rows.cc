/// Rows 54 to 58: congestion control as in RFC 5681, 6928, 3042 and 6582, without SACK. Rows 59 to 63 are in
/// loss_rows.cc.
#include <map>

#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr uint32_t kMss = 1460;

/// Without timestamps and SACK, and with the controller that these rows are about.
void plain(WorldConfig& c) {
    c.timestamps = false;
    c.stack.tcp.congestion_control = CongestionControl::newreno;
}

/// Opens with a round trip of 100 ms and queues `bytes`; `sent` segments are out.
void open_and_send(World& w, uint32_t bytes, uint32_t sent) {
    w.bring(State::syn_sent);
    w.advance(100ms);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    w.send(bytes);
    for (uint32_t i = 0; i < sent; ++i) RECV(w, {.seq = 1 + i * kMss, .len = kMss});
    SILENT(w);
}

/// The ACK of the first n full segments.
constexpr uint32_t acked(uint32_t n) {
    return 1 + n * kMss;
}

TEST(Row54, TheInitialWindow) {
    ROW(54, "6928-2", "tcp::initial_window");
    struct Case {
        uint16_t mss, mtu;
        uint32_t window;
    };
    for (const Case& k :
         {Case{1460, 1500, 14600}, Case{536, 1500, 5360}, Case{8960, 9000, 17920}, Case{4000, 9000, 14600}}) {
        World w([&](WorldConfig& c) { plain(c), c.mss = k.mss, c.stack.mtu = k.mtu; });
        w.open();
        EXPECT_EQ(w.info().cwnd_bytes, k.window);
        w.send(40000);
        uint32_t sent = 0;
        while (auto packet = w.out()) sent += static_cast<uint32_t>(packet->payload.size());
        EXPECT_LE(sent, k.window);
        EXPECT_GT(sent, k.window - k.mss);
    }
}

TEST(Row54, AfterALostSynTheWindowIsOneSegment) {
    ROW(54, "5681-3.1", "tcp::initial_window");
    World w(plain);
    w.bring(State::syn_sent);
    RECV_IN(w, 1s, 1010ms, {.flags = kSyn});
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    w.send(20000);
    RECV(w, {.seq = 1, .len = kMss});
    SILENT(w);
}

TEST(Row54, SlowStartAddsASegmentPerAckedSegment) {
    ROW(54, "5681-3.1 (2)", "tcp::newreno::grow");
    World w(plain);
    open_and_send(w, 60000, 10);
    for (uint32_t i = 1; i <= 10; ++i) {
        w.in({.ack = acked(i)});
        EXPECT_EQ(w.info().cwnd_bytes, 14600 + i * kMss);
        RECV(w, {.len = kMss});
        RECV(w, {.len = kMss});
        SILENT(w);
    }
}

TEST(Row54, AnAckOfManySegmentsDoesNotAddMoreThanItAcks) {
    ROW(54, "5681-3.1", "tcp::newreno::grow");
    World w(plain);
    open_and_send(w, 100000, 10);
    w.in({.ack = acked(10)});
    EXPECT_GE(w.info().cwnd_bytes, 14600 + kMss);
    EXPECT_LE(w.info().cwnd_bytes, 14600 + 10 * kMss);
    EXPECT_LE(w.main().rcv_nxt - acked(10), w.info().cwnd_bytes);
}

TEST(Row54, AckDivisionDoesNotInflate) {
    ROW(54, "5681-3.1", "tcp::newreno::grow");
    World w(plain);
    open_and_send(w, 60000, 10);
    for (uint32_t i = 1; i <= 100; ++i) w.in({.ack = 1 + i * 14});
    EXPECT_LE(w.info().cwnd_bytes, 14600 + 1400u) << "a hundred ACKs of 14 bytes each count 1400 bytes";
}

TEST(Row54, ATimeoutHalvesTheThresholdAndStartsAtOneSegment) {
    ROW(54, "5681-3.1 (4)", "tcp::congestion::on_rto");
    World w(plain);
    open_and_send(w, 60000, 10);
    RECV_IN(w, 290ms, 310ms, {.seq = 1, .len = kMss});
    SILENT(w);
    EXPECT_EQ(w.info().cwnd_bytes, kMss);
    EXPECT_EQ(w.info().ssthresh_bytes, 5 * kMss);
    RECV_IN(w, 590ms, 610ms, {.seq = 1, .len = kMss});
    EXPECT_EQ(w.info().ssthresh_bytes, 5 * kMss) << "held for the same segment";
}

TEST(Row54, TheThresholdIsAtLeastTwoSegments) {
    ROW(54, "5681-3.1 (4)", "tcp::newreno::reduce");
    World w(plain);
    open_and_send(w, 2 * kMss, 2);
    RECV_IN(w, 290ms, 310ms, {.seq = 1, .len = kMss});
    EXPECT_EQ(w.info().ssthresh_bytes, 2 * kMss);
}

TEST(Row54, CongestionAvoidanceAddsOneSegmentPerRoundTrip) {
    ROW(54, "5681-3.1 (3)", "tcp::newreno::grow");
    World w(plain);
    w.bring(State::syn_sent);
    w.advance(100ms);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    w.send(200000);
    w.discard();
    w.advance(310ms);  // a timeout sets the threshold to five segments
    w.discard();
    ASSERT_EQ(w.info().ssthresh_bytes, 5 * kMss);
    uint32_t una = 1;
    auto round_trip = [&] {
        w.advance(100ms);
        const uint32_t end = w.main().rel_nxt();
        while (static_cast<int32_t>(end - una) > 0) {
            una = std::min(una + kMss, end);
            w.in({.ack = una});
            w.discard();
        }
    };
    while (w.info().cwnd_bytes < 5 * kMss) round_trip();
    for (int i = 0; i < 6; ++i) {
        const uint32_t before = w.info().cwnd_bytes;
        round_trip();
        EXPECT_GE(w.info().cwnd_bytes, before + kMss / 2);
        EXPECT_LE(w.info().cwnd_bytes, before + kMss + kMss / 4);
    }
}

TEST(Row55, AfterIdlenessTheWindowRestarts) {
    ROW(55, "5681-4.1", "tcp::start_flow");
    World w(plain);
    open_and_send(w, 14600, 10);
    w.advance(100ms);
    for (uint32_t i = 1; i <= 10; ++i) w.in({.ack = acked(i)});
    ASSERT_EQ(w.info().cwnd_bytes, 29200u);
    w.advance(10s);
    w.send(40000);
    uint32_t sent = 0;
    while (w.out()) ++sent;
    EXPECT_EQ(sent, 10u) << "min(IW, cwnd)";
}

TEST(Row55, AShortPauseDoesNotRestart) {
    ROW(55, "5681-4.1", "tcp::start_flow");
    World w(plain);
    open_and_send(w, 14600, 10);
    w.advance(100ms);
    for (uint32_t i = 1; i <= 10; ++i) w.in({.ack = acked(i)});
    w.advance(50ms);
    w.send(40000);
    uint32_t sent = 0;
    while (w.out()) ++sent;
    EXPECT_EQ(sent, 20u);
}

TEST(Row56, ThreeDuplicateAcksRetransmitTheSegment) {
    ROW(56, "5681-3.2 (2)", "tcp::reno_recovery::on_loss");
    World w(plain);
    open_and_send(w, 14600, 10);
    w.in({.ack = acked(1)});
    w.in({.ack = acked(1)});
    w.in({.ack = acked(1)});
    SILENT(w);
    w.in({.ack = acked(1)});
    RECV(w, {.seq = acked(1), .len = kMss});
    SILENT(w);
    EXPECT_EQ(w[Counter::fast_retransmits], 1u);
    EXPECT_EQ(w.info().ssthresh_bytes, 9 * kMss / 2);
    EXPECT_EQ(w.info().cwnd_bytes, 9 * kMss / 2 + 3 * kMss);
    w.in({.ack = acked(10)});  // all
    EXPECT_LE(w.info().cwnd_bytes, 9 * kMss / 2) << "deflated";
    SILENT(w);
}

TEST(Row56, WhatIsNotADuplicateAck) {
    ROW(56, "5681-2", "tcp::check_ack");
    for (const int kind : {0, 1, 2, 3}) {
        SCOPED_TRACE(kind);
        World w(plain);
        open_and_send(w, 14600, 10);
        w.in({.ack = acked(1)});
        for (uint32_t i = 0; i < 8; ++i) {
            if (kind == 0) w.in({.ack = acked(1), .len = 10});         // carries data
            if (kind == 1) w.in({.ack = acked(1), .wnd = 60000 - i});  // another window
            if (kind == 2) w.in({.seq = 1, .ack = 1});                 // older than SND.UNA
        }
        if (kind == 3) {  // nothing outstanding
            w.in({.ack = acked(10)});
            for (int i = 0; i < 8; ++i) w.in({.ack = acked(10)});
            w.send(1);
            RECV(w, {.seq = acked(10), .len = 1});
        }
        w.discard();
        EXPECT_EQ(w[Counter::fast_retransmits], 0u);
    }
}

TEST(Row56, FurtherDuplicateAcksInflate) {
    ROW(56, "5681-3.2 (4), (5)", "tcp::reno_recovery::on_duplicate_ack");
    World w(plain);
    open_and_send(w, 60000, 10);
    for (int i = 0; i < 3; ++i) w.in({.ack = 1});
    w.discard();
    const uint32_t cwnd = w.info().cwnd_bytes;
    w.in({.ack = 1});
    EXPECT_EQ(w.info().cwnd_bytes, cwnd + kMss);
}

TEST(Row57, LimitedTransmitSendsNewDataOnTheFirstTwo) {
    ROW(57, "3042-2", "tcp::reno_recovery::window");
    World w(plain);
    open_and_send(w, 60000, 10);
    const uint32_t cwnd = w.info().cwnd_bytes;
    w.in({.ack = 1});
    RECV(w, {.seq = acked(10), .len = kMss});
    SILENT(w);
    w.in({.ack = 1});
    RECV(w, {.seq = acked(11), .len = kMss});
    SILENT(w);
    EXPECT_EQ(w.info().cwnd_bytes, cwnd) << "not changed by it";
    w.in({.ack = 1});
    RECV(w, {.seq = 1, .len = kMss});
    EXPECT_EQ(w.info().ssthresh_bytes, 5 * kMss) << "what limited transmit sent does not count";
}

TEST(Row57, LimitedTransmitStaysWithinThePeersWindow) {
    ROW(57, "3042-2", "tcp::reno_recovery::window");
    World w([](WorldConfig& c) { plain(c), c.wnd = 14600; });
    open_and_send(w, 60000, 10);
    w.in({.ack = 1});
    w.in({.ack = 1});
    SILENT(w);
}

TEST(Row58, APartialAckRetransmitsTheNextHole) {
    ROW(58, "6582-3.2", "tcp::reno_recovery::recovery_ack");
    World w(plain);
    open_and_send(w, 14600, 10);  // segments 0, 3 and 6 are lost
    for (int i = 0; i < 7; ++i) w.in({.ack = 1});
    RECV(w, {.seq = 1, .len = kMss});
    SILENT(w);
    w.advance(100ms);
    const uint32_t inflated = w.info().cwnd_bytes;
    w.in({.ack = acked(3)});
    RECV(w, {.seq = acked(3), .len = kMss});
    SILENT(w);
    EXPECT_EQ(w.info().cwnd_bytes, inflated - 3 * kMss + kMss) << "deflated by what it acked, plus one";
    w.advance(100ms);
    w.in({.ack = acked(6)});
    RECV(w, {.seq = acked(6), .len = kMss});
    SILENT(w);
    w.advance(100ms);
    w.in({.ack = acked(10)});
    SILENT(w);
    EXPECT_EQ(w[Counter::fast_retransmits], 1u) << "one recovery";
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
    EXPECT_LE(w.info().cwnd_bytes, 5 * kMss);
}

TEST(Row58, RecoverPreventsReentryAfterATimeout) {
    ROW(58, "6582-3.2, 4", "tcp::reno_recovery::on_loss");
    World w(plain);
    open_and_send(w, 14600, 10);
    RECV_IN(w, 290ms, 310ms, {.seq = 1, .len = kMss});
    // ACKs of segments that arrived before the timeout are no sign of another loss.
    w.in({.ack = acked(1)});
    w.discard();
    const uint32_t threshold = w.info().ssthresh_bytes;
    for (int i = 0; i < 6; ++i) w.in({.ack = acked(1)});
    w.discard();
    EXPECT_EQ(w[Counter::fast_retransmits], 0u);
    EXPECT_EQ(w.info().ssthresh_bytes, threshold);
}

TEST(Row58, EverythingArrivesAfterManyLosses) {
    ROW(58, "6582", "tcp::reno_recovery::recovery_ack");
    // Every third segment is lost when first sent; the peer acknowledges as RFC 5681 requires.
    World w(plain);
    w.bring(State::syn_sent);
    w.advance(20ms);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    constexpr uint32_t kAll = 200000;
    w.send(kAll);
    std::map<uint32_t, uint32_t> have;
    std::map<uint32_t, int> seen;
    uint32_t next = 1, n = 0;
    for (int i = 0; i < 5000 && next <= kAll; ++i) {
        const auto packet = w.out();
        if (!packet) {
            REQUIRE(w.advance_to_packet(200s));
            continue;
        }
        const uint32_t seq = packet->seq - w.main().stack_isn;
        if (++n % 3 == 0 && seen[seq]++ == 0) continue;
        have[seq] = std::max(have[seq], seq + static_cast<uint32_t>(packet->payload.size()));
        for (auto it = have.begin(); it != have.end() && it->first <= next; it = have.erase(it))
            next = std::max(next, it->second);
        w.in({.ack = next});
    }
    EXPECT_EQ(next, kAll + 1);
    EXPECT_EQ(w.main().rel_una(), kAll + 1);
}

}  // namespace
}  // namespace synfin::fakes
