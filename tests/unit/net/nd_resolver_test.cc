/// @file
/// Address resolution and neighbour unreachability detection (RFC 4861 7.2, 7.3). Neighbours' own tests show
/// its timers in detail.

#include "net/nd_resolver.hh"

#include <gtest/gtest.h>

#include "discovery_lan.hh"

namespace synfin::net {
namespace {

/// RFC 4861 7.2.2: to the solicited-node group, with our MAC address, from an address of ours in that
/// network.
TEST(NdResolver, AsksTheSolicitedNodeGroup) {
    DiscoveryLan lan;
    lan.settle();
    EXPECT_EQ(lan.mac_of(kPeer), nullptr);
    EXPECT_EQ(lan.discovery.next_deadline(), lan.now);
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 1u);
    const DiscoveryPacket& packet = lan.sent[0];
    EXPECT_EQ(packet.source, kUs);
    EXPECT_EQ(packet.destination, ip6("ff02::1:ff00:2"));
    EXPECT_EQ(packet.to, (Mac{{0x33, 0x33, 0xff, 0, 0, 2}}));
    EXPECT_EQ(packet.nd.type, wire::kNdNeighbourSolicitation);
    EXPECT_EQ(packet.nd.target, kPeer);
    EXPECT_EQ(packet.nd.source_link, kOurMac);
    lan.answer(kPeer, kPeerMac);
    ASSERT_NE(lan.mac_of(kPeer), nullptr);
    EXPECT_EQ(*lan.mac_of(kPeer), kPeerMac);
}

TEST(NdResolver, AsksALinkLocalRouterFromOurLinkLocalAddress) {
    DiscoveryLan lan(DiscoveryLan::no_probes(), kRouter);
    lan.settle();
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
    lan.mac_of(kRouter);
    lan.mac_of(ip6("2001:db8:e::1"));  // a router in none of our networks
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 2u);
    EXPECT_EQ(lan.sent[0].source, kOurLinkLocal);
    EXPECT_EQ(lan.sent[1].source, kOurLinkLocal);
}

TEST(NdResolver, HeldPacketsFollowTheAnswer) {
    DiscoveryLan lan;
    lan.settle();
    int packets[5];
    lan.mac_of(kPeer);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(lan.discovery.hold(kPeer, &packets[i]), DropReason::none);
    EXPECT_EQ(lan.discovery.hold(kPeer, &packets[4]), DropReason::neighbour_queue_full);
    EXPECT_EQ(lan.discovery.resolver().packets_held(), 4u);
    lan.poll();
    EXPECT_TRUE(lan.ready.empty());
    lan.answer(kPeer, kPeerMac);
    lan.poll();
    ASSERT_EQ(lan.ready.size(), 4u);
    for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(lan.ready[i], std::pair(static_cast<void*>(&packets[i]), kPeerMac));
}

struct Opens {
    std::optional<IpAddress> peer_of_open(uint32_t open) const {
        return open == 9 ? IpAddress(Ipv4{0x0a000001}) : IpAddress(kPeer);
    }
    void end_unreachable(uint32_t open) { ended.push_back(open); }
    std::vector<uint32_t> ended;
};

/// MAX_MULTICAST_SOLICIT 3, RETRANS_TIMER 1 s.
TEST(NdResolver, FailsAfterThreeSolicitations) {
    DiscoveryLan lan;
    lan.settle();
    int packet;
    lan.mac_of(kPeer);
    EXPECT_EQ(lan.discovery.hold(kPeer, &packet), DropReason::none);
    lan.discovery.resolver().add_waiting(kPeer, 7);
    lan.discovery.resolver().add_waiting(kPeer, 9);  // its record has become an IPv4 connection's
    lan.poll();
    lan.poll_after(999ms);
    EXPECT_EQ(lan.sent.size(), 1u);
    lan.poll_after(1ms);
    lan.poll_after(1s);
    EXPECT_EQ(lan.sent.size(), 3u);
    lan.poll_after(1s);
    EXPECT_EQ(lan.lost, std::vector<void*>{&packet});
    EXPECT_TRUE(lan.discovery.resolver().is_failed(kPeer));
    EXPECT_EQ(lan.dropped(DropReason::neighbour_failed), 1u);
    Opens opens;
    ASSERT_TRUE(lan.discovery.resolver().has_failed_opens());
    lan.discovery.resolver().end_failed_opens(opens, 16);
    EXPECT_EQ(opens.ended, std::vector<uint32_t>{7});
}

