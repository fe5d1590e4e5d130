/// Rows 55, 57, 59, 62, 63 and 108, with SACK: what a repair costs and what it must not cost. Each test names
/// every packet. The families of holes are in loss_rows.cc.
#include "loss_setup.hh"

namespace synfin::fakes {
namespace {

TEST(Row57, LimitedTransmitWithSack) {
    ROW(57, "3042-2, 6675-2", "tcp::congestion::window");
    World w(with_sack);
    start(w, 20);
    w.advance(kRtt);
    w.in(ack(0, {{1, 2}}));
    RECV(w, {.seq = at(10), .len = kMss});
    SILENT(w);
    w.in(ack(0, {{1, 3}}));
    RECV(w, {.seq = at(11), .len = kMss});
    SILENT(w);
    w.in(ack(0, {{1, 4}}));
    RECV(w, {.seq = at(0), .len = kMss});
    EXPECT_EQ(w.info().ssthresh_bytes, 7 * kMss) << "what limited transmit sent does not count";
}

/// Segments 2, 3 and 4 come 20 ms late, less than a quarter of the round trip, after reordering was seen.
TEST(Row62, ThreeSegmentsLateByLessThanTheWindow) {
    ROW(62, "8985-6.2 steps 3 to 5", "tcp::rack::detect_losses");
    World w(with_sack);
    start(w, 10);
    w.advance(kRtt);
    w.in(ack(0, {{1, 2}}));
    w.in(ack(2));  // 0 was late: reordering is seen
    w.in(ack(2, {{5, 6}}));
    w.in(ack(2, {{5, 7}}));
    w.in(ack(2, {{5, 8}}));
    w.in(ack(2, {{5, 10}}));
    SILENT(w);
    w.advance(20ms);
    SILENT(w);
    for (const uint32_t una : {3u, 4u}) {
        w.in(ack(una, {{5, 10}}));
        SILENT(w);
    }
    w.in(ack(10));
    w.advance(1s);
    SILENT(w);
    EXPECT_EQ(w[Counter::retransmitted], 0u);
    EXPECT_EQ(w[Counter::fast_retransmits], 0u);
}

/// The same three segments are lost: the repair begins when the window has passed.
TEST(Row62, ThreeSegmentsLateByMoreThanTheWindow) {
    ROW(62, "8985-6.2 step 5", "tcp::loss::on_reorder_timeout");
    World w(with_sack);
    start(w, 10);
    w.advance(kRtt);
    w.in(ack(0, {{1, 2}}));
    w.in(ack(2));
    w.in(ack(2, {{5, 10}}));
    SILENT(w);
    RECV_IN(w, 24ms, 28ms, {.seq = at(2), .len = kMss});
    EXPECT_EQ(w[Counter::fast_retransmits], 1u);
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
}

/// D-SACK alone shows no reordering: the third duplicate ACK repairs at once, as before.
TEST(Row62, ADuplicateAloneIsNoReordering) {
    ROW(62, "8985-6.2 steps 3, 4", "tcp::rack::note_duplicate");
    World w(with_sack);
    start(w, 10);
    w.advance(kRtt);
    w.in(ack(0, {{1, 4}}));
    RECV(w, {.seq = at(0), .len = kMss});
    Seg duplicate = ack(10);
    duplicate.sack = {{at(0), at(1)}};
    w.in(duplicate);
    w.send(6 * kMss);
    for (uint32_t i = 10; i < 16; ++i) RECV(w, {.seq = at(i), .len = kMss});
    w.advance(kRtt);
    w.in(ack(10, {{11, 14}}));
    RECV(w, {.seq = at(10), .len = kMss});
}

TEST(Row59, ASecondTimeoutForgetsTheReports) {
    ROW(59, "2018-8", "tcp::scoreboard::forget_sacks");
    World w(with_sack);
    start(w, 4);
    w.advance(kRtt);
    w.in(ack(0, {{1, 3}}));
    for (int i = 0; w[Counter::rto_expirations] != 2; ++i) {
        ASSERT_LT(i, 20);
        REQUIRE(w.advance_to_packet(10s));
        while (const auto packet = w.out())
            EXPECT_TRUE(packet->seq - w.main().stack_isn == at(0) ||
                        packet->seq - w.main().stack_isn == at(3));
    }
    // Nobody answered the retransmission: the peer may have dropped 1 and 2, so they are sent again, too.
    w.in(ack(1));
    RECV(w, {.seq = at(1), .len = kMss});
    RECV(w, {.seq = at(2), .len = kMss});
}

TEST(Row108, ASpuriousFastRetransmitIsUndone) {
    ROW(108, "3522-3.2, 4015-3.2", "tcp::spurious::is_proven_by_timestamp");
    World w(with_timestamps);
    const uint32_t first_tsval = start_stamped(w, 10);
    const uint32_t cwnd = w.info().cwnd_bytes;
    w.advance(kRtt);
    w.in(stamped_ack(w, first_tsval, 0, {{1, 4}}));
    RECV(w, {.seq = 1, .len = kText});
    ASSERT_LT(w.info().cwnd_bytes, cwnd);
    w.advance(5ms);
    w.in(stamped_ack(w, first_tsval, 4));  // the original arrived after all
    EXPECT_EQ(w[Counter::spurious_retransmits], 1u);
    EXPECT_GE(w.info().cwnd_bytes, cwnd);
}

/// SACK of text that was sent once, after a timeout: the path was slow, and nothing else is sent again.
TEST(Row108, SackOfOriginalsUndoesATimeout) {
    ROW(108, "5682-3.1 step 3b", "tcp::spurious::frto");
    World w(with_sack);
    start(w, 20);
    for (int i = 0; w[Counter::rto_expirations] == 0; ++i) {
        ASSERT_LT(i, 20);
        REQUIRE(w.advance_to_packet(10s));
        w.discard();
    }
    w.in(ack(0, {{3, 4}}));
    EXPECT_EQ(w[Counter::spurious_timeouts], 1u);
    while (const auto packet = w.out())
        EXPECT_GE(packet->seq - w.main().stack_isn, at(10)) << "new text only";
}

/// Ten segments are in flight and the first one is lost: what the controller makes of it.
uint32_t threshold_after_loss(World& w, Flow& flow) {
    flow.send(10 * kMss);
    w.discard();
    flow.in(ack(0, {{1, 5}}));
    w.advance(5ms);  // the reordering timer, if the round trip takes no time
    return flow.info().ssthresh_bytes;
}

TEST(Row63, AListenerChoosesTheController) {
    ROW(63, "5681-3.1 (4), 9438-4.6", "stack::Listeners::open");
    World w(with_sack);
    w.listen(80);
    REQUIRE(w.stack().listen(81, {.congestion_control = CongestionControl::newreno}));
    Flow& chosen = w.flow(40'001, host(2), 81);
    chosen.open(Side::passive);
    w.main().open(Side::passive);
    EXPECT_EQ(threshold_after_loss(w, chosen), 5 * kMss);
    EXPECT_EQ(threshold_after_loss(w, w.main()), 7 * kMss) << "another listener's connections keep theirs";
}

TEST(Row63, AConnectionChoosesTheController) {
    ROW(63, "5681-3.1 (4)", "stack::Connections::connect");
    World w(with_sack);
    Flow& chosen = w.flow(80, host(2), 50'001);
    w.steer(chosen, true);
    const auto made = w.stack().connect(chosen.peer, {.source = chosen.local.addr,
                                                      .source_port = chosen.local.port,
                                                      .congestion_control = CongestionControl::newreno});
    ASSERT_TRUE(made);
    chosen.c = *made;
    w.pump();
    RECV(chosen, {.seq = 0, .flags = kSyn, .len = 0});
    chosen.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    EXPECT_EQ(threshold_after_loss(w, chosen), 5 * kMss);
}

/// A tail of three is lost with timestamps on: the ACK that reports the probe echoes a time from before the
/// hole, and is believed nevertheless.
TEST(Row62, TheEndOfAFlightIsRepairedWithTimestamps) {
    ROW(62, "8985-7, 7323-4.3", "tcp::rack::update");
    World w(with_timestamps);
    const uint32_t first_tsval = start_stamped(w, 6);
    w.advance(kRtt);
    w.in(stamped_ack(w, first_tsval, 3));
    RECV_IN(w, 190ms, 240ms, {.seq = at(5, kText), .len = kText});  // the probe
    SILENT(w);
    w.advance(kRtt);
    w.in(stamped_ack(w, first_tsval, 3, {{5, 6}}));
    RECV(w, {.seq = at(3, kText), .len = kText});
    EXPECT_EQ(w[Counter::tail_loss_probes], 1u);
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
}

TEST(Row55, AfterIdlenessTheWindowRestartsAlsoAfterALoss) {
    ROW(55, "5681-4.1", "tcp::congestion::on_idle");
    World w(with_sack);
    start(w, 60);
    w.advance(kRtt);
    uint32_t sent = 10;
    for (uint32_t una = 1; una <= 60; ++una) {
        w.in(ack(una));
        while (w.out()) ++sent;
    }
    ASSERT_EQ(sent, 60u);
    ASSERT_GT(w.info().cwnd_bytes, 30 * kMss);
    w.advance(10s);
    w.send(60 * kMss);
    sent = 0;
    while (w.out()) ++sent;
    EXPECT_LE(sent, 11u) << "min(IW, cwnd)";
    EXPECT_GE(sent, 10u);
}

}  // namespace
}  // namespace synfin::fakes
