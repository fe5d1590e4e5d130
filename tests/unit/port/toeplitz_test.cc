#include <gtest/gtest.h>
#include <rte_thash.h>

#include <array>

#include "base/random.hh"
#include "port/toeplitz.hh"

namespace synfin::port {
namespace {

std::vector<uint8_t> random_key(Random& random, size_t bytes) {
    std::vector<uint8_t> key(bytes);
    for (auto& byte : key) byte = static_cast<uint8_t>(random.next());
    return key;
}

FlowTuple random_tuple(Random& random) {
    return {static_cast<uint32_t>(random.next()), static_cast<uint32_t>(random.next()),
            static_cast<uint16_t>(random.next()), static_cast<uint16_t>(random.next())};
}

std::array<uint8_t, 12> wire_order(const FlowTuple& t) {
    auto byte = [](uint64_t value, int shift) { return static_cast<uint8_t>(value >> shift); };
    return {byte(t.source, 24),     byte(t.source, 16),          byte(t.source, 8),
            byte(t.source, 0),      byte(t.destination, 24),     byte(t.destination, 16),
            byte(t.destination, 8), byte(t.destination, 0),      byte(t.source_port, 8),
            byte(t.source_port, 0), byte(t.destination_port, 8), byte(t.destination_port, 0)};
}

/// The verification suite of Microsoft's RSS specification: its key, IPv4 with TCP ports.
TEST(Toeplitz, MatchesTheSpecificationsVectors) {
    constexpr uint8_t kKey[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                  0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                  0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                  0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    struct Vector {
        const char *source, *destination;
        uint16_t source_port, destination_port;
        uint32_t hash;
    };
    constexpr Vector kVectors[] = {{"66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178},
                                   {"199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea},
                                   {"24.19.198.95", "12.22.207.184", 12898, 38024, 0x5c2b394a},
                                   {"38.27.205.30", "209.142.163.6", 48228, 2217, 0xafc7327f},
                                   {"153.39.163.191", "202.188.127.2", 44251, 1303, 0x10e828a2}};
    const ToeplitzTable table{Bytes(kKey)};
    for (const Vector& v : kVectors) {
        const FlowTuple tuple{Ipv4::parse(v.source)->value, Ipv4::parse(v.destination)->value, v.source_port,
                              v.destination_port};
        EXPECT_EQ(toeplitz(Bytes(kKey), wire_order(tuple)), v.hash) << v.source;
        EXPECT_EQ(table(tuple), v.hash) << v.source;
    }
}

TEST(Toeplitz, TableBitsAndDpdkAgreeOnRandomKeys) {
    Random random(0x70e9);
    for (int round = 0; round < 200; ++round) {
        const auto key = random_key(random, round % 2 == 0 ? 40 : 52);
        const ToeplitzTable table(key);
        for (int i = 0; i < 20; ++i) {
            const FlowTuple tuple = random_tuple(random);
            uint32_t words[] = {tuple.source, tuple.destination,
                                uint32_t{tuple.source_port} << 16 | tuple.destination_port};
            const uint32_t dpdk = rte_softrss(words, 3, key.data());
            ASSERT_EQ(table(tuple), dpdk);
            ASSERT_EQ(toeplitz(key, wire_order(tuple)), dpdk);
        }
    }
}

TEST(RssPrediction, GoesThroughTheRedirectionTable) {
    Random random(7);
    const auto key = random_key(random, 40);
    std::vector<uint16_t> reta(128);
    for (size_t i = 0; i < reta.size(); ++i) reta[i] = static_cast<uint16_t>(i * 5 % 3);
    const RssPrediction prediction(key, reta);
    for (int i = 0; i < 1000; ++i) {
        const FlowTuple tuple = random_tuple(random);
        ASSERT_EQ(prediction.queue(tuple), reta[toeplitz(key, wire_order(tuple)) % 128]);
    }
}

}  // namespace
}  // namespace synfin::port
