#include "wire/arp.hh"

#include <gtest/gtest.h>

#include "hex.hh"

namespace synfin::wire {
namespace {

const std::vector<uint8_t> kRequest = hex("0001 0800 06 04 0001 02000000000a 0a000001 000000000000 0a000002");

TEST(Arp, Request) {
    ArpPacket arp;
    ASSERT_TRUE(parse_arp(kRequest, arp));
    EXPECT_EQ(arp.operation, kArpRequest);
    EXPECT_EQ(arp.sender_mac, Mac::parse("02:00:00:00:00:0a"));
    EXPECT_EQ(arp.sender_ip, Ipv4::parse("10.0.0.1"));
    EXPECT_EQ(arp.target_mac, Mac{});
    EXPECT_EQ(arp.target_ip, Ipv4::parse("10.0.0.2"));
}

TEST(Arp, PaddingIsAllowedAndOtherOperationsAreHandedOut) {
    auto packet = kRequest;
    packet.resize(46);
    store_be16(packet.data() + 6, 9);
    ArpPacket arp;
    ASSERT_TRUE(parse_arp(packet, arp));
    EXPECT_EQ(arp.operation, 9);
}

TEST(Arp, EveryShorterPacketIsRefused) {
    ArpPacket arp;
    for (size_t n = 0; n < kArpBytes; ++n) EXPECT_FALSE(parse_arp(Bytes(kRequest).first(n), arp)) << n;
}

TEST(Arp, OtherPairingsAreRefused) {
    for (size_t at : {0u, 1u, 2u, 3u, 4u, 5u}) {
        auto packet = kRequest;
        packet[at] ^= 0x10;
        ArpPacket arp;
        EXPECT_FALSE(parse_arp(packet, arp)) << "byte " << at;
    }
}

TEST(Arp, WrittenAsParsed) {
    const auto reply = hex("0001 0800 06 04 0002 06b1b2b3b4b5 c0a80001 020304050607 c0a800fe");
    ArpPacket arp;
    ASSERT_TRUE(parse_arp(reply, arp));
    EXPECT_EQ(arp.operation, kArpReply);
    std::vector<uint8_t> out(kArpBytes);
    write_arp(out.data(), arp);
    EXPECT_EQ(out, reply);
}

}  // namespace
}  // namespace synfin::wire
