/// Attacks on one engine's records beside a client that must not notice them, in virtual time.

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

/// What is to be begun at a constant rate.
struct Pace {
    /// True as often as is due by now.
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

/// Opens connections at a rate; each asks once and counts as served when all of the answer and the FIN came.
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
    void on_data(Connection c, RxView& view) { c.set_cookie(c.cookie() + view.size()); }
    void on_writable(Connection) {}
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection c, const CloseInfo& why) {
        const auto at = since.find(c.index());
        const Duration took = ends.now() - at->second;
        since.erase(at);
        slowest = std::max(slowest, took);
        if (why.reason == CloseReason::fin && why.cookie == kResponse.size()) ++served;
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
            syn.src = Ipv4{0x0a010000 + random.below(1u << 23)};
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

/// A client with 3,000 ports that comes back to tuples in the server's TIME-WAIT all the time.
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

/// A client that nobody has seen before: its SYNs need a record or a cookie.
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

}  // namespace
}  // namespace synfin::stack
