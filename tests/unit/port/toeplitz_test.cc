#include "port/toeplitz.hh"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hh"
#include "rss.hh"

namespace synfin::port {
namespace {

/// The verification suite of Microsoft's RSS specification: its key, addresses with TCP ports.
constexpr uint8_t kSuiteKey[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                   0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                   0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                   0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
struct Vector {
    const char *source, *destination;
    uint16_t source_port, destination_port;
    uint32_t hash;
};

template <typename Tuple>
void expect_hash(const Vector& v, const Tuple& tuple) {
    EXPECT_EQ(toeplitz(Bytes(kSuiteKey), test::wire_order(tuple)), v.hash) << v.source;
    EXPECT_EQ(ToeplitzTable<Tuple>(Bytes(kSuiteKey))(tuple), v.hash) << v.source;
}

TEST(Toeplitz, MatchesTheSpecificationsVectors) {
    constexpr Vector kVectors[] = {{"66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178},
                                   {"199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea},
                                   {"24.19.198.95", "12.22.207.184", 12898, 38024, 0x5c2b394a},
                                   {"38.27.205.30", "209.142.163.6", 48228, 2217, 0xafc7327f},
                                   {"153.39.163.191", "202.188.127.2", 44251, 1303, 0x10e828a2}};
    for (const Vector& v : kVectors)
        expect_hash(v, FlowTuple{Ipv4::parse(v.source)->value, Ipv4::parse(v.destination)->value,
                                 v.source_port, v.destination_port});
}

TEST(Toeplitz, MatchesTheSpecificationsIpv6Vectors) {
    constexpr Vector kVectors[] = {
        {"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x40207d3d},
        {"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0xdde51bbf},
        {"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024, 0x02d1feef}};
    for (const Vector& v : kVectors)
        expect_hash(v, FlowTuple6{*Ipv6::parse(v.source), *Ipv6::parse(v.destination), v.source_port,
                                  v.destination_port});
}

template <typename Tuple>
class Toeplitz : public testing::Test {};
TYPED_TEST_SUITE(Toeplitz, test::Families, test::FamilyName);

TYPED_TEST(Toeplitz, TableBitsAndDpdkAgreeOnRandomKeys) {
    Random random(0x70e9);
    for (int round = 0; round < 200; ++round) {
        const auto key = test::random_key(random, round % 2 == 0 ? 40 : 52);
        const ToeplitzTable<TypeParam> table(key);
        for (int i = 0; i < 20; ++i) {
            const auto tuple = test::random_tuple<TypeParam>(random);
            const uint32_t dpdk = test::softrss(key, tuple);
            ASSERT_EQ(table(tuple), dpdk);
            ASSERT_EQ(toeplitz(key, test::wire_order(tuple)), dpdk);
        }
    }
}

template <typename Tuple>
class RssPredictionOf : public testing::Test {};
TYPED_TEST_SUITE(RssPredictionOf, test::Families, test::FamilyName);

TYPED_TEST(RssPredictionOf, GoesThroughTheRedirectionTable) {
    Random random(7);
    const auto key = test::random_key(random, 40);
    std::vector<uint16_t> reta(128);
    for (size_t i = 0; i < reta.size(); ++i) reta[i] = static_cast<uint16_t>(i * 5 % 3);
    const BasicRssPrediction<TypeParam> prediction(key, reta);
    for (int i = 0; i < 1000; ++i) {
        const auto tuple = test::random_tuple<TypeParam>(random);
        ASSERT_EQ(prediction.queue(tuple), reta[toeplitz(key, test::wire_order(tuple)) % 128]);
    }
}

}  // namespace
}  // namespace synfin::port
