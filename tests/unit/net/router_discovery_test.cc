/// @file
/// Router advertisements (RFC 4861 6.3).

#include "net/router_discovery.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "discovery_lan.hh"

namespace synfin::net {
namespace {

using Lan = DiscoveryLan;
const Ipv6 kSecond = ip6("fe80::fd");
const Mac kSecondMac{{2, 0, 0, 0, 0, 0xfd}};

DiscoveryConfig automatic() {
    auto out = Lan::no_probes();
    out.gateway_auto = true;
    return out;
}
wire::NdMessage with_prefix(const char* prefix, uint32_t valid_s, bool on_link = true) {
    wire::NdMessage out = Lan::router(1800);
    const Cidr cidr = *Cidr::parse(prefix);
    out.prefixes[out.prefix_count++] = {cidr.addr.v6, cidr.prefix, on_link, valid_s};
    return out;
}
void advertise(Lan& lan, const Ipv6& router, const Mac& mac, wire::NdMessage message) {
    message.source_link = mac;
    EXPECT_FALSE(lan.hear(router, kAllNodes, mac, message));
}
uint64_t solicitations(const Lan& lan) {
    return static_cast<uint64_t>(std::count_if(lan.sent.begin(), lan.sent.end(), [](const auto& packet) {
        return packet.nd.type == wire::kNdRouterSolicitation;
    }));
}

/// MAX_RTR_SOLICITATIONS 3, RTR_SOLICITATION_INTERVAL 4 s.
TEST(RouterDiscovery, AsksThreeTimes) {
    Lan lan(automatic());
    lan.poll();
    ASSERT_EQ(solicitations(lan), 1u);
    const DiscoveryPacket& packet = lan.sent.back();
    EXPECT_EQ(packet.source, kOurLinkLocal);
    EXPECT_EQ(packet.destination, ip6("ff02::2"));
    EXPECT_EQ(packet.to, (Mac{{0x33, 0x33, 0, 0, 0, 2}}));
    EXPECT_EQ(packet.nd.source_link, kOurMac);
    lan.run(3999ms);
    EXPECT_EQ(solicitations(lan), 1u);
    lan.run(1ms);
    EXPECT_EQ(solicitations(lan), 2u);
    lan.run(7999ms);
    EXPECT_EQ(solicitations(lan), 3u);
    EXPECT_TRUE(lan.discovery.is_waiting_for_router());
    lan.run(1ms);
    EXPECT_FALSE(lan.discovery.is_waiting_for_router());
    lan.run(1h);
    EXPECT_EQ(solicitations(lan), 3u);
}

TEST(RouterDiscovery, UsesTheRouterAndItsMacAddress) {
    Lan lan(automatic());
    lan.settle();
    EXPECT_TRUE(lan.ours.next_hop(kFar).is_unspecified());
    advertise(lan, kRouter, kRouterMac, Lan::router(1800));
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
    EXPECT_FALSE(lan.discovery.is_waiting_for_router());
    ASSERT_NE(lan.mac_of(kRouter), nullptr);
    EXPECT_EQ(*lan.mac_of(kRouter), kRouterMac);
    EXPECT_EQ(lan.counters[Counter::router_changes], 1u);
    lan.run(1min);
    EXPECT_EQ(solicitations(lan), 0u);
}

TEST(RouterDiscovery, WithoutTheOptionItIsIgnored) {
    Lan lan;
    lan.settle();
    advertise(lan, kRouter, kRouterMac, with_prefix("2001:db8:1::/64", 100));
    EXPECT_TRUE(lan.ours.next_hop(kFar).is_unspecified());
    EXPECT_EQ(lan.dropped(DropReason::router_ignored), 1u);
    EXPECT_EQ(lan.discovery.resolver().neighbours(), 0u);
}

/// RFC 4861 6.1.2.
TEST(RouterDiscovery, OnlyFromLinkLocalAddresses) {
    Lan lan(automatic());
    lan.settle();
    advertise(lan, kPeer, kRouterMac, Lan::router(1800));
    EXPECT_TRUE(lan.ours.next_hop(kFar).is_unspecified());
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 1u);
}

TEST(RouterDiscovery, ARouterEndsWithItsLifetime) {
    Lan lan(automatic());
    lan.settle();
    advertise(lan, kRouter, kRouterMac, Lan::router(10));
    lan.run(9999ms);
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
    EXPECT_EQ(solicitations(lan), 0u);
    lan.run(1ms);
    EXPECT_TRUE(lan.ours.next_hop(kFar).is_unspecified());
    EXPECT_EQ(solicitations(lan), 1u) << "it asks again";
}

TEST(RouterDiscovery, LifetimeZeroEndsARouter) {
    Lan lan(automatic(), ip6("fe80::77"));
    lan.settle();
    EXPECT_EQ(lan.ours.next_hop(kFar), ip6("fe80::77")) << "the configured one until there is another";
    advertise(lan, kRouter, kRouterMac, Lan::router(1800));
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
    advertise(lan, kRouter, kRouterMac, Lan::router(0));
    EXPECT_EQ(lan.ours.next_hop(kFar), ip6("fe80::77"));
}

/// RFC 4861 6.2.3: a router may announce prefixes alone. It answers solicitations, and none follows from
/// that.
TEST(RouterDiscovery, LifetimeZeroOfAStrangerChangesNothing) {
    Lan lan(automatic());
    lan.poll();
    for (int i = 0; i < 20; ++i) {
        advertise(lan, kRouter, kRouterMac, Lan::router(0));
        lan.run(1s);
    }
    EXPECT_EQ(solicitations(lan), 3u);
    EXPECT_FALSE(lan.discovery.is_waiting_for_router());
}

/// RTR_SOLICITATION_INTERVAL holds, too, when a forger lets a router come and go.
TEST(RouterDiscovery, ARouterThatComesAndGoesIsNoFloodOfSolicitations) {
    Lan lan(automatic());
    lan.settle();
    lan.run(10s);
    lan.sent.clear();
    for (int i = 0; i < 200; ++i) {
        advertise(lan, kRouter, kRouterMac, Lan::router(1800));
        advertise(lan, kRouter, kRouterMac, Lan::router(0));
        lan.run(100ms);
    }
    EXPECT_GE(solicitations(lan), 4u);
    EXPECT_LE(solicitations(lan), 6u) << "in 20 s";
}

/// RFC 4861 7.2.5: the router flag is gone.
TEST(RouterDiscovery, AHostIsNoRouter) {
    Lan lan(automatic());
    lan.settle();
    advertise(lan, kRouter, kRouterMac, Lan::router(1800));
    auto message = Lan::advertisement(kRouter, kRouterMac);
    message.router = true;
    lan.hear(kRouter, kUs, kRouterMac, message);
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
    message.router = false;
    lan.hear(kRouter, kUs, kRouterMac, message);
    EXPECT_TRUE(lan.ours.next_hop(kFar).is_unspecified());
}

/// RFC 4861 6.3.6: a router that does not answer gives way to another.
TEST(RouterDiscovery, ASilentRouterGivesWay) {
    Lan lan(automatic());
    lan.settle();
    advertise(lan, kRouter, kRouterMac, Lan::router(1800));
    advertise(lan, kSecond, kSecondMac, Lan::router(1800));
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter) << "the first one stays";
    auto answer = Lan::advertisement(kSecond, kSecondMac);
    answer.router = true;
    for (int i = 0; i < 10; ++i) {  // traffic; only the second one answers our probes
        lan.mac_of(lan.ours.next_hop(kFar));
        lan.run(1s);
        for (const DiscoveryPacket& packet : std::exchange(lan.sent, {}))
            if (packet.nd.target == kSecond) lan.hear(kSecond, kUs, kSecondMac, answer);
    }
    EXPECT_EQ(lan.ours.next_hop(kFar), kSecond);
    EXPECT_EQ(lan.counters[Counter::router_changes], 2u);
}

