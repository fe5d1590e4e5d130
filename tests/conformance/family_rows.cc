/// Rows 100, 104, 106 and 107: the flow label, the source address, sizes, and both families in one engine.
#include "fakes/world.hh"

#include <set>

namespace synfin::fakes {
namespace {

constexpr const char* kReason = "IPv4 has neither flow labels nor scopes nor these sizes";

/// The flow label of the SYN-ACK to this peer.
uint32_t label(World& w, uint16_t port, const IpAddress& peer = host(2)) {
    auto& f = w.flow(port, peer);
    f.in({.seq = 0, .flags = kSyn});
    RECV(f, {.ack = 1, .flags = kSyn | kAck});
    return f.last().flow_label;
}

/// The harness checks that all packets of a connection have its label, and that it is not zero.
TEST(Row100, TheFlowLabelIsOfTheConnectionAndKeyed) {
    ROW(100, "6437-3", "net::FrameOut::flow_label");
    IPV6_ONLY(kReason);
    std::set<uint32_t> labels;
    std::vector<uint32_t> by_seed;
    for (const uint64_t seed : {1u, 2u}) {
        World w([&](WorldConfig& c) { c.stack.seed = seed, c.stack.max_half_open = 1024; });
        w.listen();
        for (uint16_t i = 0; i < 256; ++i) labels.insert(label(w, static_cast<uint16_t>(20'000 + i)));
        by_seed.push_back(label(w, 40'000));
        EXPECT_NE(label(w, 40'000, host(3)), by_seed.back()) << "of another peer";
    }
    EXPECT_GE(labels.size(), 500u) << "512 of 2^20 labels: hardly any two are equal";
    EXPECT_NE(by_seed[0], by_seed[1]) << "the label depends on a secret";
}

TEST(Row100, TheLabelStaysForTheLifeOfAConnection) {
    ROW(100, "6437-3", "net::FrameOut::flow_label");
    IPV6_ONLY(kReason);
    World w;
    w.bring(State::syn_received);
    const uint32_t first = w.main().last().flow_label;
    EXPECT_NE(first, 0u);
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
    w.send(10);
    RECV(w, {.len = 10});
    EXPECT_EQ(w.main().last().flow_label, first) << "data";
    RECV_IN(w, 100ms, 4s, {.seq = 1, .len = 10});
    EXPECT_EQ(w.main().last().flow_label, first) << "retransmission";
    w.in({.ack = 11});
    w.close();
    RECV(w, {.has = kFin});
    w.in({.ack = 12, .flags = kAck | kFin});
    RECV(w, {.ack = 2});
    EXPECT_EQ(w.main().last().flow_label, first) << "the ACK of TIME-WAIT";
}

TEST(Row100, TheLabelOfWhatArrivesDoesNotMatter) {
    ROW(100, "6437-3", "net::FrameIn::read_usual6");
    IPV6_ONLY(kReason);
    World w;
    w.listen();
    Packet syn = w.main().make({.seq = 0, .flags = kSyn});
    syn.flow_label = 0xfffff;
    w.raw(build(syn));
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
}

/// The source of a connection to `peer` from a stack with these addresses; none: refused.
std::optional<IpAddress> source_of(std::vector<const char*> ours, const char* peer) {
    VirtualConfig config{.address = *Cidr::parse(ours.front())};
    for (size_t i = 1; i < ours.size(); ++i) config.stack.addresses.push_back(*Cidr::parse(ours[i]));
    config.stack.seed = 1;
    VirtualStack stack(config);
    const auto c = stack.connect({*IpAddress::parse(peer), 80});
    if (!c) return std::nullopt;
    const auto syn = stack.output();
    if (!syn) return std::nullopt;
    std::string complaint;
    return parse(*syn, complaint).src;
}

TEST(Row104, TheSourceHasTheDestinationsScopeAndTheLongestPrefix) {
    ROW(104, "6724-5 rules 2 and 8", "stack::connect");
    IPV6_ONLY(kReason);
    const std::vector<const char*> ours{"2001:db8:1::1/64", "fe80::7/64", "2001:db8:2::1/64", "fd00::1/64",
                                        "10.0.0.1/24"};
    const auto expect = [&](const char* peer, const char* source) {
        EXPECT_EQ(source_of(ours, peer), IpAddress::parse(source)) << peer;
    };
    expect("2001:db8:1::9", "2001:db8:1::1");
    expect("2001:db8:2::9", "2001:db8:2::1");
    expect("2001:db8:3::9", "2001:db8:2::1");  // 47 bits in common with 2, 46 with 1
    expect("fe80::9", "fe80::7");
    expect("fd00::9", "fd00::1");
    expect("10.0.0.9", "10.0.0.1");
}

TEST(Row104, AScopeOrFamilyThatWeDoNotHaveIsRefused) {
    ROW(104, "6724-5 rule 2, 4291-2.5.6", "stack::connect");
    IPV6_ONLY(kReason);
    EXPECT_FALSE(source_of({"fe80::7/64"}, "2001:db8::9")) << "routers do not forward a link-local source";
    EXPECT_FALSE(source_of({"10.0.0.1/24"}, "2001:db8::9"));
    EXPECT_FALSE(source_of({"2001:db8::1/64"}, "10.0.0.9"));
    EXPECT_FALSE(source_of({"2001:db8::1/64"}, "2001:db8::1")) << "our own address (rule 1)";
}

TEST(Row106, SizesAreThoseOfIpv6) {
    ROW(106, "9293-3.7.1 MUST-15/67, 8200-8.3", "tcp::on_listen");
    IPV6_ONLY(kReason);
    for (const Side side : {Side::passive, Side::active}) {
        World w([](WorldConfig& c) { c.exact_mtu = true, c.mss.reset(), c.timestamps = false; });
        w.open(side);
        EXPECT_EQ(w.info().mss, 1220u);
        w.send(3000);
        RECV(w, {.seq = 1, .len = 1220});
        EXPECT_EQ(w.main().last().bytes.size(), 1280u);
    }
    World w([](WorldConfig& c) { c.exact_mtu = true, c.timestamps = false; });
    w.bring(State::syn_received);
    EXPECT_EQ(w.main().last().mss, 1440);
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
    w.send(3000);
    RECV(w, {.seq = 1, .len = 1440});
    EXPECT_EQ(w.main().last().bytes.size(), 1500u);
}

/// A SYN without MSS from an IPv4 peer: the families have defaults of their own in one engine.
TEST(Row107, OneListenerAnswersBothFamilies) {
    ROW(107, "9293-3.9.1 MUST-41, 9293-3.7.1 MUST-15", "stack::Listeners::find");
    const Family other = is_ipv6() ? Family::v4 : Family::v6;
    World w([&](WorldConfig& c) {
        c.exact_mtu = true, c.mss.reset(), c.timestamps = false;
        c.more_addresses = {on_net(host(1, other))};
    });
    w.open();
    auto& f = w.flow(40'000, host(2, other), 80, host(1, other));  // the same ports
    f.open(Side::passive);
    EXPECT_EQ(w.main().info().mss, default_mss());
    EXPECT_EQ(f.info().mss, is_ipv6() ? 536 : 1220);
    w.in({.len = 10});
    f.in({.len = 20});
    EXPECT_EQ(w.read_all(), 10u);
    EXPECT_EQ(f.read_all(), 20u);
    EXPECT_EQ(w.main().c.peer()->addr, host(2));
    EXPECT_EQ(f.c.peer()->addr, host(2, other));
    EXPECT_EQ(f.c.local()->addr, host(1, other));
    w.advance(500ms);
    w.discard();
    f.in({.flags = kRst});
    STATE(w, established);
    STATE(f, closed);
}

TEST(Row107, TheFamiliesHavePortsOfTheirOwn) {
    ROW(107, "6056-3.1", "net::EphemeralPorts");
    const Family other = is_ipv6() ? Family::v4 : Family::v6;
    World w([&](WorldConfig& c) {
        c.stack.port_low = 40'000, c.stack.port_high = 40'009;
        c.more_addresses = {on_net(host(1, other))};
    });
    for (const Family of : {family(), other}) {
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(w.stack().connect({host(2, of), 80}));
        EXPECT_EQ(w.stack().connect({host(2, of), 80}).error(), Error::no_port);
    }
    w.discard();
    EXPECT_EQ(w.stack().connect({host(2, other), 80}, {.source = host(1)}).error(), Error::invalid)
        << "a source of the other family";
}

TEST(Row107, ATimeWaitOfOneFamilyDoesNotHoldTheOthersTuple) {
    ROW(107, "9293-3.6.1", "stack::find_record");
    const Family other = is_ipv6() ? Family::v4 : Family::v6;
    World w([&](WorldConfig& c) { c.more_addresses = {on_net(host(1, other))}; });
    w.bring(State::time_wait);
    auto& f = w.flow(40'000, host(2, other), 80, host(1, other));
    f.open(Side::passive);
    STATE(f, established);
    EXPECT_EQ(w[Counter::time_wait_reused], 0u);
    STATE(w, time_wait);
}

}  // namespace
}  // namespace synfin::fakes
