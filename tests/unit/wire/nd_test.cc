#include "wire/nd.hh"

#include <gtest/gtest.h>

#include "hex.hh"

namespace synfin::wire {
namespace {

const Ipv6 kTarget = *Ipv6::parse("2001:db8::2");
const Mac kMac{{2, 0, 0, 0, 0, 2}};

std::vector<uint8_t> written(const NdMessage& message) {
    std::vector<uint8_t> out(kMostNdBytes);
    out.resize(write_nd(out.data(), message));
    return out;
}
bool is_parsed(const std::vector<uint8_t>& bytes) {
    NdMessage out;
    return parse_nd(bytes, out);
}
/// The message with more bytes behind it.
std::vector<uint8_t> with(std::vector<uint8_t> message, std::string_view options) {
    const auto more = hex(options);
    message.insert(message.end(), more.begin(), more.end());
    return message;
}
std::vector<uint8_t> solicitation() {
    NdMessage out;
    out.type = kNdNeighbourSolicitation;
    out.target = kTarget;
    return written(out);
}

TEST(Nd, ASolicitationOfLinux) {
    const auto bytes = hex("87 00 12 34 00000000 20010db8000000000000000000000002 01 01 020000000009");
    NdMessage out;
    ASSERT_TRUE(parse_nd(bytes, out));
    EXPECT_EQ(out.type, kNdNeighbourSolicitation);
    EXPECT_EQ(out.target, kTarget);
    EXPECT_EQ(out.source_link, (Mac{{2, 0, 0, 0, 0, 9}}));
    EXPECT_EQ(out.target_link, std::nullopt);
}

TEST(Nd, AnAdvertisementHasThreeFlags) {
    for (unsigned flags = 0; flags < 8; ++flags) {
        NdMessage in, out;
        in.type = kNdNeighbourAdvertisement;
        in.target = kTarget;
        in.target_link = kMac;
        in.router = (flags & 4) != 0;
        in.solicited = (flags & 2) != 0;
        in.overrides = (flags & 1) != 0;
        const auto bytes = written(in);
        EXPECT_EQ(bytes.size(), 32u);
        EXPECT_EQ(bytes[4], flags << 5);
        ASSERT_TRUE(parse_nd(bytes, out));
        EXPECT_EQ(out.router, in.router);
        EXPECT_EQ(out.solicited, in.solicited);
        EXPECT_EQ(out.overrides, in.overrides);
        EXPECT_EQ(out.target_link, kMac);
    }
}

TEST(Nd, ARouterAdvertisementOfRadvd) {
    const auto bytes =
        hex("86 00 0000 40 00 0708 00000000 00000000"
            "03 04 40 c0 00015180 00003840 00000000 20010db8000000000000000000000000"
            "05 01 0000 000005b0"
            "01 01 0200000000fe"
            "19 03 0000 00000384 20010db8000000000000000000000053");  // DNS server: unknown here
    NdMessage out;
    ASSERT_TRUE(parse_nd(bytes, out));
    EXPECT_EQ(out.router_lifetime_s, 1800);
    EXPECT_EQ(out.mtu, 1456u);
    EXPECT_EQ(out.source_link, (Mac{{2, 0, 0, 0, 0, 0xfe}}));
    ASSERT_EQ(out.prefix_count, 1u);
    EXPECT_EQ(out.prefixes[0], (NdPrefix{*Ipv6::parse("2001:db8::"), 64, true, 86'400}));
}

TEST(Nd, PrefixesBeyondSixteenAreCounted) {
    NdMessage in, out;
    in.type = kNdRouterAdvertisement;
    in.prefix_count = NdMessage::kMostPrefixes;
    for (uint32_t i = 0; i < in.prefix_count; ++i)
        in.prefixes[i] = {kTarget, static_cast<uint8_t>(i), i % 2 == 0, i};
    ASSERT_TRUE(parse_nd(written(in), out));
    EXPECT_EQ(out.prefixes, in.prefixes);
    EXPECT_EQ(out.prefixes_left_out, 0u);
    ASSERT_TRUE(parse_nd(with(written(in),
                              "0304 40c0 00000001 00000001 00000000 "
                              "20010db8000000000000000000000000"),
                         out));
    EXPECT_EQ(out.prefix_count, 16u);
    EXPECT_EQ(out.prefixes_left_out, 1u);
}

TEST(Nd, ARedirectHasTwoAddresses) {
    NdMessage in, out;
    in.type = kNdRedirect;
    in.target = kTarget;
    in.destination = *Ipv6::parse("2001:db8:1::1");
    ASSERT_TRUE(parse_nd(written(in), out));
    EXPECT_EQ(out.target, in.target);
    EXPECT_EQ(out.destination, in.destination);
}

TEST(Nd, EachTypeHasItsLeastLength) {
    for (const uint8_t type : {kNdRouterSolicitation, kNdRouterAdvertisement, kNdNeighbourSolicitation,
                               kNdNeighbourAdvertisement, kNdRedirect}) {
        NdMessage in;
        in.type = type;
        auto bytes = written(in);
        EXPECT_TRUE(is_parsed(bytes)) << int{type};
        bytes.pop_back();
        EXPECT_FALSE(is_parsed(bytes)) << int{type};
    }
    EXPECT_FALSE(is_parsed({}));
    EXPECT_FALSE(is_parsed(hex("80 00 0000 00000000")));
}

/// RFC 4861 7.1.1: code 0, no option of length 0.
TEST(Nd, MalformedMessagesAreRefused) {
    const auto good = solicitation();
    auto other_code = good;
    other_code[1] = 1;
    EXPECT_FALSE(is_parsed(other_code));
    EXPECT_FALSE(is_parsed(with(good, "0100 020000000009"))) << "length 0";
    EXPECT_FALSE(is_parsed(with(good, "0e00 000000000000"))) << "length 0 of an unknown option";
    EXPECT_FALSE(is_parsed(with(good, "0102 020000000009"))) << "past the end";
    EXPECT_FALSE(is_parsed(with(good, "01"))) << "half an option";
    EXPECT_FALSE(is_parsed(with(good, "0101 02000000"))) << "half an option";
    EXPECT_FALSE(is_parsed(with(good, "0101 010000000009"))) << "a group's MAC address";
    EXPECT_FALSE(is_parsed(with(good, "0102 020000000009 0000000000000000"))) << "not Ethernet";
    EXPECT_FALSE(is_parsed(with(good, "0502 0000 000005dc 0000000000000000"))) << "MTU of two units";
    EXPECT_FALSE(is_parsed(with(good, "0301 40c0 00000001"))) << "short prefix";
    EXPECT_FALSE(is_parsed(with(good,
                                "0304 81c0 00000001 00000001 00000000 "
                                "20010db8000000000000000000000000")))
        << "129 bits";
    EXPECT_TRUE(is_parsed(with(good, "0e01 112233445566 0101 020000000009"))) << "a nonce before it";
}

}  // namespace
}  // namespace synfin::wire