/// The check of the gateway is not put off by advertisements that follow each other.
TEST(RouterDiscovery, ASilentRouterGivesWayAmongAdvertisements) {
    Lan lan(automatic());
    lan.settle();
    advertise(lan, kRouter, kRouterMac, Lan::router(1800));
    for (int i = 0; i < 100; ++i) {
        lan.mac_of(lan.ours.next_hop(kFar));
        advertise(lan, kSecond, kSecondMac, Lan::router(1800));
        lan.run(100ms);
    }
    EXPECT_GE(lan.counters[Counter::router_changes], 2u);
}

TEST(RouterDiscovery, AtMostFourRouters) {
    Lan lan(automatic());
    lan.settle();
    for (uint8_t i = 1; i <= 10; ++i) {
        Ipv6 router = kRouter;
        router.octets[15] = i;
        advertise(lan, router, Mac{{2, 0, 0, 0, 1, i}}, Lan::router(1800));
    }
    EXPECT_EQ(lan.dropped(DropReason::router_ignored), 6u);
    EXPECT_EQ(lan.discovery.resolver().neighbours(), 4u);
}

/// RFC 4861 6.3.4.
TEST(RouterDiscovery, OnLinkPrefixesAreNeighbours) {
    Lan lan(automatic());
    lan.settle();
    const Ipv6 host = ip6("2001:db8:1::9");
    advertise(lan, kRouter, kRouterMac, with_prefix("2001:db8:1::/64", 100, false));
    EXPECT_EQ(lan.ours.next_hop(host), kRouter) << "not on link";
    advertise(lan, kRouter, kRouterMac, with_prefix("2001:db8:1::/64", 100));
    EXPECT_EQ(lan.ours.next_hop(host), host);
    EXPECT_EQ(lan.ours.next_hop(ip6("2001:db8:2::9")), kRouter);
    lan.run(50s);
    advertise(lan, kRouter, kRouterMac, with_prefix("2001:db8:1::/64", 100));
    lan.run(99s);
    EXPECT_EQ(lan.ours.next_hop(host), host) << "renewed";
    lan.run(1s);
    EXPECT_EQ(lan.ours.next_hop(host), kRouter) << "ended";
    advertise(lan, kRouter, kRouterMac, with_prefix("2001:db8:1::/64", 0xffff'ffff));
    EXPECT_EQ(lan.ours.next_hop(host), host);
    advertise(lan, kRouter, kRouterMac, with_prefix("2001:db8:1::/64", 0));
    EXPECT_EQ(lan.ours.next_hop(host), kRouter) << "withdrawn";
    advertise(lan, kRouter, kRouterMac, with_prefix("::/0", 100));
    EXPECT_EQ(lan.ours.next_hop(host), kRouter);
    EXPECT_EQ(lan.dropped(DropReason::router_ignored), 1u);
}

TEST(RouterDiscovery, AtMostSixteenPrefixes) {
    Lan lan(automatic());
    lan.settle();
    for (int i = 0; i < 20; ++i)
        advertise(lan, kRouter, kRouterMac,
                  with_prefix(("2001:db8:" + std::to_string(100 + i) + "::/64").c_str(), 100));
    EXPECT_EQ(lan.dropped(DropReason::router_ignored), 4u);
    EXPECT_EQ(lan.ours.next_hop(ip6("2001:db8:115::9")), ip6("2001:db8:115::9"));
    EXPECT_EQ(lan.ours.next_hop(ip6("2001:db8:116::9")), kRouter);
}

TEST(RouterDiscovery, ALowerMtuWithinBounds) {
    Lan lan(automatic());
    lan.settle();
    EXPECT_EQ(lan.discovery.mtu(), 1500);
    for (const auto& [said, used] : std::vector<std::pair<uint32_t, uint16_t>>{
             {9000, 1500}, {1279, 1500}, {1280, 1280}, {0, 1280}, {1400, 1400}, {70'000, 1400}}) {
        auto message = Lan::router(1800);
        message.mtu = said;
        advertise(lan, kRouter, kRouterMac, message);
        EXPECT_EQ(lan.discovery.mtu(), used) << said;
    }
}

TEST(RouterDiscovery, ASecondEngineHearsButDoesNotAsk) {
    auto config = automatic();
    config.speaks = false;
    Lan lan(config);
    lan.run(20s);
    EXPECT_TRUE(lan.sent.empty());
    EXPECT_FALSE(lan.discovery.is_waiting_for_router());
    advertise(lan, kRouter, kRouterMac, Lan::router(1800));
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
}

}  // namespace
}  // namespace synfin::net
