#include "synfin/units.hh"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

namespace synfin {
namespace {

TEST(Units, Ipv4TextAndBack) {
    EXPECT_EQ(Ipv4::parse("10.0.0.1"), Ipv4{0x0a000001});
    EXPECT_EQ(Ipv4::parse("255.255.255.255")->text(), "255.255.255.255");
    for (const char* wrong : {"", "10", "10.0.0", "10.0.0.256", "10.0.0.1.2", "10.0.0.1 ", "a.b.c.d", "::1",
                              "1111.1111.1111.1111", "10.0.0.1/24"})
        EXPECT_EQ(Ipv4::parse(wrong), std::nullopt) << wrong;
}

TEST(Units, Ipv4Classes) {
    EXPECT_TRUE(Ipv4::parse("224.0.0.1")->is_multicast());
    EXPECT_TRUE(Ipv4::parse("239.255.255.255")->is_multicast());
    EXPECT_FALSE(Ipv4::parse("240.0.0.1")->is_multicast());
    EXPECT_TRUE(Ipv4::parse("127.1.2.3")->is_loopback());
    EXPECT_TRUE(Ipv4{}.is_unspecified());
    EXPECT_TRUE(Ipv4{0xffffffff}.is_limited_broadcast());
}

TEST(Units, MacTextAndBack) {
    EXPECT_EQ(Mac::parse("02:00:5e:10:fF:01")->text(), "02:00:5e:10:ff:01");
    EXPECT_TRUE(Mac::broadcast().is_multicast());
    EXPECT_FALSE(Mac::parse("02:00:00:00:00:01")->is_multicast());
    for (const char* wrong : {"", "02:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-01",
                              "02:00:00:00:00:01:02", "2:00:00:00:00:001", "+2:00:00:00:00:01"})
        EXPECT_EQ(Mac::parse(wrong), std::nullopt) << wrong;
}

TEST(Units, CidrContainsAndBroadcast) {
    const Cidr lan = *Cidr::parse("10.0.1.7/24");
    EXPECT_EQ(lan.text(), "10.0.1.7/24");
    EXPECT_TRUE(lan.contains(*Ipv4::parse("10.0.1.255")));
    EXPECT_FALSE(lan.contains(*Ipv4::parse("10.0.2.0")));
    EXPECT_EQ(lan.broadcast().text(), "10.0.1.255");
    EXPECT_EQ(Cidr::parse("10.0.0.1")->prefix, 32);
    EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(Ipv4{0x08080808}));
    for (const char* wrong : {"10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/8x", "/8", "10.0.0/8"})
        EXPECT_EQ(Cidr::parse(wrong), std::nullopt) << wrong;
}

TEST(Units, InstantArithmetic) {
    const Instant t = Instant::from_ns(5'000'000);
    EXPECT_EQ((t + 3ms) - t, 3ms);
    EXPECT_LT(t - 1ns, t);
    EXPECT_EQ(t.tick(), 5u);
    EXPECT_EQ(t.us(), 5000);
    EXPECT_EQ(Instant::from_ns((int64_t{1} << 32) * 1'000'000 + 7'000'000).tick(), 7u) << "modulo 2^32 ms";
}

/// RFC 4291 2.2's forms in, RFC 5952's out.
TEST(Units, Ipv6TextAndBack) {
    const std::pair<const char*, const char*> cases[] = {
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:0DB8:0000:0000:0008:0800:200C:417A", "2001:db8::8:800:200c:417a"},
        {"FF01:0:0:0:0:0:0:101", "ff01::101"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // RFC 5952 4.2.2: not for one group
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of two
        {"0:0:1:2:3:4:0:0", "::1:2:3:4:0:0"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},  // 5
        {"::13.1.68.3", "::d01:4403"},             // the deprecated form of RFC 4291 2.5.5.1
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    };
    for (const auto& [in, out] : cases) {
        const auto parsed = Ipv6::parse(in);
        ASSERT_TRUE(parsed) << in;
        EXPECT_EQ(parsed->text(), out) << in;
        EXPECT_EQ(Ipv6::parse(out), parsed) << out;
    }
    for (const char* wrong :
         {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "[::1]",
          "::1/64", "fe80::1%eth0", "::1 ", " ::1", "1:2:3:4:5:6:7::8", "::1.2.3", "::1.2.3.256", "1.2.3.4",
          "0000:0000:0000:0000:0000:0000:0000:0000:0000"})
        EXPECT_EQ(Ipv6::parse(wrong), std::nullopt) << wrong;
}

TEST(Units, Ipv6Classes) {
    EXPECT_TRUE(Ipv6::parse("ff02::1:ff00:1")->is_multicast());
    EXPECT_TRUE(Ipv6::parse("febf::1")->is_link_local());
    EXPECT_FALSE(Ipv6::parse("fec0::1")->is_link_local());
    EXPECT_TRUE(Ipv6::parse("::1")->is_loopback());
    EXPECT_FALSE(Ipv6::parse("::2")->is_loopback());
    EXPECT_TRUE(Ipv6{}.is_unspecified());
    EXPECT_TRUE(Ipv6::parse("::ffff:10.0.0.1")->is_v4_mapped());
    EXPECT_FALSE(Ipv6::parse("::10.0.0.1")->is_v4_mapped());
}

/// Each octet counts, the first ones most.
TEST(Units, Ipv6OrderIsThatOfTheOctets) {
    constexpr Ipv6 kMiddle{{8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8}};
    static_assert(kMiddle == kMiddle && (kMiddle <=> kMiddle) == 0);
    for (size_t i = 0; i < 16; ++i) {
        Ipv6 less = kMiddle, more = kMiddle;
        less.octets[i] = 7;
        more.octets[i] = 0x80;
        for (size_t j = i + 1; j < 16; ++j) {
            less.octets[j] = 0xff;
            more.octets[j] = 0;
        }
        EXPECT_LT(less, kMiddle) << i;
        EXPECT_GT(more, kMiddle) << i;
        EXPECT_NE(less, kMiddle) << i;
        EXPECT_LT(IpAddress(less), IpAddress(more)) << i;
        Ipv6 zero_but_one{};
        zero_but_one.octets[i] = 1;
        EXPECT_FALSE(zero_but_one.is_unspecified()) << i;
        EXPECT_EQ(zero_but_one.is_loopback(), i == 15) << i;
    }
    EXPECT_EQ(Ipv6::parse("1:2:3:4:5:6:7:8")->upper(), 0x0001'0002'0003'0004u);
    EXPECT_EQ(Ipv6::parse("1:2:3:4:5:6:7:8")->lower(), 0x0005'0006'0007'0008u);
    for (const char* not_mapped : {"1::ffff:10.0.0.1", "::1:ffff:10.0.0.1", "::fffe:10.0.0.1"})
        EXPECT_FALSE(Ipv6::parse(not_mapped)->is_v4_mapped()) << not_mapped;
}

TEST(Units, AddressesOfTwoFamiliesAreNeverEqual) {
    const IpAddress four = *IpAddress::parse("10.0.0.1"), six = *IpAddress::parse("2001:db8::1");
    EXPECT_TRUE(four.is_v4());
    EXPECT_TRUE(six.is_v6());
    EXPECT_EQ(four, Ipv4{0x0a000001});
    EXPECT_EQ(six, *Ipv6::parse("2001:db8::1"));
    EXPECT_NE(IpAddress(Ipv4{}), IpAddress(Ipv6{}));
    EXPECT_EQ(four.text(), "10.0.0.1");
    EXPECT_EQ(six.text(), "2001:db8::1");
    EXPECT_EQ(IpAddress::parse("host"), std::nullopt);
}

TEST(Units, CidrOfIpv6) {
    const Cidr lan = *Cidr::parse("2001:db8::7/61");
    EXPECT_EQ(lan.text(), "2001:db8::7/61");
    EXPECT_TRUE(lan.contains(*Ipv6::parse("2001:db8:0:7:ffff::")));
    EXPECT_FALSE(lan.contains(*Ipv6::parse("2001:db8:0:8::")));
    EXPECT_FALSE(lan.contains(Ipv4{0x0a000001}));
    EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(Ipv6{}));
    EXPECT_TRUE(Cidr::parse("::/0")->contains(*Ipv6::parse("ff::")));
    EXPECT_EQ(Cidr::parse("2001:db8::7")->prefix, 128);
    EXPECT_FALSE(Cidr::parse("::1")->contains(Ipv6{}));
    for (const char* wrong : {"::1/129", "::1/", "::1/-1", "::1/8x", "::g/8"})
        EXPECT_EQ(Cidr::parse(wrong), std::nullopt) << wrong;
}

TEST(Units, EndpointTextAndBack) {
    EXPECT_EQ((Endpoint{*Ipv4::parse("10.0.0.1"), 80}.text()), "10.0.0.1:80");
    EXPECT_EQ((Endpoint{*Ipv6::parse("::1"), 80}.text()), "[::1]:80");
    for (const char* both : {"10.0.0.1:80", "[2001:db8::1]:65535", "0.0.0.0:0", "[::ffff:10.0.0.1]:7"})
        EXPECT_EQ(Endpoint::parse(both)->text(), both);
    for (const char* wrong : {"", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1",
                              "10.0.0.1:+1", "10.0.0.1:80x", "2001:db8::1", "2001:db8::1:80", "[::1]",
                              "[::1]:", "[::1:80", "::1]:80", "[]:80", "[10.0.0.1]:80", "[:80"})
        EXPECT_EQ(Endpoint::parse(wrong), std::nullopt) << wrong;
}

/// inet_pton() stops at a zero, which a view may contain.
TEST(Units, AnAddressDoesNotEndAtAZero) {
    using namespace std::string_view_literals;
    EXPECT_EQ(Ipv4::parse("10.0.0.1\0x"sv), std::nullopt);
    EXPECT_EQ(Ipv6::parse("2001:db8::1\0x"sv), std::nullopt);
    EXPECT_EQ(Cidr::parse("10.0.0.1\0/24"sv), std::nullopt);
    EXPECT_EQ(Endpoint::parse("10.0.0.1\0:80"sv), std::nullopt);
}

}  // namespace
}  // namespace synfin
