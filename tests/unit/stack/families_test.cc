/// Calls, listeners and segments of both families in one stack.

#include <gtest/gtest.h>

#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

const IpAddress kPeerSix = *IpAddress::parse("2001:db8::2"), kSix = *IpAddress::parse("2001:db8::1");
const IpAddress kPeerFour = *IpAddress::parse("10.0.0.2"), kFour = *IpAddress::parse("10.0.0.1");

VirtualConfig end(uint8_t last) {
    const auto address = [&](const char* prefix, const char* bits) {
        return *Cidr::parse(prefix + std::to_string(last) + bits);
    };
    VirtualConfig out{.address = address("10.0.0.", "/24")};
    out.stack.addresses = {address("2001:db8::", "/64"), address("fe80::", "/64"), address("10.0.1.", "/24")};
    out.stack.max_connections = out.stack.max_half_open = out.stack.max_time_wait = 16;
    out.stack.seed = last;
    return out;
}

struct Families : testing::Test {
    /// Passes packets until both ends are silent.
    void settle() {
        for (bool moved = true; moved;) {
            moved = false;
            for (auto* from : {&near, &far}) {
                auto& to = from == &near ? far : near;
                while (auto packet = from->output()) {
                    to.input(*packet);
                    moved = true;
                }
            }
        }
    }
    VirtualStack near{end(1)}, far{end(2)};
};

TEST_F(Families, AConnectionOfEachLivesAndEnds) {
    ASSERT_TRUE(far.listen(80));
    for (const auto& [peer, own] : {std::pair(kPeerFour, kFour), std::pair(kPeerSix, kSix)}) {
        const auto c = near.connect({peer, 80});
        ASSERT_TRUE(c);
        settle();
        const auto s = far.accept();
        ASSERT_TRUE(s);
        EXPECT_EQ(c->local()->addr, own);
        EXPECT_EQ(*c->peer(), (Endpoint{peer, 80}));
        EXPECT_EQ(*s->local(), (Endpoint{peer, 80}));
        EXPECT_EQ(*s->peer(), (Endpoint{own, c->local()->port}));
        EXPECT_EQ(c->info()->mss, peer.is_v6() ? 1440 : 1460);
        EXPECT_EQ(s->info()->mss, peer.is_v6() ? 1440 : 1460);

        ASSERT_EQ(*near.send(*c, "question"), 8u);
        settle();
        std::vector<uint8_t> got(100);
        ASSERT_EQ(*far.receive(*s, got), 8u);
        ASSERT_EQ(*far.send(*s, "answer"), 6u);
        settle();
        ASSERT_EQ(*near.receive(*c, got), 6u);

        near.take_events();
        ASSERT_TRUE(near.close(*c));
        settle();
        ASSERT_TRUE(far.close(*s));
        settle();
        bool closed = false;
        for (const Event& event : near.take_events()) {
            if (event.kind != Event::Kind::close) continue;
            closed = true;
            EXPECT_EQ(event.why.peer, (Endpoint{peer, 80}));
            EXPECT_EQ(event.why.local.addr, own);
        }
        EXPECT_TRUE(closed);
        EXPECT_EQ(near.stack().records().time_wait, 1u);
        near.advance(near.now() + 120s);
        far.advance(far.now() + 120s);
        EXPECT_FALSE(near.stack().records().any());
        EXPECT_FALSE(far.stack().records().any());
    }
}

TEST_F(Families, AListenerOnOneAddressHasPrecedenceInEachFamily) {
    ASSERT_TRUE(far.listen(80, ListenOptions{.token = 1}));
    ASSERT_TRUE(far.listen(80, {.token = 6, .address = kPeerSix}));
    ASSERT_TRUE(far.listen(80, {.token = 4, .address = kPeerFour}));
    EXPECT_EQ(far.listen(80, kPeerSix).error(), Error::in_use);
    EXPECT_EQ(far.listen(80, kSix).error(), Error::invalid) << "not ours";
    const auto token_of = [&](const char* to) {
        EXPECT_TRUE(near.connect({*IpAddress::parse(to), 80}));
        settle();
        for (const Event& event : far.take_events())
            if (event.kind == Event::Kind::open) return event.token;
        return uint64_t{0};
    };
    EXPECT_EQ(token_of("2001:db8::2"), 6u);
    EXPECT_EQ(token_of("fe80::2"), 1u);
    EXPECT_EQ(token_of("10.0.0.2"), 4u);
    EXPECT_EQ(token_of("10.0.1.2"), 1u);
    ASSERT_TRUE(far.unlisten(80, kPeerSix));
    EXPECT_EQ(token_of("2001:db8::2"), 1u);
}