/// REACHABLE for 30 s; then the first use probes by unicast, and only silence leads to multicast.
TEST(NdResolver, AStaleNeighbourIsProbed) {
    DiscoveryLan lan;
    lan.settle();
    lan.know(kPeer, kPeerMac);
    lan.poll_after(29s);
    lan.mac_of(kPeer);
    lan.poll();
    EXPECT_TRUE(lan.sent.empty());
    lan.poll_after(1s);
    EXPECT_TRUE(lan.sent.empty()) << "a neighbour without traffic is not probed";
    ASSERT_NE(lan.mac_of(kPeer), nullptr);
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 1u);
    EXPECT_EQ(lan.sent[0].destination, kPeer);
    EXPECT_EQ(lan.sent[0].to, kPeerMac);
    lan.poll_after(500ms);
    ASSERT_EQ(lan.sent.size(), 2u);
    EXPECT_EQ(lan.sent[1].destination, ip6("ff02::1:ff00:2"));
    lan.answer(kPeer, kOtherMac);
    ASSERT_NE(lan.mac_of(kPeer), nullptr);
    EXPECT_EQ(*lan.mac_of(kPeer), kOtherMac) << "the answer to our multicast";
}

/// RFC 4861 7.2.4: the answer to a unicast solicitation may omit the option.
TEST(NdResolver, AnAnswerWithoutAddressConfirmsTheKnownOne) {
    DiscoveryLan lan;
    lan.settle();
    lan.know(kPeer, kPeerMac);
    lan.poll_after(31s);
    lan.mac_of(kPeer);
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 1u);
    lan.hear(kPeer, kUs, kPeerMac, DiscoveryLan::advertisement(kPeer, std::nullopt));
    lan.run(10s);
    EXPECT_EQ(lan.sent.size(), 1u) << "confirmed";
    EXPECT_NE(lan.mac_of(kPeer), nullptr);
}

TEST(NdResolver, AnAnswerWithoutAddressDoesNotResolve) {
    DiscoveryLan lan;
    lan.settle();
    lan.mac_of(kPeer);
    lan.poll();
    lan.hear(kPeer, kUs, kPeerMac, DiscoveryLan::advertisement(kPeer, std::nullopt));
    EXPECT_EQ(lan.mac_of(kPeer), nullptr);
    EXPECT_EQ(lan.dropped(DropReason::nd_ignored), 1u);
}

TEST(NdResolver, AdvertisementsOfStrangersAreIgnored) {
    DiscoveryLan lan;
    lan.settle();
    lan.announce(kPeer, kPeerMac);
    EXPECT_EQ(lan.dropped(DropReason::nd_ignored), 1u);
    EXPECT_EQ(lan.discovery.resolver().neighbours(), 0u);
}

/// The DEVIATION from RFC 4861 7.2.5: the override flag alone changes nothing.
TEST(NdResolver, AnUnsolicitedAdvertisementIsAHint) {
    for (const bool solicited : {false, true}) {
        DiscoveryLan lan;
        lan.settle();
        lan.know(kPeer, kPeerMac);
        if (solicited)
            lan.answer(kPeer, kOtherMac);
        else
            lan.announce(kPeer, kOtherMac);
        EXPECT_EQ(lan.counters[Counter::nd_hints], 1u);
        ASSERT_NE(lan.mac_of(kPeer), nullptr);
        EXPECT_EQ(*lan.mac_of(kPeer), kPeerMac);
        lan.poll();
        ASSERT_EQ(lan.sent.size(), 1u);
        EXPECT_EQ(lan.sent[0].to, kPeerMac) << "the known address first";
        lan.answer(kPeer, kPeerMac);
        lan.run(10s);
        EXPECT_EQ(lan.sent.size(), 1u) << "it answered";
    }
}

/// A failover (VRRP): the old MAC address is silent.
TEST(NdResolver, ASilentNeighbourIsReplacedWithinASecond) {
    DiscoveryLan lan;
    lan.settle();
    lan.know(kPeer, kPeerMac);
    lan.run(1s);
    lan.announce(kPeer, kOtherMac);
    lan.poll();
    lan.poll_after(500ms);
    ASSERT_EQ(lan.sent.size(), 2u);
    lan.answer(kPeer, kOtherMac);
    EXPECT_EQ(*lan.mac_of(kPeer), kOtherMac);
}

