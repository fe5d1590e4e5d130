/// Row 64: ECN as in RFC 3168 (with RFC 8311), packet by packet.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr int kAsk = kSyn | kEce | kCwr;
constexpr int kNotEct = 0, kEct0 = 2, kCe = 3;  // the ECN field of the IP header

void with_ecn(WorldConfig& c) {
    c.stack.tcp.ecn = true;
    c.stack.tcp.congestion_control = CongestionControl::newreno;
    c.stack.tcp.send_buffer_bytes = 1 << 20;
}
void with_sack(WorldConfig& c) {
    with_ecn(c);
    c.sack = true;
}

int ecn(World& w) {
    return w.main().last().tos & 3;
}

/// The peer sends a segment that the path has marked.
void in_marked(World& w, const Seg& seg) {
    Flow& f = w.main();
    Packet p = f.make(seg);
    p.tos |= kCe;
    if (p.seq - f.peer_isn == f.nxt) f.nxt += p.seg_len();
    w.raw(build(p));
}

/// Up to the SYN|ACK.
void begin_passive(World& w, int syn = kAsk, int syn_ack = kSyn | kAck | kEce) {
    w.listen();
    w.steer(w.main(), false);
    w.in({.seq = 0, .flags = syn});
    RECV(w, {.seq = 0, .ack = 1, .flags = syn_ack});
    EXPECT_EQ(ecn(w), kNotEct);
}

/// The peer acknowledges the SYN|ACK.
void end_passive(World& w) {
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
}

void open_passive(World& w, int syn = kAsk, int syn_ack = kSyn | kAck | kEce) {
    begin_passive(w, syn, syn_ack);
    end_passive(w);
}

/// Up to the SYN.
void begin_active(World& w) {
    Flow& f = w.main();
    f.local.port = 50000;
    f.peer.port = 80;
    w.steer(f, true);
    f.c = *w.stack().connect(f.peer, {.source = f.local.addr, .source_port = f.local.port});
    w.pump();
    RECV(w, {.seq = 0, .flags = kAsk});
    EXPECT_EQ(ecn(w), kNotEct);
}

void open_active(World& w, int syn_ack = kSyn | kAck | kEce) {
    begin_active(w);
    w.advance(100ms);
    w.in({.seq = 0, .ack = 1, .flags = syn_ack});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck, .len = 0});
    EXPECT_EQ(ecn(w), kNotEct);
}

/// Whether the next text carries ECT.
bool sends_ect(World& w) {
    w.send(100);
    RECV(w, {.flags = kAck, .len = 100});
    return ecn(w) == kEct0;
}

/// Passive open; 60 segments are queued, of which ten leave. Returns the size of a segment.
uint32_t open_and_send(World& w) {
    open_passive(w);
    const uint32_t full = w.main().full();
    w.send(60 * full);
    for (uint32_t i = 0; i < 10; ++i) {
        RECV(w, {.seq = 1 + i * full, .flags = kAck, .len = full});
        EXPECT_EQ(ecn(w), kEct0);
    }
    SILENT(w);
    return full;
}

uint32_t acked(World& w, uint32_t segments) {
    return 1 + segments * w.main().full();
}

/// The second segment of the flight is missing, for long enough to count as lost.
void lose_second(World& w, int flags) {
    w.advance(30ms);
    Seg ack{.ack = acked(w, 1), .flags = flags};
    ack.sack = {{acked(w, 2), acked(w, 6)}};
    w.in(ack);
    w.advance(30ms);
}

TEST(Row64, APassiveOpenAcceptsWhatASynAsksFor) {
    ROW(64, "3168-6.1.1", "tcp::half_open");
    {
        World w(with_ecn);
        open_passive(w);
        EXPECT_TRUE(sends_ect(w));
    }
    for (const int syn : {kSyn, kSyn | kEce, kSyn | kCwr}) {
        World w(with_ecn);
        open_passive(w, syn, kSyn | kAck);
        EXPECT_FALSE(sends_ect(w)) << syn;
    }
    World off;
    open_passive(off, kAsk, kSyn | kAck);
    EXPECT_FALSE(sends_ect(off)) << "off by default";
}

