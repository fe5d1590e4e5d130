/// @file
/// Losses that were none: the Eifel test (RFC 3522, RFC 4015), F-RTO (RFC 5682).

#include "loss_world.hh"

namespace synfin::tcp {
namespace {

constexpr uint32_t kRtt = 100;

/// Ten segments are in flight, and the retransmission timer has expired, because the path became slow.
void time_out(LossWorld& w, const In& syn, uint32_t queued) {
    w.establish(kRtt, syn);
    w.flight(queued);
    while (w.flow.backoff == 0) w.fire();
    ASSERT_TRUE(w.flow.has(kRtoRecovery));
    w.sent.clear();
}

TEST(Spurious, ATimestampFromBeforeTheRetransmissionUndoesTheTimeout) {
    LossWorld w;
    w.establish(kRtt, {.ts = 1, .sack = true});
    const uint32_t sent_at = w.tick();
    w.flight(10);
    while (w.flow.backoff == 0) w.fire();
    w.sent.clear();
    EXPECT_EQ(w.flow.cwnd_bytes, w.mss);
    w.advance(5);
    w.ack(1, {}, sent_at);
    EXPECT_TRUE(w.fx.spurious_timeout);
    EXPECT_FALSE(w.flow.has(kRtoRecovery));
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
    EXPECT_GE(w.flow.cwnd_bytes, 10 * w.mss);
    EXPECT_EQ(w.flow.backoff, 0);
    EXPECT_EQ(w.rec.lost, 0u);
    while (const auto out = w.next()) EXPECT_FALSE(out->retransmission.value_or(true));
    w.ack(10, {}, sent_at);
    EXPECT_FALSE(w.fx.retransmit);
}

TEST(Spurious, ATimestampOfTheRetransmissionProvesTheLoss) {
    LossWorld w;
    time_out(w, {.ts = 1, .sack = true}, 10);
    const uint32_t resent_at = w.tick();
    w.advance(kRtt);
    w.ack(1, {}, resent_at);
    EXPECT_FALSE(w.fx.spurious_timeout);
    EXPECT_TRUE(w.flow.has(kRtoRecovery));
    AGAIN(w, 1);
    AGAIN(w, 2);
    SILENT(w);
}

/// RFC 5682 3 step 2b: new text instead of retransmissions; step 3b: what was sent once arrives.
TEST(Spurious, FrtoSendsNewTextAndUndoesTheTimeout) {
    LossWorld w;
    time_out(w, {.sack = true}, 20);
    w.advance(5);
    w.ack(1);
    while (const auto out = w.next()) EXPECT_FALSE(out->retransmission.value_or(true)) << *out->seq;
    EXPECT_TRUE(w.flow.has(kRtoRecovery));
    w.ack(2);
    EXPECT_TRUE(w.fx.spurious_timeout);
    EXPECT_FALSE(w.flow.has(kRtoRecovery));
    EXPECT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
}

/// RFC 5682 3.1 step 3b: SACK of text that was sent once says as much as an ACK.
TEST(Spurious, FrtoTakesSackOfOriginals) {
    LossWorld w;
    time_out(w, {.sack = true}, 20);
    w.advance(5);
    w.ack(0, {{3, 4}});
    EXPECT_TRUE(w.fx.spurious_timeout);
    EXPECT_FALSE(w.flow.has(kRtoRecovery));
}

TEST(Spurious, FrtoGoesOnAfterADuplicateAck) {
    LossWorld w;
    time_out(w, {.sack = true}, 20);
    w.advance(kRtt);
    w.ack(1);
    uint32_t new_text = 0;
    while (const auto out = w.next()) ++new_text;
    EXPECT_LE(new_text, 2u);
    EXPECT_GE(new_text, 1u);
    w.advance(kRtt);
    w.ack(1);  // nothing but the new text has arrived
    EXPECT_FALSE(w.fx.spurious_timeout);
    AGAIN(w, 1);
}

TEST(Spurious, WithoutNewTextRecoveryIsConventional) {
    LossWorld w;
    time_out(w, {.sack = true}, 10);
    w.advance(kRtt);
    w.ack(1);
    AGAIN(w, 1);
    AGAIN(w, 2);
    SILENT(w);
    w.ack(2);
    EXPECT_FALSE(w.fx.spurious_timeout);
}

TEST(Spurious, AFastRetransmitIsUndoneByTimestamps) {
    LossWorld w;
    w.establish(kRtt, {.ts = 1, .sack = true});
    const uint32_t sent_at = w.tick();
    w.flight(10);
    w.advance(kRtt);
    w.ack(0, {{1, 4}}, sent_at);
    AGAIN(w, 0);
    const uint32_t before = 10 * w.mss;
    EXPECT_LT(w.flow.cwnd_bytes, before);
    w.advance(2);
    w.ack(4, {}, sent_at);  // the original was late
    EXPECT_TRUE(w.fx.spurious_loss);
    EXPECT_GE(w.flow.cwnd_bytes, before);
    EXPECT_FALSE(w.flow.has(kRecovery));
    EXPECT_TRUE(w.rec.reordering_seen) << "so that the next late segment is waited for";
}

/// The recovery of two segments ends as spurious, because the first one was only late. The retransmission of
/// the second one is answered in the next recovery, and says nothing about that one.
TEST(Spurious, ARetransmissionOfTheRecoveryBeforeProvesNothing) {
    LossWorld w;
    w.establish(kRtt, {.ts = 1, .sack = true});
    const uint32_t sent_at = w.tick();
    w.flight(10);
    w.advance(kRtt);
    const uint32_t resent_at = w.tick();
    w.ack(0, {{1, 2}, {3, 6}}, sent_at);
    AGAIN(w, 0);
    AGAIN(w, 2);
    w.sent.clear();
    w.advance(2);
    w.ack(2, {{3, 6}}, sent_at);
    ASSERT_TRUE(w.fx.spurious_loss);
    w.advance(2);
    w.ack(2, {{3, 6}, {8, 10}}, sent_at);
    while (w.tcb.deadline_kind == DeadlineKind::reorder) w.fire();
    ASSERT_TRUE(w.flow.has(kRecovery));
    w.sent.clear();
    w.advance(2);
    w.ack(6, {{8, 10}}, resent_at);
    EXPECT_FALSE(w.fx.spurious_loss);
    EXPECT_TRUE(w.flow.has(kRecovery));
}

/// ssthresh says again that nothing was lost, but cwnd has not grown by what the recovery acknowledged: it
/// must not limit which ACKs are too old (RFC 5961 5.2).
TEST(Spurious, AfterwardsALateSegmentIsTaken) {
    LossWorld w;
    w.establish(kRtt, {.ts = 1, .sack = true});
    w.flight(10);
    w.advance(kRtt);
    w.ack(10);
    const uint32_t sent_at = w.tick();
    w.flight(20);
    while (w.flow.backoff == 0) w.fire();
    w.advance(5);
    w.ack(30, {}, sent_at);
    ASSERT_TRUE(w.fx.spurious_timeout);
    ASSERT_EQ(w.flow.ssthresh_bytes, UINT32_MAX);
    w.in({.ack = w.at(2), .len = 100});
    EXPECT_EQ(w.fx.drop, DropReason::none);
    EXPECT_EQ(w.fx.deliver_len, 100u);
}

}  // namespace
}  // namespace synfin::tcp
