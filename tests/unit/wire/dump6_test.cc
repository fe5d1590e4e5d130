/// IPv6 packets as text.

#include <gtest/gtest.h>

#include "hex.hh"
#include "wire/dump.hh"
#include "wire/ipv6.hh"

namespace synfin::wire {
namespace {

/// A packet from 2001:db8::1 to fe80::2 around the payload.
std::vector<uint8_t> packet(uint8_t next_header, std::string_view payload_hex) {
    const auto payload = hex(payload_hex);
    std::vector<uint8_t> bytes(40);
    Ipv6Header ip;
    ip.source = *Ipv6::parse("2001:db8::1");
    ip.destination = *Ipv6::parse("fe80::2");
    ip.payload_length = static_cast<uint16_t>(payload.size());
    ip.next_header = next_header;
    write_ipv6(bytes.data(), ip);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

std::string text(uint8_t next_header, std::string_view payload_hex) {
    return dump_packet(packet(next_header, payload_hex));
}

constexpr std::string_view kSegment = "0fa0 0050 fffffffe 00000002 5018 0100 0000 0000 aabbcc";
const std::string kSegmentText =
    "2001:db8::1.4000 > fe80::2.80: Flags [P.], seq 4294967294:1, ack 2, win 256, length 3";
const std::string kHead = "2001:db8::1 > fe80::2: ";

TEST(Dump6, Tcp) {
    EXPECT_EQ(text(6, kSegment), kSegmentText);
    EXPECT_EQ(text(6, "0fa0"), kHead + "TCP, bad header, length 2");
    const std::string options = "06 00 0104 00000000";
    EXPECT_EQ(text(60, options + std::string(kSegment)), "extension headers 8, " + kSegmentText);
}

TEST(Dump6, OtherProtocolsAndHeadersThatAreWrong) {
    EXPECT_EQ(text(17, "0000"), kHead + "protocol 17, length 2");
    EXPECT_EQ(text(59, ""), kHead + "protocol 59, length 0");
    EXPECT_EQ(text(44, "06 00 0008 00000001"), kHead + "later fragment or bad extension headers, length 8");
    EXPECT_EQ(text(60, "06"), kHead + "later fragment or bad extension headers, length 1");
    EXPECT_EQ(dump_packet(hex("6000")), "truncated IP6, length 2");
    auto bytes = packet(6, kSegment);
    bytes.pop_back();
    EXPECT_EQ(dump_packet(bytes), "bad IP6 header, length 62");
}

TEST(Dump6, Icmp) {
    EXPECT_EQ(text(58, "8000 0000 0001 0002 00"), kHead + "ICMP6, echo request, id 1, seq 2, length 9");
    EXPECT_EQ(text(58, "8100 0000 0001 0002"), kHead + "ICMP6, echo reply, id 1, seq 2, length 8");
    EXPECT_EQ(text(58, "8101 0000 0001 0002"), kHead + "ICMP6, type 129, code 1, length 8");
    EXPECT_EQ(text(58, "8100"), kHead + "ICMP6, truncated, length 2");
    const std::string quote =
        "60000000 0017 0640 20010db8000000000000000000000001 "
        "fe800000000000000000000000000002 0fa00050 00000009";
    const std::string of = ", of 2001:db8::1.4000 > fe80::2.80, seq 9, length 56";
    EXPECT_EQ(text(58, "0104 0000 00000000" + quote), kHead + "ICMP6, unreachable, code 4" + of);
    EXPECT_EQ(text(58, "0200 0000 00000514" + quote), kHead + "ICMP6, packet too big, mtu 1300" + of);
    EXPECT_EQ(text(58, "0300 0000 00000000" + quote), kHead + "ICMP6, time exceeded, code 0" + of);
    EXPECT_EQ(text(58, "0401 0000 00000006" + quote),
              kHead + "ICMP6, parameter problem, code 1, pointer 6" + of);
    EXPECT_EQ(text(58, "0104 0000 00000000" + quote.substr(0, quote.size() - 2)),
              kHead + "ICMP6, unreachable, code 4, of 2001:db8::1 > fe80::2, length 55");
}

TEST(Dump6, Discovery) {
    const std::string target = "20010db8000000000000000000000009";
    EXPECT_EQ(text(58, "8500 0000 00000000"), kHead + "ICMP6, router solicitation, length 8");
    EXPECT_EQ(text(58, "8700 0000 00000000" + target + "0101 020000000001"),
              kHead +
                  "ICMP6, neighbor solicitation, who has 2001:db8::9, source lladdr 02:00:00:00:00:01, "
                  "length 32");
    EXPECT_EQ(text(58, "8800 0000 60000000" + target + "0201 020000000001"),
              kHead +
                  "ICMP6, neighbor advertisement, tgt is 2001:db8::9, solicited, override, target lladdr "
                  "02:00:00:00:00:01, length 32");
    EXPECT_EQ(text(58,
                   "8600 0000 4000 0708 00000000 00000000 0501 0000 000005dc"
                   "0304 40c0 00000e10 00000e10 00000000 20010db8000000000000000000000000"),
              kHead +
                  "ICMP6, router advertisement, lifetime 1800s, mtu 1500, prefix 2001:db8::/64 on link, "
                  "length 56");
    EXPECT_EQ(text(58, "8f00 0000 0000 0001 04 00 0000 ff0200000000000000000001ff123456"),
              kHead + "ICMP6, multicast listener report v2, type 4 group ff02::1:ff12:3456, length 28");
    EXPECT_EQ(text(58, "8200 0000 2710 0000 00000000000000000000000000000000"),
              kHead + "ICMP6, multicast listener query, group ::, length 24");
}

}  // namespace
}  // namespace synfin::wire
