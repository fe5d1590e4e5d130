/// RFC 6724 5: source address selection.

#include "net/source_addresses.hh"

#include <gtest/gtest.h>

#include <string>

namespace synfin::net {
namespace {

struct Sources {
    explicit Sources(std::vector<const char*> texts) {
        for (const char* text : texts) {
            const Cidr each = *Cidr::parse(text);
            all.push_back(each);
            if (each.addr.is_v6()) own.push_back(each.addr.v6);
        }
    }
    std::string towards(const char* destination) const {
        const uint32_t i = SourceAddresses(all).towards(*Ipv6::parse(destination));
        return i == SourceAddresses::kNone ? "none" : own.at(i).text();
    }
    std::vector<Cidr> all;
    std::vector<Ipv6> own;
};

TEST(SourceAddresses, ScopeComesFirst) {  // rule 2
    const Sources both({"10.0.0.1/24", "2001:db8::1/64", "fe80::1/64"});
    EXPECT_EQ(both.towards("fe80::9"), "fe80::1");
    EXPECT_EQ(both.towards("2001:db8::9"), "2001:db8::1");
    EXPECT_EQ(both.towards("fe90::9"), "fe80::1") << "fe80::/10 is link-local";
    EXPECT_EQ(both.towards("2400::9"), "2001:db8::1");
    EXPECT_EQ(Sources({"fe80::1/64"}).towards("2001:db8::9"), "none") << "no router forwards it";
    EXPECT_EQ(Sources({"2001:db8::1/64"}).towards("fe80::9"), "2001:db8::1") << "better than none";
    EXPECT_EQ(Sources({"10.0.0.1/24"}).towards("2001:db8::9"), "none");
}

TEST(SourceAddresses, ThenTheLongestCommonPrefix) {  // rule 8
    const Sources all({"2001:db8:1::1/48", "2001:db8:2::1/48", "fd00::1/64", "2001:db8:3:4::1/64"});
    EXPECT_EQ(all.towards("2001:db8:1::9"), "2001:db8:1::1");
    EXPECT_EQ(all.towards("2001:db8:2:7::9"), "2001:db8:2::1");
    EXPECT_EQ(all.towards("2001:db8:3:4:5::9"), "2001:db8:3:4::1");
    EXPECT_EQ(all.towards("fd00:1::9"), "fd00::1") << "unique local to unique local";
    EXPECT_EQ(all.towards("fd77::9"), "fd00::1");
    EXPECT_EQ(all.towards("fc77::9"), "fd00::1");
    EXPECT_EQ(all.towards("2600::9"), "2001:db8:1::1") << "of equals the first";
}

TEST(SourceAddresses, ThePrefixEndsTheComparison) {
    // "CommonPrefixLen(S, D) ... up to the length of S's prefix": bits of the interface identifier do not
    // count.
    EXPECT_EQ(Sources({"2001:db8::1/64", "2001:db8::9/64"}).towards("2001:db8::9"), "2001:db8::1");
    EXPECT_EQ(Sources({"2001:db8::1/64", "2001:db8::9:0/112"}).towards("2001:db8::9:7"), "2001:db8::9:0");
}

/// A connection from a second index of the address would not find its own segments.
TEST(SourceAddresses, AnAddressWithTwoPrefixesHasOnePosition) {
    const Sources twice({"10.0.0.1/24", "2001:db8::5/64", "2001:db8::1/64", "2001:db8::1/128"});
    EXPECT_EQ(SourceAddresses(twice.all).towards(*Ipv6::parse("2001:db8::2")), 1u);
}

TEST(SourceAddresses, ABlockOfAddressesIsOneCandidate) {
    std::vector<Cidr> block;
    for (unsigned i = 1; i <= 1'000; ++i)
        block.push_back(*Cidr::parse("2001:db8::" + std::to_string(i) + "/64"));
    block.push_back(*Cidr::parse("2001:db8:1::1/64"));
    EXPECT_EQ(SourceAddresses(block).towards(*Ipv6::parse("2001:db8:1::2")), 1'000u);
    EXPECT_EQ(SourceAddresses(block).towards(*Ipv6::parse("2001:db8::2")), 0u);
}

}  // namespace
}  // namespace synfin::net
