/// Rows 92 to 95, 98 and 105: neighbour discovery (RFC 4861), duplicate address detection (RFC 4862) and
/// multicast listener reports (RFC 3810), on an Ethernet port.
#include "conformance/lan6.hh"

namespace synfin::fakes {
namespace {

constexpr const char* kReason = "row 86 has ARP";

const Ipv6 kLinkLocal{{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77}};
const Mac kClientMac{{2, 0, 0, 1, 0, 0x40}};

Ipv6 client(uint32_t n = 0x40) {
    return host(n, Family::v6).v6;
}

TEST(Row92, TheNextHopIsAskedForAndTheSynFollows) {
    ROW(92, "4861-7.2.2, 4861-7.2.3, 4861-4.3", "net::Discovery");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.hosts[client()] = kClientMac;
    ASSERT_TRUE(lan.stack.connect({client(), 80}));
    lan.turn();
    ASSERT_EQ(lan.asked.size(), 1u);
    const auto& ask = lan.asked[0];
    EXPECT_EQ(ask.target, client());
    EXPECT_EQ(ask.packet.dst, IpAddress(Lan6::solicited_node(client())));
    EXPECT_EQ(ask.packet.src, IpAddress(Lan6::us()));
    EXPECT_EQ(ask.packet.ttl, 255);
    const Bytes icmp = icmp6_of(ask.packet);
    ASSERT_EQ(icmp.size(), 32u) << "with our link-layer address";
    EXPECT_EQ(icmp[24], 1);
    EXPECT_EQ(icmp[25], 1);
    EXPECT_TRUE(std::equal(icmp.begin() + 26, icmp.end(), Lan6::kOurs.octets.begin()));
    EXPECT_EQ(lan.sent[0x40], 1u);
    ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
    lan.turn();
    EXPECT_EQ(lan.sent[0xfe], 1u) << "by the router";
}

TEST(Row92, SolicitationsForUsAreAnswered) {
    ROW(92, "4861-7.2.4", "net::Discovery::hear");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.turn();
    const auto expect_answer = [&](const IpAddress& to, const Mac& mac, uint8_t flags) {
        lan.turn();
        ASSERT_EQ(lan.advertised.size(), 1u);
        const auto& [packet, sent_to] = lan.advertised[0];
        EXPECT_EQ(packet.src, IpAddress(Lan6::us()));
        EXPECT_EQ(packet.dst, to);
        EXPECT_EQ(packet.ttl, 255);
        EXPECT_EQ(sent_to, mac);
        const Bytes icmp = icmp6_of(packet);
        ASSERT_EQ(icmp.size(), 32u);
        EXPECT_EQ(icmp[4], flags);
        EXPECT_TRUE(std::equal(icmp.begin() + 8, icmp.begin() + 24, Lan6::us().octets.begin()));
        EXPECT_EQ(icmp[24], 2);
        EXPECT_TRUE(std::equal(icmp.begin() + 26, icmp.end(), Lan6::kOurs.octets.begin()));
        lan.advertised.clear();
    };
    lan.solicit(client(), kClientMac, Lan6::us());
    expect_answer(client(), kClientMac, Lan6::kSolicited | Lan6::kOverride);
    // By unicast, as reachability is confirmed.
    lan.frame(Lan6::nd(135, client(), Lan6::us(), 0, Lan6::us(), 1, kClientMac), kClientMac);
    expect_answer(client(), kClientMac, Lan6::kSolicited | Lan6::kOverride);
    // A host that probes whether the address is free: it is ours.
    lan.frame(Lan6::nd(135, {}, Lan6::solicited_node(Lan6::us()), 0, Lan6::us(), 0, kClientMac), kClientMac,
              Lan6::group_mac(Lan6::solicited_node(Lan6::us())));
    expect_answer(Lan6::all_nodes(), Lan6::group_mac(Lan6::all_nodes()), Lan6::kOverride);
    lan.solicit(client(), kClientMac, client(0x55));
    lan.turn();
    EXPECT_TRUE(lan.advertised.empty()) << "another host's address";
    // The one who asked is known now.
    ASSERT_TRUE(lan.stack.connect({client(), 80}));
    lan.turn();
    EXPECT_EQ(lan.sent[0x40], 1u);
}

TEST(Row92, MessagesAgainstTheRulesAreDropped) {
    ROW(92, "4861-7.1.1, 4861-7.1.2", "net::Discovery::hear");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.turn();
    const Ipv6 us = Lan6::us(), group = Lan6::solicited_node(us);
    uint64_t bad = 0;
    const auto expect_dropped = [&](std::vector<uint8_t> packet, const char* what) {
        lan.frame(packet, kClientMac);
        lan.turn();
        EXPECT_TRUE(lan.advertised.empty()) << what;
        EXPECT_EQ(lan.stack.counters()[DropReason::bad_nd], ++bad) << what;
    };
    expect_dropped(Lan6::nd(135, client(), us, 0, us, 1, kClientMac, 255, 1), "code 1");
    expect_dropped(Lan6::nd(135, client(), us, 0, Lan6::all_nodes(), 1, kClientMac), "a group as target");
    expect_dropped(Lan6::nd(135, {}, us, 0, us, 0, kClientMac), "from :: to an address");
    expect_dropped(Lan6::nd(135, {}, group, 0, us, 1, kClientMac), "from :: with a link-layer address");
    expect_dropped(Lan6::nd(136, client(), Lan6::all_nodes(), Lan6::kSolicited, client(), 2, kClientMac),
                   "solicited, but to a group");
    auto short_one = Lan6::nd(135, client(), us, 0, us, 0, kClientMac);
    short_one.resize(short_one.size() - 1);
    short_one[5] = static_cast<uint8_t>(short_one[5] - 1);
    fix_checksums(short_one);
    expect_dropped(short_one, "23 bytes");
    auto no_length = Lan6::nd(135, client(), us, 0, us, 1, kClientMac);
    no_length[40 + 25] = 0;
    fix_checksums(no_length);
    expect_dropped(no_length, "an option of length 0");
    auto beyond = Lan6::nd(135, client(), us, 0, us, 1, kClientMac);
    beyond[40 + 25] = 2;
    fix_checksums(beyond);
    expect_dropped(beyond, "an option that passes the end");
    lan.frame(Lan6::nd(135, client(), us, 0, us, 1, kClientMac, 254), kClientMac);
    lan.turn();
    EXPECT_EQ(lan.stack.counters()[DropReason::nd_hop_limit], 1u) << "through a router";
    EXPECT_TRUE(lan.advertised.empty());
}

TEST(Row98, NeighbourDiscoveryInFragmentsIsDropped) {
    ROW(98, "6980-5", "net::FrameIn::read_icmp6");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.turn();
    auto packet = Lan6::nd(135, client(), Lan6::us(), 0, Lan6::us(), 1, kClientMac);
    packet.insert(packet.begin() + 40, {kIcmp6, 0, 0, 0, 0, 0, 0, 7});  // an atomic one
    packet[5] = static_cast<uint8_t>(packet[5] + 8);
    packet[6] = kFragment;
    lan.frame(packet, kClientMac);
    lan.turn();
    EXPECT_TRUE(lan.advertised.empty());
    EXPECT_EQ(lan.stack.counters()[DropReason::ip_fragment], 1u);
}

TEST(Row93, AFailureVisitsOnlyWhoWaitsForIt) {
    ROW(93, "4861-7.2.2, project choice", "net::NeighbourWaits");
    IPV6_ONLY(kReason);
    stack::StackConfig config = Lan6::config(10'100);
    config.tcp.rto_initial = 60s;
    Lan6 lan(config);
    lan.settle();
    ASSERT_TRUE(lan.stack.listen(80));
    for (uint32_t i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(lan.stack.connect({Lan6::beyond(static_cast<uint8_t>(1 + i % 10)), 80}));
        if (i % 1000 == 0) lan.turn();
    }
    lan.turn();
    EXPECT_EQ(lan.sent[0xfe], 10'000u);
    for (uint16_t port = 1; port <= 7; ++port) ASSERT_TRUE(lan.stack.connect({client(0x0a0a), port}));
    for (uint32_t i = 0; i < 5; ++i) lan.syn_from(client(0x0b00 + i));
    lan.turn();
    EXPECT_EQ(lan.stack.records().half_open, 5u);
    lan.advance(2900ms);
    EXPECT_EQ(lan.engine.neighbour_failure_visits(), 0u);
    lan.advance(200ms);
    EXPECT_EQ(lan.engine.neighbour_failure_visits(), 12u);
    EXPECT_EQ(lan.closes[CloseReason::unreachable], 7u);
    EXPECT_EQ(lan.stack.records().open, 10'000u);
    EXPECT_EQ(lan.stack.records().half_open, 0u) << "a SYN-ACK that never left";
}

/// 400 SYNs a second from unused on-link addresses: a new client that asks for us, and one that only sends
/// its SYN, still get a SYN-ACK.
TEST(Row93, ANewClientIsAnsweredBesideAFloodOfMadeUpNeighbours) {
    ROW(93, "6583-7, project choice", "net::Neighbours");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.settle();
    ASSERT_TRUE(lan.stack.listen(80));
    uint32_t clients = 0;
    for (uint32_t i = 0; i < 400 * 5; ++i) {
        lan.syn_from(client(0x1000 + i));
        lan.advance(2500us);
        if (i % 200 != 0) continue;
        const Ipv6 own = client(0x8000 + i);
        const auto number = static_cast<uint8_t>(0x40 + clients);
        const Mac mac{{2, 0, 0, 1, 0, number}};
        lan.hosts[own] = mac;
        if (i % 400 == 0) lan.solicit(own, mac, Lan6::us());
        lan.turn();
        lan.syn_from(own);
        lan.advance(10ms);
        ++clients;
        ASSERT_EQ(lan.sent[number], 1u) << i;
    }
}

/// A forged message of any kind while a connection is in use: no packet goes to the forger.
TEST(Row93, AForgedClaimChangesNothingWhileTheNeighbourAnswers) {
    ROW(93, "4861-7.2.5 (DEVIATION: the override flag is a hint), 4861-7.3", "net::Neighbours::learn");
    IPV6_ONLY(kReason);
    const std::vector<std::vector<uint8_t>> claims{
        Lan6::nd(136, Lan6::router(), Lan6::us(), Lan6::kSolicited | Lan6::kOverride, Lan6::router(), 2,
                 Lan6::kForger),
        Lan6::nd(136, Lan6::router(), Lan6::all_nodes(), Lan6::kRouterFlag | Lan6::kOverride, Lan6::router(),
                 2, Lan6::kForger),
        Lan6::nd(135, Lan6::router(), Lan6::us(), 0, Lan6::us(), 1, Lan6::kForger)};
    for (const auto& claim : claims) {
        Lan6 lan(Lan6::config());
        lan.settle();
        lan.advance(2s);
        lan.sent.clear();
        lan.asked.clear();
        const bool to_group = claim[24] == 0xff;
        for (uint32_t i = 0; i < 300; ++i) {
            lan.frame(claim, Lan6::kForger, to_group ? Lan6::group_mac(Lan6::all_nodes()) : Lan6::kOurs);
            ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
            lan.advance(10ms);
        }
        EXPECT_EQ(lan.sent[9], 0u);
        EXPECT_GE(lan.sent[0xfe], 300u);
        EXPECT_EQ(lan.stack.counters()[Counter::nd_hints], 300u);
        EXPECT_LE(lan.asked.size(), 1 + 4u) << "a probe each second";
    }
}

/// VRRP: another router takes over the address and announces it once; the old one is silent.
TEST(Row93, AFailoverIsFollowedWithinASecond) {
    ROW(93, "4861-7.3.3", "net::Neighbours::learn");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.settle();
    lan.advance(5s);
    const Mac standby{{2, 0, 0, 0, 0, 0xfd}};
    lan.hosts[Lan6::router()] = standby;
    lan.advertise(Lan6::router(), standby, Lan6::all_nodes(), Lan6::kRouterFlag | Lan6::kOverride);
    lan.advance(600ms);
    lan.sent.clear();
    ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
    lan.turn();
    EXPECT_EQ(lan.sent[0xfd], 1u);
}

stack::StackConfig detecting(Dad dad) {
    stack::StackConfig out = Lan6::config();
    out.dad = dad;
    return out;
}

TEST(Row94, OurAddressIsProbedBeforeItIsUsed) {
    ROW(94, "4862-5.4.2, 4862-5.4.3", "net::DuplicateDetection");
    IPV6_ONLY(kReason);
    Lan6 lan(detecting(Dad::wait));
    ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
    lan.advance(500ms);
    const auto probes = std::count_if(lan.asked.begin(), lan.asked.end(), [](const auto& ask) {
        return ask.packet.src.is_unspecified() && ask.target == Lan6::us();
    });
    EXPECT_EQ(probes, 1);
    const auto& ask = lan.asked[0];
    EXPECT_EQ(icmp6_of(ask.packet).size(), 24u) << "without our link-layer address";
    EXPECT_EQ(ask.packet.ttl, 255);
    lan.solicit(client(), kClientMac, Lan6::us());
    lan.turn();
    EXPECT_TRUE(lan.advertised.empty()) << "a tentative address is not defended";
    EXPECT_TRUE(lan.segments.empty());
    lan.advance(2s);
    EXPECT_GE(lan.sent[0xfe], 1u);
    EXPECT_FALSE(lan.stack.duplicate_address());
    lan.solicit(client(), kClientMac, Lan6::us());
    lan.turn();
    EXPECT_EQ(lan.advertised.size(), 1u);
}

TEST(Row94, ADuplicateIsFound) {
    ROW(94, "4862-5.4.3, 4862-5.4.4, 4862-5.4.5", "net::DuplicateDetection");
    IPV6_ONLY(kReason);
    for (const Dad dad : {Dad::wait, Dad::optimistic})
        for (const bool by_probe : {false, true}) {
            Lan6 lan(detecting(dad));
            lan.advance(100ms);
            if (by_probe)
                lan.frame(
                    Lan6::nd(135, {}, Lan6::solicited_node(Lan6::us()), 0, Lan6::us(), 0, Lan6::kForger),
                    Lan6::kForger, Lan6::group_mac(Lan6::solicited_node(Lan6::us())));
            else
                lan.advertise(Lan6::us(), Lan6::kForger, Lan6::all_nodes(), Lan6::kOverride);
            lan.turn();
            const auto found = lan.stack.duplicate_address();
            ASSERT_TRUE(found) << by_probe;
            EXPECT_EQ(found->address, Lan6::us());
            EXPECT_EQ(found->holder, Lan6::kForger);
            lan.advertised.clear();
            lan.segments.clear();
            static_cast<void>(lan.stack.connect({Lan6::beyond(), 80}));
            lan.solicit(client(), kClientMac, Lan6::us());
            lan.advance(3s);
            EXPECT_TRUE(lan.advertised.empty());
            EXPECT_TRUE(lan.segments.empty());
        }
}

TEST(Row94, WithoutDetectionAConflictIsOnlyCounted) {
    ROW(94, "4862-5.4 (DEVIATION: by request)", "net::Discovery::hear");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.settle();
    lan.advertise(Lan6::us(), Lan6::kForger, Lan6::all_nodes(), Lan6::kOverride);
    lan.turn();
    EXPECT_EQ(lan.stack.counters()[DropReason::address_conflict], 1u);
    EXPECT_FALSE(lan.stack.duplicate_address());
    ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
    lan.turn();
    EXPECT_EQ(lan.sent[0xfe], 1u);
}

/// A router advertisement with a link-layer address, an MTU and an on-link prefix.
std::vector<uint8_t> advertisement(uint16_t lifetime, uint32_t mtu, const Ipv6& from = kLinkLocal,
                                   uint8_t hop_limit = 255) {
    std::vector<uint8_t> body{64, 0, static_cast<uint8_t>(lifetime >> 8), static_cast<uint8_t>(lifetime)};
    body.resize(12);
    body.insert(body.end(), {1, 1});
    body.insert(body.end(), Lan6::kRouterMac.octets.begin(), Lan6::kRouterMac.octets.end());
    body.insert(body.end(), {5, 1, 0, 0, static_cast<uint8_t>(mtu >> 24), static_cast<uint8_t>(mtu >> 16),
                             static_cast<uint8_t>(mtu >> 8), static_cast<uint8_t>(mtu)});
    body.insert(body.end(), {3, 4, 64, 0x80, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0});
    const Ipv6 prefix{{0x20, 0x01, 0x0d, 0xb8, 0, 0x77}};
    body.insert(body.end(), prefix.octets.begin(), prefix.octets.end());
    return icmp6(from, Lan6::all_nodes(), 134, 0, body, hop_limit);
}
void hear_router(Lan6& lan, const std::vector<uint8_t>& packet) {
    lan.frame(packet, Lan6::kRouterMac, Lan6::group_mac(Lan6::all_nodes()));
    lan.turn();
}

struct Automatic : Lan6 {
    static stack::StackConfig with_auto() {
        stack::StackConfig out = config();
        out.gateway6.reset();
        out.gateway_auto = true;
        return out;
    }
    Automatic() : Lan6(with_auto()) { hosts.erase(router()); }
};

TEST(Row95, ARouterAdvertisementGivesGatewayPrefixAndMtu) {
    ROW(95, "4861-6.3.4, 4861-6.3.7", "net::RouterDiscovery");
    IPV6_ONLY(kReason);
    Automatic lan;
    ASSERT_TRUE(lan.stack.listen(80));
    lan.advance(1s);
    const auto solicitations = std::count_if(lan.others.begin(), lan.others.end(), [](const auto& entry) {
        return icmp6_of(entry.first)[0] == 133;
    });
    EXPECT_GE(solicitations, 1);
    lan.hosts[kLinkLocal] = Lan6::kRouterMac;
    hear_router(lan, advertisement(1800, 1400));
    ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
    lan.advance(50ms);
    ASSERT_EQ(lan.segments.size(), 1u);
    EXPECT_EQ(lan.sent[0xfe], 1u);
    EXPECT_EQ(lan.segments[0].mss, 1340);
    Ipv6 on_link{{0x20, 0x01, 0x0d, 0xb8, 0, 0x77}};
    on_link.octets[15] = 5;
    lan.asked.clear();
    ASSERT_TRUE(lan.stack.connect({on_link, 80}));
    lan.turn();
    ASSERT_EQ(lan.asked.size(), 1u);
    EXPECT_EQ(lan.asked[0].target, on_link) << "a neighbour itself";
    // The router leaves.
    hear_router(lan, advertisement(0, 1400));
    EXPECT_NE(lan.stack.reach(Lan6::beyond(9)), Reach::yes);
    lan.hosts.erase(kLinkLocal);
    lan.advance(17s);
    EXPECT_EQ(lan.stack.reach(Lan6::beyond(9)), Reach::no_route) << "three solicitations had no answer";
}

TEST(Row95, AdvertisementsAgainstTheRulesAreDropped) {
    ROW(95, "4861-6.1.2", "net::RouterDiscovery");
    IPV6_ONLY(kReason);
    Automatic lan;
    lan.advance(100ms);
    hear_router(lan, advertisement(1800, 1500, client()));
    EXPECT_EQ(lan.stack.counters()[DropReason::bad_nd], 1u) << "the source is not link-local";
    hear_router(lan, advertisement(1800, 1500, kLinkLocal, 254));
    EXPECT_EQ(lan.stack.counters()[DropReason::nd_hop_limit], 1u);
    lan.advance(15s);
    EXPECT_EQ(lan.stack.reach(Lan6::beyond()), Reach::no_route);
    Lan6 fixed(Lan6::config());
    fixed.settle();
    hear_router(fixed, advertisement(1800, 1400));
    EXPECT_EQ(fixed.stack.counters()[DropReason::router_ignored], 1u) << "the gateway is configured";
}

TEST(Row95, RedirectsAreIgnored) {
    ROW(95, "4861-8 (DEVIATION: not followed)", "net::Discovery::hear");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.settle();
    std::vector<uint8_t> body(4);
    for (const Ipv6& each : {client(), Lan6::beyond()})
        body.insert(body.end(), each.octets.begin(), each.octets.end());
    lan.frame(icmp6(kLinkLocal, Lan6::us(), 137, 0, body, 255), Lan6::kRouterMac);
    lan.turn();
    EXPECT_EQ(lan.stack.counters()[DropReason::redirect_ignored], 1u);
    ASSERT_TRUE(lan.stack.connect({Lan6::beyond(), 80}));
    lan.turn();
    EXPECT_EQ(lan.sent[0xfe], 1u);
}

TEST(Row105, TheSolicitedNodeGroupIsReported) {
    ROW(105, "3810-5.2, 3810-5.2.14, 2711-2.1", "net::GroupReports");
    IPV6_ONLY(kReason);
    Lan6 lan(Lan6::config());
    lan.advance(5s);
    const Ipv6 group = Lan6::solicited_node(Lan6::us());
    uint32_t reports = 0;
    for (const auto& [packet, to] : lan.others) {
        const Bytes icmp = icmp6_of(packet);
        if (icmp[0] != 143) continue;
        EXPECT_EQ(packet.dst.text(), "ff02::16");
        EXPECT_EQ(packet.ttl, 1);
        EXPECT_TRUE(packet.src.is_unspecified() || packet.src.v6.is_link_local());
        const std::vector<uint8_t> alert{kIcmp6, 0, 5, 2, 0, 0, 1, 0};
        EXPECT_EQ(packet.bytes[6], kHopByHop);
        EXPECT_TRUE(std::equal(alert.begin(), alert.end(), packet.bytes.begin() + 40));
        bool names = false;
        for (size_t at = 8; at + 20 <= icmp.size(); at += 20)
            names |= std::equal(group.octets.begin(), group.octets.end(),
                                icmp.begin() + static_cast<ptrdiff_t>(at) + 4);
        reports += names;
    }
    EXPECT_EQ(reports, 2u) << "once, and once more in case it was lost";
}

}  // namespace
}  // namespace synfin::fakes
