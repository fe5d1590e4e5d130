#include "net/local_addresses.hh"

#include <gtest/gtest.h>

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
    for (uint32_t i = 0; i < ours.size(); ++i) EXPECT_EQ(addresses.find(ours[i].addr), i);
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

/// RFC 1122 3.2.1.3 (a) and (b): 0.0.0.0 and {0, host} name nobody to whom an answer could go.
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

}  // namespace
}  // namespace synfin::net
