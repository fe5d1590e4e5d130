#include "net/local_addresses.hh"

#include <gtest/gtest.h>

#include <iterator>
#include <vector>

namespace synfin::net {
namespace {

constexpr uint32_t kFirst = 0x0a000005;  // 10.0.0.5

TEST(LocalAddresses, FindsThoseThatFollowEachOtherAndThoseBeyond) {
    // Four in a row, a gap, one before them, one in another network.
    const std::vector<Cidr> ours{{Ipv4{kFirst}, 24},     {Ipv4{kFirst + 1}, 24}, {Ipv4{kFirst + 2}, 24},
                                 {Ipv4{kFirst + 3}, 24}, {Ipv4{kFirst + 9}, 24}, {Ipv4{kFirst - 2}, 24},
                                 {Ipv4{0xc0a80001}, 16}};
    const LocalAddresses addresses(ours, std::nullopt);
    for (uint32_t i = 0; i < ours.size(); ++i) EXPECT_EQ(addresses.find(ours[i].addr.v4), i);
    for (const uint32_t other : {kFirst - 1, kFirst + 4, kFirst + 8, kFirst + 10, 0xc0a80002u, 0u, ~0u})
        EXPECT_EQ(addresses.find(Ipv4{other}), LocalAddresses::kNone) << other;
}

TEST(LocalAddresses, WithoutAnyNothingIsFoundAndNothingReached) {
    const LocalAddresses none({}, std::nullopt);
    EXPECT_EQ(none.find(Ipv4{}), LocalAddresses::kNone);
    EXPECT_EQ(none.find(Ipv4{kFirst}), LocalAddresses::kNone);
    EXPECT_TRUE(none.next_hop(Ipv4{kFirst}).is_unspecified());
    EXPECT_TRUE(none.next_hop(Ipv4{}).is_unspecified());
}

/// RFC 1122 3.2.1.3 (a) and (b): no answer can be sent to 0.0.0.0 and {0, host}.
TEST(LocalAddresses, NobodyIsInNetworkZero) {
    const LocalAddresses addresses({{Ipv4{kFirst}, 24}}, Ipv4{0x0a0000fe});
    for (const uint32_t nobody : {0u, 1u, 0x00010203u, 0x00ffffffu})
        EXPECT_FALSE(addresses.is_unicast(Ipv4{nobody})) << nobody;
    EXPECT_TRUE(addresses.is_unicast(Ipv4{0x01000000}));
}

TEST(LocalAddresses, TheNextHopIsOnLinkInAnyNetworkElseTheGatewayElseNone) {
    const std::vector<Cidr> ours{{Ipv4{kFirst}, 24}, {Ipv4{0xc0a80001}, 16}};
    const Ipv4 gateway{0x0a0000fe}, first{0x0a000063}, second{0xc0a8ff02}, far{0x08080808};
    const LocalAddresses with(ours, gateway), without(ours, std::nullopt);
    for (const LocalAddresses* addresses : {&with, &without}) {
        EXPECT_EQ(addresses->next_hop(first), first);
        EXPECT_EQ(addresses->next_hop(second), second);
    }
    EXPECT_EQ(with.next_hop(far), gateway);
    EXPECT_TRUE(without.next_hop(far).is_unspecified());
}

TEST(LocalAddresses, BroadcastAddressesAreThoseOfEachNetwork) {
    const LocalAddresses addresses({*Cidr::parse("10.0.0.5/24"), *Cidr::parse("10.0.1.1/31"),
                                    *Cidr::parse("10.0.2.9/30"), *Cidr::parse("10.0.3.3/32")});
    for (const char* each : {"10.0.0.0", "10.0.0.255", "10.0.2.8", "10.0.2.11", "255.255.255.255"})
        EXPECT_TRUE(addresses.is_broadcast(*Ipv4::parse(each))) << each;
    for (const char* each : {"10.0.0.1", "10.0.1.0", "10.0.1.1", "10.0.2.9", "10.0.3.3", "10.0.4.0"})
        EXPECT_FALSE(addresses.is_broadcast(*Ipv4::parse(each))) << each;
}

/// A prefix of 8 leaves 24 bits of zeros or ones to look for, one of 30 within it only 2.
TEST(LocalAddresses, NestedNetworksHaveTheBroadcastsOfEach) {
    const LocalAddresses wide({*Cidr::parse("10.0.0.1/8")});
    const LocalAddresses nested(
        {*Cidr::parse("10.0.0.1/8"), *Cidr::parse("10.1.2.5/30"), *Cidr::parse("10.7.0.1/16")});
    for (const LocalAddresses* each : {&wide, &nested}) {
        for (const char* all : {"10.0.0.0", "10.255.255.255", "255.255.255.255"})
            EXPECT_TRUE(each->is_broadcast(*Ipv4::parse(all))) << all;
        for (const char* host :
             {"10.1.2.3", "10.1.2.8", "10.0.0.255", "10.7.1.0", "11.255.255.255", "11.0.0.0"})
            EXPECT_FALSE(each->is_broadcast(*Ipv4::parse(host))) << host;
    }
    for (const char* inner : {"10.1.2.4", "10.1.2.7", "10.7.0.0", "10.7.255.255"}) {
        EXPECT_TRUE(nested.is_broadcast(*Ipv4::parse(inner))) << inner;
        EXPECT_FALSE(wide.is_broadcast(*Ipv4::parse(inner))) << inner;
    }
}

/// With nested networks, the first one in the configuration determines the sender of ARP requests.
TEST(LocalAddresses, NestedNetworksAreAskedInTheOrderOfTheConfiguration) {
    const LocalAddresses addresses({*Cidr::parse("10.0.1.1/24"), *Cidr::parse("10.9.9.9/8"),
                                    *Cidr::parse("10.0.2.1/24"), *Cidr::parse("192.0.2.1/24")});
    const auto towards = [&](const char* neighbour) {
        return addresses.towards(*Ipv4::parse(neighbour)).text();
    };
    EXPECT_EQ(towards("10.0.1.77"), "10.0.1.1");
    EXPECT_EQ(towards("10.0.2.77"), "10.9.9.9") << "before 10.0.2.1";
    EXPECT_EQ(towards("10.0.3.77"), "10.9.9.9") << "beyond a nested network that ends before";
    EXPECT_EQ(towards("192.0.2.7"), "192.0.2.1");
    EXPECT_EQ(towards("8.8.8.8"), "10.0.1.1") << "the first when none is";
    EXPECT_EQ(addresses.on_link(), 255u + 0xff'ffffu + 255u + 255u);
    for (const char* each : {"10.255.0.1", "10.0.2.77", "192.0.2.7"})
        EXPECT_EQ(addresses.next_hop(*Ipv4::parse(each)), *Ipv4::parse(each));
    EXPECT_TRUE(addresses.next_hop(*Ipv4::parse("11.0.0.0")).is_unspecified());
    EXPECT_TRUE(addresses.next_hop(*Ipv4::parse("9.255.255.255")).is_unspecified());
}

struct BothFamilies : testing::Test {
    LocalAddresses addresses{{*Cidr::parse("2001:db8::1/64"), *Cidr::parse("10.0.0.1/24"),
                              *Cidr::parse("fe80::1/64"), *Cidr::parse("192.0.2.1/24")},
                             *Ipv4::parse("10.0.0.254"),
                             *Ipv6::parse("fe80::fe")};
};

/// IPv4 addresses have the lower indices, whatever the order of the configuration.
TEST_F(BothFamilies, TheFamilyFollowsFromTheIndex) {
    ASSERT_EQ(addresses.count4(), 2u);
    ASSERT_EQ(addresses.size(), 4u);
    const char* const in_order[] = {"10.0.0.1", "192.0.2.1", "2001:db8::1", "fe80::1"};
    for (uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(addresses.at(i).text(), in_order[i]);
        EXPECT_EQ(addresses.find(*IpAddress::parse(in_order[i])), i);
        EXPECT_EQ(addresses.is_v6(i), i >= 2);
    }
    EXPECT_EQ(addresses.find(*Ipv6::parse("2001:db8::2")), LocalAddresses::kNone);
    EXPECT_EQ(addresses.find(*Ipv6::parse("::10.0.0.1")), LocalAddresses::kNone);
    EXPECT_EQ(addresses.find(Ipv6{}), LocalAddresses::kNone);
}

/// Three in a row, across a carry, then one after a gap, one before them, one that differs in the first half
/// only, and a duplicate.
TEST(LocalAddresses, FindsIpv6OnesThatFollowEachOtherAndThoseBeyond) {
    const char* const ours[] = {"2001:db8::ffff:ffff", "2001:db8::1:0:0",     "2001:db8::1:0:1",
                                "2001:db8::1:0:3",     "2001:db8::ffff:fffd", "2001:db9::1:0:0"};
    std::vector<Cidr> networks{*Cidr::parse("10.0.0.1/24")};
    for (const char* each : ours) networks.push_back({*Ipv6::parse(each), 64});
    networks.push_back({*Ipv6::parse(ours[1]), 64});
    const LocalAddresses addresses(networks);
    for (uint32_t i = 0; i < std::size(ours); ++i) EXPECT_EQ(addresses.find(*Ipv6::parse(ours[i])), 1 + i);
    for (const char* other : {"2001:db8::ffff:fffe", "2001:db8::1:0:2", "2001:db8::1:0:4",
                              "2001:db9::ffff:ffff", "2001:db9::1:0:1", "::", "2001:db8::"})
        EXPECT_EQ(addresses.find(*Ipv6::parse(other)), LocalAddresses::kNone) << other;
}

/// The first network is compared with a mask, the others are searched.
TEST(LocalAddresses, NextHopsOfIpv6ForAnyLengthOfPrefix) {
    const Ipv6 ours = *Ipv6::parse("2001:db8:5555:5555:5555:5555:5555:5555");
    const Ipv6 gateway = *Ipv6::parse("fe80::fe");
    for (unsigned prefix = 0; prefix <= 128; ++prefix) {
        const Cidr network{ours, static_cast<uint8_t>(prefix)};
        const LocalAddresses first({network}, std::nullopt, gateway);
        const LocalAddresses second({{*Ipv6::parse("4000::1"), 128}, network}, std::nullopt, gateway);
        for (unsigned bit = 0; bit < 128; ++bit) {
            Ipv6 to = ours;
            to.octets[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
            const Ipv6 expected = bit >= prefix ? to : gateway;
            EXPECT_EQ(first.next_hop(to), expected) << prefix << " " << bit;
            EXPECT_EQ(second.next_hop(to), expected) << prefix << " " << bit;
        }
    }
    const LocalAddresses none({});
    EXPECT_TRUE(none.next_hop(ours).is_unspecified());
}

TEST_F(BothFamilies, NextHopsOfIpv6) {
    const auto next_hop = [&](const char* to) { return addresses.next_hop(*Ipv6::parse(to)).text(); };
    EXPECT_EQ(next_hop("2001:db8::2"), "2001:db8::2");
    EXPECT_EQ(next_hop("2001:db8:0:1::2"), "fe80::fe");
    EXPECT_EQ(next_hop("fe80:1::2"), "fe80:1::2") << "all of fe80::/10 is on link";
    EXPECT_EQ(LocalAddresses({*Cidr::parse("2001:db8::1/64")}).next_hop(*Ipv6::parse("2002::1")).text(),
              "::");
    EXPECT_EQ(addresses.towards(*Ipv6::parse("2001:db8::2")).text(), "2001:db8::1");
    EXPECT_EQ(addresses.towards(*Ipv6::parse("fe80:1::2")).text(), "fe80::1");
    EXPECT_EQ(addresses.towards(*Ipv6::parse("2002::")).text(), "2001:db8::1");
}

TEST_F(BothFamilies, UnicastOfIpv6) {
    for (const char* nobody : {"::", "::1", "ff02::1", "::ffff:10.0.0.2"})
        EXPECT_FALSE(LocalAddresses::is_unicast(*Ipv6::parse(nobody))) << nobody;
    EXPECT_TRUE(LocalAddresses::is_unicast(*Ipv6::parse("2001:db8::2")));
    EXPECT_TRUE(LocalAddresses::is_unicast(*Ipv6::parse("fe80::2")));
}

TEST_F(BothFamilies, AConnectionIsNamedByItsAddresses) {
    const Tuple four{0x0a000002, 40'000, 80, 1};
    EXPECT_EQ(addresses.named(four), (FourTuple{Ipv4{0x0a000002}, 40'000, 80, *Ipv4::parse("192.0.2.1")}));
    const Ipv6 peer = *Ipv6::parse("2001:db8::2");
    EXPECT_EQ(addresses.named(Tuple{0x1234'5678, 40'000, 80, 2}, peer),
              (FourTuple6{peer, *Ipv6::parse("2001:db8::1"), 40'000, 80}));
}

/// More than 2^16 addresses, not consecutive, each in its own network: found in constant time, in bounded
/// memory.
TEST(LocalAddresses, AHundredThousandOfEachFamily) {
    constexpr uint32_t kCount = 100'000;
    std::vector<Cidr> ours;
    const auto four = [](uint32_t i) { return Ipv4{0x0a000001 + 256 * i}; };
    const auto six = [](uint32_t i) {
        return Ipv6{{0x20, 1, 0xd, 0xb8, 0, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
                     static_cast<uint8_t>(i), 0, 0, 0, 0, 0, 0, 0, 1}};
    };
    for (uint32_t i = 0; i < kCount; ++i) {
        ours.push_back({four(i), 24});
        ours.push_back({six(i), 64});
    }
    const LocalAddresses addresses(ours);
    ASSERT_EQ(addresses.size(), 2 * kCount);
    for (uint32_t i = 0; i < kCount; ++i) {
        ASSERT_EQ(addresses.find(four(i)), i);
        ASSERT_EQ(addresses.find(six(i)), kCount + i);
        ASSERT_EQ(addresses.find(Ipv4{four(i).value + 1}), LocalAddresses::kNone);
        ASSERT_EQ(addresses.towards(Ipv4{four(i).value + 1}), four(i));
        ASSERT_TRUE(addresses.is_broadcast(Ipv4{four(i).value + 254}));
    }
    EXPECT_LT(addresses.memory_bytes(), size_t{kCount} * 200);
}

}  // namespace
}  // namespace synfin::net
