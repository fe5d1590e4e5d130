/// Combinations: a segment and a call in one burst, a probe and text, a full backlog and TIME-WAIT.
#include <functional>

#include "fakes/burst_engine.hh"
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr uint32_t kMss = 1460;
void plain(WorldConfig& c) {
    c.timestamps = false;
}

/// Passes events to handlers that the test provides.
struct App {
    std::function<void(Connection)> open = [](Connection) {};
    std::function<void(Connection, RxView&)> data = [](Connection, RxView&) {};
    std::vector<std::string> log;
    Connection c;
    std::vector<CloseInfo> closes;
    void on_open(Connection x) {
        c = x;
        log.push_back("open");
        open(x);
    }
    void on_data(Connection x, RxView& v) {
        log.push_back("data" + std::to_string(v.size()));
        data(x, v);
    }
    void on_writable(Connection) { log.push_back("writable"); }
    void on_peer_fin(Connection) { log.push_back("fin"); }
    void on_close(Connection, const CloseInfo& why) {
        log.push_back("close");
        closes.push_back(why);
    }
};
/// Its peer is scripted, as in World.
struct Burst : BurstEngine {
    explicit Burst(const stack::StackConfig& c = small()) : BurstEngine(c) { EXPECT_TRUE(stack.listen(80)); }
    App app;
    uint32_t isn = 0;  // the stack's

    void put(uint32_t seq, uint32_t ack, int flags, uint32_t len = 0, uint16_t sport = 40000) {
        Packet p;
        p.src = host(2), p.dst = host(1);
        p.sport = sport, p.dport = 80;
        p.seq = 1000 + seq, p.flags = flags, p.wnd = 65535;
        if (flags & kAck) p.ack = isn + ack;
        if (flags & kSyn) p.mss = 1460;
        p.payload.resize(len, 'x');
        port.deliver(build(p));
    }
    std::vector<Packet> turn(Duration d = 1ms) {
        BurstEngine::turn(app, d);
        return take();
    }
    std::vector<Packet> take() {
        std::vector<Packet> out;
        while (const auto bytes = port.take()) {
            std::string complaint;
            out.push_back(parse(*bytes, complaint));
            EXPECT_EQ(complaint, "");
        }
        return out;
    }
    std::string show(const std::vector<Packet>& ps) const {
        std::string out;
        for (const auto& p : ps) out += text(p, Instant{}, isn, 1000) + "\n";
        return out;
    }
    void open() {
        put(0, 0, kSyn);
        auto got = turn();
        ASSERT_EQ(got.size(), 1u);
        isn = got[0].seq;
        put(1, 1, kAck);
        turn();
    }
    /// Up to FIN-WAIT-2.
    void half_close() {
        EXPECT_TRUE(app.c.shutdown());
        turn();
        put(1, 2, kAck);
        turn();
    }
};

TEST(Corner, ARstThatBeginsBeforeTheWindowDoesNotReset) {
    ROW(21, "5961-3.2", "tcp::check_rst");
    World w;
    w.open();
    w.in({.seq = 1, .ack = 1, .len = 100});
    w.discard();
    w.in({.seq = 51, .flags = kRst, .len = 51});
    STATE(w, established);
}
TEST(Corner, ARstThatBeginsBeforeTheWindowDoesNotEndAHalfOpenOne) {
    ROW(7, "5961-3.2", "tcp::check_rst");
    World w;
    w.bring(State::syn_received);
    w.in({.seq = 0u - 100u, .flags = kRst, .len = 102});
    STATE(w, syn_received);
}

TEST(Corner, AfterIdlenessTheWindowRestartsWithUnreadTextToo) {
    ROW(55, "5681-4.1", "tcp::is_to_restart");
    World w(plain);
    w.bring(State::syn_sent);
    w.advance(100ms);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    w.in({.seq = 1, .ack = 1, .len = 1});  // one octet that the application reads late
    w.read_all();
    w.discard();
    w.send(100000);
    for (int i = 0; i < 100 && w.main().rel_una() != 100001; ++i) {
        w.discard();
        w.in({.ack = w.main().rcv_nxt});
    }
    w.discard();
    ASSERT_EQ(w.main().rel_una(), 100001u);
    w.advance(10s);
    w.send(60000);
    uint32_t sent = 0;
    while (w.out()) ++sent;
    EXPECT_EQ(sent, 10u) << "min(IW, cwnd)";
}
TEST(Corner, IdlenessDoesNotRaiseTheWindow) {
    ROW(55, "5681-4.1", "tcp::is_releasable");
    World w(plain);
    w.bring(State::syn_sent);
    w.advance(100ms);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.discard();
    w.send(kMss);
    w.discard();
    w.advance(10s);  // timeouts
    w.discard();
    w.in({.ack = 1 + kMss});
    w.send(kMss);  // a sample ends the backoff
    w.discard();
    w.in({.ack = 1 + 2 * kMss});
    w.discard();
    const uint32_t cwnd = w.info().cwnd_bytes, ssthresh = w.info().ssthresh_bytes;
    EXPECT_LE(cwnd, 3 * kMss);
    w.advance(100s);
    w.send(60000);
    uint32_t sent = 0;
    while (w.out()) ++sent;
    EXPECT_LE(sent * kMss, cwnd) << "RW = min(IW, cwnd)";
    EXPECT_EQ(w.info().ssthresh_bytes, ssthresh);
}

