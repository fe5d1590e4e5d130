#include "wire/tcp.hh"

#include <gtest/gtest.h>

#include "hex.hh"

namespace synfin::wire {
namespace {

// A SYN-ACK that Linux sent.
const std::vector<uint8_t> kSynAck =
    hex("1f90 9c40 fc8a1311 a32303f1 a012 ffcb fe31 0000 0204ffd7 0402080a701f2234b35d07c3 0103030a");

TEST(Tcp, HeaderOfLinux) {
    TcpHeader tcp;
    ASSERT_TRUE(parse_tcp(kSynAck, tcp));
    EXPECT_EQ(tcp.source_port, 8080);
    EXPECT_EQ(tcp.destination_port, 40000);
    EXPECT_EQ(tcp.seq, 0xfc8a1311u);
    EXPECT_EQ(tcp.ack, 0xa32303f1u);
    EXPECT_EQ(tcp.header_length, 40);
    EXPECT_EQ(tcp.flags, kSyn | kAck);
    EXPECT_EQ(tcp.window, 0xffcb);
    EXPECT_EQ(tcp.checksum, 0xfe31);
    EXPECT_EQ(tcp.urgent, 0);
}

TEST(Tcp, EveryShorterSegmentIsRefused) {
    TcpHeader tcp;
    for (size_t n = 0; n < kSynAck.size(); ++n) {
        const auto cut = std::vector<uint8_t>(kSynAck.begin(), kSynAck.begin() + n);
        EXPECT_FALSE(parse_tcp(cut, tcp)) << n;
    }
}

TEST(Tcp, DataOffsetBetweenFiveWordsAndTheSegment) {
    for (int offset = 0; offset < 16; ++offset) {
        auto segment = kSynAck;  // 40 bytes
        segment[12] = static_cast<uint8_t>(offset << 4);
        TcpHeader tcp;
        EXPECT_EQ(parse_tcp(segment, tcp), offset >= 5 && offset <= 10) << offset;
    }
}

TEST(Tcp, ReservedBitsAreIgnored) {
    auto segment = kSynAck;
    segment[12] |= 0x0f;
    TcpHeader tcp;
    ASSERT_TRUE(parse_tcp(segment, tcp));
    EXPECT_EQ(tcp.header_length, 40);
    EXPECT_EQ(tcp.flags, kSyn | kAck);
}

TEST(Tcp, FlagsAreTheBitsOfTheHeader) {
    const uint8_t flags[] = {kFin, kSyn, kRst, kPsh, kAck, kUrg, kEce, kCwr};
    for (int bit = 0; bit < 8; ++bit) EXPECT_EQ(flags[bit], 1 << bit);
}

TEST(Tcp, WrittenAsParsed) {
    TcpHeader tcp;
    ASSERT_TRUE(parse_tcp(kSynAck, tcp));
    std::vector<uint8_t> out(kTcpBytes, 0xee);
    write_tcp(out.data(), tcp);
    EXPECT_EQ(out, std::vector<uint8_t>(kSynAck.begin(), kSynAck.begin() + kTcpBytes));
}

TEST(Tcp, EveryFieldIsWritten) {
    std::vector<uint8_t> out(kTcpBytes);
    write_tcp(out.data(), {.source_port = 0x0102,
                           .destination_port = 0x0304,
                           .seq = 0x05060708,
                           .ack = 0x090a0b0c,
                           .header_length = 60,
                           .flags = kUrg | kCwr,
                           .window = 0x0d0e,
                           .checksum = 0x0f10,
                           .urgent = 0x1112});
    EXPECT_EQ(out, hex("0102 0304 05060708 090a0b0c f0 a0 0d0e 0f10 1112"));
}

}  // namespace
}  // namespace synfin::wire
