/// @file
/// Duplicate address detection (RFC 4862 5.4) and optimistic addresses (RFC 4429).

#include "net/duplicate_detection.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "discovery_lan.hh"

namespace synfin::net {
namespace {

using Lan = DiscoveryLan;

/// The probes among what was sent.
std::vector<DiscoveryPacket> probes(const Lan& lan) {
    std::vector<DiscoveryPacket> out;
    for (const DiscoveryPacket& packet : lan.sent)
        if (packet.nd.type == wire::kNdNeighbourSolicitation && packet.source.is_unspecified())
            out.push_back(packet);
    return out;
}

/// RFC 4862 5.4.2: from ::, to the solicited-node group, without our MAC address; the group is reported
/// before.
TEST(DuplicateDetection, ProbesEachAddressOnce) {
    Lan lan(Lan::with_probes(Dad::wait));
    lan.run(5s);
    ASSERT_FALSE(lan.sent.empty());
    EXPECT_FALSE(lan.sent[0].mld.groups.empty());
    EXPECT_TRUE(lan.sent[0].source.is_unspecified()) << "RFC 3810 5.2.13";
    const auto all = probes(lan);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].nd.target, kUs);
    EXPECT_EQ(all[0].destination, solicited_node(kUs));
    EXPECT_EQ(all[0].to, multicast_mac(solicited_node(kUs)));
    EXPECT_EQ(all[0].nd.source_link, std::nullopt);
    EXPECT_EQ(all[1].nd.target, kOurLinkLocal);
    EXPECT_EQ(lan.discovery.duplicate(), std::nullopt);
}

TEST(DuplicateDetection, AWaitingHostSaysAndAnswersNothingForASecond) {
    Lan lan(Lan::with_probes(Dad::wait));
    lan.poll();
    EXPECT_FALSE(lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac)));
    EXPECT_EQ(lan.dropped(DropReason::address_tentative), 1u);
    EXPECT_EQ(lan.mac_of(kPeer), nullptr);
    int packet;
    EXPECT_EQ(lan.discovery.hold(kPeer, &packet), DropReason::none);
    lan.sent.clear();
    lan.run(999ms);
    EXPECT_TRUE(lan.sent.empty()) << "no solicitation from a tentative address";
    lan.run(1ms);
    ASSERT_EQ(lan.sent.size(), 3u);
    EXPECT_FALSE(lan.sent[0].mld.groups.empty()) << "repeated";
    EXPECT_EQ(lan.sent[1].nd.target, kPeer);
    EXPECT_EQ(lan.sent[2].source, kOurLinkLocal) << "a report that routers accept";
    lan.answer(kPeer, kPeerMac);
    lan.poll();
    ASSERT_EQ(lan.ready.size(), 1u);
    EXPECT_NE(lan.mac_of(kPeer), nullptr);
    EXPECT_TRUE(lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac)));
}

/// With a pinned gateway nothing would release a held packet: it is refused.
TEST(DuplicateDetection, AWaitingHostSendsNothingThroughAPinnedGateway) {
    auto config = Lan::with_probes(Dad::wait);
    config.gateway_mac = kRouterMac;
    Lan lan(config, kRouter);
    lan.poll();
    int packet;
    EXPECT_EQ(lan.mac_of(kRouter), nullptr);
    EXPECT_EQ(lan.discovery.hold(kRouter, &packet), DropReason::address_tentative);
    lan.run(1s);
    EXPECT_NE(lan.mac_of(kRouter), nullptr);
}

/// RFC 4429 3.3: answers without the override flag; no solicitations.
TEST(DuplicateDetection, AnOptimisticHostAnswersButDoesNotAsk) {
    Lan lan(Lan::with_probes(Dad::optimistic));
    lan.poll();
    const auto reply = lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac));
    ASSERT_TRUE(reply);
    EXPECT_FALSE(reply->nd.overrides);
    ASSERT_NE(lan.mac_of(kPeer), nullptr) << "learned";
    const Ipv6 other = ip6("2001:db8::3");
    EXPECT_EQ(lan.mac_of(other), nullptr);
    lan.sent.clear();
    lan.run(999ms);
    EXPECT_TRUE(lan.sent.empty());
    lan.run(1ms);
    std::set<Ipv6> asked;
    for (const DiscoveryPacket& packet : lan.sent)
        if (packet.mld.groups.empty()) asked.insert(packet.nd.target);
    EXPECT_EQ(asked, (std::set<Ipv6>{kPeer, other}));
    const auto later = lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac));
    ASSERT_TRUE(later);
    EXPECT_TRUE(later->nd.overrides);
}

/// RFC 4862 5.4.4. From then on the host is silent.
TEST(DuplicateDetection, AnAdvertisementForOurAddressIsADuplicate) {
    for (const Dad dad : {Dad::optimistic, Dad::wait}) {
        Lan lan(Lan::with_probes(dad));
        lan.poll();
        lan.hear(kUs, kAllNodes, kOtherMac, Lan::advertisement(kUs, kOtherMac, false));
        EXPECT_EQ(lan.discovery.duplicate(), (DuplicateAddress{kUs, kOtherMac}));
        EXPECT_EQ(lan.discovery.duplicate()->text(),
                  "address 2001:db8::1 is used by 02:00:00:00:00:09 (duplicate)");
        EXPECT_EQ(lan.dropped(DropReason::address_conflict), 1u);
        lan.sent.clear();
        EXPECT_EQ(lan.mac_of(kPeer), nullptr);
        int packet;
        EXPECT_EQ(lan.discovery.hold(kPeer, &packet), DropReason::address_tentative);
        lan.run(10s);
        EXPECT_TRUE(lan.sent.empty());
        EXPECT_FALSE(lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac)));
        EXPECT_EQ(lan.discovery.next_deadline(), std::nullopt);
    }
}

