#include "synfin/units.hh"

#include <gtest/gtest.h>

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

TEST(Units, EndpointText) {
    EXPECT_EQ((Endpoint{*Ipv4::parse("10.0.0.1"), 80}.text()), "10.0.0.1:80");
    IpAddr six;
    six.family = IpAddr::Family::v6;
    six.v6.octets[15] = 1;
    EXPECT_EQ((Endpoint{six, 80}.text()), "[::1]:80");
}

}  // namespace
}  // namespace synfin
