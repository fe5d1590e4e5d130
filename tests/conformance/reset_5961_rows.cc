/// Rows 21 to 25: RFC 5961's guards against blind attacks, and the half-open connection.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr State kSynchronized[] = {State::established, State::fin_wait_1, State::fin_wait_2,
                                   State::close_wait,  State::closing,    State::last_ack};

TEST(Row21, ExactRstResets) {
    ROW(21, "5961-3.2, 9293-3.10.7.4 second", "tcp::check_rst");
    for (const State state : kSynchronized) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.in({.seq = w.main().nxt, .flags = kRst});
        SILENT(w);
        STATE(w, closed);
        EXPECT_EQ(w.closes().size(), 1u);
        EXPECT_EQ(w[Counter::resets_received], 1u);
        IDLE(w);
    }
}

TEST(Row21, RstElsewhereInTheWindowIsChallenged) {
    ROW(21, "5961-3.2", "tcp::check_rst");
    for (const State state : kSynchronized) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        const uint32_t nxt = w.main().nxt, wnd = w.info().rcv_wnd;
        for (const uint32_t seq : {nxt + 1, nxt + 100, nxt + wnd - 1}) {
            w.in({.seq = seq, .flags = kRst});
            RECV(w, {.seq = w.main().rcv_nxt, .ack = nxt, .flags = kAck, .len = 0});
            SILENT(w);
            EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
        }
        EXPECT_EQ(w[Counter::challenge_acks], 3u);
    }
}

TEST(Row21, RstOutsideTheWindowIsDropped) {
    ROW(21, "5961-3.2", "tcp::check_sequence");
    for (const State state : kSynchronized) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        const uint32_t nxt = w.main().nxt, wnd = w.info().rcv_wnd;
        for (const uint32_t seq : {nxt - 1, nxt + wnd, nxt + wnd + 1, nxt + 0x80000000u}) {
            w.in({.seq = seq, .flags = kRst});
            w.in({.seq = seq, .ack = w.main().rcv_nxt, .flags = kRst | kAck});
        }
        SILENT(w);
        EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
    }
}

TEST(Row21, ExactRstNeedsNoValidAck) {
    ROW(21, "9293-3.10.7.4 second", "tcp::check_rst");
    World w;
    w.open();
    w.in({.seq = 1, .ack = 0x40000000, .flags = kRst | kAck, .len = 10});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, reset_by_peer);
}

TEST(Row22, SynIsChallengedWhateverItsNumber) {
    ROW(22, "5961-4.2, 9293-3.10.7.4 fourth", "tcp::check_syn");
    for (const State state : kSynchronized) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        const uint32_t nxt = w.main().nxt, rcv = w.main().rcv_nxt;
        for (const uint32_t seq : {nxt, nxt + 1, nxt - 1, 0u, nxt + 0x80000000u, nxt + 100000})
            for (const int flags : {kSyn, kSyn | kAck}) {
                const Packet syn = w.main().make({.seq = seq, .ack = rcv, .flags = flags});
                w.raw(build(syn));
                RECV(w, {.seq = rcv, .ack = nxt, .flags = kAck, .len = 0});
                SILENT(w);
                EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
            }
    }
}

TEST(Row23, AnAckOfWhatWasNotSentIsNotProcessed) {
    ROW(23, "5961-5.2, 9293-3.10.7.4 fifth", "tcp::check_ack");
    for (const State state : kSynchronized) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        const uint32_t rcv = w.main().rcv_nxt, nxt = w.main().nxt, una = w.main().rel_una();
        for (const uint32_t ack : {rcv + 1, rcv + 100000, rcv + 0x7fffffff}) {
            w.in({.seq = nxt, .ack = ack});
            RECV(w, {.seq = rcv, .ack = nxt, .flags = kAck, .len = 0});
            SILENT(w);
            EXPECT_EQ(w.main().rel_una(), una);
            EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
        }
    }
}

TEST(Row23, DataWithAnAckOfWhatWasNotSentIsNotTaken) {
    ROW(23, "5961-5.2", "tcp::check_ack");
    World w;
    w.open();
    w.in({.seq = 1, .ack = 2, .len = 10});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    SILENT(w);
    EXPECT_EQ(w.read_all(), 0u);
    EXPECT_EQ(w[DropReason::unacceptable_ack], 1u);
}

TEST(Row23, AnAckOlderThanTheLargestWindowIsNotProcessed) {
    ROW(23, "5961-5.2", "tcp::check_ack");
    World w;
    w.main().wnd = 1000;
    w.open();
    for (int i = 0; i < 3; ++i) {
        w.send(1000);
        w.discard();
        w.in({.seq = 1, .ack = static_cast<uint32_t>(1001 + 1000 * i)});
    }
    ASSERT_EQ(w.main().rel_una(), 3001u);
    // SND.UNA - MAX.SND.WND = 2001 is the oldest acceptable ACK.
    w.in({.seq = 1, .ack = 2000, .len = 10});
    RECV(w, {.seq = 3001, .ack = 1, .flags = kAck});
    SILENT(w);
    EXPECT_EQ(w.read_all(), 0u);
    w.in({.seq = 1, .ack = 2001, .len = 10});
    RECV_IN(w, 0ms, 500ms, {.seq = 3001, .ack = 11});
    EXPECT_EQ(w.read_all(), 10u);
    EXPECT_EQ(w.main().rel_una(), 3001u);
}