TEST(Row64, AnActiveOpenAsksAndNeedsTheAnswer) {
    ROW(64, "3168-6.1.1", "tcp::take_ecn_answer");
    World w(with_ecn);
    open_active(w);
    EXPECT_TRUE(sends_ect(w));
    for (const int answer : {0, kEce | kCwr, +kCwr}) {  // the second one reflects our SYN
        World other(with_ecn);
        open_active(other, kSyn | kAck | answer);
        EXPECT_FALSE(sends_ect(other)) << answer;
    }
    World off;
    off.open(Side::active);  // checks that the SYN has neither flag
    EXPECT_FALSE(sends_ect(off));
}

TEST(Row64, ASynThatIsSentAgainDoesNotAsk) {
    ROW(64, "3168-6.1.1.1", "tcp::ecn_syn_flags");
    World w(with_ecn);
    begin_active(w);
    RECV_IN(w, 1s, 1010ms, {.seq = 0, .flags = kSyn});
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck | kEce});  // the answer to the first one
    RECV(w, {.flags = kAck});
    EXPECT_FALSE(sends_ect(w)) << "6.1.1: not after a SYN without ECN";
    in_marked(w, {.len = 100});
    RECV(w, {.flags = kAck | kEce, .len = 0});
}

TEST(Row64, AListenerGivesUpEcnWhenTheSynComesAgainWithoutIt) {
    ROW(64, "3168-6.1.1", "stack::judge_half_open");
    World w(with_ecn);
    begin_passive(w);
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .flags = kSyn | kAck});
    end_passive(w);
    EXPECT_FALSE(sends_ect(w));
}

TEST(Row64, ASynAckThatIsSentAgainStillAccepts) {
    ROW(64, "3168-6.1.1", "stack::send_syn_ack");
    World w(with_ecn);
    begin_passive(w);
    RECV_IN(w, 1s, 1010ms, {.seq = 0, .flags = kSyn | kAck | kEce});
    end_passive(w);
    EXPECT_TRUE(sends_ect(w));
}

TEST(Row64, ASimultaneousOpenNegotiatesToo) {
    ROW(64, "3168-6.1.1, 9293-3.5", "tcp::take_ecn_answer");
    for (const bool agrees : {true, false}) {
        World w(with_ecn);
        begin_active(w);
        const int ece = agrees ? kEce : 0;
        w.in({.seq = 0, .flags = agrees ? kAsk : kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck | ece});
        EXPECT_EQ(ecn(w), kNotEct);
        w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck | ece});
        RECV(w, {.flags = kAck});
        EXPECT_EQ(sends_ect(w), agrees);
        EXPECT_EQ(w[Counter::ece_received], 0u) << "the flag of a SYN-ACK is no echo";
    }
}

TEST(Row64, ACookieCarriesTheAgreementInItsTimestamp) {
    ROW(64, "3168-6.1.1, 4987-3.6", "tcp::cookie_timestamp");
    for (const bool timestamps : {true, false}) {
        World w([&](WorldConfig& c) { with_ecn(c), c.stack.max_half_open = 1, c.timestamps = timestamps; });
        w.listen();
        Packet syn = w.main().make({.seq = 7, .flags = kSyn, .no_ts = true});
        syn.src = host(9);
        w.raw(build(syn));
        w.discard();
        w.in({.seq = 0, .flags = kAsk});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck | (timestamps ? kEce : 0)});
        ASSERT_EQ(w[Counter::syn_cookies_sent], 1u);
        end_passive(w);
        EXPECT_EQ(sends_ect(w), timestamps) << "without timestamps a cookie has no room for it";
    }
}