TEST(Corner, AReopenedTimeWaitsIsnIsBeyondItsPredecessorsEvenWithAFullBacklog) {
    ROW(14, "9293-3.6.1 MAY-2", "stack::arrive_time_wait");
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 8; ++seed) {
        World w([&](WorldConfig& c) { c.stack.max_half_open = 1, c.stack.seed = seed, c.timestamps = true; });
        w.bring(State::time_wait);
        const uint32_t last = w.main().stack_isn + w.main().rcv_nxt;
        w.flow(41000).in({.seq = 0, .flags = kSyn});  // fills the backlog
        w.discard();
        w.advance(10ms);
        w.in({.seq = 100000, .flags = kSyn});
        const auto answer = w.out();  // no answer is fine, too: the peer tries again
        if (answer && static_cast<int32_t>(answer->seq - last) <= 0) ++wrong;
    }
    EXPECT_EQ(wrong, 0);
}
TEST(Corner, CloseWithTextLeftInTheHandlerResets) {
    ROW(17, "9293-3.6.1 SHLD-3", "stack::taken");
    Burst b;
    b.open();
    b.app.data = [](Connection c, RxView& v) {
        v.take(3);
        EXPECT_TRUE(c.close());
    };
    b.put(1, 1, kAck | kPsh, 10);
    const auto got = b.turn();
    ASSERT_FALSE(got.empty());
    EXPECT_TRUE(got.back().has(kRst)) << b.show(got);
}

TEST(Corner, TextThatMeetsAKeepaliveProbeIsTimedByTheRto) {
    ROW(50, "6298-5.1", "tcp::next_segment");
    auto c = Burst::small();
    c.tcp.keepalive_idle = 10s;
    c.tcp.keepalive_interval = 75s;
    Burst b(c);
    b.open();
    for (int i = 0; i < 9990; ++i) ASSERT_TRUE(b.turn().empty());
    bool probed = false;
    std::vector<Packet> got;
    for (int i = 0; i < 100 && !probed; ++i) {
        b.now += 1ms;
        probed = b.stack.begin(b.now);
        while (const Event* e = b.stack.next_event()) b.stack.dispatch(b.app, *e);
        if (probed) {
            ASSERT_TRUE(b.app.c.send(std::vector<uint8_t>(10, 121)));
        }
        b.stack.end();
        got = b.take();
    }
    ASSERT_TRUE(probed);
    ASSERT_EQ(got.size(), 1u) << b.show(got);
    EXPECT_EQ(got[0].payload.size(), 10u) << b.show(got);
    // it is lost
    got.clear();
    for (int i = 0; i < 5000 && got.empty(); ++i) got = b.turn();
    EXPECT_FALSE(got.empty()) << "retransmitted within 5 s";
    EXPECT_LT(b.app.c.info()->rto_ms, 10000u);
}

TEST(Corner, InASimultaneousCloseInOneBurstTheFinIsAcked) {
    ROW(8, "9293-3.10.7.4", "tcp::after_ack");
    Burst b;
    b.open();
    EXPECT_TRUE(b.app.c.close());
    auto got = b.turn();
    ASSERT_EQ(got.size(), 1u) << b.show(got);
    ASSERT_TRUE(got[0].has(kFin));
    b.put(1, 1, kFin | kAck);  // crosses ours
    b.put(2, 2, kAck);         // and the ACK of ours
    got = b.turn();
    ASSERT_EQ(b.app.closes.size(), 1u);
    EXPECT_EQ(b.stack.occupancy().time_wait, 1u);
    ASSERT_FALSE(got.empty()) << "the peer's FIN is not acknowledged";
    EXPECT_EQ(got[0].ack, 1002u);
}
TEST(Corner, InASimultaneousCloseInTwoBurstsTheFinIsAcked) {
    ROW(8, "9293-3.10.7.4", "tcp::after_ack");
    Burst b;
    b.open();
    EXPECT_TRUE(b.app.c.close());
    b.turn();
    b.put(1, 1, kFin | kAck);
    auto got = b.turn();
    b.put(2, 2, kAck);
    b.turn();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].ack, 1002u);
}

