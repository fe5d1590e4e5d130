/// Addresses and gateways that are refused before a device is opened, and those that are not.
#include "api/address_check.hh"

#include <gtest/gtest.h>

namespace synfin {
namespace {

StackConfig of(std::initializer_list<const char*> addresses, const char* gateway6 = nullptr) {
    StackConfig config;
    for (const char* each : addresses) config.addresses.push_back(Cidr::parse(each).value());
    if (gateway6 != nullptr) config.gateway6 = Ipv6::parse(gateway6);
    return config;
}

/// The refusal's sentence; empty if there is none.
std::string said(const StackConfig& config) {
    Refusal refusal;
    if (check_addresses(config, refusal)) return {};
    EXPECT_EQ(refusal.error, Error::invalid);
    return refusal.why;
}

TEST(AddressCheck, TakesUnicastAddressesOfBothFamilies) {
    EXPECT_EQ(said(of({"10.0.0.1/24"})), "");
    EXPECT_EQ(said(of({"10.0.0.1/24", "2001:db8::1/64", "fe80::1/10", "fd00::1", "::/0"})),
              "address ::/0 is the unspecified address; give a unicast address");
    EXPECT_EQ(said(of({"10.0.0.1/24", "2001:db8::1/64", "fe80::1/10", "fd00::1", "::2/0"})), "");
}

TEST(AddressCheck, RefusesAddressesThatNoHostHas) {
    EXPECT_EQ(said(of({"::1"})), "address ::1/128 is the loopback address; give a unicast address");
    EXPECT_EQ(said(of({"2001:db8::1/64", "ff02::1"})),
              "address ff02::1/128 is a multicast address; give a unicast address");
    EXPECT_EQ(said(of({"::ffff:10.0.0.1"})).find("address ::ffff:10.0.0.1/128 is an IPv4-mapped address"),
              0u);
}

TEST(AddressCheck, RefusesPrefixesThatAreLongerThanTheAddress) {
    StackConfig config;
    config.addresses = {{Ipv4{0x0a000001}, 33}};
    EXPECT_NE(said(config).find("give 0 to 32 bits"), std::string::npos) << said(config);
    config.addresses = {{*Ipv6::parse("2001:db8::1"), 129}};
    EXPECT_NE(said(config).find("give 0 to 128 bits"), std::string::npos) << said(config);
    config.addresses = {{*Ipv6::parse("2001:db8::1"), 128}};
    EXPECT_EQ(said(config), "");
}

TEST(AddressCheck, RefusesAnMtuThatIpv6CannotHave) {
    StackConfig config = of({"10.0.0.1/24"});
    config.mtu = 1279;
    EXPECT_EQ(said(config), "") << "IPv4 can";
    config.addresses.push_back(Cidr::parse("2001:db8::1/64").value());
    EXPECT_NE(said(config).find("IPv6 needs at least 1280"), std::string::npos) << said(config);
    config.mtu = 1280;
    EXPECT_EQ(said(config), "");
}

TEST(AddressCheck, GatewayIsReachableAndARoutersOwn) {
    EXPECT_EQ(said(of({"2001:db8::1/64"}, "2001:db8::fe")), "");
    EXPECT_EQ(said(of({"2001:db8::1/64"}, "fe80::1")), "");
    EXPECT_NE(said(of({"2001:db8::1/64"}, "2001:db8:0:1::fe")).find("in the network of none"),
              std::string::npos);
    EXPECT_NE(said(of({"2001:db8::1/64"}, "2001:db8::1")).find("one of our own"), std::string::npos);
    EXPECT_NE(said(of({"10.0.0.1/24"}, "fe80::1")).find("without an IPv6 address"), std::string::npos);
    for (const char* unfit : {"::", "::1", "ff02::2", "::ffff:10.0.0.254"})
        EXPECT_NE(said(of({"2001:db8::1/0"}, unfit)).find("give the router's own address"), std::string::npos)
            << unfit;
}

}  // namespace
}  // namespace synfin
