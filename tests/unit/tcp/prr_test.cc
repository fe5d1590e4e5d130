/// @file
/// Proportional rate reduction (RFC 9937).

#include "tcp/congestion/prr.hh"

#include "loss_world.hh"

namespace synfin::tcp {
namespace {

/// `n` segments in flight for a round trip, with more queued.
void in_flight(LossWorld& w, uint32_t n) {
    w.establish(100, {.wscale = 10, .sack = true});
    w.offer = 1000;
    w.in({});
    w.need_recovery();
    w.flow.control = CongestionControl::newreno;
    w.flow.cwnd_bytes = n * kMss;
    w.flow.ssthresh_bytes = n * kMss;
    w.send(3 * n * kMss);
    ASSERT_EQ(w.tcb.in_flight(), n * kMss);
    w.sent.clear();
    w.advance(100);
}

/// The first of 100 segments is lost: for every two that arrive, one leaves.
TEST(Prr, HalvesTheRateWithinARoundTrip) {
    LossWorld w;
    in_flight(w, 100);
    uint32_t new_text = 0, again = 0;
    for (uint32_t n = 2; n <= 100; ++n) {
        w.ack(0, {{1, n}});
        uint32_t now = 0;
        while (const auto out = w.next()) {
            ++(out->retransmission.value_or(false) ? again : new_text);
            ++now;
        }
        EXPECT_LE(now, 2u) << "no burst";
    }
    EXPECT_EQ(again, 1u);
    EXPECT_NEAR(new_text, 50, 3);
    EXPECT_NEAR(w.rec.pipe(w.tcb), 50 * kMss, 2 * kMss);
    w.advance(100);
    w.ack(102);  // limited transmit had sent two
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.cwnd_bytes, 50 * kMss);
}

/// The ACK that ends a recovery finds a loss: the next one reduces ssthresh, not the few segments that are in
/// the network then.
TEST(Prr, TheNextRecoveryReducesWhatTheLastOneLeft) {
    LossWorld w;
    in_flight(w, 100);
    for (uint32_t n = 2; n <= 100; ++n) w.ack(0, {{1, n}});
    EXPECT_EQ(w.flow.ssthresh_bytes, 50 * kMss);
    w.advance(100);
    w.ack(102, {{103, 145}});
    EXPECT_TRUE(w.flow.has(kRecovery));
    EXPECT_EQ(w.flow.ssthresh_bytes, 25 * kMss);
}

/// Most of the flight is lost: what arrives is replaced, and no more (PRR-CRB), until SND.UNA moves.
TEST(Prr, ConservesPacketsAfterHeavyLoss) {
    LossWorld w;
    in_flight(w, 100);
    w.ack(0, {{90, 100}});
    uint32_t sent = 0;
    while (const auto out = w.next()) {
        EXPECT_TRUE(out->retransmission.value_or(false));
        ++sent;
    }
    EXPECT_EQ(sent, 10u);
}

/// RFC 9937 6.2: an ACK that delivers nothing changes nothing.
TEST(Prr, AnAckWithoutNewsChangesNothing) {
    LossWorld w;
    in_flight(w, 100);
    w.ack(0, {{1, 40}});
    w.sent.clear();
    const uint32_t cwnd = w.flow.cwnd_bytes, delivered = w.rec.prr_delivered;
    for (int i = 0; i < 10; ++i) {
        w.ack(0, {{1, 40}});
        SILENT(w);
    }
    EXPECT_EQ(w.flow.cwnd_bytes, cwnd);
    EXPECT_EQ(w.rec.prr_delivered, delivered);
}

/// A scoreboard without room forgets SACKed text, and takes it as new when the peer reports it again.
TEST(Prr, TextThatIsReportedAgainSendsNoMore) {
    LossWorld w;
    in_flight(w, 100);
    w.ack(0, {{1, 5}});
    ASSERT_TRUE(w.flow.has(kRecovery));
    const uint32_t ssthresh = w.flow.ssthresh_bytes;
    scoreboard::Delivered d;
    d.bytes = 95 * kMss;
    uint32_t cwnd = 0;
    for (int i = 0; i < 20; ++i) cwnd = prr::window(w.conn(), d, false);
    EXPECT_LE(cwnd, w.rec.pipe(w.tcb) + ssthresh);
}

/// What is found lost during a recovery is not sent again at once.
TEST(Prr, ALossWithoutADeliveryMakesNoRoomForABurst) {
    LossWorld w;
    in_flight(w, 100);
    w.ack(0, {{1, 5}});
    ASSERT_TRUE(w.flow.has(kRecovery));
    w.sent.clear();
    const uint32_t before = w.flow.cwnd_bytes;
    scoreboard::lose_all(w.rec);
    congestion::on_recovery_ack(w.conn(), {}, true);
    EXPECT_LT(w.flow.cwnd_bytes, before);
    EXPECT_LE(w.flow.cwnd_bytes, w.rec.pipe(w.tcb) + 4 * kMss);
}

/// When less is in flight than ssthresh, an ACK that moves SND.UNA and shows no further loss sends one
/// segment more than it delivers (SafeACK).
TEST(Prr, ASafeAckSendsOneMore) {
    LossWorld w;
    in_flight(w, 100);
    w.ack(0, {{90, 100}});  // ten are sent again
    w.sent.clear();
    w.advance(100);
    w.ack(1, {{90, 100}});
    uint32_t sent = 0;
    for (; const auto out = w.next(); ++sent) {
    }
    EXPECT_EQ(sent, 2u);
}

/// RecoverFS is what was in flight before the ACK that found the loss, without what SACK had reported then.
TEST(Prr, CountsTheFlightAsItWas) {
    LossWorld w;
    in_flight(w, 100);
    w.ack(10, {{11, 12}});
    const uint32_t flight = w.tcb.in_flight();
    w.ack(10, {{11, 13}});
    w.ack(10, {{11, 14}});
    ASSERT_TRUE(w.flow.has(kRecovery));
    EXPECT_NEAR(w.rec.recover_fs, flight - 2 * kMss, 3 * kMss) << "limited transmit adds up to two";
    EXPECT_EQ(w.rec.prr_delivered, kMss);
}

}  // namespace
}  // namespace synfin::tcp
