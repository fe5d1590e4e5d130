/// Row 36: ephemeral ports (RFC 6056).
#include <algorithm>
#include <map>
#include <set>

#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr uint16_t kLow = 40000, kHigh = 40063;

void small_range(WorldConfig& c) {
    c.stack.port_low = kLow;
    c.stack.port_high = kHigh;
}

/// Connects to 10.0.0.2:`port` until connect() fails; source port -> connection, in the order of choice.
std::vector<std::pair<uint16_t, Connection>> connect_all(World& w, uint16_t port, Error& last) {
    std::vector<std::pair<uint16_t, Connection>> out;
    for (int i = 0; i < 100; ++i) {
        const auto c = w.stack().connect({host(2), port});
        if (!c) {
            last = c.error();
            return out;
        }
        const auto syn = w.out();
        REQUIRE(syn && syn->flags == kSyn);
        out.emplace_back(syn->sport, *c);
    }
    return out;
}

TEST(Row36, EachPortIsReachedOnceThenThereIsNone) {
    ROW(36, "6056-3.1", "net::EphemeralPorts");
    World w(small_range);
    Error error = Error::none;
    const auto all = connect_all(w, 80, error);
    EXPECT_EQ(error, Error::no_port);
    EXPECT_EQ(w[DropReason::no_port], 1u);
    std::set<uint16_t> ports;
    for (const auto& [port, c] : all) ports.insert(port);
    EXPECT_EQ(ports.size(), 64u);
    EXPECT_EQ(*ports.begin(), kLow);
    EXPECT_EQ(*ports.rbegin(), kHigh);
    // The same ports are free for another destination.
    EXPECT_EQ(connect_all(w, 81, error).size(), 64u);
    EXPECT_EQ(w[Counter::active_opens], 128u);
}

TEST(Row36, AFreedPortIsFoundAgain) {
    ROW(36, "6056-3.1", "net::EphemeralPorts");
    World w(small_range);
    Error error = Error::none;
    const auto all = connect_all(w, 80, error);
    for (const size_t i : {size_t{0}, size_t{17}, size_t{63}}) {
        REQUIRE(w.stack().abort(all[i].second));
        const auto c = w.stack().connect({host(2), 80});
        ASSERT_TRUE(c);
        const auto syn = w.out();
        ASSERT_TRUE(syn.has_value());
        EXPECT_EQ(syn->sport, all[i].first);
    }
}

TEST(Row36, ThePortsAreNotInOrder) {
    ROW(36, "6056-3.3", "net::EphemeralPorts");
    std::vector<std::vector<uint16_t>> orders;
    for (const uint64_t seed : {1u, 2u}) {
        World w([&](WorldConfig& c) { c.stack.seed = seed; });
        orders.emplace_back();
        for (uint16_t i = 0; i < 200; ++i) {
            const auto c = w.stack().connect({host(2), static_cast<uint16_t>(1 + i)});
            REQUIRE(c);
            orders.back().push_back(w.out()->sport);
            REQUIRE(w.stack().abort(*c));
        }
        const auto& ports = orders.back();
        int neighbours = 0;
        for (size_t i = 1; i < ports.size(); ++i) neighbours += std::abs(ports[i] - ports[i - 1]) <= 2;
        EXPECT_LT(neighbours, 10) << "one port tells the next";
        // Spread over the whole range: 28232 ports, 200 draws, eight bins of 25 expected.
        std::map<int, int> bins;
        for (const uint16_t port : ports) ++bins[(port - 32768) / 3529];
        for (int i = 0; i < 8; ++i) EXPECT_NEAR(bins[i], 25, 20);
    }
    EXPECT_NE(orders[0], orders[1]) << "the order depends on the secret";
}

TEST(Row36, APortThatIsInUseIsNeverGiven) {
    ROW(36, "6056-3.1, 9293-3.4.1", "stack::connect");
    World w(small_range);
    const Endpoint peer{host(2), 80};
    REQUIRE(w.stack().connect(peer, {.source_port = 40010}));  // the test asks for this port
    w.discard();
    EXPECT_EQ(w.stack().connect(peer, {.source_port = 40010}).error(), Error::in_use);
    Error error = Error::none;
    const auto rest = connect_all(w, 80, error);
    EXPECT_EQ(rest.size(), 63u);
    for (const auto& [port, c] : rest) EXPECT_NE(port, 40010);
}

TEST(Row36, APassiveConnectionsTupleIsInUseToo) {
    ROW(36, "6056-3.1", "stack::connect");
    World w;
    w.open();  // 10.0.0.1:80 with 10.0.0.2:40000
    EXPECT_EQ(w.stack().connect({host(2), 40000}, {.source_port = 80}).error(), Error::in_use);
    SILENT(w);
}

TEST(Row36, AHalfOpenTuplesPortIsFoundAgain) {
    ROW(36, "6056-3.1", "stack::free_half_open");
    for (const bool reset : {false, true}) {
        World w([](WorldConfig& c) { small_range(c), c.stack.tcp.time_wait_reuse = false; });
        Flow& f = w.flow(80, host(2), kLow + 5);
        w.listen(kLow + 5);
        f.in({.seq = 0, .flags = kSyn});
        f.recv({.seq = 0, .ack = 1, .flags = kSyn | kAck}, SYNFIN_SITE);
        Error error = Error::none;
        EXPECT_EQ(connect_all(w, 80, error).size(), 63u);
        EXPECT_EQ(error, Error::no_port);
        if (reset)
            f.in({.seq = 1, .flags = kRst});
        else
            REQUIRE(w.stack().unlisten(kLow + 5));
        const auto c = w.stack().connect({host(2), 80});
        ASSERT_TRUE(c) << reset;
        EXPECT_EQ(w.out()->sport, kLow + 5);
    }
}

TEST(Row36, ARangeOfOnePort) {
    ROW(36, "6056-3.1", "net::EphemeralPorts");
    World w([](WorldConfig& c) { c.stack.port_low = c.stack.port_high = 65535; });
    const auto c = w.stack().connect({host(2), 80});
    ASSERT_TRUE(c);
    EXPECT_EQ(w.out()->sport, 65535);
    EXPECT_EQ(w.stack().connect({host(2), 80}).error(), Error::no_port);
    REQUIRE(w.stack().abort(*c));
    EXPECT_TRUE(w.stack().connect({host(2), 80}));
}

}  // namespace
}  // namespace synfin::fakes
