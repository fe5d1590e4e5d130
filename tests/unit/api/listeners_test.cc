/// Who accepted: tokens, ids and backlogs of listeners.

#include <gtest/gtest.h>

#include "two_stacks.hh"

namespace synfin {
namespace {

TEST(Listeners, OpenSaysWhichOne) {
    TwoStacks wire;
    ASSERT_TRUE(wire.far.listen(80, {.token = 0x1234567890}));
    ASSERT_TRUE(wire.far.listen(81, {.token = 2}));
    ASSERT_TRUE(wire.far.listen(82));
    const Connection client = wire.connect(80);
    wire.connect(81);
    wire.connect(82);
    const auto opened = take(wire.far, Event::Kind::open);
    ASSERT_EQ(opened.size(), 3u);
    EXPECT_EQ(opened[0].token, 0x1234567890u);
    EXPECT_EQ(opened[1].token, 2u);
    EXPECT_EQ(opened[2].token, 0u);
    for (const Event& event : take(wire.near, Event::Kind::open)) EXPECT_EQ(event.token, 0u);
    EXPECT_EQ(client.state(), State::established);
}

TEST(Listeners, ActiveOpenAfterAPassiveOneHasNoToken) {
    TwoStacks wire;
    ASSERT_TRUE(wire.far.listen(80, {.token = 9}));
    wire.connect(80);
    ASSERT_TRUE(wire.near.listen(90));
    ASSERT_TRUE(wire.far.connect({TwoStacks::kNear, 90}));
    wire.exchange();
    const auto opened = take(wire.far, Event::Kind::open);
    ASSERT_EQ(opened.size(), 2u);
    EXPECT_EQ(opened[0].token, 9u);
    EXPECT_EQ(opened[1].token, 0u);
}

TEST(Listeners, OneOfAnAddressGoesBeforeOneOfAll) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kFar);
    config.stack.addresses = {{Ipv4{0x0a000003}, 24}};
    TwoStacks wire(TwoStacks::config(TwoStacks::kNear), config);
    ASSERT_TRUE(wire.far.listen(80, {.token = 1}));
    ASSERT_TRUE(wire.far.listen(80, {.token = 3, .address = Ipv4{0x0a000003}}));
    EXPECT_EQ(wire.far.listen(80, {.token = 4, .address = Ipv4{0x0a000003}}).error(), Error::in_use);
    EXPECT_EQ(wire.far.listen(80, {.address = Ipv4{0x0a000009}}).error(), Error::invalid);
    EXPECT_EQ(wire.far.listen(0, {.token = 4}).error(), Error::invalid);
    wire.connect(80);
    ASSERT_TRUE(wire.near.connect({Ipv4{0x0a000003}, 80}));
    wire.exchange();
    const auto opened = take(wire.far, Event::Kind::open);
    ASSERT_EQ(opened.size(), 2u);
    EXPECT_EQ(opened[0].token, 1u);
    EXPECT_EQ(opened[1].token, 3u);
}

TEST(Listeners, AnIdNamesOneListenerOnly) {
    TwoStacks wire;
    const auto first = wire.far.listen(80, {.token = 1});
    ASSERT_TRUE(first);
    ASSERT_TRUE(wire.far.unlisten(*first));
    EXPECT_EQ(wire.far.unlisten(*first).error(), Error::invalid);
    const auto second = wire.far.listen(81, {.token = 2});
    ASSERT_TRUE(second);
    EXPECT_FALSE(*first == *second);
    EXPECT_EQ(wire.far.unlisten(*first).error(), Error::invalid);
    EXPECT_EQ(wire.far.unlisten(ListenerId{}).error(), Error::invalid);
    EXPECT_EQ(wire.far.unlisten(ListenerId{1000, 0}).error(), Error::invalid);
    wire.connect(81);
    const auto opened = take(wire.far, Event::Kind::open);
    ASSERT_EQ(opened.size(), 1u);
    EXPECT_EQ(opened[0].token, 2u);
    EXPECT_EQ(wire.connect(80).state(), State::closed) << "refused";
}

