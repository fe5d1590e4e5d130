#include "wire/checksum.hh"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hh"
#include "hex.hh"

namespace synfin::wire {
namespace {

/// RFC 1071 word by word, in network order.
uint16_t reference_sum(Bytes bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum += static_cast<uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(sum);
}

std::vector<uint8_t> random_bytes(Random& random, size_t n) {
    std::vector<uint8_t> bytes(n);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(random.next());
    return bytes;
}

TEST(Checksum, ExampleOfRfc1071) {
    const auto bytes = hex("0001 f203 f4f5 f6f7");
    EXPECT_EQ(fold(sum_bytes(bytes)), 0xddf2);
    EXPECT_EQ(internet_checksum(bytes), 0x220d);
}

TEST(Checksum, NothingAndOneByte) {
    EXPECT_EQ(fold(sum_bytes({})), 0);
    EXPECT_EQ(internet_checksum({}), 0xffff);
    EXPECT_EQ(fold(sum_bytes(hex("ab"))), 0xab00) << "an odd last byte is padded with zero behind it";
}

TEST(Checksum, EveryLengthAtEveryAlignment) {
    Random random(1);
    const auto data = random_bytes(random, 1600);
    for (size_t at = 0; at < 33; ++at)
        for (size_t length = 0; length <= 1500; length += length < 300 ? 1 : 61) {
            const Bytes bytes = Bytes(data).subspan(at, length);
            ASSERT_EQ(fold(sum_bytes(bytes)), reference_sum(bytes)) << "at " << at << " length " << length;
        }
}

TEST(Checksum, NoCarryIsLost) {
    for (size_t length : {1u, 2u, 8u, 20u, 127u, 128u, 129u, 1460u, 65'535u}) {
        const std::vector<uint8_t> ones(length, 0xff);
        EXPECT_EQ(fold(sum_bytes(ones)), reference_sum(ones)) << length;
    }
    EXPECT_EQ(fold(~uint64_t{0}), 0xffff);
    EXPECT_EQ(fold(0x1'0000'0000), 0x0100) << "memory order: the lowest byte of the sum is the wire's first";
}

TEST(Checksum, WordsOfEightBytesAreJoinedWithTheirCarry) {
    Random random(7);
    for (int i = 0; i < 1000; ++i) {
        auto bytes = random_bytes(random, 56);
        if (random.below(4) == 0) std::fill(bytes.begin(), bytes.begin() + 40, uint8_t{0xff});
        EXPECT_EQ(fold(sum_words<5>(bytes.data())), reference_sum(Bytes(bytes).first(40)));
        EXPECT_EQ(fold(join_sums(sum_words<5>(bytes.data()), sum_words<2>(bytes.data() + 40))),
                  reference_sum(bytes));
        EXPECT_EQ(fold(sum_words<2>(bytes.data() + 40, sum_words<5>(bytes.data()))), reference_sum(bytes));
    }
}

TEST(Checksum, OnlyAllOnesAreRight) {
    Random random(9);
    for (int i = 0; i < 100'000; ++i) {
        uint64_t sum = random.next();
        EXPECT_EQ(is_right(sum), fold(sum) == 0xffff) << sum;
        // As sender and receiver do it: the field's complement makes all ones of any sum.
        sum = join_sums(sum, __builtin_bswap16(static_cast<uint16_t>(~fold(sum))));
        EXPECT_TRUE(is_right(sum)) << sum;
        EXPECT_FALSE(is_right(join_sums(sum, uint64_t{1} << random.below(64)))) << sum;
    }
    EXPECT_TRUE(is_right(~uint64_t{0}));
    EXPECT_FALSE(is_right(0));
}

TEST(Checksum, AnIpv4HeaderAndTheSegmentBehindItsAddresses) {
    Random random(8);
    for (uint32_t tcp_length = 20; tcp_length <= 400; ++tcp_length) {
        auto packet = random_bytes(random, 20 + tcp_length);
        store_be16(&packet[10], 0);
        store_be16(&packet[10], internet_checksum(Bytes(packet).first(20)));
        store_be16(&packet[36], 0);
        const Ipv4 source{load_be32(&packet[12])}, destination{load_be32(&packet[16])};
        store_be16(&packet[36], tcp_checksum(source, destination, Bytes(packet).subspan(20)));
        EXPECT_TRUE(ipv4_checksum_ok(packet.data()));
        EXPECT_TRUE(tcp_checksum_ok(packet.data() + 12, tcp_length));
        const uint32_t at = random.below(20);
        packet[at] ^= 1;
        EXPECT_FALSE(ipv4_checksum_ok(packet.data())) << "byte " << at;
        EXPECT_EQ(tcp_checksum_ok(packet.data() + 12, tcp_length), at < 12);
        packet[at] ^= 1;
        const uint32_t in_segment = 20 + random.below(tcp_length);
        packet[in_segment] ^= 0x40;
        EXPECT_TRUE(ipv4_checksum_ok(packet.data()));
        EXPECT_FALSE(tcp_checksum_ok(packet.data() + 12, tcp_length)) << "byte " << in_segment;
    }
}

TEST(Checksum, PartsOfEvenLengthAreJoined) {
    Random random(2);
    const auto data = random_bytes(random, 1461);
    for (size_t cut = 0; cut <= data.size(); cut += 2) {
        const Bytes all = data;
        const uint64_t first = sum_bytes(all.first(cut));
        EXPECT_EQ(fold(join_sums(first, sum_bytes(all.subspan(cut)))), reference_sum(all)) << cut;
        EXPECT_EQ(fold(sum_bytes(all.subspan(cut), first)), reference_sum(all)) << cut;
    }
}

// What Linux left in the checksum field of a SYN of 40 bytes for its device to complete.
TEST(Checksum, PseudoHeaderSumIsWhatADeviceCompletes) {
    const auto source = Ipv4::parse("127.0.0.2").value();
    const auto destination = Ipv4::parse("127.0.0.1").value();
    EXPECT_EQ(fold(pseudo_header_sum(source, destination, kProtocolTcp, 40)), 0xfe31);
}

TEST(Checksum, PseudoHeaderSumIsThatOfItsTwelveBytes) {
    Random random(3);
    for (int i = 0; i < 1000; ++i) {
        auto bytes = random_bytes(random, 12);
        bytes[8] = 0;
        const Ipv4 source{load_be32(bytes.data())}, destination{load_be32(bytes.data() + 4)};
        EXPECT_EQ(fold(pseudo_header_sum(source, destination, bytes[9], load_be16(bytes.data() + 10))),
                  reference_sum(bytes));
    }
}

// A RST|ACK that Linux sent from 127.0.0.1 to itself.
TEST(Checksum, TcpSegmentOfLinux) {
    const Ipv4 loopback = Ipv4::parse("127.0.0.1").value();
    auto segment = hex("0051 ed64 00000000 b2c87242 5014 0000 9f0d 0000");
    EXPECT_TRUE(tcp_checksum_ok(loopback, loopback, segment));
    store_be16(segment.data() + 16, 0);
    EXPECT_FALSE(tcp_checksum_ok(loopback, loopback, segment));
    EXPECT_EQ(tcp_checksum(loopback, loopback, segment), 0x9f0d);
}

TEST(Checksum, EveryFlippedBitOfASegmentIsSeen) {
    const Ipv4 source{0x0a000001}, destination{0x0a000002};
    Random random(4);
    for (size_t length : {20u, 21u, 32u, 61u, 200u}) {
        auto segment = random_bytes(random, length);
        store_be16(segment.data() + 16, 0);
        store_be16(segment.data() + 16, tcp_checksum(source, destination, segment));
        ASSERT_TRUE(tcp_checksum_ok(source, destination, segment));
        EXPECT_FALSE(tcp_checksum_ok(source, Ipv4{destination.value ^ 1}, segment));
        for (size_t bit = 0; bit < length * 8; ++bit) {
            segment[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
            EXPECT_FALSE(tcp_checksum_ok(source, destination, segment)) << "bit " << bit;
            segment[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        }
    }
}

TEST(Checksum, ExampleOfRfc1624) {
    EXPECT_EQ(update_checksum16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(Checksum, UpdateIsTheSameAsComputingAnew) {
    Random random(5);
    constexpr uint32_t kEdges[] = {0, 1, 0xffff, 0x1'0000, 0xffff'0000, 0xffff'ffff};
    for (int i = 0; i < 20'000; ++i) {
        // Mostly zeros every other time. Never all zeros: that sum has two representations.
        auto bytes = random.below(2) ? random_bytes(random, 40) : std::vector<uint8_t>(40);
        bytes[38] = 0x80;
        uint8_t* field = bytes.data() + 4 * random.below(9);
        const uint32_t before = load_be32(field);
        const uint16_t checksum = internet_checksum(bytes);
        const auto after = random.below(2) ? kEdges[random.below(6)] : static_cast<uint32_t>(random.next());

        store_be32(field, after);
        EXPECT_EQ(update_checksum32(checksum, before, after), internet_checksum(bytes));
        EXPECT_EQ(update_checksum32(internet_checksum(bytes), after, before), checksum);

        store_be32(field, before);
        store_be16(field, static_cast<uint16_t>(after));
        EXPECT_EQ(
            update_checksum16(checksum, static_cast<uint16_t>(before >> 16), static_cast<uint16_t>(after)),
            internet_checksum(bytes));
    }
}

}  // namespace
}  // namespace synfin::wire
