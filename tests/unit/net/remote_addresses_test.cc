#include "net/remote_addresses.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/address_hash.hh"
#include "net/connection_table.hh"

namespace synfin::net {
namespace {

constexpr HashKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

/// Finds peers by table, tuple and full address, like an engine. Handle h is record h.
struct Records {
    explicit Records(uint32_t capacity) : table(capacity, kKey), peers(capacity), tuples(1) {}

    void add(const Tuple& tuple, const Ipv6* peer) {
        const auto handle = static_cast<uint32_t>(tuples.size());
        ASSERT_TRUE(table.insert(table.hash(tuple), handle));
        tuples.push_back(tuple);
        if (peer != nullptr) peers.set(handle, *peer);
    }
    uint32_t find(const Tuple& tuple, const Ipv6* peer) const {
        return table.find(table.hash(tuple), [&](uint32_t handle) {
            return tuples[handle] == tuple && (peer == nullptr || peers.is(handle, *peer));
        });
    }

    ConnectionTable table;
    RemoteAddresses peers;
    std::vector<Tuple> tuples;
};

/// The fold has 32 bits, so two peers may share it and then have equal tuples: RemoteAddresses tells them
/// apart.
TEST(RemoteAddresses, PeersWithOneFoldAreToldApart) {
    const Ipv6 a = *Ipv6::parse("2001:db8::a"), b = *Ipv6::parse("2001:db8::b"),
               c = *Ipv6::parse("2001:db8::c");
    const Tuple tuple{0x1234'5678, 40'000, 80, 1};  // the fold of all three
    Records records(16);
    records.add(tuple, &a);
    records.add(tuple, &b);
    EXPECT_EQ(records.find(tuple, &a), 1u);
    EXPECT_EQ(records.find(tuple, &b), 2u);
    EXPECT_EQ(records.find(tuple, &c), ConnectionTable::kNone);
}

/// Real folds of 262,144 addresses: a search finds pairs with equal folds, and RemoteAddresses tells them
/// apart.
TEST(RemoteAddresses, PeersWhoseFoldsMeetByChance) {
    const AddressFold fold(kKey);
    std::vector<std::pair<uint32_t, uint32_t>> folds;  // and the number that it was made of
    const auto address = [](uint32_t i) {
        Ipv6 out = *Ipv6::parse("2001:db8::");
        for (size_t octet = 0; octet < 4; ++octet)
            out.octets[15 - octet] = static_cast<uint8_t>(i >> 8 * octet);
        return out;
    };
    constexpr uint32_t kCount = 1u << 18;  // 8 pairs are to be expected
    for (uint32_t i = 0; i < kCount; ++i) folds.emplace_back(fold(address(i)), i);
    std::sort(folds.begin(), folds.end());
    unsigned pairs = 0;
    Records records(1024);
    for (size_t i = 1; i < folds.size(); ++i) {
        if (folds[i].first != folds[i - 1].first) continue;
        ++pairs;
        const Ipv6 one = address(folds[i - 1].second), other = address(folds[i].second);
        const Tuple tuple{folds[i].first, 40'000, 80, 1};
        records.add(tuple, &one);
        EXPECT_EQ(records.find(tuple, &other), ConnectionTable::kNone);
        records.add(tuple, &other);
        EXPECT_EQ(records.find(tuple, &one) + 1, records.find(tuple, &other));
    }
    EXPECT_GT(pairs, 1u);
    EXPECT_LT(pairs, 32u) << "more than chance";
}

TEST(RemoteAddresses, WithoutIpv6ThereIsNoMemory) {
    EXPECT_EQ(RemoteAddresses::memory_bytes(1'000'000), 16'000'000u);
    const RemoteAddresses none;
    static_cast<void>(none);
    const RemoteAddresses many(1u << 30);  // 16 GiB of addresses: nothing of it is there yet
    EXPECT_EQ(many[1u << 30], Ipv6{});
}

}  // namespace
}  // namespace synfin::net
