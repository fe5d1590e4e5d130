/// The results of calls with an IPv6 address, as long as only IPv4 is built.

#include <gtest/gtest.h>

#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

const IpAddress kSix = *IpAddress::parse("2001:db8::2"), kOurSix = *IpAddress::parse("2001:db8::1");

struct Families : testing::Test {
    static VirtualConfig config() {
        VirtualConfig out{.address = *Cidr::parse("10.0.0.1/24")};
        out.stack.addresses = {*Cidr::parse("2001:db8::1/64"), *Cidr::parse("10.0.0.3/24")};
        out.stack.max_connections = out.stack.max_half_open = out.stack.max_time_wait = 16;
        out.stack.seed = 1;
        return out;
    }
    VirtualStack stack{config()};
};

TEST_F(Families, CallsThatAreGivenIpv6RefuseAndLoseNothing) {
    EXPECT_EQ(stack.listen(80, kOurSix).error(), Error::not_supported);
    EXPECT_EQ(stack.unlisten(80, kOurSix).error(), Error::not_supported);
    EXPECT_EQ(stack.connect({kSix, 80}).error(), Error::not_supported);
    EXPECT_EQ(stack.connect({Ipv4{0x0a000002}, 80}, {.source = kOurSix}).error(), Error::not_supported);
    EXPECT_EQ(stack.stack().reach(kSix), Reach::no_route);
    EXPECT_EQ(stack.output(), std::nullopt);
    EXPECT_FALSE(stack.stack().records().any());
}

TEST_F(Families, AnIpv6AddressInTheListLeavesIpv4AsItIs) {
    EXPECT_TRUE(stack.listen(80, *Ipv4::parse("10.0.0.3")));
    EXPECT_TRUE(stack.listen(80));
    const auto c = stack.connect({*Ipv4::parse("10.0.0.2"), 80}, {.source = *IpAddress::parse("10.0.0.3")});
    ASSERT_TRUE(c);
    EXPECT_EQ(c->local()->addr.text(), "10.0.0.3");
    EXPECT_EQ(c->peer()->text(), "10.0.0.2:80");
    stack.stack().unlisten_all();
    EXPECT_TRUE(stack.listen(80));
}

}  // namespace
}  // namespace synfin
