/// @file
/// Which messages of neighbour discovery are valid (RFC 4861 6.1, 7.1, 8.1), and the frames that we send.

#include "net/discovery.hh"

#include <gtest/gtest.h>

#include "discovery_lan.hh"
#include "wire/mld.hh"

namespace synfin::net {
namespace {

using Lan = DiscoveryLan;

TEST(Discovery, LinkLocalAddressesAndGroups) {
    EXPECT_EQ(link_local_of(kOurMac), kOurLinkLocal);
    EXPECT_EQ(link_local_of(Mac{{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}}), ip6("fe80::3656:78ff:fe9a:bcde"))
        << "RFC 4291 appendix A";
    EXPECT_EQ(solicited_node(ip6("4037::1:800:200e:8c6c")), ip6("ff02::1:ff0e:8c6c")) << "RFC 4291 2.7.1";
    EXPECT_EQ(multicast_mac(ip6("ff02::1:ff0e:8c6c")), (Mac{{0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c}}));
}

/// Whoever forges from beyond a router cannot send this hop limit.
TEST(Discovery, AnyOtherHopLimitIsDropped) {
    Lan lan;
    lan.settle();
    const wire::NdMessage messages[] = {Lan::solicitation(kUs, kPeerMac), Lan::advertisement(kPeer, kPeerMac),
                                        Lan::router(1800)};
    for (const auto& message : messages)
        for (const int hop_limit : {0, 1, 64, 254})
            EXPECT_FALSE(lan.hear(kRouter, kUs, kPeerMac, message, static_cast<uint8_t>(hop_limit)));
    EXPECT_EQ(lan.dropped(DropReason::nd_hop_limit), 12u);
    EXPECT_EQ(lan.discovery.resolver().neighbours(), 0u);
}

/// RFC 4861 7.1.1.
TEST(Discovery, BadSolicitations) {
    Lan lan;
    lan.settle();
    const auto bad = [&](const Ipv6& source, const Ipv6& destination, const wire::NdMessage& message) {
        const uint64_t before = lan.dropped(DropReason::bad_nd);
        EXPECT_FALSE(lan.hear(source, destination, kPeerMac, message));
        return lan.dropped(DropReason::bad_nd) - before == 1;
    };
    EXPECT_TRUE(bad(kPeer, kUs, Lan::solicitation(kAllNodes, kPeerMac))) << "group as target";
    EXPECT_TRUE(bad(Ipv6{}, kUs, Lan::solicitation(kUs))) << "probe by unicast";
    EXPECT_TRUE(bad(Ipv6{}, kAllNodes, Lan::solicitation(kUs))) << "probe to all";
    EXPECT_TRUE(bad(Ipv6{}, solicited_node(kUs), Lan::solicitation(kUs, kPeerMac))) << "probe with a MAC";
    EXPECT_TRUE(bad(kAllNodes, kUs, Lan::solicitation(kUs, kPeerMac))) << "group as source";
    const uint8_t short_one[] = {wire::kNdNeighbourSolicitation, 0, 0, 0, 0, 0, 0, 0};
    EXPECT_FALSE(lan.hear_bytes(kPeer, kUs, kPeerMac, short_one));
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 6u);
}

/// RFC 4861 7.1.2.
TEST(Discovery, BadAdvertisements) {
    Lan lan;
    lan.settle();
    lan.mac_of(kPeer);
    lan.poll();
    lan.hear(kPeer, kAllNodes, kPeerMac, Lan::advertisement(kPeer, kPeerMac, true));
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 1u) << "solicited, but to all";
    lan.hear(kPeer, kUs, kPeerMac, Lan::advertisement(kAllNodes, kPeerMac));
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 2u) << "group as target";
    lan.hear(Ipv6{}, kUs, kPeerMac, Lan::advertisement(kPeer, kPeerMac));
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 3u) << "without a source";
    lan.hear(kPeer, kUs, kPeerMac, Lan::advertisement(kPeer, Mac::broadcast()));
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 4u) << "group's MAC address";
    EXPECT_EQ(lan.mac_of(kPeer), nullptr);
}

TEST(Discovery, SolicitationsForOthersInOurGroup) {
    Lan lan;
    lan.settle();
    const Ipv6 other = ip6("2001:db8::5:0:1");
    EXPECT_FALSE(lan.hear(kPeer, solicited_node(other), kPeerMac, Lan::solicitation(other, kPeerMac)));
    EXPECT_EQ(lan.dropped(DropReason::not_for_us), 1u);
}

TEST(Discovery, OurOwnMacAddressIsALoop) {
    Lan lan;
    lan.settle();
    EXPECT_FALSE(lan.hear(Ipv6{}, solicited_node(kUs), kOurMac, Lan::solicitation(kUs)));
    EXPECT_EQ(lan.dropped(DropReason::nd_own_mac), 1u);
}

