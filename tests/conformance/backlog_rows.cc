/// Rows 34 and 35: the SYN flood, cookies, and the accept queue.
#include "fakes/world.hh"

#include "base/random.hh"
#include "buf/block_pool.hh"

namespace synfin::fakes {
namespace {

constexpr uint32_t kBacklog = 16;

void small_backlog(WorldConfig& c) {
    c.stack.max_half_open = kBacklog;
}

/// Fills the half-open table from other hosts, and removes the answers from the output.
void flood(World& w, uint32_t n, uint32_t seed = 1) {
    Random random(seed);
    for (uint32_t i = 0; i < n; ++i) {
        Packet syn = w.main().make({.seq = random.below(~0u), .flags = kSyn, .no_ts = true});
        syn.src = host(16 + i % 200);
        syn.sport = static_cast<uint16_t>(1024 + 100 * seed + i / 200);
        w.stack().input(build(syn));
        while (w.stack().output()) {
        }
    }
}

TEST(Row34, AFloodBeyondTheTableCostsNoState) {
    ROW(34, "4987-3.2, 3.6", "tcp::open_cookie");
    World w(small_backlog);
    w.listen();
    flood(w, 5000);
    EXPECT_LE(w.occupancy().half_open, kBacklog);
    EXPECT_GE(w[Counter::syn_cookies_sent], 5000 - kBacklog);
    EXPECT_EQ(w.occupancy().open, 0u);
    w.advance(65s);
    w.discard();
    IDLE(w);
}

TEST(Row34, ACookieOpensAConnectionAndRestoresItsOptions) {
    ROW(34, "4987-3.6", "tcp::open_cookie");
    struct Case {
        std::optional<uint16_t> mss;
        bool timestamps;
        std::optional<int> wscale;
        bool sack;
    };
    for (const Case& k : {Case{1460, true, 7, true}, Case{1460, true, 0, false}, Case{536, true, 14, true},
                          Case{1460, false, {}, false}, Case{536, false, {}, false},
                          Case{{}, false, {}, false}, Case{1220, true, 3, false}}) {
        World w([&](WorldConfig& c) {
            small_backlog(c);
            c.mss = k.mss, c.timestamps = k.timestamps, c.wscale = k.wscale, c.sack = k.sack;
        });
        w.listen();
        flood(w, 100);
        const uint64_t sent = w[Counter::syn_cookies_sent];
        w.in({.seq = 0, .flags = kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck, .mss = 1460});
        EXPECT_EQ(w[Counter::syn_cookies_sent], sent + 1);
        STATE(w, closed);
        w.advance(100ms);
        w.in({.seq = 1, .ack = 1, .wnd = 100});
        SILENT(w);
        STATE(w, established);
        EXPECT_EQ(w[Counter::syn_cookies_accepted], 1u);
        w.main().accept();
        const auto info = w.info();
        const uint16_t mss = k.mss.value_or(default_mss());
        EXPECT_LE(info.mss, mss);
        EXPECT_GE(info.mss, std::min<uint16_t>(mss, 536));
        EXPECT_TRUE(info.mss == mss || (mss != 1460 && mss != 536)) << "the common values are kept exactly";
        EXPECT_EQ(info.timestamps, k.timestamps);
        if (k.timestamps) {
            EXPECT_EQ(info.window_scale, k.wscale.has_value());
            EXPECT_EQ(info.sack_permitted, k.sack);
            EXPECT_EQ(info.snd_wnd, 100u << k.wscale.value_or(0));
        }
        // The connection works like any other.
        w.in({.len = 50});
        RECV_IN(w, 0ms, 500ms, {.seq = 1, .ack = 51});
        EXPECT_EQ(w.read_all(), 50u);
        w.main().wnd = 60000;
        w.in({.ack = 1});
        w.send(50);
        RECV(w, {.seq = 1, .ack = 51, .len = 50});
        w.close();
        w.in({.ack = w.main().rcv_nxt});
        w.in({.ack = 52, .flags = kFin | kAck});
        CLOSED(w, fin);
    }
}

TEST(Row34, DataOrFinCompletesTheHandshakeOfACookieToo) {
    ROW(74, "4987-3.6, 9293-3.10.7.4 fifth", "tcp::open_cookie");
    for (const int flags : {kAck | kPsh, kAck | kFin | kPsh, kAck | kUrg | kPsh}) {
        World w(small_backlog);
        w.listen();
        flood(w, 100);
        w.in({.seq = 0, .flags = kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        w.in({.seq = 1, .ack = 1, .flags = flags, .len = 20});
        w.main().accept();
        EXPECT_EQ(w.read_all(), 20u);
        EXPECT_EQ(w.main().count(Event::Kind::peer_fin), flags & kFin ? 1u : 0u);
        w.advance(500ms);
        RECV(w, {.seq = 1, .ack = flags & kFin ? 22u : 21u});
    }
}

TEST(Row34, AForgedAckIsRefused) {
    ROW(34, "4987-3.6", "tcp::open_cookie");
    World w(small_backlog);
    w.listen();
    flood(w, 100);
    Random random(34);
    for (int i = 0; i < 20000; ++i) {
        auto& f = w.flow(40001);
        const uint32_t ack = static_cast<uint32_t>(random.next());
        w.stack().input(build(f.make({.seq = static_cast<uint32_t>(random.next()), .ack = ack})));
        while (w.stack().output()) {
        }
    }
    EXPECT_EQ(w[Counter::syn_cookies_accepted], 0u);
    EXPECT_EQ(w.occupancy().open, 0u);
    EXPECT_EQ(w[DropReason::bad_cookie], 20000u);
}

TEST(Row34, ACookieIsForItsTupleAndItsSequenceNumber) {
    ROW(34, "4987-3.6", "tcp::open_cookie");
    World w(small_backlog);
    w.listen();
    flood(w, 100);
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    const Packet good = w.main().make({.seq = 1, .ack = 1});
    auto expect_refused = [&](const std::function<void(Packet&)>& change) {
        Packet bad = good;
        change(bad);
        w.raw(build(bad));
        const auto answer = w.out();
        ASSERT_TRUE(answer.has_value());
        EXPECT_EQ(answer->flags, kRst) << "as LISTEN answers an ACK";
        EXPECT_EQ(answer->seq, bad.ack);
    };
    expect_refused([](Packet& p) { p.sport ^= 1; });
    expect_refused([](Packet& p) { p.src = inverted(p.src, 16); });
    expect_refused([](Packet& p) { ++p.seq; });
    expect_refused([](Packet& p) { ++p.ack; });
    EXPECT_EQ(w[Counter::syn_cookies_accepted], 0u);
    w.raw(build(good));
    SILENT(w);
    EXPECT_EQ(w[Counter::syn_cookies_accepted], 1u);
}

TEST(Row34, ACookieExpiresWithinTwoMinutes) {
    ROW(34, "4987-3.6", "tcp::open_cookie");
    for (const Duration wait : {Duration(30s), Duration(59s), Duration(121s), Duration(300s)}) {
        World w(small_backlog);
        w.listen();
        flood(w, 100);
        w.in({.seq = 0, .flags = kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        w.advance(wait);
        w.discard();
        flood(w, 100, 2);
        w.in({.seq = 1, .ack = 1});
        if (wait < 60s) {
            SILENT(w);
            STATE(w, established);
        } else {
            RECV(w, {.seq = 1, .flags = kRst});
            STATE(w, closed);
        }
    }
}

TEST(Row34, WithCookiesOffTheSynIsDropped) {
    ROW(34, "4987-3.2", "stack::arrive_listen");
    World w([](WorldConfig& c) { small_backlog(c), c.stack.tcp.syn_cookies = false; });
    w.listen();
    flood(w, 100);
    w.in({.seq = 0, .flags = kSyn});
    SILENT(w);
    EXPECT_GE(w[DropReason::backlog_full], 1u);
    w.advance(65s);
    w.discard();
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
}

TEST(Row82, ASynForATimeWaitTupleOpensWhileTheBacklogIsFull) {
    ROW(82, "9293-3.6.1 MAY-2, 6191-2", "stack::alloc_half_open");
    for (const bool cookies : {true, false}) {
        World w([&](WorldConfig& c) {
            small_backlog(c);
            c.timestamps = true, c.stack.tcp.syn_cookies = cookies;
        });
        w.bring(State::time_wait);
        const uint32_t last = w.main().last().seq;  // in absolute numbers
        flood(w, 100);
        EXPECT_EQ(w.occupancy().half_open, kBacklog);
        w.advance(10ms);
        w.in({.seq = 100'000, .flags = kSyn});
        const auto answer = w.out();
        REQUIRE(answer.has_value());
        EXPECT_EQ(answer->flags, kSyn | kAck);
        EXPECT_GT(static_cast<int32_t>(answer->seq - last), 0) << "beyond what its predecessor sent";
        EXPECT_EQ(w.occupancy().half_open, kBacklog + 1) << "paid by the TIME-WAIT record";
        EXPECT_EQ(w.occupancy().time_wait, 0u);
        EXPECT_EQ(w[Counter::time_wait_reused], 1u);
        Packet ack = w.main().make({.seq = 900'000, .flags = kAck});  // outside the window
        ack.ack = answer->seq + 1;
        w.raw(build(ack));
        EXPECT_TRUE(w.out().has_value()) << "challenge ACKs are counted for the paid record, too";
        ack = w.main().make({.seq = 100'001, .flags = kAck});
        ack.ack = answer->seq + 1;
        w.raw(build(ack));
        SILENT(w);
        STATE(w, established);
        EXPECT_EQ(w.occupancy().half_open, kBacklog);
        EXPECT_EQ(w[Counter::syn_cookies_accepted] + w[DropReason::backlog_full], cookies ? 0u : 84u);
    }
}

/// The first half of the backlog uses ordinary sequence numbers, the second half cookies.
TEST(Row82, TheOldestHalfOpenRecordYieldsAndItsAckStillOpens) {
    ROW(82, "4987-3.6", "stack::yield_half_open");
    for (const bool timestamps : {true, false}) {
        World w([&](WorldConfig& c) {
            small_backlog(c);
            c.timestamps = timestamps, c.wscale = 7, c.sack = true;
        });
        w.listen();
        flood(w, kBacklog / 2);
        w.in({.seq = 0, .flags = kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        STATE(w, syn_received);
        const uint32_t cookie = w.main().last().seq;
        w.advance(1s);
        bool again = false;
        while (const auto sent = w.out())
            if (sent->dport == w.main().peer.port) again = sent->seq == cookie;
        EXPECT_TRUE(again) << "the same cookie, from the record";
        flood(w, kBacklog / 2 - 1, 2);
        EXPECT_EQ(w.occupancy().half_open, kBacklog);
        EXPECT_EQ(w[Counter::half_open_yielded], 0u);
        w.advance(2100ms);  // 3.1 s after the SYNs: SYN-ACKs were sent twice more
        w.discard();
        flood(w, kBacklog / 2, 3);
        EXPECT_EQ(w[Counter::half_open_yielded], kBacklog / 2);
        STATE(w, syn_received);
        flood(w, 1, 4);
        EXPECT_EQ(w[Counter::half_open_yielded], kBacklog / 2 + 1);
        EXPECT_EQ(w.occupancy().half_open, kBacklog);
        STATE(w, closed);
        w.in({.seq = 1, .ack = 1, .wnd = 100});
        SILENT(w);
        STATE(w, established);
        EXPECT_EQ(w[Counter::syn_cookies_accepted], 1u);
        w.main().accept();
        EXPECT_EQ(w.info().mss, 1460);
        EXPECT_EQ(w.info().window_scale, timestamps);
        EXPECT_EQ(w.info().sack_permitted, timestamps);
        EXPECT_EQ(w.info().snd_wnd, timestamps ? 100u << 7 : 100u);
        w.in({.len = 50});
        EXPECT_EQ(w.read_all(), 50u);
    }
}

/// A client whose ACK and request were lost answers a repeated SYN-ACK with an ACK behind its request. If the
/// record has yielded meanwhile, that ACK proves no cookie and would get an RST. So in a full backlog the
/// SYN-ACK is not repeated, and the client's request, sent again, opens the connection.
TEST(Row82, InAFullBacklogASynAckWithACookieIsNotSentAgain) {
    ROW(82, "4987-3.6", "stack::fire_half_opens");
    World w(small_backlog);
    w.listen();
    flood(w, kBacklog / 2);
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    flood(w, kBacklog / 2 - 1, 2);
    EXPECT_EQ(w.occupancy().half_open, kBacklog);
    uint32_t to_others = 0;
    for (int i = 0; i < 31; ++i) {
        w.advance(100ms);
        while (const auto sent = w.out()) {
            EXPECT_NE(sent->dport, w.main().peer.port) << "after " << (i + 1) * 100 << " ms";
            ++to_others;
        }
    }
    EXPECT_EQ(to_others, 2 * (kBacklog / 2)) << "records without a cookie have no other way";
    flood(w, kBacklog / 2 + 1, 3);
    STATE(w, closed);
    w.in({.seq = 1, .ack = 1, .len = 50});
    STATE(w, established);
    w.main().accept();
    EXPECT_EQ(w.read_all(), 50u);
    EXPECT_EQ(w[DropReason::bad_cookie], 0u);
}

TEST(Row82, ARecordWithACookieOpensAsAnyOther) {
    ROW(82, "4987-3.6", "stack::make_half_open_a_cookie");
    World w([&](WorldConfig& c) { small_backlog(c), c.timestamps = true, c.wscale = 7, c.sack = true; });
    w.listen();
    flood(w, kBacklog / 2);
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    STATE(w, syn_received);
    w.in({.seq = 1, .ack = 1});
    STATE(w, established);
    EXPECT_EQ(w[Counter::syn_cookies_accepted], 0u);
    w.main().accept();
    EXPECT_TRUE(w.info().window_scale && w.info().sack_permitted && w.info().timestamps);
}

TEST(Row82, YoungHalfOpenRecordsStayAndWithCookiesOffTheOldestYieldsToo) {
    ROW(82, "4987-3.2", "stack::yield_half_open");
    World w([](WorldConfig& c) { small_backlog(c), c.stack.tcp.syn_cookies = false; });
    w.listen();
    flood(w, 100);
    EXPECT_EQ(w[Counter::half_open_yielded], 0u);
    EXPECT_EQ(w[DropReason::backlog_full], 100 - kBacklog);
    w.advance(1100ms);
    w.discard();
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.in({.seq = 1, .ack = 1});
    STATE(w, established);
    EXPECT_EQ(w[Counter::half_open_yielded], 1u);
}

TEST(Row82, SynAcksAreSentAgainAtTheirTimesFromEveryRecord) {
    ROW(82, "9293-3.8.1, 6298-5.5", "stack::fire_half_opens");
    World w;
    w.listen();
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    for (const Duration gap : {1s, 2s, 4s, 8s, 16s})
        RECV_IN(w, gap, gap + 2ms, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.advance(31s);
    STATE(w, syn_received);
    w.advance(1s);
    SILENT(w);
    STATE(w, closed);
    EXPECT_EQ(w[Counter::half_open_expired], 1u);
}

/// Text that applications leave unread fills its share of the blocks; connections that only send still can.
TEST(Row84, UnreadTextLeavesBlocksToSend) {
    ROW(84, "project choice: dynamic thresholds", "buf::BlockPool::share");
    World w([](WorldConfig& c) {
        c.stack.max_connections = 128;
        c.stack.max_text_bytes = 64 * buf::BlockPool::kLargeRecord;
    });
    for (uint16_t i = 0; i < 100; ++i) {
        auto& f = w.flow(static_cast<uint16_t>(41'000 + i));
        f.open(Side::passive);
        for (int k = 0; k < 4 && tcp::name(f.state()) == "ESTABLISHED"; ++k) {
            f.in({.len = 1'000});
            w.discard();
        }
    }
    EXPECT_GE(w.occupancy().send_blocks, 48u);
    w.open();
    w.send(2'000);
    w.discard();
    EXPECT_EQ(w.info().unacked_bytes, 2'000u);
}

TEST(Row35, WithTheConnectionPoolFullTheHandshakeAckIsDropped) {
    ROW(35, "project choice: drop, not RST, as Linux", "stack::promote");
    World w([](WorldConfig& c) { c.stack.max_connections = 4; });
    std::vector<Flow*> open;
    uint16_t port = 41000;
    for (; w.occupancy().open < 4; ++port) {
        auto& f = w.flow(port);
        f.open(Side::passive);
        open.push_back(&f);
        REQUIRE(open.size() <= 64);
    }
    auto& late = w.flow(port);
    late.in({.seq = 0, .flags = kSyn});
    RECV(late, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    late.in({.seq = 1, .ack = 1});
    SILENT(w);
    EXPECT_EQ(w[DropReason::accept_full], 1u);
    late.in({.seq = 1, .ack = 1, .len = 10});  // the peer believes that it is connected
    SILENT(w);
    EXPECT_EQ(w[Counter::resets_sent], 0u);
    // One connection ends; the peer's retransmission completes the handshake.
    open.front()->in({.flags = kRst});
    CLOSED(*open.front(), reset_by_peer);
    late.in({.seq = 1, .ack = 1, .len = 10});
    w.advance(500ms);
    w.discard();
    late.accept();
    EXPECT_EQ(late.read_all(), 10u);
}

TEST(Row35, ConnectWithTheConnectionPoolFullIsRefused) {
    ROW(35, "9293-3.10.1", "stack::connect");
    World w([](WorldConfig& c) { c.stack.max_connections = 4; });
    Error error = Error::none;
    std::vector<Connection> all;
    for (uint16_t i = 0; i < 64 && error == Error::none; ++i) {
        const auto c = w.stack().connect({host(2), static_cast<uint16_t>(100 + i)});
        if (c)
            all.push_back(*c);
        else
            error = c.error();
    }
    EXPECT_EQ(error, Error::no_memory);
    EXPECT_EQ(all.size(), 4u);
    EXPECT_EQ(w[DropReason::connections_full], 1u);
    w.discard();
    REQUIRE(w.stack().abort(all.front()));
    EXPECT_TRUE(w.stack().connect({host(2), 99}));
}

TEST(Row35, AbandonedHandshakesFreeTheirSlots) {
    ROW(35, "4987-3.2", "tcp::on_half_open_deadline");
    World w(small_backlog);
    w.listen();
    for (int wave = 0; wave < 30; ++wave) {  // never answered
        flood(w, kBacklog, static_cast<uint32_t>(wave + 1));
        EXPECT_EQ(w.occupancy().half_open, kBacklog);
        w.advance(65s);
        w.discard();
        EXPECT_EQ(w.occupancy().half_open, 0u);
    }
    EXPECT_EQ(w[Counter::syn_cookies_sent], 0u);
    EXPECT_EQ(w[Counter::half_open_expired], 30u * kBacklog);
    for (uint16_t i = 0; i < 500; ++i) {  // reset by the peer, as a port scanner does
        auto& f = w.flow(static_cast<uint16_t>(42000 + i));
        f.in({.seq = 0, .flags = kSyn});
        RECV(f, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        f.in({.seq = 1, .flags = kRst});
    }
    EXPECT_EQ(w.occupancy().half_open, 0u);
    EXPECT_EQ(w[Counter::syn_cookies_sent], 0u);
    w.open();
    STATE(w, established);
}

TEST(Row35, AcceptedConnectionsThatEndBeforeAcceptFreeTheirSlots) {
    ROW(35, "9293-3.10.1", "stack::end");
    World w([](WorldConfig& c) { c.stack.max_connections = 8; });
    w.listen();
    for (uint16_t i = 0; i < 200; ++i) {
        auto& f = w.flow(static_cast<uint16_t>(42000 + i));
        f.in({.seq = 0, .flags = kSyn});
        RECV(f, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        f.in({.seq = 1, .ack = 1});
        f.in({.seq = 1, .flags = kRst});
    }
    EXPECT_EQ(w.occupancy().open, 0u);
    EXPECT_EQ(w[DropReason::accept_full], 0u);
    EXPECT_EQ(w[Counter::established], 200u);
    EXPECT_EQ(w[Counter::closed], 200u);
}

}  // namespace
}  // namespace synfin::fakes