TEST(Row64, OnlyNewTextCarriesEct) {
    ROW(64, "3168-6.1.4 to 6.1.6", "tcp::mark_ecn");
    World w(with_ecn);
    open_passive(w);
    w.main().end_quick_acks();
    w.in({.len = 100});
    RECV_IN(w, 30ms, 50ms, {.flags = kAck, .len = 0});
    EXPECT_EQ(ecn(w), kNotEct) << "a pure ACK";
    EXPECT_TRUE(sends_ect(w));
    RECV_IN(w, 100ms, 3s, {.len = 100});
    EXPECT_EQ(ecn(w), kNotEct) << "a retransmission";
    w.in({.wnd = 0});
    w.send(100);
    w.advance_to_packet(10s);
    RECV(w, {.len = 1});
    EXPECT_EQ(ecn(w), kNotEct) << "a probe of a closed window";
    w.in({.ack = w.main().rcv_nxt});
    w.advance(10s);
    w.discard();
    w.in({.ack = w.main().rcv_nxt});
    w.shutdown();
    RECV(w, {.flags = kFin | kAck, .len = 0});
    EXPECT_EQ(ecn(w), kNotEct) << "a FIN without text";
    w.main().abort();
    w.pump();
    while (const auto packet = w.out()) EXPECT_EQ(packet->tos & 3, kNotEct);
}

TEST(Row64, EctStandsBesideTheDscp) {
    ROW(64, "3168-5, 2474-3", "net::FrameOut::set_ect");
    World w([](WorldConfig& c) { with_ecn(c), c.stack.tcp.dscp = 46; });
    open_passive(w);
    w.send(100);
    RECV(w, {.len = 100});
    EXPECT_EQ(w.main().last().tos, 46 << 2 | kEct0);
    w.in({.len = 10});
    RECV(w, {.len = 0});
    EXPECT_EQ(w.main().last().tos, 46 << 2);
}

TEST(Row64, CeIsEchoedUntilCwr) {
    ROW(64, "3168-6.1.3", "tcp::take_ecn_marks");
    World w(with_ecn);
    open_passive(w);
    w.main().end_quick_acks();
    in_marked(w, {.len = 100});
    RECV(w, {.flags = kAck | kEce, .len = 0});  // at once
    w.in({.len = 100});
    RECV_IN(w, 30ms, 50ms, {.flags = kAck | kEce, .len = 0});
    w.send(50);
    RECV(w, {.flags = kAck | kEce, .len = 50});
    RECV_IN(w, 100ms, 3s, {.flags = kAck | kEce, .len = 50});  // a retransmission has it, too
    w.in({.flags = kAck | kCwr, .len = 100});
    RECV(w, {.flags = kAck, .len = 0});
    w.in({.len = 100});
    RECV_IN(w, 30ms, 50ms, {.flags = kAck, .len = 0});
    EXPECT_EQ(w[Counter::ce_received], 1u);
    // A segment with both: the mark is newer than what CWR answers.
    in_marked(w, {.flags = kAck | kCwr, .len = 100});
    RECV(w, {.flags = kAck | kEce, .len = 0});
    in_marked(w, {.flags = kAck | kCwr, .len = 100});
    RECV(w, {.flags = kAck | kEce, .len = 0});
    EXPECT_EQ(w[Counter::ce_received], 3u);
}

