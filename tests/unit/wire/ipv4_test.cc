#include "wire/ipv4.hh"

#include <gtest/gtest.h>

#include "hex.hh"

namespace synfin::wire {
namespace {

// A header that Linux sent: 127.0.0.2 > 127.0.0.1, TCP, 60 bytes, DF. Its payload is left zero.
std::vector<uint8_t> linux_packet() {
    auto packet = hex("4500 003c 4684 4000 4006 f634 7f000002 7f000001");
    packet.resize(60);
    return packet;
}

/// A packet with the given options (a multiple of 4 bytes) and a right checksum.
std::vector<uint8_t> with_options(std::string_view options_hex) {
    const auto options = hex(options_hex);
    auto packet = linux_packet();
    packet[0] = static_cast<uint8_t>(0x45 + options.size() / 4);
    packet.insert(packet.begin() + 20, options.begin(), options.end());
    store_be16(packet.data() + 2, static_cast<uint16_t>(packet.size()));
    store_be16(packet.data() + 10, 0);
    store_be16(packet.data() + 10, internet_checksum(Bytes(packet).first(20 + options.size())));
    return packet;
}

Ipv4Check check(const std::vector<uint8_t>& packet, bool verify = true) {
    Ipv4Header ip;
    return parse_ipv4(packet, verify, ip);
}

TEST(Ipv4, HeaderOfLinux) {
    Ipv4Header ip;
    ASSERT_EQ(parse_ipv4(linux_packet(), true, ip), Ipv4Check::ok);
    EXPECT_EQ(ip.source, Ipv4::parse("127.0.0.2"));
    EXPECT_EQ(ip.destination, Ipv4::parse("127.0.0.1"));
    EXPECT_EQ(ip.total_length, 60);
    EXPECT_EQ(ip.header_length, 20);
    EXPECT_EQ(ip.ttl, 64);
    EXPECT_EQ(ip.protocol, kProtocolTcp);
    EXPECT_EQ(ip.tos, 0);
    EXPECT_EQ(ip.id, 0x4684);
    EXPECT_TRUE(ip.dont_fragment);
    EXPECT_FALSE(ip.fragment);
    EXPECT_FALSE(ip.source_route);
}

TEST(Ipv4, RuntBelowTwentyBytes) {
    const auto packet = linux_packet();
    Ipv4Header ip;
    for (size_t n = 0; n < 20; ++n)
        EXPECT_EQ(parse_ipv4(Bytes(packet).first(n), true, ip), Ipv4Check::runt) << n;
}

TEST(Ipv4, EthernetPaddingIsAllowedAndTruncationIsNot) {
    auto packet = linux_packet();
    packet.resize(70, 0xee);
    EXPECT_EQ(check(packet), Ipv4Check::ok);
    packet.resize(60);
    EXPECT_EQ(check(packet), Ipv4Check::ok);
    packet.resize(59);
    EXPECT_EQ(check(packet), Ipv4Check::bad_header);
}

TEST(Ipv4, OtherVersionsAndShortHeadersAreBad) {
    for (int first = 0; first < 256; ++first) {
        auto packet = linux_packet();
        packet[0] = static_cast<uint8_t>(first);
        const bool good = first >> 4 == 4 && (first & 0xf) >= 5;
        EXPECT_EQ(check(packet, false), good ? Ipv4Check::ok : Ipv4Check::bad_header) << first;
    }
}

TEST(Ipv4, TotalLengthBetweenHeaderAndBytes) {
    for (int length = 0; length < 70; ++length) {
        auto packet = linux_packet();
        store_be16(packet.data() + 2, static_cast<uint16_t>(length));
        const bool good = length >= 20 && length <= 60;
        EXPECT_EQ(check(packet, false), good ? Ipv4Check::ok : Ipv4Check::bad_header) << length;
    }
    auto packet = linux_packet();
    packet[0] = 0x46;
    store_be16(packet.data() + 2, 20);
    EXPECT_EQ(check(packet, false), Ipv4Check::bad_header) << "shorter than its own header";
}

TEST(Ipv4, ChecksumIsVerifiedWhenAsked) {
    for (size_t bit = 0; bit < 160; ++bit) {
        auto packet = linux_packet();
        packet[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        EXPECT_NE(check(packet), Ipv4Check::ok) << "bit " << bit;
    }
    auto packet = linux_packet();
    packet[10] ^= 1;
    EXPECT_EQ(check(packet, true), Ipv4Check::bad_checksum);
    EXPECT_EQ(check(packet, false), Ipv4Check::ok);
    packet = with_options("01010101");
    packet[23] ^= 1;
    EXPECT_EQ(check(packet), Ipv4Check::bad_checksum) << "options are covered";
}

TEST(Ipv4, FragmentsAreFlagged) {
    struct Case {
        uint16_t field;
        bool dont_fragment, fragment;
    };
    for (const Case& c : {Case{0x0000, false, false}, Case{0x4000, true, false}, Case{0x2000, false, true},
                          Case{0x0001, false, true}, Case{0x1fff, false, true}, Case{0x8000, false, false}}) {
        auto packet = linux_packet();
        store_be16(packet.data() + 6, c.field);
        Ipv4Header ip;
        ASSERT_EQ(parse_ipv4(packet, false, ip), Ipv4Check::ok);
        EXPECT_EQ(ip.dont_fragment, c.dont_fragment) << c.field;
        EXPECT_EQ(ip.fragment, c.fragment) << c.field;
    }
}

TEST(Ipv4, OptionsAreWalked) {
    struct Case {
        const char* options;
        Ipv4Check check;
        bool source_route;
    };
    const Case cases[] = {
        {"01010101", Ipv4Check::ok, false},           // NOPs
        {"00ffffff", Ipv4Check::ok, false},           // nothing counts behind the end of the list
        {"00830304", Ipv4Check::ok, false},           // not even a source route
        {"94040000", Ipv4Check::ok, false},           // router alert
        {"44040500 01010101", Ipv4Check::ok, false},  // timestamp
        {"830704 0a000003 00", Ipv4Check::ok, true},  // LSRR
        {"01890704 0a000003", Ipv4Check::ok, true},   // SSRR after a NOP
        {"94040000 830704 0a000003 00", Ipv4Check::ok, true},
        {"83000000", Ipv4Check::bad_header, false},           // length 0
        {"83010000", Ipv4Check::bad_header, false},           // length 1
        {"83050000", Ipv4Check::bad_header, false},           // one past the end
        {"010101 83", Ipv4Check::bad_header, false},          // no room for a length
        {"01010183 ffffffff", Ipv4Check::bad_header, false},  // far past the end
        {"83020202 01010194", Ipv4Check::bad_header, true},
    };
    for (const Case& c : cases) {
        Ipv4Header ip;
        EXPECT_EQ(parse_ipv4(with_options(c.options), true, ip), c.check) << c.options;
        EXPECT_EQ(ip.source_route, c.source_route) << c.options;
    }
}

TEST(Ipv4, NoOptionIsReadPastTheHeader) {
    const auto options = hex("01010183");  // of the exact size: a sanitizer sees the length byte missing
    bool source_route = false;
    EXPECT_FALSE(parse_ipv4_options(options, source_route));
    EXPECT_FALSE(source_route);
}

TEST(Ipv4, SixtyBytesOfHeader) {
    auto packet =
        with_options("01010101010101010101 01010101010101010101 01010101010101010101 01010101010101010101");
    Ipv4Header ip;
    ASSERT_EQ(parse_ipv4(packet, true, ip), Ipv4Check::ok);
    EXPECT_EQ(ip.header_length, 60);
    packet.resize(59);
    store_be16(packet.data() + 2, 59);
    EXPECT_EQ(check(packet, false), Ipv4Check::bad_header);
}

TEST(Ipv4, WrittenAsLinuxWritesIt) {
    const Ipv4Emit emit{.source = Ipv4{0x7f000002},
                        .destination = Ipv4{0x7f000001},
                        .total_length = 60,
                        .id = 0x4684,
                        .ttl = 64,
                        .protocol = kProtocolTcp,
                        .tos = 0,
                        .dont_fragment = true};
    std::vector<uint8_t> out(20, 0xee);
    write_ipv4(out.data(), emit, true);
    auto expected = linux_packet();
    expected.resize(20);
    EXPECT_EQ(out, expected);
    write_ipv4(out.data(), emit, false);
    store_be16(expected.data() + 10, 0);
    EXPECT_EQ(out, expected) << "left to the device";
}

TEST(Ipv4, EveryFieldIsWritten) {
    std::vector<uint8_t> out(20, 0xee);
    write_ipv4(out.data(),
               {.source = Ipv4{0x01020304},
                .destination = Ipv4{0x05060708},
                .total_length = 20,
                .id = 0x1234,
                .ttl = 7,
                .protocol = kProtocolIcmp,
                .tos = 0xb8,
                .dont_fragment = false},
               true);
    Ipv4Header ip;
    ASSERT_EQ(parse_ipv4(out, true, ip), Ipv4Check::ok);
    EXPECT_EQ(ip.source.value, 0x01020304u);
    EXPECT_EQ(ip.destination.value, 0x05060708u);
    EXPECT_EQ(ip.total_length, 20);
    EXPECT_EQ(ip.id, 0x1234);
    EXPECT_EQ(ip.ttl, 7);
    EXPECT_EQ(ip.protocol, kProtocolIcmp);
    EXPECT_EQ(ip.tos, 0xb8);
    EXPECT_FALSE(ip.dont_fragment);
}

}  // namespace
}  // namespace synfin::wire
