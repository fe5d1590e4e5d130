/// The IPv6 header, its extension headers as a quote has them, and checksums with its pseudo-header. What
/// read_extensions() accepts is tested through net::FrameIn (tests/unit/net/frame_in6_test.cc).

#include "wire/ipv6.hh"

#include <gtest/gtest.h>

#include "base/random.hh"
#include "hex.hh"
#include "wire/icmpv6.hh"
#include "wire/ipv6_extensions.hh"

namespace synfin::wire {
namespace {

// An echo request between the addresses below; its checksum was computed outside this program.
const std::string kEcho = "8000 3d41 1234 0001 0102 0304";
const std::string kHeader =
    "6a5 bcdef 000c 3a 40 20010db8000000000000000000000001 fe800000000000000000000000000002";

TEST(Ipv6, EveryField) {
    const auto bytes = hex(kHeader + kEcho + "ee");  // an octet of padding
    Ipv6Header ip;
    ASSERT_EQ(parse_ipv6(bytes, ip), Ipv6Check::ok);
    EXPECT_EQ(ip.traffic_class, 0xa5);
    EXPECT_EQ(ip.flow_label, 0xbcdefu);
    EXPECT_EQ(ip.payload_length, 12);
    EXPECT_EQ(ip.next_header, 58);
    EXPECT_EQ(ip.hop_limit, 64);
    EXPECT_EQ(ip.source, Ipv6::parse("2001:db8::1"));
    EXPECT_EQ(ip.destination, Ipv6::parse("fe80::2"));
    std::vector<uint8_t> written(40, 0xee);
    write_ipv6(written.data(), ip);
    EXPECT_EQ(written, hex(kHeader));
}

TEST(Ipv6, WhatIsRefused) {
    const auto whole = hex(kHeader + kEcho);
    Ipv6Header ip;
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(
            parse_ipv6(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size)), ip),
            size < 40 ? Ipv6Check::runt : Ipv6Check::bad_header)
            << size;
    for (uint32_t version = 0; version < 16; ++version) {
        auto bytes = whole;
        bytes[0] = static_cast<uint8_t>(version << 4);
        EXPECT_EQ(parse_ipv6(bytes, ip), version == 6 ? Ipv6Check::ok : Ipv6Check::bad_header);
    }
}

TEST(Ipv6, UpperLayers) {
    const auto find = [](std::string_view next, std::string_view rest) {
        return find_upper_layer(
            hex("60000000 0000 " + std::string(next) + " 40" + std::string(64, '0') + std::string(rest)));
    };
    const auto is = [](const std::optional<UpperLayer>& upper, uint8_t protocol, uint32_t at) {
        return upper && upper->protocol == protocol && upper->at == at;
    };
    EXPECT_TRUE(is(find("06", ""), 6, 40));
    EXPECT_TRUE(is(find("33", "00"), 51, 40)) << "an authentication header is not looked behind";
    EXPECT_TRUE(is(find("00", "2b00000000000000 3c00000000000000 0600000000000000"), 6, 64));
    EXPECT_TRUE(is(find("2c", "06ff000100000000 00"), 6, 48)) << "its reserved octet is no length";
    EXPECT_FALSE(find("2c", "0600000800000000 00"));
    EXPECT_FALSE(find("00", "06000000000000"));
    EXPECT_FALSE(find("00", "0601000000000000 00000000000000"));
    EXPECT_TRUE(is(find("00", "0601000000000000 0000000000000000"), 6, 56));
}

TEST(Checksum6, IsThatOfAllOctetsOneByOne) {
    Random random(3);
    for (size_t size = 8; size < 300; ++size) {
        Ipv6 from, to;
        for (auto& octet : from.octets) octet = static_cast<uint8_t>(random.next());
        for (auto& octet : to.octets) octet = static_cast<uint8_t>(random.next());
        std::vector<uint8_t> message(size);
        for (auto& octet : message) octet = static_cast<uint8_t>(random.next());
        for (const uint8_t protocol : {kProtocolTcp, kProtocolIcmp6}) {
            const size_t at = protocol == kProtocolTcp ? 16 : 2;
            if (size < at + 2) continue;
            store_be16(&message[at], 0);
            uint32_t sum = static_cast<uint32_t>(size) + protocol;
            for (size_t i = 0; i < 16; ++i)
                sum += (uint32_t{from.octets[i]} + to.octets[i]) << (i % 2 == 0 ? 8 : 0);
            for (size_t i = 0; i < size; ++i) sum += uint32_t{message[i]} << (i % 2 == 0 ? 8 : 0);
            while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
            const uint16_t checksum = protocol == kProtocolTcp ? tcp_checksum(from, to, message)
                                                               : icmp6_checksum(from, to, message);
            ASSERT_EQ(checksum, static_cast<uint16_t>(~sum)) << size;
            store_be16(&message[at], checksum);
            const auto ok = [&] {
                if (protocol == kProtocolIcmp6) return icmp6_checksum_ok(from, to, message);
                std::vector<uint8_t> packet(from.octets.begin(), from.octets.end());
                packet.insert(packet.end(), to.octets.begin(), to.octets.end());
                packet.insert(packet.end(), message.begin(), message.end());
                const bool is_ok = tcp_checksum_ok(from, to, message);
                EXPECT_EQ(tcp_checksum6_ok(packet.data(), static_cast<uint32_t>(size)), is_ok) << size;
                return is_ok;
            };
            EXPECT_TRUE(ok()) << size;
            const size_t wrong = random.below(static_cast<uint32_t>(size));
            message[wrong] ^= static_cast<uint8_t>(1u << random.below(8));
            EXPECT_FALSE(ok()) << size;
        }
    }
}

TEST(Checksum6, OfAKnownMessage) {
    const Ipv6 from = *Ipv6::parse("2001:db8::1"), to = *Ipv6::parse("fe80::2");
    EXPECT_TRUE(icmp6_checksum_ok(from, to, hex(kEcho)));
    EXPECT_FALSE(icmp6_checksum_ok(from, from, hex(kEcho)));
}

TEST(Checksum6, OfTooLittle) {
    EXPECT_FALSE(icmp6_checksum_ok({}, {}, {}));
    std::vector<uint8_t> message(7);
    store_be16(&message[2], icmp6_checksum({}, {}, message));
    EXPECT_FALSE(icmp6_checksum_ok({}, {}, message));
}

}  // namespace
}  // namespace synfin::wire
