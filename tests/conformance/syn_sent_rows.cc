/// Rows 3, 4, 19 (close in SYN-SENT), 32: SYN-SENT, refusal, simultaneous open, retransmission of the SYN.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

TEST(Row3, AnAckOfWhatWasNotSentIsAnsweredByRst) {
    ROW(3, "9293-3.10.7.3 first", "tcp::on_syn_sent");
    for (const uint32_t ack : {0u, 2u, uint32_t(-1), 1000u, 0x7fffffffu, 0x80000001u})
        for (const int flags : {+kAck, kSyn | kAck, kFin | kAck}) {
            World w;
            w.bring(State::syn_sent);
            w.in({.seq = 0, .ack = ack, .flags = flags});
            RECV(w, {.seq = ack, .flags = kRst, .len = 0});
            RECV(w, {.seq = 0, .flags = kSyn, .len = 0});  // row 80
            SILENT(w);
            STATE(w, syn_sent);
        }
}

TEST(Row3, ARstWithABadAckIsDropped) {
    ROW(3, "9293-3.10.7.3 first", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    for (const uint32_t ack : {0u, 2u, uint32_t(-1)}) w.in({.seq = 0, .ack = ack, .flags = kRst | kAck});
    SILENT(w);
    STATE(w, syn_sent);
    EXPECT_TRUE(w.closes().empty());
}

TEST(Row3, ARstWithAGoodAckRefuses) {
    ROW(3, "9293-3.10.7.3 second", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 0, .ack = 1, .flags = kRst | kAck});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, refused);
    EXPECT_FALSE(w.closes().front().established);
    EXPECT_EQ(w.stack().close(w.main().c).error(), Error::gone);
    w.advance(300s);
    SILENT(w);
    IDLE(w);
}

TEST(Row3, ARstWithoutAckIsIgnored) {
    ROW(3, "9293-3.10.7.3 second", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 0, .flags = kRst});
    SILENT(w);
    STATE(w, syn_sent);
    EXPECT_EQ(w.all_drops(), 1u);
}

TEST(Row3, ASegmentWithNeitherSynNorRstIsDropped) {
    ROW(3, "9293-3.10.7.3 fifth", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 1, .ack = 1, .flags = kAck});
    w.in({.seq = 1, .ack = 1, .flags = kAck | kFin});
    w.in({.seq = 1, .ack = 1, .flags = kAck | kPsh, .len = 10});
    w.in({.seq = 1, .flags = kFin});
    SILENT(w);
    STATE(w, syn_sent);
    EXPECT_EQ(w.main().rel_una(), 0u) << "the ACK alone must not count the SYN as acknowledged";
}

TEST(Row4, SynAckEstablishes) {
    ROW(4, "9293-3.10.7.3 fourth", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck, .len = 0});
    SILENT(w);
    STATE(w, established);
    EXPECT_EQ(w.main().count(Event::Kind::open), 1u);
    EXPECT_EQ(w[Counter::established], 1u);
}

TEST(Row4, DataQueuedBeforeRidesOnTheAck) {
    ROW(4, "9293-3.10.7.3 fourth", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.send(100);
    SILENT(w);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .ack = 1, .len = 100, .psh = true});
    SILENT(w);
}

TEST(Row19, ShutdownInSynSentSendsNothing) {
    ROW(19, "9293-3.10.4", "tcp::shutdown");
    World w;
    w.bring(State::syn_sent);
    w.send(100);
    w.shutdown();
    SILENT(w);
    STATE(w, closed);
    EXPECT_EQ(w.closes().size(), 1u);
    IDLE(w);
}

TEST(Row4, SimultaneousOpenMeetsInEstablished) {
    ROW(4, "9293-3.5 figure 7, MUST-10", "tcp::on_syn_sent");
    for (const bool with_syn_ack : {true, false}) {
        World w;
        w.bring(State::syn_sent);
        w.in({.seq = 0, .flags = kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck, .len = 0});
        SILENT(w);
        STATE(w, syn_received);
        if (with_syn_ack)
            w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});  // line 6 of the figure
        else
            w.in({.seq = 1, .ack = 1});
        if (with_syn_ack)
            RECV(w, {.seq = 1, .ack = 1});  // our SYN|ACK may have been lost: it is not sent again
        SILENT(w);
        STATE(w, established);
        EXPECT_EQ(w.main().count(Event::Kind::open), 1u);
        w.send(10);
        RECV(w, {.seq = 1, .ack = 1, .len = 10});
    }
}

TEST(Row4, TheSynAckOfASimultaneousOpenIsRetransmitted) {
    ROW(4, "9293-3.5", "tcp::on_no_answer");
    World w;
    w.bring(State::syn_received, Side::active);
    RECV_IN(w, 500ms, 2s, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.in({.seq = 1, .ack = 1});
    STATE(w, established);
}

TEST(Row19, CloseInSynSentSendsNothing) {
    ROW(19, "9293-3.10.4", "tcp::close");
    World w;
    w.bring(State::syn_sent);
    w.send(100);
    w.close();
    SILENT(w);
    STATE(w, closed);
    EXPECT_EQ(w.closes().size(), 1u);
    w.advance(300s);
    SILENT(w);
    IDLE(w);
    // A later SYN|ACK finds a closed port.
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .flags = kRst});
}

TEST(Row32, TheSynIsSentAgainWithDoubledTimeouts) {
    ROW(32, "6298-5.5, 9293-3.8.1", "tcp::on_no_answer");
    World w;
    w.bring(State::syn_sent);
    const Packet first = w.main().last();
    Duration next = 1s;
    Duration when = 0s;
    for (int i = 0; i < 7; ++i) {
        RECV_IN(w, next, next + 10ms, {.seq = 0, .flags = kSyn, .len = 0, .mss = 1460});
        EXPECT_EQ(w.main().last().seq, first.seq) << "the same ISN";
        EXPECT_EQ(w.main().last().wscale, first.wscale);
        EXPECT_EQ(w.main().last().sack_ok, first.sack_ok);
        EXPECT_EQ(w.main().last().ts.has_value(), first.ts.has_value());
        when += next;
        next = std::min<Duration>(2 * next, 120s);
    }
    EXPECT_EQ(when, 127s);
    EXPECT_EQ(w[Counter::syn_retransmitted], 7u);
    STATE(w, syn_sent);
}

TEST(Row32, R2ForSynIsThreeMinutes) {
    ROW(32, "9293-3.8.3 MUST-23", "tcp::on_no_answer");
    World w;
    w.bring(State::syn_sent);
    w.at(179s);
    STATE(w, syn_sent);
    EXPECT_TRUE(w.closes().empty());
    w.at(301s);  // detected when the next SYN would be due
    STATE(w, closed);
    CLOSED(w, syn_timed_out);
    w.discard();
    w.advance(600s);
    SILENT(w);
    IDLE(w);
}

TEST(Row32, TheTimeoutAfterALostSynStartsAtThreeSeconds) {
    ROW(32, "6298-5.7", "tcp::rto_ticks");
    World w([](WorldConfig& c) { c.timestamps = false; });
    w.bring(State::syn_sent);
    RECV_IN(w, 1s, 1010ms, {.seq = 0, .flags = kSyn});
    w.advance(50ms);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .ack = 1});
    EXPECT_EQ(w.info().rto_ms, 3000u);
    EXPECT_EQ(w.info().srtt_us, 0u) << "no sample from a SYN that was sent twice (Karn)";
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    RECV_IN(w, 3s, 3010ms, {.seq = 1, .len = 10});
}

}  // namespace
}  // namespace synfin::fakes
