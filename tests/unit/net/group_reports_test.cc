/// @file
/// Multicast listener reports (RFC 3810) for our solicited-node groups.

#include "net/group_reports.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "discovery_lan.hh"

namespace synfin::net {
namespace {

using Lan = DiscoveryLan;

/// A query of version 2 from the link's querier.
std::vector<uint8_t> query2(const Ipv6& group = {}, uint16_t max_response_ms = 1000) {
    std::vector<uint8_t> out(28);
    out[0] = wire::kMldQuery;
    wire::store_be16(out.data() + 4, max_response_ms);
    std::copy(group.octets.begin(), group.octets.end(), out.begin() + 8);
    return out;
}
std::vector<uint8_t> query1() {
    auto out = query2();
    out.resize(24);
    return out;
}
void ask(Lan& lan, const std::vector<uint8_t>& query, uint8_t hop_limit = 1) {
    EXPECT_FALSE(lan.hear_bytes(kRouter, kAllNodes, kRouterMac, query, hop_limit));
}
/// n addresses with different groups.
std::vector<Cidr> addresses(uint32_t n) {
    std::vector<Cidr> out;
    for (uint32_t i = 1; i <= n; ++i) {
        Ipv6 addr = kUs;
        addr.octets[14] = static_cast<uint8_t>(i >> 8);
        addr.octets[15] = static_cast<uint8_t>(i);
        out.push_back(Cidr{addr, 64});
    }
    return out;
}

/// RFC 3810 6.1: at the start and once more. Two addresses share a group: the last 24 bits are equal.
TEST(GroupReports, TwiceAtTheStart) {
    Lan lan(Lan::no_probes(), std::nullopt,
            {Cidr{kUs, 64}, Cidr{ip6("2001:db8:1::1"), 64}, Cidr{ip6("2001:db8::2"), 64}});
    lan.poll();
    ASSERT_EQ(lan.sent.size(), 1u);
    EXPECT_EQ(lan.groups, (std::vector<Ipv6>{ip6("ff02::1:ff00:1"), ip6("ff02::1:ff00:2")}));
    EXPECT_EQ(lan.sent[0].mld.record_type, wire::kMldChangeToExclude);
    EXPECT_EQ(lan.sent[0].destination, ip6("ff02::16"));
    EXPECT_EQ(lan.sent[0].to, (Mac{{0x33, 0x33, 0, 0, 0, 0x16}}));
    lan.run(999ms);
    EXPECT_EQ(lan.sent.size(), 1u);
    lan.run(1min);
    EXPECT_EQ(lan.sent.size(), 2u);
    EXPECT_EQ(lan.groups.size(), 4u);
}

/// RFC 3590 4: routers ignore reports from ::, which all are while our addresses are tentative.
TEST(GroupReports, OnceMoreWhenTheLinkLocalAddressIsValid) {
    for (const Dad mode : {Dad::optimistic, Dad::wait}) {
        for (const uint32_t count : {1u, 200u}) {
            auto ours = addresses(count);
            ours.push_back(Cidr{kOurLinkLocal, 64});
            Lan lan(Lan::with_probes(mode), std::nullopt, ours);
            lan.poll();
            lan.run(10s);
            std::vector<Ipv6> valid;
            for (const DiscoveryPacket& packet : lan.sent)
                if (packet.source == kOurLinkLocal)
                    valid.insert(valid.end(), packet.mld.groups.begin(), packet.mld.groups.end());
            std::sort(valid.begin(), valid.end());
            valid.erase(std::unique(valid.begin(), valid.end()), valid.end());
            EXPECT_EQ(valid.size(), count) << "the link-local address shares the group of 2001:db8::1";
        }
    }
}

TEST(GroupReports, AGeneralQueryIsAnsweredWithinItsTime) {
    Lan lan;
    lan.settle();
    ask(lan, query2());
    lan.run(1s);
    ASSERT_EQ(lan.sent.size(), 1u);
    EXPECT_EQ(lan.sent[0].mld.record_type, wire::kMldModeIsExclude);
    EXPECT_EQ(lan.sent[0].source, kOurLinkLocal);
    lan.run(1min);
    EXPECT_EQ(lan.sent.size(), 1u);
}

TEST(GroupReports, AQueryForAGroup) {
    Lan lan(Lan::no_probes(), std::nullopt, addresses(2));
    lan.settle();
    lan.groups.clear();
    ask(lan, query2(ip6("ff02::1:ff00:2")));
    ask(lan, query2(ip6("ff02::1:ff00:77")));  // not ours
    lan.run(1s);
    EXPECT_EQ(lan.groups, (std::vector<Ipv6>{ip6("ff02::1:ff00:2")}));
    lan.groups.clear();
    ask(lan, query2(ip6("ff02::1:ff00:77")));
    lan.run(1s);
    EXPECT_TRUE(lan.groups.empty());
    ask(lan, query2(ip6("ff02::1:ff00:2")));
    ask(lan, query2(ip6("ff02::1:ff00:1")));
    lan.run(1s);
    EXPECT_EQ(lan.groups.size(), 2u) << "one report of all";
    EXPECT_EQ(lan.sent.size(), 2u);
}

/// RFC 3810 6.2: from this link, by a router of this link.
TEST(GroupReports, OtherQueriesAreDropped) {
    Lan lan;
    lan.settle();
    ask(lan, query2(), 2);
    EXPECT_FALSE(lan.hear_bytes(kPeer, kAllNodes, kPeerMac, query2(), 1));
    EXPECT_FALSE(lan.hear_bytes(kRouter, kAllNodes, kRouterMac, std::vector<uint8_t>{130, 0, 0, 0}, 1));
    EXPECT_EQ(lan.dropped(DropReason::bad_nd), 3u);
    lan.run(10s);
    EXPECT_TRUE(lan.sent.empty());
}

/// RFC 3810 8.2.1, RFC 2710 4.
TEST(GroupReports, ToAVersion1QuerierInVersion1) {
    Lan lan(Lan::no_probes(), std::nullopt, addresses(2));
    lan.settle();
    ask(lan, query1());
    lan.run(1s);
    ASSERT_EQ(lan.sent.size(), 2u);
    for (const DiscoveryPacket& packet : lan.sent) {
        EXPECT_EQ(packet.mld.record_type, 0);
        ASSERT_EQ(packet.mld.groups.size(), 1u);
        EXPECT_EQ(packet.destination, packet.mld.groups[0]);
    }
    uint8_t frame[1500];
    EXPECT_EQ(build_discovery(frame, lan.link, lan.sent[0]), 14u + 40 + 8 + 24);
    lan.sent.clear();
    lan.run(260s);
    ask(lan, query2());
    lan.run(1s);
    ASSERT_EQ(lan.sent.size(), 1u);
    EXPECT_EQ(lan.sent[0].mld.record_type, wire::kMldModeIsExclude) << "the old querier is gone";
}

TEST(GroupReports, ManyGroupsTakeSeveralReports) {
    Lan lan(Lan::no_probes(), std::nullopt, addresses(130));
    lan.poll();
    EXPECT_EQ(lan.groups.size(), 60u);
    lan.poll();
    EXPECT_EQ(lan.groups.size(), 60u) << "a millisecond between them";
    lan.poll_after(1ms);
    lan.poll_after(1ms);
    EXPECT_EQ(lan.groups.size(), 130u);
    uint8_t frame[1500];
    EXPECT_LE(build_discovery(frame, lan.link, lan.sent[0]), 14u + 1280);
    std::sort(lan.groups.begin(), lan.groups.end());
    EXPECT_EQ(std::unique(lan.groups.begin(), lan.groups.end()), lan.groups.end());
}

TEST(GroupReports, AnEngineThatDoesNotSpeakIsSilent) {
    auto config = Lan::no_probes();
    config.speaks = false;
    Lan lan(config);
    lan.run(5s);
    ask(lan, query2());
    lan.run(5s);
    EXPECT_TRUE(lan.sent.empty());
}

}  // namespace
}  // namespace synfin::net