TEST(Corner, SimultaneousOpenHasTheInitialWindowOfThePeersMss) {
    ROW(4, "6928-2", "tcp::check_ack");
    World w([](WorldConfig& c) { plain(c), c.mss = 536; });
    w.bring(State::syn_sent);
    w.send(40000);
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.in({.seq = 1, .ack = 1});
    uint32_t sent = 0;
    while (auto packet = w.out()) sent += static_cast<uint32_t>(packet->payload.size());
    EXPECT_LE(sent, 5360u);
}
TEST(Corner, SimultaneousOpenAfterALostSynHasOneSegment) {
    ROW(4, "5681-3.1", "tcp::check_ack");
    World w(plain);
    w.bring(State::syn_sent);
    w.send(40000);
    RECV_IN(w, 1s, 1010ms, {.flags = kSyn});
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.in({.seq = 1, .ack = 1});
    uint32_t sent = 0;
    while (w.out()) ++sent;
    EXPECT_EQ(sent, 1u);
}

TEST(Corner, CloseBetweenTwoPiecesKeepsTimeWait) {
    ROW(12, "9293-3.6.1 MUST-13", "stack::tell_held_or_unwanted");
    Burst b;
    b.open();
    b.half_close();
    ASSERT_EQ(b.app.c.state(), State::fin_wait_2);
    bool first = true;
    b.app.data = [&](Connection c, RxView&) {
        if (std::exchange(first, false)) {
            EXPECT_TRUE(c.close());
        }
    };
    b.put(1, 2, kAck | kPsh, 10);
    b.put(11, 2, kAck | kPsh | kFin, 10);
    const auto got = b.turn();
    std::string log;
    for (const auto& l : b.app.log) log += l + " ";
    EXPECT_EQ(b.stack.occupancy().time_wait, 1u) << b.show(got) << log;
    for (const auto& p : got) EXPECT_FALSE(p.has(kRst));
}
TEST(Corner, AUserTimeoutOf19HoursEnds) {
    ROW(53, "9293-3.8.3", "tcp::waited");
    World w([](WorldConfig& c) { plain(c), c.stack.tcp.user_timeout = std::chrono::hours(19); });
    w.open();
    w.send(100);
    w.discard();
    w.advance(std::chrono::hours(30));
    w.discard();
    STATE(w, closed);
}

TEST(Corner, ACookieKeepsToASmallMss) {
    ROW(30, "9293-3.7.1 MUST-16", "tcp::make_cookie");
    World w([](WorldConfig& c) { plain(c), c.stack.max_half_open = 1, c.mss = 100; });
    w.listen();
    w.flow(41000).in({.seq = 0, .flags = kSyn});
    w.discard();
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    ASSERT_EQ(w[Counter::syn_cookies_sent], 1u);
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
    w.send(1000);
    const auto got = w.out();
    ASSERT_TRUE(got);
    EXPECT_LE(got->payload.size(), 100u);
}
TEST(Corner, CloseWithHeldTextBeforeTheEndIsToldKeepsTimeWait) {
    ROW(12, "9293-3.6.1 MUST-13", "tcp::close");
    Burst b;
    b.open();
    b.half_close();
    b.app.data = [&](Connection, RxView& v) { v.take(0); };
    b.put(1, 2, kAck | kPsh, 10);
    b.turn();
    const Connection first = b.app.c;
    b.app.open = [&](Connection c) {
        if (c != first) {
            EXPECT_TRUE(first.state() == State::time_wait);
            Connection f = first;
            EXPECT_TRUE(f.close());
        }
    };
    // in one burst: another connection opens, and the first one's FIN arrives
    const uint32_t isn1 = b.isn;
    b.put(0, 0, kSyn, 0, 40001);
    auto got = b.turn();
    ASSERT_EQ(got.size(), 1u);
    const uint32_t isn2 = got[0].seq;
    b.isn = isn2, b.put(1, 1, kAck, 0, 40001);
    b.isn = isn1, b.put(11, 2, kAck | kFin);
    got = b.turn();
    EXPECT_EQ(b.stack.occupancy().time_wait, 1u) << b.show(got);
}

}  // namespace
}  // namespace synfin::fakes
