/// ICMPv6 parameter problems that an engine sends (RFC 8200 4, RFC 4443 2.4).

#include <gtest/gtest.h>

#include "fakes/packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

using namespace fakes;  // NOLINT(google-build-using-namespace)

const IpAddress kUs = host(1, Family::v6), kPeer = host(2, Family::v6);

VirtualStack stack() {
    VirtualConfig config{.address = on_net(kUs)};
    config.stack.seed = 1;
    config.stack.addresses = {on_net(host(1, Family::v4))};
    return VirtualStack(config);
}

/// A datagram, which we do not take.
std::vector<uint8_t> datagram(const IpAddress& from = kPeer) {
    Packet p;
    p.src = from, p.dst = kUs;
    auto bytes = build(p);
    bytes[6] = 17;
    return bytes;
}

uint64_t dropped(const VirtualStack& of, DropReason reason) {
    return of.stack().counters()[reason];
}

TEST(ParameterProblem, IsSentToTheSender) {
    VirtualStack us = stack();
    const auto packet = datagram();
    us.input(packet);
    const auto bytes = us.output();
    ASSERT_TRUE(bytes);
    std::string complaint;
    const Packet answer = parse(*bytes, complaint);
    EXPECT_EQ(complaint, "");
    EXPECT_EQ(answer.src, kUs);
    EXPECT_EQ(answer.dst, kPeer);
    EXPECT_EQ(answer.protocol, kIcmp6);
    const Bytes icmp = icmp6_of(answer);
    const std::vector<uint8_t> expected{4, 1, icmp[2], icmp[3], 0, 0, 0, 6};
    EXPECT_EQ(std::vector<uint8_t>(icmp.begin(), icmp.begin() + 8), expected);
    EXPECT_EQ(std::vector<uint8_t>(icmp.begin() + 8, icmp.end()), packet);
    EXPECT_FALSE(us.output());
    EXPECT_EQ(dropped(us, DropReason::bad_protocol), 1u);
    EXPECT_EQ(us.stack().counters()[Counter::icmp_problems_sent], 1u);
}

TEST(ParameterProblem, HasALimitForEachSecond) {
    VirtualStack us = stack();
    const auto flood = [&] {
        int answers = 0;
        for (uint32_t i = 0; i < 500; ++i) {
            us.input(datagram(host(2 + i, Family::v6)));
            while (us.output()) ++answers;
        }
        return answers;
    };
    EXPECT_EQ(flood(), 100);
    EXPECT_EQ(dropped(us, DropReason::icmp_rate_limited), 400u);
    EXPECT_EQ(dropped(us, DropReason::bad_protocol), 500u);
    EXPECT_EQ(flood(), 0);
    us.advance(us.now() + 1s);
    EXPECT_EQ(flood(), 100);
}

TEST(ParameterProblem, IsOfIpv6Alone) {
    VirtualStack us = stack();
    Packet p;
    p.src = host(2, Family::v4), p.dst = host(1, Family::v4);
    p.protocol = 17;
    us.input(build(p));
    EXPECT_FALSE(us.output());
    EXPECT_EQ(dropped(us, DropReason::bad_protocol), 1u);
}

}  // namespace
}  // namespace synfin