TEST(Discovery, AnotherHostWithOurAddressIsCounted) {
    Lan lan;
    lan.settle();
    EXPECT_FALSE(
        lan.hear(kUs, solicited_node(kOurLinkLocal), kOtherMac, Lan::solicitation(kOurLinkLocal, kOtherMac)));
    lan.announce(kUs, kOtherMac);
    lan.hear(kOurLinkLocal, kAllNodes, kOtherMac, Lan::router(1800));
    EXPECT_EQ(lan.dropped(DropReason::address_conflict), 3u);
    EXPECT_EQ(lan.discovery.duplicate(), std::nullopt) << "after the start it is only counted";
}

TEST(Discovery, RedirectsAreIgnored) {
    Lan lan(Lan::no_probes(), kRouter);
    lan.settle();
    wire::NdMessage redirect;
    redirect.type = wire::kNdRedirect;
    redirect.target = kPeer;
    redirect.destination = kFar;
    redirect.target_link = kOtherMac;
    lan.hear(kRouter, kUs, kRouterMac, redirect);
    EXPECT_EQ(lan.dropped(DropReason::redirect_ignored), 1u);
    EXPECT_EQ(lan.ours.next_hop(kFar), kRouter);
}

TEST(Discovery, RouterSolicitationsAndReportsOfOthersNeedNoAction) {
    Lan lan;
    lan.settle();
    wire::NdMessage solicitation;
    solicitation.type = wire::kNdRouterSolicitation;
    lan.hear(kPeer, kAllRouters, kPeerMac, solicitation);
    const uint8_t report[] = {wire::kMldReport2, 0, 0, 0, 0, 0, 0, 0};
    lan.hear_bytes(kPeer, kAllMldRouters, kPeerMac, report, 1);
    EXPECT_EQ(lan.dropped(DropReason::nd_ignored), 2u);
}

TEST(Discovery, WithoutIpv6AddressNothingHappens) {
    Lan lan(Lan::with_probes(Dad::wait), std::nullopt, {*Cidr::parse("10.0.0.1/24")});
    EXPECT_FALSE(lan.discovery.is_on());
    EXPECT_EQ(lan.discovery.next_deadline(), std::nullopt);
    EXPECT_FALSE(lan.hear(kPeer, kUs, kPeerMac, Lan::solicitation(kUs, kPeerMac)));
}

/// A frame as Linux would build it.
TEST(Discovery, FramesAreComplete) {
    Lan lan;
    lan.settle();
    lan.mac_of(kPeer);
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 1u);
    uint8_t frame[1500];
    const uint32_t length = build_discovery(frame, lan.link, lan.sent[0]);
    ASSERT_EQ(length, 14u + 40 + 32);
    const uint8_t ether[] = {0x33, 0x33, 0xff, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd};
    EXPECT_TRUE(std::equal(std::begin(ether), std::end(ether), frame));
    wire::Ipv6Header ip;
    ASSERT_EQ(wire::parse_ipv6(Bytes(frame + 14, length - 14), ip), wire::Ipv6Check::ok);
    EXPECT_EQ(ip.source, kUs);
    EXPECT_EQ(ip.destination, solicited_node(kPeer));
    EXPECT_EQ(ip.hop_limit, 255);
    EXPECT_EQ(ip.next_header, 58);
    EXPECT_EQ(ip.payload_length, 32);
    EXPECT_TRUE(wire::icmp6_checksum_ok(ip.source, ip.destination, Bytes(frame + 54, 32)));
}

/// RFC 3810 5: hop limit 1, router alert.
TEST(Discovery, ReportsHaveARouterAlert) {
    Lan lan;
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 1u);
    uint8_t frame[1500];
    const uint32_t length = build_discovery(frame, lan.link, lan.sent[0]);
    ASSERT_EQ(length, 14u + 40 + 8 + wire::mld_report_bytes(1));
    wire::Ipv6Header ip;
    ASSERT_EQ(wire::parse_ipv6(Bytes(frame + 14, length - 14), ip), wire::Ipv6Check::ok);
    EXPECT_EQ(ip.source, kOurLinkLocal);
    EXPECT_EQ(ip.destination, ip6("ff02::16"));
    EXPECT_EQ(ip.hop_limit, 1);
    EXPECT_EQ(ip.next_header, 0);
    const uint8_t alert[] = {58, 0, 5, 2, 0, 0, 1, 0};
    EXPECT_TRUE(std::equal(std::begin(alert), std::end(alert), frame + 54));
    const Bytes icmp(frame + 62, length - 62);
    EXPECT_EQ(icmp[0], 143);
    EXPECT_TRUE(wire::icmp6_checksum_ok(ip.source, ip.destination, icmp));
}

}  // namespace
}  // namespace synfin::net