/// RFC 4861 7.2.5: of several hosts with an anycast address (no override flag), the first one stays.
TEST(NdResolver, WithoutOverrideAnAnswerReplacesNothing) {
    DiscoveryLan lan;
    lan.settle();
    lan.mac_of(kPeer);
    lan.poll();
    lan.answer(kPeer, kPeerMac, false);
    EXPECT_EQ(*lan.mac_of(kPeer), kPeerMac) << "without a known address it is taken";
    lan.poll_after(31s);
    lan.mac_of(kPeer);
    lan.poll();
    lan.poll_after(500ms);  // a multicast solicitation is open
    lan.answer(kPeer, kOtherMac, false);
    EXPECT_EQ(*lan.mac_of(kPeer), kPeerMac);
}

/// RFC 4861 7.2.3, 7.2.4.
TEST(NdResolver, AnswersSolicitationsForOurAddresses) {
    for (const Ipv6& target : {kUs, kOurLinkLocal}) {
        DiscoveryLan lan;
        lan.settle();
        const auto reply =
            lan.hear(kPeer, solicited_node(target), kPeerMac, DiscoveryLan::solicitation(target, kPeerMac));
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->source, target);
        EXPECT_EQ(reply->destination, kPeer);
        EXPECT_EQ(reply->to, kPeerMac);
        EXPECT_EQ(reply->nd.type, wire::kNdNeighbourAdvertisement);
        EXPECT_EQ(reply->nd.target, target);
        EXPECT_EQ(reply->nd.target_link, kOurMac);
        EXPECT_TRUE(reply->nd.solicited);
        EXPECT_TRUE(reply->nd.overrides);
        EXPECT_FALSE(reply->nd.router);
        ASSERT_NE(lan.mac_of(kPeer), nullptr) << "learned from the solicitation";
        lan.poll();
        ASSERT_EQ(lan.sent.size(), 1u) << "stale: probed at its first use";
        EXPECT_EQ(lan.sent[0].to, kPeerMac);
    }
}

/// A unicast solicitation (a probe) need not have our peer's MAC address: the answer has to find it.
TEST(NdResolver, AnswersAProbeWithoutAddress) {
    DiscoveryLan lan;
    lan.settle();
    const auto reply = lan.hear(kPeer, kUs, kPeerMac, DiscoveryLan::solicitation(kUs));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->to, std::nullopt);
    EXPECT_EQ(lan.discovery.resolver().neighbours(), 0u);
}

/// We send to hosts of other networks through the gateway: an entry would be of no use.
TEST(NdResolver, LearnsNoHostOfAnotherNetwork) {
    DiscoveryLan lan;
    lan.settle();
    EXPECT_TRUE(lan.hear(kFar, solicited_node(kUs), kPeerMac, DiscoveryLan::solicitation(kUs, kPeerMac)));
    EXPECT_EQ(lan.discovery.resolver().neighbours(), 0u);
}

TEST(NdResolver, APinnedGatewayStays) {
    auto config = DiscoveryLan::no_probes();
    config.gateway_mac = kRouterMac;
    DiscoveryLan lan(config, kRouter);
    lan.settle();
    lan.announce(kRouter, kOtherMac);
    lan.hear(kRouter, kUs, kOtherMac, DiscoveryLan::solicitation(kUs, kOtherMac));
    EXPECT_EQ(*lan.mac_of(kRouter), kRouterMac);
    EXPECT_EQ(lan.dropped(DropReason::nd_pinned), 2u);
    lan.run(60s);
    EXPECT_TRUE(lan.sent.empty());
}

/// Forged sources on link, as from a scan of a /64: a known neighbour in use stays.
TEST(NdResolver, AFloodOfSourcesDisplacesNoNeighbourInUse) {
    DiscoveryLan lan;
    lan.settle();
    lan.know(kPeer, kPeerMac);
    Ipv6 source = kPeer;
    for (uint32_t i = 0; i < 200'000; ++i) {
        for (unsigned k = 0; k < 4; ++k) source.octets[8 + k] = static_cast<uint8_t>(i >> 8 * k);
        source.octets[12] = 0x77;
        static_cast<void>(lan.hear(source, kUs, kOtherMac, DiscoveryLan::solicitation(kUs, kOtherMac)));
        static_cast<void>(lan.mac_of(source));  // as if it had sent a SYN
        if (i % 1000 != 0) continue;
        lan.poll_after(20ms);
        ASSERT_NE(lan.mac_of(kPeer), nullptr) << i;
        EXPECT_EQ(*lan.mac_of(kPeer), kPeerMac);
        for (const DiscoveryPacket& packet : lan.sent)
            if (packet.nd.target == kPeer) lan.answer(kPeer, kPeerMac);
        lan.sent.clear();
    }
    EXPECT_LE(lan.discovery.resolver().neighbours(), 1u << 16);
}

}  // namespace
}  // namespace synfin::net
