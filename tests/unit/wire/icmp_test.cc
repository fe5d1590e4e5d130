#include "wire/icmp.hh"

#include <gtest/gtest.h>

#include "base/random.hh"
#include "hex.hh"

namespace synfin::wire {
namespace {

std::vector<uint8_t> echo_request(std::vector<uint8_t> data) {
    auto icmp = hex("0800 0000 1234 0007");
    icmp.insert(icmp.end(), data.begin(), data.end());
    store_be16(icmp.data() + 2, internet_checksum(icmp));
    return icmp;
}

// "Port unreachable" that Linux sent for a UDP datagram.
const std::vector<uint8_t> kLinuxError =
    hex("0303 001b 00000000 45000026 89f74000 4011b2cd 7f000001 7f000001 a4460009 0012fe25"
        "78787878 78787878 7878");

// The same kind of message about a TCP segment, with as little quoted as RFC 792 demands.
const std::vector<uint8_t> kTcpError =
    hex("0304 0000 0000 0578 45000578 00004000 40060000 0a000001 0a000002 0fa0 0050 01020304");

TEST(Icmp, ChecksumOfLinux) {
    EXPECT_TRUE(icmp_checksum_ok(kLinuxError));
    for (size_t bit = 0; bit < kLinuxError.size() * 8; ++bit) {
        auto icmp = kLinuxError;
        icmp[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        EXPECT_FALSE(icmp_checksum_ok(icmp)) << "bit " << bit;
    }
    EXPECT_FALSE(icmp_checksum_ok(hex("0000 ffff"))) << "a right sum of too little";
}

TEST(Icmp, EchoIsRecognised) {
    auto icmp = echo_request({});
    EXPECT_TRUE(is_echo_request(icmp));
    EXPECT_FALSE(is_echo_reply(icmp));
    EXPECT_FALSE(is_echo_request(Bytes(icmp).first(7)));
    icmp[0] = 0;
    EXPECT_TRUE(is_echo_reply(icmp));
    EXPECT_FALSE(is_echo_reply(Bytes(icmp).first(7)));
    icmp[1] = 1;
    EXPECT_FALSE(is_echo_reply(icmp));
}

TEST(Icmp, ReplyHasTheDataAndARightChecksum) {
    Random random(6);
    for (size_t size = 0; size < 100; ++size) {
        std::vector<uint8_t> data(size);
        for (auto& byte : data) byte = static_cast<uint8_t>(random.next());
        const auto request = echo_request(data);
        auto reply = request;
        ASSERT_TRUE(turn_echo_request_into_reply(reply));
        EXPECT_TRUE(is_echo_reply(reply));
        EXPECT_TRUE(icmp_checksum_ok(reply));
        EXPECT_TRUE(std::equal(request.begin() + 4, request.end(), reply.begin() + 4));
    }
}

TEST(Icmp, AReplyOfZerosAloneHasARightChecksum) {
    auto icmp = hex("0800 f7ff 0000 0000");
    ASSERT_TRUE(icmp_checksum_ok(icmp));
    ASSERT_TRUE(turn_echo_request_into_reply(icmp));
    EXPECT_EQ(icmp, hex("0000 ffff 0000 0000"));
    icmp = hex("0800 0000 f7ff 0000");  // the other way to a sum without a rest
    ASSERT_TRUE(icmp_checksum_ok(icmp));
    ASSERT_TRUE(turn_echo_request_into_reply(icmp));
    EXPECT_TRUE(icmp_checksum_ok(icmp));
}

TEST(Icmp, AWrongChecksumStaysWrong) {
    auto icmp = echo_request({1, 2, 3});
    icmp[9] ^= 4;
    ASSERT_TRUE(turn_echo_request_into_reply(icmp));
    EXPECT_FALSE(icmp_checksum_ok(icmp));
}

TEST(Icmp, OnlyEchoRequestsAreAnswered) {
    auto icmp = echo_request({1});
    EXPECT_FALSE(turn_echo_request_into_reply(MutableBytes(icmp).first(7)));
    for (const uint16_t head : std::initializer_list<uint16_t>{0x0000, 0x0801, 0x0300,
                                                               0x0d00}) {  // reply, code 1, error, timestamp
        store_be16(icmp.data(), head);
        const auto before = icmp;
        EXPECT_FALSE(turn_echo_request_into_reply(icmp)) << head;
        EXPECT_EQ(icmp, before);
    }
}

TEST(Icmp, ErrorAboutTcp) {
    IcmpError error;
    ASSERT_TRUE(parse_icmp_error(kTcpError, error));
    EXPECT_EQ(error.type, kIcmpUnreachable);
    EXPECT_EQ(error.code, kIcmpFragmentationNeeded);
    EXPECT_EQ(error.next_hop_mtu, 1400);
    EXPECT_EQ(error.quoted_source, Ipv4::parse("10.0.0.1"));
    EXPECT_EQ(error.quoted_destination, Ipv4::parse("10.0.0.2"));
    EXPECT_EQ(error.quoted_total_length, 1400);
    EXPECT_TRUE(error.quoted_tcp);
    EXPECT_EQ(error.quoted_source_port, 4000);
    EXPECT_EQ(error.quoted_destination_port, 80);
    EXPECT_EQ(error.quoted_seq, 0x01020304u);
}

TEST(Icmp, ErrorAboutUdpHasNoTcpFields) {
    IcmpError error;
    error.quoted_seq = 99;
    ASSERT_TRUE(parse_icmp_error(kLinuxError, error));
    EXPECT_EQ(error.code, kIcmpPortUnreachable);
    EXPECT_FALSE(error.quoted_tcp);
    EXPECT_EQ(error.quoted_source_port, 0);
    EXPECT_EQ(error.quoted_seq, 0u);
    EXPECT_EQ(error.quoted_source, Ipv4::parse("127.0.0.1"));
}

TEST(Icmp, OnlyFragmentationNeededHasAnMtu) {
    auto icmp = kTcpError;
    icmp[1] = kIcmpPortUnreachable;
    IcmpError error;
    ASSERT_TRUE(parse_icmp_error(icmp, error));
    EXPECT_EQ(error.next_hop_mtu, 0);
    icmp[0] = kIcmpTimeExceeded;
    icmp[1] = 4;
    ASSERT_TRUE(parse_icmp_error(icmp, error));
    EXPECT_EQ(error.next_hop_mtu, 0);
}

TEST(Icmp, ErrorTypes) {
    for (int type = 0; type < 256; ++type) {
        auto icmp = kTcpError;
        icmp[0] = static_cast<uint8_t>(type);
        IcmpError error;
        EXPECT_EQ(parse_icmp_error(icmp, error), type == 3 || type == 4 || type == 11 || type == 12) << type;
    }
}

TEST(Icmp, QuotesThatAreTooShortOrNoIpv4AreRefused) {
    IcmpError error;
    for (size_t n = 0; n < kTcpError.size(); ++n) {
        const auto cut = std::vector<uint8_t>(kTcpError.begin(), kTcpError.begin() + n);
        EXPECT_FALSE(parse_icmp_error(cut, error)) << n;
    }
    for (const uint8_t first : std::initializer_list<uint8_t>{0x55, 0x65, 0x05, 0x44, 0x40, 0x46, 0x4f}) {
        auto icmp = kTcpError;
        icmp[8] = first;
        EXPECT_FALSE(parse_icmp_error(icmp, error)) << int{first};
    }
}

TEST(Icmp, OptionsInTheQuoteAreSteppedOver) {
    auto icmp = kTcpError;
    icmp[8] = 0x46;
    icmp.insert(icmp.begin() + 28, 4, uint8_t{1});
    IcmpError error;
    ASSERT_TRUE(parse_icmp_error(icmp, error));
    EXPECT_EQ(error.quoted_source_port, 4000);
    EXPECT_EQ(error.quoted_seq, 0x01020304u);
}

TEST(Icmp, ALaterFragmentHasNoTcpHeader) {
    auto icmp = kTcpError;
    store_be16(icmp.data() + 14, 0x2000);  // the first fragment
    IcmpError error;
    ASSERT_TRUE(parse_icmp_error(icmp, error));
    EXPECT_TRUE(error.quoted_tcp);
    store_be16(icmp.data() + 14, 0x0001);
    ASSERT_TRUE(parse_icmp_error(icmp, error));
    EXPECT_FALSE(error.quoted_tcp);
}

}  // namespace
}  // namespace synfin::wire