/// RFC 4862 5.4.3: another host probes the same address at the same time.
TEST(DuplicateDetection, AProbeForOurAddressIsADuplicate) {
    Lan lan(Lan::with_probes(Dad::wait));
    lan.poll();
    EXPECT_FALSE(
        lan.hear(Ipv6{}, solicited_node(kOurLinkLocal), kOtherMac, Lan::solicitation(kOurLinkLocal)));
    EXPECT_EQ(lan.discovery.duplicate(), (DuplicateAddress{kOurLinkLocal, kOtherMac}));
}

/// Every engine of a device hears a probe for one of our addresses. One defends it.
TEST(DuplicateDetection, OneEngineDefends) {
    for (const bool speaks : {true, false}) {
        auto config = Lan::no_probes();
        config.speaks = speaks;
        Lan lan(config);
        const auto defence = lan.hear(Ipv6{}, solicited_node(kUs), kOtherMac, Lan::solicitation(kUs));
        EXPECT_EQ(defence.has_value(), speaks);
    }
}

/// Our own probe that a switch sends back is not one (RFC 7527).
TEST(DuplicateDetection, ALoopedProbeIsNoDuplicate) {
    Lan lan(Lan::with_probes(Dad::wait));
    lan.poll();
    EXPECT_FALSE(lan.hear(Ipv6{}, solicited_node(kUs), kOurMac, Lan::solicitation(kUs)));
    EXPECT_EQ(lan.discovery.duplicate(), std::nullopt);
}

/// RFC 4862 5.4.3: a node resolves the address at its owner, which is not us yet.
TEST(DuplicateDetection, AnotherSolicitationIsNoDuplicate) {
    Lan lan(Lan::with_probes(Dad::wait));
    lan.poll();
    EXPECT_FALSE(lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac)));
    EXPECT_EQ(lan.discovery.duplicate(), std::nullopt);
}

/// RFC 4861 7.2.4: to all nodes, not solicited, with our MAC address.
TEST(DuplicateDetection, ProbesOfOthersForOurAddressAreAnswered) {
    Lan lan(Lan::with_probes(Dad::wait));
    lan.run(2s);
    const auto reply = lan.hear(Ipv6{}, solicited_node(kUs), kOtherMac, Lan::solicitation(kUs));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->source, kUs);
    EXPECT_EQ(reply->destination, kAllNodes);
    EXPECT_EQ(reply->to, multicast_mac(kAllNodes));
    EXPECT_FALSE(reply->nd.solicited);
    EXPECT_TRUE(reply->nd.overrides);
    EXPECT_EQ(reply->nd.target_link, kOurMac);
    EXPECT_EQ(lan.discovery.duplicate(), std::nullopt);
}

TEST(DuplicateDetection, Off) {
    Lan lan;
    lan.poll();
    EXPECT_TRUE(probes(lan).empty());
    EXPECT_TRUE(lan.hear(kPeer, solicited_node(kUs), kPeerMac, Lan::solicitation(kUs, kPeerMac)));
}

/// Four probes in a millisecond; the second begins with the last one.
TEST(DuplicateDetection, AThousandAddressesTakeAQuarterSecondMore) {
    std::vector<Cidr> many;
    for (uint32_t i = 1; i <= 1000; ++i) {
        Ipv6 addr = kUs;
        addr.octets[14] = static_cast<uint8_t>(i >> 8);
        addr.octets[15] = static_cast<uint8_t>(i);
        many.push_back(Cidr{addr, 64});
    }
    Lan lan(Lan::with_probes(Dad::wait), std::nullopt, many);
    lan.room = false;
    lan.poll();
    lan.poll();
    EXPECT_TRUE(lan.sent.empty()) << "no room";
    lan.room = true;
    const Instant start = lan.now;
    lan.poll();
    lan.poll();
    EXPECT_EQ(probes(lan).size(), 4u) << "the next ones follow after a millisecond";
    lan.mac_of(kPeer);
    while (probes(lan).size() < 1000) lan.poll_after(1ms);
    EXPECT_EQ(lan.now, start + 249ms);
    std::set<Ipv6> targets;
    for (const DiscoveryPacket& packet : probes(lan)) targets.insert(packet.nd.target);
    EXPECT_EQ(targets.size(), 1000u);
    lan.run(1s);
    EXPECT_TRUE(std::any_of(lan.sent.begin(), lan.sent.end(), [](const DiscoveryPacket& packet) {
        return packet.nd.target == kPeer;
    })) << "over";
}

/// Several engines on one device: the first one probes, and all hear the answer.
TEST(DuplicateDetection, ASecondEngineOnlyListens) {
    auto config = Lan::with_probes(Dad::wait);
    config.speaks = false;
    Lan lan(config);
    lan.run(500ms);
    EXPECT_TRUE(lan.sent.empty());
    EXPECT_EQ(lan.mac_of(kPeer), nullptr);
    lan.hear(kUs, kAllNodes, kOtherMac, Lan::advertisement(kUs, kOtherMac, false));
    EXPECT_TRUE(lan.discovery.duplicate());
}

}  // namespace
}  // namespace synfin::net
