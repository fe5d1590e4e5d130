#include "wire/dump.hh"

#include <gtest/gtest.h>

#include "hex.hh"
#include "wire/ipv4.hh"
#include "wire/tcp.hh"

namespace synfin::wire {
namespace {

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2 around the payload.
std::vector<uint8_t> packet(uint8_t protocol, std::string_view payload_hex) {
    const auto payload = hex(payload_hex);
    std::vector<uint8_t> bytes(20);
    write_ipv4(bytes.data(),
               {.source = Ipv4{0x0a000001},
                .destination = Ipv4{0x0a000002},
                .total_length = static_cast<uint16_t>(20 + payload.size()),
                .protocol = protocol},
               true);
    for (const auto byte : payload) bytes.push_back(static_cast<uint8_t>(byte));
    return bytes;
}

std::string tcp(std::string_view segment_hex) {
    return dump_packet(packet(kProtocolTcp, segment_hex));
}
std::string icmp(std::string_view message_hex) {
    return dump_packet(packet(kProtocolIcmp, message_hex));
}

TEST(Dump, SynAck) {
    EXPECT_EQ(tcp("0fa0 0050 00000001 00000002 a012 ffff 0000 0000"
                  "020405b4 0402080a0000000100000002 01030307"),
              "10.0.0.1.4000 > 10.0.0.2.80: Flags [S.], seq 1, ack 2, win 65535, "
              "options [mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7], length 0");
}

TEST(Dump, DataHasItsRangeAndWrapsWithIt) {
    EXPECT_EQ(tcp("0fa0 0050 fffffffe 00000002 5018 0100 0000 0000 aabbcc"),
              "10.0.0.1.4000 > 10.0.0.2.80: Flags [P.], seq 4294967294:1, ack 2, win 256, length 3");
}

TEST(Dump, Flags) {
    const std::pair<const char*, const char*> cases[] = {
        {"00", "none"}, {"01", "F"},  {"02", "S"},   {"04", "R"},        {"10", "."},
        {"11", "F."},   {"14", "R."}, {"c2", "SEW"}, {"ff", "FSRP.UEW"},
    };
    for (const auto& [bits, letters] : cases) {
        const std::string line = tcp(std::string("0fa0 0050 00000001 00000002 50") + bits + "0000 0000 0000");
        EXPECT_NE(line.find(std::string("Flags [") + letters + "], seq 1"), std::string::npos) << line;
    }
    EXPECT_NE(tcp("0fa0 0050 00000001 00000002 5020 0009 0000 0007").find("win 9, urg 7"), std::string::npos);
}

TEST(Dump, OddOptions) {
    const auto options = [](std::string_view text) {
        const size_t words = 5 + hex(text).size() / 4;
        const char offset[] = {"0123456789abcdef"[words], 0};
        const std::string line = tcp("0fa0 0050 00000001 00000002" + std::string(offset) +
                                     "010 0000 0000 0000" + std::string(text));
        const size_t from = line.find("options ");
        return from == std::string::npos ? line : line.substr(from + 8, line.rfind(", length") - from - 8);
    };
    EXPECT_EQ(options("0101050a 00000005 00000009"), "[nop,nop,sack 1 {5:9}]");
    EXPECT_EQ(options("0512 00000005 00000009 0000000b 0000000d 0000"), "[sack 2 {5:9}{11:13},eol]");
    EXPECT_EQ(options("fd04abcd"), "[kind-253 length-4]");
    EXPECT_EQ(options("02030501"), "[kind-2 length-3,nop]");
    EXPECT_EQ(options("01010200"), "[nop,nop,bad]");
    EXPECT_EQ(options("01010102"), "[nop,nop,nop,bad]");
}

TEST(Dump, BadTcpHeader) {
    EXPECT_EQ(tcp("0fa0 0050 00000001 00000002 4000 0000 0000 0000"),
              "10.0.0.1 > 10.0.0.2: TCP, bad header, length 20");
    EXPECT_EQ(tcp("0fa0"), "10.0.0.1 > 10.0.0.2: TCP, bad header, length 2");
}

TEST(Dump, Icmp) {
    EXPECT_EQ(icmp("0800 0000 0007 0009 61"),
              "10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 9, length 9");
    EXPECT_EQ(icmp("0000 0000 0007 0009"), "10.0.0.1 > 10.0.0.2: ICMP echo reply, id 7, seq 9, length 8");
    EXPECT_EQ(icmp("0d00 0000 0007 0009"), "10.0.0.1 > 10.0.0.2: ICMP type 13, code 0, length 8");
    EXPECT_EQ(icmp("08"), "10.0.0.1 > 10.0.0.2: ICMP truncated, length 1");
}

TEST(Dump, IcmpErrors) {
    const std::string quote = "45000578 00004000 40060000 0a000002 0a000001 0050 0fa0 00000005";
    const std::string of = ", of 10.0.0.2.80 > 10.0.0.1.4000, seq 5, length 36";
    const std::string from = "10.0.0.1 > 10.0.0.2: ICMP ";
    EXPECT_EQ(icmp("0304 0000 0000 0578" + quote), from + "unreachable - need to frag (mtu 1400)" + of);
    EXPECT_EQ(icmp("0303 0000 0000 0000" + quote), from + "unreachable, code 3" + of);
    EXPECT_EQ(icmp("0b00 0000 0000 0000" + quote), from + "time exceeded, code 0" + of);
    EXPECT_EQ(icmp("0400 0000 0000 0000" + quote), from + "source quench" + of);
    EXPECT_EQ(icmp("0c01 0000 0000 0000" + quote), from + "parameter problem, code 1" + of);
    EXPECT_EQ(icmp("0303 0000 0000 0000 45000578 00004000 40110000 0a000002 0a000001 0050 0fa0 00000005"),
              from + "unreachable, code 3, of 10.0.0.2 > 10.0.0.1, length 36");
}

TEST(Dump, OtherIpPackets) {
    EXPECT_EQ(dump_packet(packet(17, "0000")), "10.0.0.1 > 10.0.0.2: protocol 17, length 2");
    auto fragment = packet(kProtocolTcp, "0102");
    fragment[7] = 1;
    EXPECT_EQ(dump_packet(fragment), "10.0.0.1 > 10.0.0.2: fragment of protocol 6, length 2");
    EXPECT_EQ(dump_packet({}), "truncated IP, length 0");
    EXPECT_EQ(dump_packet(std::vector<uint8_t>(40)), "bad IP header, length 40");
}

TEST(Dump, PaddingIsNotPayload) {
    auto bytes = packet(kProtocolTcp, "0fa0 0050 00000001 00000002 5010 0000 0000 0000");
    bytes.resize(46);
    EXPECT_EQ(dump_packet(bytes), "10.0.0.1.4000 > 10.0.0.2.80: Flags [.], seq 1, ack 2, win 0, length 0");
}

TEST(Dump, Frames) {
    const std::string macs = "020000000002 020000000001";
    const std::string shown = "02:00:00:00:00:01 > 02:00:00:00:00:02, ";
    EXPECT_EQ(dump_frame(hex(macs + "0806 0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002")),
              shown + "ARP, Request who-has 10.0.0.2 tell 10.0.0.1");
    EXPECT_EQ(dump_frame(hex(macs + "0806 0001 0800 0604 0002 020000000001 0a000001 020000000002 0a000002")),
              shown + "ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01");
    EXPECT_EQ(dump_frame(hex(macs + "0806 0001 0800 0604 0003 020000000001 0a000001 020000000002 0a000002")),
              shown + "ARP, operation 3");
    EXPECT_EQ(dump_frame(hex(macs + "0806 0001")), shown + "ARP, bad packet, length 2");
    EXPECT_EQ(dump_frame(hex(macs + "8100 0007 0800")), shown + "vlan 7, IP truncated IP, length 0");
    EXPECT_EQ(dump_frame(hex(macs + "88a8 0064 8100 0007 0800")),
              shown + "vlan 100.7, IP truncated IP, length 0");
    EXPECT_EQ(dump_frame(hex(macs + "86dd 60")), shown + "IP6 truncated IP6, length 1");
    EXPECT_EQ(dump_frame(hex(macs + "88cc 60")), shown + "ethertype 0x88cc, length 1");
    EXPECT_EQ(dump_frame(hex("0200")), "truncated Ethernet, length 2");

    auto frame = hex(macs + "0800");
    const auto ip = packet(kProtocolTcp, "0fa0 0050 00000001 00000002 5010 0000 0000 0000");
    frame.insert(frame.end(), ip.begin(), ip.end());
    EXPECT_EQ(dump_frame(frame),
              shown + "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [.], seq 1, ack 2, win 0, length 0");
}

}  // namespace
}  // namespace synfin::wire
