/// Attacks on one engine's records, in virtual time, while a client must not be affected.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.hh"
#include "fakes/packet.hh"
#include "fakes/two_ends.hh"

namespace synfin::stack {
namespace {

using fakes::TwoEnds;

constexpr uint16_t kPort = 80;

/// Schedules starts at a constant rate.
struct Pace {
    /// Returns true once for each start that is due.
    bool is_due(Instant now) {
        if (rate == 0) return false;
        if (!begun) begin = now;
        begun = true;
        if (static_cast<uint64_t>((now - begin).count()) * rate / 1'000'000'000 <= count) return false;
        ++count;
        return true;
    }
    uint64_t rate = 0;  ///< per second
    uint64_t count = 0;
    bool begun = false;
    Instant begin{};
};

const std::vector<uint8_t> kResponse(200, 'r');

/// Answers a request and closes first, so that TIME-WAIT is the server's.
struct Answerer {
    void on_open(Connection) {}
    void on_data(Connection c, RxView&) {
        EXPECT_TRUE(c.send_static(kResponse));
        EXPECT_TRUE(c.close());
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo&) {}
};

/// Opens connections at a rate. Each sends one request, and counts as served when the whole answer and the
/// FIN have arrived.
struct Fetcher {
    explicit Fetcher(TwoEnds& of) : ends(of) {}

    void turn(Stack& stack, Instant now) {
        while (pace.is_due(now)) {
            const auto c = stack.connect({TwoEnds::kServer, kPort});
            if (!c) {
                ++refused;
                continue;
            }
            since[c->index()] = now;
        }
        stack.poll(*this, now);
    }
    void on_open(Connection c) {
        static const std::vector<uint8_t> kRequest(100, 'q');
        EXPECT_TRUE(c.send_static(kRequest));
    }
    void on_data(Connection c, RxView& view) { c.set_user_tag(c.user_tag() + view.size()); }
    void on_writable(Connection) {}
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection c, const CloseInfo& why) {
        const auto at = since.find(c.index());
        const Duration took = ends.now() - at->second;
        since.erase(at);
        slowest = std::max(slowest, took);
        if (why.reason == CloseReason::fin && why.user_tag == kResponse.size()) ++served;
    }