/// SYNs whose SYN-ACKs are not answered.
void flood(TwoStacks& wire, uint16_t port, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        static_cast<void>(wire.near.connect({TwoStacks::kFar, port}));
        while (auto packet = wire.near.output()) wire.far.input(*packet);
        while (wire.far.output()) {
        }
    }
}

TEST(Listeners, BacklogBoundsTheHalfOpenRecordsOfOneListener) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kFar);
    config.stack.tcp.syn_cookies = false;
    TwoStacks wire(TwoStacks::config(TwoStacks::kNear), config);
    const auto limited = wire.far.listen(80, {.token = 1, .backlog = 3});
    ASSERT_TRUE(limited);
    ASSERT_TRUE(wire.far.listen(81));
    flood(wire, 80, 5);
    const Counters& counters = wire.far.stack().counters();
    EXPECT_EQ(wire.far.stack().records().half_open, 3u);
    EXPECT_EQ(counters[Counter::listener_backlog_full], 2u);
    EXPECT_EQ(counters[DropReason::backlog_full], 2u);
    flood(wire, 81, 5);
    EXPECT_EQ(wire.far.stack().records().half_open, 8u) << "the other listener's are not limited by it";
    // Places come back with the records: given up, or reset.
    wire.far.advance(wire.far.now() + 70s);
    EXPECT_EQ(wire.far.stack().records().half_open, 0u);
    flood(wire, 80, 4);
    EXPECT_EQ(wire.far.stack().records().half_open, 3u);
    ASSERT_TRUE(wire.far.unlisten(*limited));
    EXPECT_EQ(wire.far.stack().records().half_open, 0u);
    ASSERT_TRUE(wire.far.listen(80, {.backlog = 1}));
    flood(wire, 80, 2);
    EXPECT_EQ(wire.far.stack().records().half_open, 1u);
}

TEST(Listeners, PlacesComeBackWithEachOpen) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kFar);
    config.stack.tcp.syn_cookies = false;
    TwoStacks wire(TwoStacks::config(TwoStacks::kNear), config);
    ASSERT_TRUE(wire.far.listen(80, {.backlog = 1}));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(wire.connect(80).state(), State::established);
    EXPECT_EQ(wire.far.stack().counters()[Counter::listener_backlog_full], 0u);
}

TEST(Listeners, BeyondTheBacklogACookieOpensWithTheToken) {
    TwoStacks wire;
    ASSERT_TRUE(wire.far.listen(80, {.token = 7, .backlog = 1}));
    flood(wire, 80, 1);
    const Connection client = wire.connect(80);
    EXPECT_EQ(client.state(), State::established);
    EXPECT_EQ(wire.far.stack().counters()[Counter::syn_cookies_accepted], 1u);
    EXPECT_EQ(wire.far.stack().counters()[Counter::listener_backlog_full], 1u);
    const auto opened = take(wire.far, Event::Kind::open);
    ASSERT_EQ(opened.size(), 1u);
    EXPECT_EQ(opened[0].token, 7u);
}

/// Takes the token; the handler without one is covered by every other application.
struct Named {
    std::vector<uint64_t> tokens;
    void on_open(Connection, uint64_t token) { tokens.push_back(token); }
    void on_data(Connection, RxView&) noexcept {}
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection) noexcept {}
    void on_close(Connection, const CloseInfo&) noexcept {}
};
static_assert(Application<Named>);

TEST(Listeners, HandlerWithATokenIsGivenIt) {
    Named named;
    Event event;
    event.kind = Event::Kind::open;
    event.token = 5;
    TwoStacks wire;
    wire.far.stack().dispatch(named, event);
    EXPECT_EQ(named.tokens, std::vector<uint64_t>{5});
}

}  // namespace
}  // namespace synfin
