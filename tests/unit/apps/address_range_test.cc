/// Addresses, ranges, gateways and targets as texts, in both families.
#include "config/address_range.hh"

#include <gtest/gtest.h>

#include <limits>

#include "config/gateway.hh"
#include "config/target.hh"

namespace synfin::app {
namespace {

std::string why(std::string_view text) {
    return AddressRange::parse(text).error;
}

TEST(AddressRange, OneAddressOrMany) {
    const auto one = AddressRange::parse("10.0.0.1/24");
    ASSERT_TRUE(one);
    EXPECT_EQ(one.value->size(), 1u);
    EXPECT_EQ(one.value->text(), "10.0.0.1/24");
    const auto many = AddressRange::parse("10.0.1.1-10.0.4.254/16");
    ASSERT_TRUE(many);
    EXPECT_EQ(many.value->size(), 3u * 256 + 254);
    EXPECT_EQ(many.value->text(), "10.0.1.1-10.0.4.254/16");
    const auto six = AddressRange::parse("2001:DB8:0:0::1-2001:db8::ff/64");
    ASSERT_TRUE(six);
    EXPECT_EQ(six.value->size(), 255u);
    EXPECT_EQ(six.value->text(), "2001:db8::1-2001:db8::ff/64") << "RFC 5952";
    EXPECT_TRUE(AddressRange::parse("::1:2/0"));
    EXPECT_TRUE(AddressRange::parse("2001:db8::1/128"));
}

TEST(AddressRange, ExpandsInOrder) {
    const auto all = each_address({*AddressRange::parse("10.0.0.254-10.0.1.1/16").value,
                                   *AddressRange::parse("2001:db8::ffff:ffff-2001:db8::1:0:0/64").value});
    ASSERT_EQ(all.size(), 6u);
    EXPECT_EQ(all[0].text(), "10.0.0.254/16");
    EXPECT_EQ(all[2].text(), "10.0.1.0/16");
    EXPECT_EQ(all[3].text(), "10.0.1.1/16");
    EXPECT_EQ(all[4].text(), "2001:db8::ffff:ffff/64");
    EXPECT_EQ(all[5].text(), "2001:db8::1:0:0/64");
}

TEST(AddressRange, FamiliesAreCounted) {
    const std::vector<AddressRange> both = {*AddressRange::parse("10.0.0.1-10.0.0.3/24").value,
                                            *AddressRange::parse("2001:db8::1/64").value};
    EXPECT_EQ(count_addresses(both, IpAddress::Family::v4), 3u);
    EXPECT_EQ(count_addresses(both, IpAddress::Family::v6), 1u);
    EXPECT_TRUE(both[0].contains(*Ipv4::parse("10.0.0.2")));
    EXPECT_FALSE(both[0].contains(*Ipv4::parse("10.0.0.4")));
    EXPECT_FALSE(both[0].contains(*Ipv6::parse("2001:db8::1")));
    EXPECT_FALSE(both[0].overlaps(both[1]));
    EXPECT_TRUE(both[0].overlaps(*AddressRange::parse("10.0.0.3-10.0.0.9/24").value));
}

TEST(AddressRange, EveryRefusalSaysWhatToWrite) {
    EXPECT_EQ(why("10.0.0.2"), "expected an address with its prefix such as 10.0.0.1/24, found '10.0.0.2'");
    EXPECT_EQ(why("2001:db8::2"),
              "expected an address with its prefix such as 2001:db8::1/64, found '2001:db8::2'");
    EXPECT_EQ(why("2001:db8::2/129"),
              "expected a prefix of 0 to 128 bits such as 2001:db8::1/64, found '2001:db8::2/129'");
    EXPECT_EQ(why("10.0.0.1/33"),
              "expected a prefix of 0 to 32 bits such as 10.0.0.1/24, found '10.0.0.1/33'");
    EXPECT_EQ(why("[2001:db8::2]/64"), "expected an address without brackets, found '[2001:db8::2]/64'");
    EXPECT_EQ(why("2001:db8::2%eth0/64"),
              "expected 2001:db8::2 without a zone: only link-local addresses (fe80::/10) have one, found "
              "'2001:db8::2%eth0/64'");
    EXPECT_EQ(why("fe80::2%eth0/64"),
              "expected fe80::2 without a zone: --device names the link, found 'fe80::2%eth0/64'");
    EXPECT_EQ(why("::ffff:10.0.0.1/96"),
              "expected the IPv4 address itself: 10.0.0.1, found '::ffff:10.0.0.1/96'");
    EXPECT_EQ(why("2001:db8:::1/64"),
              "expected an address such as 10.0.0.1 or 2001:db8::1, found '2001:db8:::1/64'");
    EXPECT_NE(why("10.0.0.1-2001:db8::1/64").find("two addresses of one family"), std::string::npos);
    EXPECT_NE(why("10.0.0.1-10.0.1.1/24").find("inside the network of its prefix"), std::string::npos);
    EXPECT_NE(why("10.0.0.9-10.0.0.1/24").find("from the lower address to the higher"), std::string::npos);
    EXPECT_EQ(why("10.0.0.0-10.15.255.255/8"), "") << "as many as may be";
    EXPECT_NE(why("10.0.0.0-10.16.0.0/8").find("at most 1048576 addresses"), std::string::npos);
    EXPECT_NE(why("2001:db8::-2001:db8:0:1::/32").find("at most 1048576 addresses"), std::string::npos);
    EXPECT_NE(why("2001:db8::-2001:db8::ffff:ffff:ffff:ffff/32").find("at most"), std::string::npos);
}

TEST(Gateway, OfBothFamilies) {
    for (const char* text : {"10.0.0.254", "2001:db8::ff", "fe80::1", "fe80::1%eth1", "auto",
                             "2001:db8::ff@02:00:00:00:00:01", "fe80::1%eth1@02:00:00:00:00:01"}) {
        const auto gateway = Gateway::parse(text);
        ASSERT_TRUE(gateway) << text;
        EXPECT_EQ(gateway.value->text(), text);
    }
    EXPECT_EQ(Gateway::parse("fe80::1%eth1").value->addr().text(), "fe80::1") << "the zone is not part of it";
    EXPECT_EQ(Gateway::parse("auto").value->family(), IpAddress::Family::v6);
    for (const char* text : {"ff02::2", "::", "::1", "224.0.0.1", "255.255.255.255", "127.0.0.1"})
        EXPECT_NE(Gateway::parse(text).error.find("a router's unicast address"), std::string::npos) << text;
    EXPECT_NE(Gateway::parse("2001:db8::1%eth0").error.find("only link-local addresses"), std::string::npos);
    EXPECT_NE(Gateway::parse("fe80::1%").error.find("the name of the device after '%'"), std::string::npos);
    EXPECT_NE(Gateway::parse("atuo").error.find("or auto"), std::string::npos);
    EXPECT_NE(Gateway::parse("2001:db8::1@").error.find("MAC address"), std::string::npos);
}

std::string refused(std::string_view text) {
    return Target::parse(text).error;
}

TEST(Target, Ipv6InBrackets) {
    const auto target = Target::parse("http://[2001:DB8:0::1]:8080/a?b");
    ASSERT_TRUE(target) << target.error;
    EXPECT_EQ(target.value->peer.text(), "[2001:db8::1]:8080");
    EXPECT_EQ(target.value->host, "[2001:db8::1]") << "as the Host field has it";
    EXPECT_EQ(target.value->path, "/a?b");
    EXPECT_EQ(target.value->text(), "http://[2001:db8::1]:8080/a?b");
    EXPECT_TRUE(target.value->is_resolved());
    EXPECT_EQ(Target::parse("[2001:db8::1]").value->peer.port, 80);
    EXPECT_EQ(Target::parse("[2001:db8::1]/x").value->path, "/x");
    EXPECT_EQ(Target::parse("tcp://[2001:db8::1]:7").value->text(), "tcp://[2001:db8::1]:7");
    EXPECT_FALSE(Target::parse("www.example.org").value->is_resolved());
}

TEST(Target, AZoneIsReadAndNotSent) {
    for (const char* text : {"http://[fe80::1%eth1]:80/", "http://[fe80::1%25eth1]:80/"}) {
        const auto target = Target::parse(text);
        ASSERT_TRUE(target) << target.error;
        EXPECT_EQ(target.value->zone, "eth1");
        EXPECT_EQ(target.value->host, "[fe80::1]");
        EXPECT_EQ(target.value->peer.addr.text(), "fe80::1");
        EXPECT_EQ(target.value->text(), "http://[fe80::1%eth1]:80/");
        EXPECT_EQ(Target::parse(target.value->text()).value->zone, "eth1") << "it reads back";
    }
    EXPECT_NE(refused("[2001:db8::1%eth0]").find("only link-local addresses"), std::string::npos);
}

TEST(Target, WithoutBracketsTheErrorWritesThem) {
    EXPECT_EQ(refused("2001:db8::1:80"),
              "expected an IPv6 address in brackets: [2001:db8::1]:80, or [2001:db8::1:80] for the address "
              "alone, found "
              "'2001:db8::1:80'");
    EXPECT_EQ(refused("2001:db8::1"),
              "expected an IPv6 address in brackets: [2001:db8::1], found '2001:db8::1'");
    EXPECT_EQ(refused("2001:db8::abcd"),
              "expected an IPv6 address in brackets: [2001:db8::abcd], found '2001:db8::abcd'");
    EXPECT_EQ(refused("tcp://1:2:3:4:5:6:7:8:9"),
              "expected an IPv6 address in brackets: [1:2:3:4:5:6:7:8]:9, found 'tcp://1:2:3:4:5:6:7:8:9'");
    EXPECT_NE(refused("10.0.0.1:80:90").find("such as [2001:db8::1]:80"), std::string::npos);
}

TEST(Target, OtherWrongForms) {
    EXPECT_NE(refused("[2001:db8::1").find("a closing bracket"), std::string::npos);
    EXPECT_NE(refused("[2001:db8::1]80").find("a port or a path after the bracket"), std::string::npos);
    EXPECT_NE(refused("[2001:db8::1]:").find("a port 1..65535"), std::string::npos);
    EXPECT_NE(refused("[10.0.0.1]:80").find("an IPv4 address without brackets"), std::string::npos);
    EXPECT_NE(refused("[ff02::1]").find("a unicast address"), std::string::npos);
    EXPECT_NE(refused("[::]").find("a unicast address"), std::string::npos);
    EXPECT_NE(refused("0.0.0.0").find("a unicast address"), std::string::npos);
    EXPECT_NE(refused("[::ffff:10.0.0.1]").find("the IPv4 address itself: 10.0.0.1"), std::string::npos);
    EXPECT_NE(refused("[name]").find("an address such as"), std::string::npos);
    EXPECT_NE(refused("http://").find("a host"), std::string::npos);
}

}  // namespace
}  // namespace synfin::app