    TwoEnds& ends;
    Pace pace;
    uint64_t served = 0, refused = 0;
    Duration slowest{};
    std::map<uint32_t, Instant> since;
};

/// SYNs from addresses that do not answer, at a rate.
struct Flood {
    void turn(TwoEnds& ends) {
        while (pace.is_due(ends.now())) {
            fakes::Packet syn;
            syn.src = fakes::host(0x010000 + random.below(1u << 23));
            syn.dst = TwoEnds::kServer;
            syn.sport = static_cast<uint16_t>(1024 + random.below(60'000));
            syn.dport = kPort;
            syn.seq = static_cast<uint32_t>(random.next());
            syn.flags = fakes::kSyn;
            syn.wnd = 65'535;
            syn.mss = 1460;
            ends.inject(fakes::build(syn));
        }
    }
    Pace pace;
    Random random{82};
};

struct Sizes {
    uint32_t backlog = 16'384;
    uint32_t time_wait = 1u << 20;
    uint32_t connections = 4'096;
    bool cookies = true;
};

struct Arena {
    explicit Arena(const Sizes& sizes) : ends(50us, client_config(), server_config(sizes)) {
        ends.step_time = 100us;
        EXPECT_TRUE(ends.server().listen(kPort));
    }
    static StackConfig client_config() {
        StackConfig c;
        c.max_connections = 16'384;
        c.port_low = 40'000;
        c.port_high = 42'999;
        return c;
    }
    static StackConfig server_config(const Sizes& sizes) {
        StackConfig c;
        c.max_half_open = sizes.backlog;
        c.max_time_wait = sizes.time_wait;
        c.max_connections = sizes.connections;
        c.tcp.syn_cookies = sizes.cookies;
        return c;
    }
    void run(Duration time, bool floods) {
        ends.run(
            time, [&](Stack& stack, Instant now) { fetcher.turn(stack, now); },
            [&](Stack& stack, Instant now) {
                if (floods) flood.turn(ends);
                stack.poll(answerer, now);
            },
            [] { return false; });
    }
    uint64_t operator[](Counter c) { return ends.server().counters()[c]; }
    uint64_t operator[](DropReason r) { return ends.server().counters()[r]; }

    TwoEnds ends;
    Answerer answerer;
    Fetcher fetcher{ends};
    Flood flood;
};

/// A client with 3,000 ports that keeps reusing tuples in the server's TIME-WAIT.
TEST(SynFlood, AClientInTimeWaitIsServedDuringAndAfter) {
    for (const Sizes& sizes : {Sizes{.backlog = 1'000}, Sizes{}, Sizes{.backlog = 1'000, .cookies = false}}) {
        for (const uint64_t syns : {400u, 20'000u}) {
            if (syns > 400 && !sizes.cookies) continue;  // then new clients have no way in
            Arena a(sizes);
            a.fetcher.pace.rate = 600;
            a.flood.pace.rate = syns;
            a.run(5s, false);  // all ports are in TIME-WAIT
            ASSERT_EQ(a.fetcher.refused, 0u);
            a.run(10s, true);
            a.run(10s, false);
            a.fetcher.pace.rate = 0;
            a.run(1s, false);
            const auto& f = a.fetcher;
            EXPECT_GE(a.flood.pace.count, 10 * syns - 1 - syns / 10'000);
            EXPECT_GE(f.pace.count, 14'990u);
            EXPECT_EQ(f.served, f.pace.count) << "backlog " << sizes.backlog << ", " << syns << " SYN/s";
            EXPECT_LT(f.slowest, 100ms) << "no SYN was sent twice";
            EXPECT_GE(a[Counter::time_wait_reused], 10'000u);
            EXPECT_LE(a.ends.server().records().half_open, sizes.backlog);
        }
    }
}

/// A new client: its SYNs need a record or a cookie.
TEST(SynFlood, ANewClientIsServedDuringAndAfter) {
    for (const Sizes& sizes : {Sizes{.backlog = 1'000}, Sizes{}, Sizes{.backlog = 1'000, .cookies = false}}) {
        for (const uint64_t syns : {400u, 20'000u}) {
            if (syns > 400 && !sizes.cookies) continue;
            Arena a(sizes);
            a.flood.pace.rate = syns;
            a.run(4s, true);  // the backlog is full, or on the way
            a.fetcher.pace.rate = 200;
            a.run(6s, true);
            a.run(4s, false);
            a.fetcher.pace.rate = 0;
            a.run(1s, false);
            const auto& f = a.fetcher;
            EXPECT_GE(f.pace.count, 1'990u);
            EXPECT_EQ(f.served, f.pace.count) << "backlog " << sizes.backlog << ", " << syns << " SYN/s";
            EXPECT_LT(f.slowest, 100ms);
        }
    }
}

/// More connections than TIME-WAIT records and control blocks have room for within 2MSL.
TEST(TimeWait, AFullPoolRefusesNobody) {
    Arena a({.time_wait = 500, .connections = 100});
    a.fetcher.pace.rate = 600;
    a.run(10s, false);
    a.fetcher.pace.rate = 0;
    a.run(1s, false);
    EXPECT_GE(a.fetcher.pace.count, 5'990u);
    EXPECT_EQ(a.fetcher.served, a.fetcher.pace.count);
    EXPECT_LT(a.fetcher.slowest, 100ms);
    EXPECT_EQ(a[Counter::time_wait_yielded], a.fetcher.served - 500);
    EXPECT_EQ(a[DropReason::accept_full], 0u);
    EXPECT_EQ(a.ends.server().records().time_wait, 500u);
}

/// Answers each 100 bytes with 90, and continues reading when the answer is queued; or sends endlessly.
struct Pipelined {
    void on_open(Connection) {}
    void on_data(Connection c, RxView& view) {
        uint32_t taken = 0;
        for (uint64_t have = c.user_tag() + view.size(); have >= 100; have -= 100) {
            const auto sent = c.send_static(Bytes(kResponse).first(90));
            if (!sent || *sent < 90) {  // the rest of a cut answer is not what this is about
                view.take(taken);
                return;
            }
            taken += 100 - static_cast<uint32_t>(c.user_tag());
            c.set_user_tag(0);
        }
        c.set_user_tag(c.user_tag() + view.size() - taken);
    }
    void on_writable(Connection c) { static_cast<void>(c.resume()); }
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo&) {}
};

/// `greedy` connections that request as much as they can and read nothing, and a series of others with one
/// request each.
struct Pipeliners {
    explicit Pipeliners(uint32_t count, uint64_t text_bytes)
        : ends(50us, client_config(), server_config(text_bytes)), n(count) {
        ends.step_time = 100us;
        EXPECT_TRUE(ends.server().listen(kPort));
    }
    static StackConfig client_config() {
        StackConfig c;
        c.max_connections = 4'096;
        c.tcp.receive_buffer_bytes = 16 * 1024;
        return c;
    }
    static StackConfig server_config(uint64_t text_bytes) {
        StackConfig c;
        c.max_connections = 2'000;
        c.tcp.send_buffer_bytes = c.tcp.receive_buffer_bytes = 64 * 1024;
        c.max_text_bytes = text_bytes;
        return c;
    }
    void turn(Stack& stack, Instant now) {
        for (uint32_t i = 0; i < 4 && opened < n; ++i, ++opened)
            if (const auto c = stack.connect({TwoEnds::kServer, kPort})) greedy.push_back(*c);
        while (pace.is_due(now))
            if (stack.connect({TwoEnds::kServer, kPort}, {.user_tag = 1})) ++asked;
        stack.poll(*this, now);
    }
    void ask(Connection c) {
        static const std::vector<uint8_t> kRequests(5'000, 'q');
        while (c.send_static(kRequests).value_or(0) == kRequests.size()) {
        }
    }
    void on_open(Connection c) {
        if (c.user_tag() == 0) return ask(c);
        static const std::vector<uint8_t> kRequest(100, 'q');
        EXPECT_TRUE(c.send_static(kRequest));
    }
    void on_data(Connection c, RxView& view) {
        if (c.user_tag() == 0) return view.take(0);
        if (view.size() == 90) ++answered;
        EXPECT_TRUE(c.close());
    }
    void on_writable(Connection c) { ask(c); }
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo&) {}

    void run(Duration time) {
        ends.run(
            time, [&](Stack& stack, Instant now) { turn(stack, now); },
            [&](Stack& stack, Instant now) { stack.poll(server, now); }, [] { return false; });
    }

    TwoEnds ends;
    Pipelined server;
    uint32_t n, opened = 0;
    Pace pace;
    uint64_t asked = 0, answered = 0;
    std::vector<Connection> greedy;
};

/// With room for all that they may queue, and with less: 2,000 connections of 128 KiB against 16 MiB.
TEST(Greedy, PeersThatPipelineAndNeverReadStopNobody) {
    for (const uint32_t greedy : {100u, 1'000u})
        for (const uint64_t text : {uint64_t{2} << 30, uint64_t{16} << 20}) {
            Pipeliners p(greedy, text);
            p.run(3s);
            const uint32_t held = p.ends.server().occupancy().send_blocks;
            EXPECT_GE(held, greedy * 10) << "they do hold what they can";
            p.pace.rate = 500;
            p.run(2002ms);
            p.pace.rate = 0;
            p.run(500ms);
            EXPECT_GE(p.asked, 1'000u);
            EXPECT_EQ(p.answered, p.asked) << greedy << " greedy peers, " << text << " bytes";
            for (uint32_t at = 0;;) {
                at = p.ends.server().visit_open(at, 100, [](Connection c) { static_cast<void>(c.abort()); });
                if (at == 0) break;
            }
            p.run(1ms);
            EXPECT_EQ(p.ends.server().occupancy().send_blocks, 0u) << "everything is given back";
        }
}

/// Unanswered opens, each with text: more than there are blocks.
struct Queuers {
    static StackConfig config() {
        StackConfig c;
        c.addresses = {fakes::on_net(TwoEnds::kClient, 8)};
        c.mtu = fakes::same_mtu(1500);
        c.max_connections = 128;
        c.max_text_bytes = 64 * buf::BlockPool::kLargeRecord;
        c.seed = 7;
        return c;
    }
    static buf::QueueCaps caps() {
        buf::QueueCaps c;
        c.ethernet = false;
        c.max_frame = fakes::same_mtu(1500);
        return c;
    }
    std::vector<Connection> tick() {
        std::vector<Connection> writable;
        now += 1ms;
        stack.begin(now);
        while (const Event* event = stack.next_event())
            if (event->kind == Event::Kind::writable) writable.push_back(event->connection);
        stack.end();
        while (port.take()) {
        }
        return writable;
    }
    buf::MemoryPort port{caps(), 4096};
    QueueEngine<buf::MemoryPort> engine{config(), port, HashKey{1, 2}};
    Stack stack{engine};
    Instant now = Instant::from_ns(5'000'000'000);
};

TEST(NoMemory, OnWritableFollowsInOrderWhenBlocksComeBack) {
    Queuers q;
    q.tick();
    const std::vector<uint8_t> text(4'000);
    std::vector<Connection> full, waiting;
    for (int i = 0; i < 128; ++i) {
        const auto c = q.stack.connect({TwoEnds::kServer, kPort});
        ASSERT_TRUE(c);
        const auto sent = Connection(*c).send(text);
        if (sent) {
            full.push_back(*c);
            continue;
        }
        ASSERT_EQ(sent.error(), Error::no_memory);
        EXPECT_EQ(Connection(*c).send(text).error(), Error::no_memory)
            << "waits in one place however often it asks";
        waiting.push_back(*c);
    }
    ASSERT_GE(waiting.size(), 20u);
    EXPECT_TRUE(q.tick().empty()) << "there is none yet";
    ASSERT_TRUE(waiting[1].abort());  // leaves the list
    waiting.erase(waiting.begin() + 1);
    ASSERT_TRUE(full[0].abort());
    std::vector<Connection> told;
    for (int i = 0; i < 5; ++i) {
        for (Connection c : q.tick()) {
            told.push_back(c);
            static_cast<void>(c.send(text));
        }
    }
    ASSERT_GE(told.size(), 1u);
    for (size_t i = 0; i < std::min(told.size(), waiting.size()); ++i) EXPECT_EQ(told[i], waiting[i]) << i;
    for (Connection c : full) static_cast<void>(c.abort());
    for (Connection c : waiting) static_cast<void>(c.abort());
    q.tick();
    EXPECT_EQ(q.stack.occupancy().send_blocks, 0u);
    EXPECT_TRUE(q.tick().empty());
}

}  // namespace
}  // namespace synfin::stack
