#include "buf/memory_port.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace synfin::buf {
namespace {

std::vector<uint8_t> numbered(size_t n, uint8_t first) {
    std::vector<uint8_t> bytes(n);
    std::iota(bytes.begin(), bytes.end(), first);
    return bytes;
}

void fill(MemoryPort::Packet* packet, const std::vector<uint8_t>& bytes, const TxMeta& meta = {}) {
    std::memcpy(MemoryPort::data(packet), bytes.data(), bytes.size());
    MemoryPort::finish(packet, static_cast<uint32_t>(bytes.size()), meta);
}

TEST(MemoryPort, DeliversInOrderWithVerdicts) {
    MemoryPort port({}, 8);
    ASSERT_TRUE(port.deliver(numbered(60, 1)));
    ASSERT_TRUE(
        port.deliver(numbered(1514, 2), {.ip = Verdict::good, .tcp = Verdict::bad, .contiguous = false}));
    MemoryPort::Packet* got[4];
    ASSERT_EQ(port.rx_burst(got, 1), 1);
    EXPECT_EQ(MemoryPort::length(got[0]), 60u);
    EXPECT_EQ(MemoryPort::data(got[0])[0], 1);
    EXPECT_EQ(MemoryPort::ip_verdict(got[0]), Verdict::unknown);
    EXPECT_TRUE(MemoryPort::is_contiguous(got[0]));
    port.free(got[0]);
    ASSERT_EQ(port.rx_burst(got, 4), 1);
    EXPECT_EQ(MemoryPort::ip_verdict(got[0]), Verdict::good);
    EXPECT_EQ(MemoryPort::tcp_verdict(got[0]), Verdict::bad);
    EXPECT_FALSE(MemoryPort::is_contiguous(got[0]));
    port.free(got[0]);
    EXPECT_EQ(port.rx_burst(got, 4), 0);
    EXPECT_EQ(port.in_use(), 0u);
}

TEST(MemoryPort, RefusesWhatDoesNotFitAndAnEmptyPool) {
    MemoryPort port({.max_frame = 100}, 2);
    EXPECT_FALSE(port.deliver(numbered(101, 0)));
    EXPECT_TRUE(port.deliver(numbered(100, 0)));
    EXPECT_TRUE(port.deliver(numbered(1, 0)));
    EXPECT_FALSE(port.deliver(numbered(1, 0)));
    EXPECT_EQ(port.alloc(), nullptr);
    EXPECT_EQ(port.in_use(), 2u);
}

TEST(MemoryPort, SendsInOrderAndGivesPacketsBack) {
    MemoryPort port({}, 2);
    MemoryPort::Packet* packets[] = {port.alloc(), port.alloc()};
    fill(packets[0], numbered(20, 1));
    fill(packets[1], numbered(30, 2));
    EXPECT_EQ(port.tx_burst(packets, 2), 2);
    EXPECT_EQ(port.sent(), 2u);
    EXPECT_EQ(port.take(), numbered(20, 1));
    EXPECT_EQ(port.take(), numbered(30, 2));
    EXPECT_EQ(port.take(), std::nullopt);
    EXPECT_EQ(port.sent(), 0u);
    EXPECT_EQ(port.in_use(), 0u);
}

TEST(MemoryPort, ReceivedPacketBecomesTheAnswer) {
    MemoryPort port({}, 1);
    port.deliver(numbered(60, 1), {.ip = Verdict::bad});
    MemoryPort::Packet* packet;
    ASSERT_EQ(port.rx_burst(&packet, 1), 1);
    port.refuse_reset(1);
    EXPECT_FALSE(port.reset(packet));
    ASSERT_TRUE(port.reset(packet));
    EXPECT_EQ(MemoryPort::length(packet), 0u);
    EXPECT_EQ(MemoryPort::ip_verdict(packet), Verdict::unknown);
    fill(packet, numbered(1514, 9));
    EXPECT_EQ(port.tx_burst(&packet, 1), 1);
    EXPECT_EQ(port.take(), numbered(1514, 9));
}

TEST(MemoryPort, FailuresAreInjected) {
    MemoryPort port({}, 4);
    port.refuse_alloc(1);
    EXPECT_EQ(port.alloc(), nullptr);
    MemoryPort::Packet* packets[] = {port.alloc(), port.alloc()};
    for (auto* packet : packets) fill(packet, numbered(20, 1));
    port.refuse_tx(1);
    EXPECT_EQ(port.tx_burst(packets, 2), 0);
    EXPECT_EQ(port.in_use(), 2u) << "refused packets stay the engine's";
    EXPECT_EQ(port.tx_burst(packets, 2), 2);
}

TEST(MemoryPort, FillsInTheChecksumsThatWereLeftToIt) {
    // A SYN with its checksums, computed apart from this code, and as an engine prepares it for a device.
    const std::vector<uint8_t> whole = {0x45, 0x00, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0x40, 0x06,
                                        0x66, 0xcd, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02,
                                        0x00, 0x14, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                        0x00, 0x00, 0x50, 0x02, 0x20, 0x00, 0x7b, 0x7c, 0x00, 0x00};
    std::vector<uint8_t> prepared = whole;
    prepared[10] = prepared[11] = 0;
    // Pseudo-header: 0a00 + 0001 + 0a00 + 0002 + 0006 + 0014 = 141d
    prepared[36] = 0x14;
    prepared[37] = 0x1d;
    MemoryPort port({.ethernet = false, .tx_ip_checksum = true, .tx_tcp_checksum = true, .max_frame = 1500},
                    1);
    MemoryPort::Packet* packet = port.alloc();
    fill(packet, prepared, {.l2_len = 0, .l3_len = 20, .ip_checksum = true, .tcp_checksum = true});
    ASSERT_EQ(port.tx_burst(&packet, 1), 1);
    EXPECT_EQ(port.take(), whole);
}

/// Two segments of a packet, one made apart from this code.
TEST(MemoryPort, CutsLargePackets) {
    std::vector<uint8_t> large = {0x45, 0x00, 0x00, 0x30, 0x00, 0x01, 0x00, 0x00, 0x40, 0x06, 0x00, 0x00,
                                  0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02, 0x00, 0x14, 0x00, 0x50,
                                  0xff, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x50, 0x10, 0x20, 0x00,
                                  0x14, 0x09, 0x00, 0x00, 1,    2,    3,    4,    5,    6,    7,    8};
    std::vector<uint8_t> second = large;
    second.erase(second.begin() + 40, second.begin() + 44);
    second[3] = 0x2c, second[5] = 2;           // length, identification
    second[10] = 0x66, second[11] = 0xc8;      // 4500 + 002c + 0002 + 4006 + 0a00 + 0001 + 0a00 + 0002 = 9937
    second[24] = second[25] = second[26] = 0;  // SEG.SEQ: past zero
    second[27] = 2;
    // 0a00 + 0001 + 0a00 + 0002 + 0006 + 0018, 0014 + 0050 + 0002 + 5010 + 2000 + 0506 + 0708 = 90a5
    second[36] = 0x6f, second[37] = 0x5a;
    const QueueCaps caps{.ethernet = false,
                         .tx_ip_checksum = true,
                         .tx_tcp_checksum = true,
                         .max_frame = 44,
                         .large_frame = 48};
    const TxMeta meta{.l2_len = 0,
                      .l3_len = 20,
                      .ip_checksum = true,
                      .tcp_checksum = true,
                      .l4_len = 20,
                      .segment_bytes = 4};
    for (const uint32_t pool : {2u, 3u}) {
        MemoryPort port(caps, pool);
        MemoryPort::Packet* packet = port.alloc_large();
        fill(packet, large, meta);
        ASSERT_EQ(port.tx_burst(&packet, 1), pool == 3 ? 1 : 0) << "there are not two more packets";
        if (pool == 2) continue;
        EXPECT_EQ(port.sent(), 2u);
        const auto first = port.take();
        EXPECT_EQ(std::vector<uint8_t>(first->begin() + 40, first->end()),
                  (std::vector<uint8_t>{1, 2, 3, 4}));
        EXPECT_EQ(port.take(), second);
        EXPECT_EQ(port.in_use(), 0u);
    }
}

/// The same over IPv6: no identification, no header checksum, and the payload's length is without the header.
TEST(MemoryPort, CutsLargePacketsOfIpv6) {
    std::vector<uint8_t> large = {0x60, 0x0a, 0xbc, 0xde, 0x00, 0x1c, 0x06, 0x40};
    for (uint8_t host = 1; host <= 2; ++host)
        large.insert(large.end(), {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
    // 2001 + 0db8 + 0001 + 2001 + 0db8 + 0002 + 0006 = 5b7b
    large.insert(large.end(),
                 {0x00, 0x14, 0x00, 0x50, 0xff, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x50, 0x10,
                  0x20, 0x00, 0x5b, 0x7b, 0x00, 0x00, 1,    2,    3,    4,    5,    6,    7,    8});
    std::vector<uint8_t> second = large;
    second.erase(second.begin() + 60, second.begin() + 64);
    second[5] = 0x18;
    second[44] = second[45] = second[46] = 0;
    second[47] = 2;
    // 5b7b + 0018, 0014 + 0050 + 0002 + 5010 + 2000 + 0506 + 0708 = d817
    second[56] = 0x27, second[57] = 0xe8;
    MemoryPort port({.ethernet = false, .tx_tcp_checksum = true, .max_frame = 64, .large_frame = 68}, 3);
    MemoryPort::Packet* packet = port.alloc_large();
    fill(packet, large,
         {.l2_len = 0, .l3_len = 40, .tcp_checksum = true, .is_v6 = true, .l4_len = 20, .segment_bytes = 4});
    ASSERT_EQ(port.tx_burst(&packet, 1), 1);
    EXPECT_EQ(port.sent(), 2u);
    EXPECT_EQ(port.take()->size(), 64u);
    EXPECT_EQ(port.take(), second);
}

TEST(MemoryPort, PutsItsTagOnAndTakesItOff) {
    MemoryPort port({.max_frame = 60, .vid = 7}, 4);
    const std::vector<uint8_t> frame = numbered(60, 1);
    std::vector<uint8_t> tagged = frame;
    tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x00, 0x07});
    MemoryPort::Packet* packet = port.alloc();
    fill(packet, frame);
    ASSERT_EQ(port.tx_burst(&packet, 1), 1);
    EXPECT_EQ(port.take(), tagged);
    ASSERT_TRUE(port.deliver(frame));
    EXPECT_EQ(port.bad_vlan(), 1u);
    tagged[14] = 0xe0;  // the highest priority
    ASSERT_TRUE(port.deliver(tagged));
    tagged[15] = 6;
    ASSERT_TRUE(port.deliver(tagged));
    EXPECT_EQ(port.bad_vlan(), 2u);
    ASSERT_EQ(port.rx_burst(&packet, 1), 1);
    EXPECT_EQ(std::vector<uint8_t>(MemoryPort::data(packet), MemoryPort::data(packet) + 60), frame);
    EXPECT_EQ(MemoryPort::length(packet), 60u);
    EXPECT_EQ(port.rx_burst(&packet, 1), 0);
}

TEST(MemoryPortDeathTest, ChecksWhatANicWouldGarble) {
    MemoryPort port({}, 2);
    MemoryPort::Packet* packet = port.alloc();
    fill(packet, numbered(60, 0), {.l2_len = 14, .l3_len = 20, .ip_checksum = true});
    EXPECT_DEATH(port.tx_burst(&packet, 1), "tx_ip_checksum");
    MemoryPort::finish(packet, 1515, {});
    EXPECT_DEATH(port.tx_burst(&packet, 1), "max_frame");
    port.free(packet);
    EXPECT_DEATH(port.free(packet), "allocated");
}

}  // namespace
}  // namespace synfin::buf