TEST_F(Families, ConnectRefusesWhatNoPacketCouldCarry) {
    const auto error = [&](const char* to, std::optional<IpAddress> source = {}) {
        return near.connect({*IpAddress::parse(to), 80}, {.source = source}).error();
    };
    EXPECT_EQ(error("ff02::1"), Error::invalid);
    EXPECT_EQ(error("::"), Error::invalid);
    EXPECT_EQ(error("::1"), Error::invalid);
    EXPECT_EQ(error("::ffff:10.0.0.2"), Error::invalid);
    EXPECT_EQ(error("2001:db8::1"), Error::invalid) << "our own address";
    EXPECT_EQ(error("2001:db8::2", kPeerSix), Error::invalid) << "a source that is not ours";
    EXPECT_EQ(error("2001:db8::2", kFour), Error::invalid) << "a source of the other family";
    EXPECT_EQ(error("10.0.0.2", kSix), Error::invalid);
    EXPECT_EQ(near.connect({kPeerSix, 0}).error(), Error::invalid);
    EXPECT_FALSE(near.stack().records().any());

    VirtualConfig only_near{.address = *Cidr::parse("fe80::1/64")};
    VirtualStack link_local(only_near);
    EXPECT_EQ(link_local.connect({kPeerSix, 80}).error(), Error::no_route) << "RFC 6724 rule 2";
    EXPECT_EQ(link_local.connect({kPeerFour, 80}).error(), Error::no_route);
    EXPECT_TRUE(link_local.connect({*IpAddress::parse("fe80::9"), 80}));
    VirtualStack only_four({.address = *Cidr::parse("10.0.0.1/24")});
    EXPECT_EQ(only_four.connect({kPeerSix, 80}).error(), Error::no_route);
    EXPECT_EQ(only_four.stack().reach(kPeerSix), Reach::no_route);
    EXPECT_EQ(near.stack().reach(kPeerSix), Reach::yes);
}

TEST_F(Families, AClosedPortAnswersWithAReset) {
    ASSERT_TRUE(near.connect({kPeerSix, 81}));
    settle();
    const auto events = near.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].why.reason, CloseReason::refused);
    EXPECT_EQ(events[0].why.peer, (Endpoint{kPeerSix, 81}));
    EXPECT_EQ(far.stack().counters()[Counter::resets_sent], 1u);
}

TEST_F(Families, Ipv6RecordsTakeSixteenBytesMore) {
    ASSERT_TRUE(far.listen(80));
    MemoryUse before = near.stack().memory();
    const auto open = [&](IpAddress to) {
        const auto c = near.connect({to, 80});
        settle();
        return *c;
    };
    const Connection four = open(kPeerFour);
    const MemoryUse with_four = near.stack().memory();
    EXPECT_EQ(with_four.open - before.open, 80u);
    const Connection six = open(kPeerSix);
    const MemoryUse with_six = near.stack().memory();
    EXPECT_EQ(with_six.open - with_four.open, 80u + 2 * 16u) << "up to the highest index";
    for (const auto& [c, bytes] : {std::pair(four, 34u), std::pair(six, 34u + 2 * 16u)}) {
        before = near.stack().memory();
        ASSERT_TRUE(near.close(c));
        settle();
        ASSERT_TRUE(far.close(*far.accept()));
        settle();
        EXPECT_EQ(near.stack().memory().time_wait - before.time_wait, bytes);
    }
}

}  // namespace
}  // namespace synfin