/// Sends `n` in-window SYNs within one second and counts the challenge ACKs.
uint32_t challenges(World& w, Flow& flow, uint32_t n) {
    uint32_t acks = 0;
    const auto packet = build(flow.make({.seq = flow.nxt + 5, .flags = kSyn}));
    for (uint32_t i = 0; i < n; ++i) {
        w.stack().input(packet);
        while (w.stack().output()) ++acks;
    }
    return acks;
}

TEST(Row24, ChallengeAcksAreRateLimited) {
    ROW(24, "5961-7", "stack::ChallengeLimits::allow");
    World w;
    w.open();
    w.advance(10s);
    EXPECT_EQ(challenges(w, w.main(), 10000), w.config().stack.tcp.challenge_acks_per_s);
    EXPECT_EQ(challenges(w, w.main(), 1000), 0u) << "used up";
    EXPECT_GE(w[DropReason::rst_rate_limited], 8000u);
    w.advance(2s);
    EXPECT_GT(challenges(w, w.main(), 10000), 0u) << "a new second";
    STATE(w, established);
}

TEST(Row24, TheLimitIsEachConnectionsOwn) {
    ROW(24, "5961-7 (CVE-2016-5696)", "stack::ChallengeLimits::allow");
    // The attacker counts the answers on its own connection: with a shared limit, one answer less would
    // reveal that a guess about another connection was right. Nor may one peer use up the answers of all
    // others.
    World w;
    w.open();
    std::vector<Flow*> others;
    for (uint16_t i = 0; i < 10; ++i) {
        auto& other = w.flow(static_cast<uint16_t>(40010 + i));
        other.in({.seq = 0, .flags = kSyn});
        w.discard();
        other.in({.seq = 1, .ack = 1});
        other.accept();
        others.push_back(&other);
    }
    w.advance(10s);
    const uint32_t limit = w.config().stack.tcp.challenge_acks_per_s;
    EXPECT_EQ(challenges(w, *others[0], 1), 1u);
    for (int i = 0; i < 2500; ++i) w.in({.seq = w.main().nxt + 5, .flags = kRst});
    uint32_t answers = 0;
    while (w.out()) ++answers;
    EXPECT_EQ(answers, limit) << "whatever others drew";
    for (Flow* other : others) EXPECT_EQ(challenges(w, *other, 1), 1u);
}

TEST(Row24, ANewConnectionOfTheRecordStartsAnew) {
    ROW(24, "5961-7 (CVE-2016-5696)", "stack::ChallengeLimits::allow");
    World w;
    w.open();
    w.advance(10s);
    challenges(w, w.main(), 1000);
    w.main().abort();
    w.discard();
    auto& next = w.flow(40010);  // in the same second, in the record that became free
    next.in({.seq = 0, .flags = kSyn});
    w.discard();
    next.in({.seq = 1, .ack = 1});
    next.accept();
    EXPECT_EQ(w.occupancy().open, 1u);
    EXPECT_EQ(challenges(w, next, 1000), w.config().stack.tcp.challenge_acks_per_s);
}

TEST(Row24, HalfOpenAndTimeWaitRecordsAreLimitedToo) {
    ROW(24, "5961-7", "stack::ChallengeLimits::allow");
    for (const State state : {State::syn_received, State::time_wait}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        uint32_t answers = 0;
        for (int i = 0; i < 1000; ++i) {
            w.in({.seq = 0x1000'0000, .ack = w.main().rcv_nxt});
            while (w.out()) ++answers;
        }
        EXPECT_EQ(answers, w.config().stack.tcp.challenge_acks_per_s);
    }
}

TEST(Row25, ARestartedPeerFindsOut) {
    ROW(25, "9293-3.5.1 figure 9", "tcp::check_syn");
    World w;
    w.open();
    w.advance(10s);
    // The peer has lost its state and connects again from the same tuple.
    const uint32_t rcv = w.main().rcv_nxt, nxt = w.main().nxt;
    w.raw(build(w.main().make({.seq = 0x12345678, .flags = kSyn})));
    RECV(w, {.seq = rcv, .ack = nxt, .flags = kAck});
    // It answers with RST <SEQ = our ACK>.
    w.in({.seq = w.main().last_ack(), .flags = kRst});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, reset_by_peer);
    // Its next SYN opens a connection.
    w.raw(build(w.main().make({.seq = 0x12345678, .flags = kSyn})));
    RECV(w, {.ack = 0x12345679, .flags = kSyn | kAck});
}

TEST(Row25, OurDataToARestartedPeerEndsInItsRst) {
    ROW(25, "9293-3.5.1 figure 10", "tcp::check_rst");
    World w;
    w.open();
    w.send(10);
    RECV(w, {.seq = 1, .ack = 1, .len = 10});
    w.in({.seq = w.main().last_ack(), .flags = kRst});
    STATE(w, closed);
    CLOSED(w, reset_by_peer);
    IDLE(w);
}

}  // namespace
}  // namespace synfin::fakes