TEST(Row64, CeCountsOnNewTextOnly) {
    ROW(64, "3168-6.1.4, 6.1.5", "tcp::take_ecn_marks");
    World w(with_ecn);
    open_passive(w);
    w.main().end_quick_acks();
    in_marked(w, {.ack = 1});
    SILENT(w);
    w.in({.len = 100});
    RECV_IN(w, 30ms, 50ms, {.flags = kAck, .len = 0});
    in_marked(w, {.seq = w.main().nxt - 100, .len = 100});
    RECV(w, {.flags = kAck, .len = 0});  // text that was received before
    in_marked(w, {.seq = w.main().nxt + 900'000, .len = 100});
    RECV(w, {.flags = kAck, .len = 0});  // outside the window
    EXPECT_EQ(w[Counter::ce_received], 0u);
    in_marked(w, {.seq = w.main().nxt + 100, .len = 100});
    RECV(w, {.flags = kAck | kEce, .len = 0});  // out of order
    EXPECT_EQ(w[Counter::ce_received], 1u);
}

TEST(Row64, WithoutAnAgreementMarksMeanNothing) {
    ROW(64, "3168-6.1.1", "tcp::on_synchronized");
    World w;
    w.open();
    w.main().end_quick_acks();
    in_marked(w, {.len = 100});
    RECV_IN(w, 30ms, 50ms, {.flags = kAck, .len = 0});
    w.send(14600);
    w.discard();
    const uint32_t cwnd = w.info().cwnd_bytes;
    w.in({.ack = 1 + w.main().full(), .flags = kAck | kEce});
    EXPECT_GE(w.info().cwnd_bytes, cwnd);
    EXPECT_EQ(w[Counter::ce_received] + w[Counter::ece_received], 0u);
}

/// Without SACK: cwnd comes down at once.
TEST(Row64, EceReducesCwndOncePerWindow) {
    ROW(64, "3168-6.1.2, 5681-3.1 (4)", "tcp::congestion::on_ece");
    for (const CongestionControl control : {CongestionControl::newreno, CongestionControl::cubic}) {
        World w([&](WorldConfig& c) { with_ecn(c), c.stack.tcp.congestion_control = control; });
        const uint32_t full = open_and_send(w);
        const uint32_t flight = 10 * full;
        const uint32_t reduced = control == CongestionControl::newreno ? flight / 2 : flight * 7 / 10;
        w.in({.ack = acked(w, 1), .flags = kAck | kEce});
        EXPECT_EQ(w.info().ssthresh_bytes, reduced);
        EXPECT_EQ(w.info().cwnd_bytes, reduced);
        EXPECT_EQ(w[Counter::ece_received], 1u);
        SILENT(w);
        bool is_first = true;
        for (uint32_t i = 2; i <= 10; ++i) {
            w.in({.ack = acked(w, i), .flags = kAck | kEce});
            while (const auto packet = w.out()) {
                EXPECT_EQ(packet->has(kCwr), is_first) << "on the first new text, and only there";
                EXPECT_EQ(packet->tos & 3, kEct0);
                is_first = false;
            }
            EXPECT_EQ(w.info().cwnd_bytes, reduced) << "an ACK with ECE does not make it grow";
        }
        EXPECT_FALSE(is_first);
        EXPECT_EQ(w[Counter::ece_received], 1u);
        EXPECT_EQ(w[Counter::cwr_sent], 1u);
        w.in({.ack = acked(w, 11), .flags = kAck | kEce});  // the segment with CWR arrived, and CE after it
        EXPECT_EQ(w[Counter::ece_received], 2u);
        EXPECT_LT(w.info().ssthresh_bytes, reduced);
        EXPECT_EQ(w[Counter::retransmitted], 0u);
    }
}

/// With SACK: cwnd comes down by PRR, so that sending does not stop for half a round trip.
TEST(Row64, WithSackPrrSpreadsTheReduction) {
    ROW(64, "3168-6.1.2, 9937-5", "tcp::congestion::on_ece");
    World w(with_sack);
    const uint32_t full = open_and_send(w);
    uint32_t sent = 0;
    for (uint32_t i = 1; i <= 10; ++i) {
        w.in({.ack = acked(w, i), .flags = kAck | kEce});
        if (i == 1) {
            EXPECT_EQ(w.info().ssthresh_bytes, 5 * full);
        }
        while (const auto packet = w.out()) {
            EXPECT_EQ(packet->has(kCwr), sent == 0);
            ++sent;
        }
        EXPECT_LE(sent, i / 2 + 1) << "about one segment for every two that arrive";
        EXPECT_GE(sent + 1, i / 2);
    }
    EXPECT_EQ(w.info().cwnd_bytes, 5 * full);
    EXPECT_EQ(sent, 5u);
    EXPECT_EQ(w[Counter::ece_received], 1u);
    w.in({.ack = acked(w, 11)});
    EXPECT_GT(w.info().cwnd_bytes, 5 * full) << "congestion avoidance again";
    EXPECT_EQ(w[Counter::ece_received], 1u);
}

TEST(Row64, ALossInTheSameWindowReducesNoFurther) {
    ROW(64, "3168-6.1.2", "tcp::congestion::enter_recovery");
    World w(with_sack);
    const uint32_t full = open_and_send(w);
    w.in({.ack = acked(w, 1), .flags = kAck | kEce});
    w.discard();
    lose_second(w, kAck | kEce);
    w.discard();
    EXPECT_EQ(w[Counter::fast_retransmits], 1u);
    EXPECT_EQ(w.info().ssthresh_bytes, 5 * full);
}

TEST(Row64, ALossIsAnnouncedByCwrToo) {
    ROW(64, "3168-6.1.2", "tcp::congestion::enter_recovery");
    World w(with_sack);
    open_and_send(w);
    lose_second(w, kAck);
    uint32_t marked = 0, resent = 0;
    const auto look = [&] {
        while (const auto packet = w.out()) {
            const bool is_old = packet->seq - w.main().stack_isn < acked(w, 10);
            if (is_old) ++resent;
            if (is_old || packet->payload.empty()) {
                EXPECT_EQ(packet->flags & kCwr, 0);
                EXPECT_EQ(packet->tos & 3, kNotEct);
            } else if (packet->has(kCwr)) {
                ++marked;
            }
        }
    };
    look();
    w.in({.ack = acked(w, 10)});
    look();
    EXPECT_EQ(resent, 1u);
    EXPECT_EQ(marked, 1u);
    EXPECT_EQ(w[Counter::cwr_sent], 1u);
    EXPECT_EQ(w[Counter::ece_received], 0u);
}

/// 6.1.2: with a cwnd of one segment, ECE makes the sender wait for the retransmission timer.
TEST(Row64, AtOneSegmentTheTimerPaces) {
    ROW(64, "3168-6.1.2, 9438-4.6", "tcp::congestion::on_ece");
    World w(with_ecn);
    open_passive(w);
    const uint32_t full = w.main().full();
    w.send(5 * full);
    for (uint32_t i = 0; i < 5; ++i) RECV(w, {.len = full});
    uint32_t done = 5;
    w.in({.ack = acked(w, done)});
    w.send(2 * full);
    RECV(w, {.flags = kAck, .len = full});
    RECV(w, {.flags = kAck, .len = full});
    w.send(10 * full);
    w.discard();
    // From here on every ACK is marked; cwnd comes down to one segment, which then needs the timer.
    for (int i = 0; i < 8 && w.info().cwnd_bytes > full; ++i) {
        w.in({.ack = w.main().rcv_nxt, .flags = kAck | kEce});
        w.discard();
        if (w.main().rel_una() == w.main().rel_nxt()) w.send(4 * full);
        w.discard();
    }
    EXPECT_EQ(w.info().cwnd_bytes, full);
    w.send(20 * full);
    w.discard();
    ASSERT_EQ(w.info().unacked_bytes, full);
    const uint32_t rto_ms = w.info().rto_ms;
    w.in({.ack = w.main().rcv_nxt, .flags = kAck | kEce});
    RECV_IN(w, std::chrono::milliseconds(rto_ms - 1), std::chrono::milliseconds(rto_ms + 10),
            {.flags = kAck | kCwr, .len = full});
    EXPECT_EQ(ecn(w), kEct0) << "new text, no probe";
    SILENT(w);
    w.in({.ack = w.main().rcv_nxt});
    RECV(w, {.flags = kAck, .len = full});  // without ECE the ACK clock goes on
    EXPECT_EQ(w[Counter::rto_expirations] + w[Counter::zero_window_probes], 0u);
}

}  // namespace
}  // namespace synfin::fakes
