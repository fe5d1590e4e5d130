#include "net/connection_table.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.hh"

namespace synfin::net {
namespace {

constexpr HashKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

// The table with the records that its handles name: handle h is records[h].
class Owner {
  public:
    explicit Owner(uint32_t max_entries) : table(max_entries, kKey), records(1) {}

    uint32_t find(const Tuple& tuple) const {
        return table.find(table.hash(tuple), [&](uint32_t handle) { return records[handle] == tuple; });
    }
    uint32_t add(const Tuple& tuple) {
        const auto handle = static_cast<uint32_t>(records.size());
        if (!table.insert(table.hash(tuple), handle)) return 0;
        records.push_back(tuple);
        return handle;
    }

    ConnectionTable table;
    std::vector<Tuple> records;
};

Tuple random_tuple(Random& random) {
    const uint64_t bits = random.next();
    return {static_cast<uint32_t>(bits >> 32), static_cast<uint16_t>(bits >> 16), static_cast<uint16_t>(bits),
            static_cast<uint16_t>(random.below(4))};
}

TEST(ConnectionTable, FindsWhatWasInsertedUnderItsTupleOnly) {
    Owner owner(100);
    const Tuple tuple{0x0a000001, 1234, 80, 0};
    const uint32_t handle = owner.add(tuple);
    EXPECT_EQ(owner.find(tuple), handle);
    EXPECT_EQ(owner.find({0x0a000002, 1234, 80, 0}), ConnectionTable::kNone);
    EXPECT_EQ(owner.find({0x0a000001, 1235, 80, 0}), ConnectionTable::kNone);
    EXPECT_EQ(owner.find({0x0a000001, 1234, 81, 0}), ConnectionTable::kNone);
    EXPECT_EQ(owner.find({0x0a000001, 1234, 80, 1}), ConnectionTable::kNone);
    EXPECT_EQ(
        owner.table.first_candidate(*owner.table.prefetch(owner.table.hash(tuple)), owner.table.hash(tuple))
            .handle,
        handle);
}

/// A candidate that was looked up ahead is valid only while the table still holds it.
TEST(ConnectionTable, ACandidateStandsUntilItsEntryIsErasedOrReplaced) {
    ConnectionTable table(100, kKey);
    constexpr uint32_t kHash = 0x12345678;
    EXPECT_FALSE(table.first_candidate(*table.prefetch(kHash), kHash).stands());
    ASSERT_TRUE(table.insert(kHash, 7));
    auto candidate = table.first_candidate(*table.prefetch(kHash), kHash);
    EXPECT_EQ(candidate.handle, 7u);
    EXPECT_TRUE(candidate.stands());
    ASSERT_TRUE(table.erase(kHash, 7));
    EXPECT_FALSE(candidate.stands());
    ASSERT_TRUE(table.insert(kHash, 8));
    EXPECT_FALSE(candidate.stands());
    candidate = table.first_candidate(*table.prefetch(kHash), kHash);
    ASSERT_TRUE(table.replace(kHash, 8, 9));
    EXPECT_FALSE(candidate.stands());
}

TEST(ConnectionTable, EraseAndReplaceTouchOnlyTheHandleThatIsNamed) {
    ConnectionTable table(100, kKey);
    constexpr uint32_t kHash = 0x12345678;
    ASSERT_TRUE(table.insert(kHash, 7));
    ASSERT_TRUE(table.insert(kHash, 8));
    EXPECT_FALSE(table.erase(kHash, 9));
    EXPECT_FALSE(table.erase(~kHash, 7));
    EXPECT_FALSE(table.replace(kHash, 9, 10));
    EXPECT_EQ(table.size(), 2u);
    EXPECT_TRUE(table.replace(kHash, 7, 70));
    EXPECT_EQ(table.find(kHash, [](uint32_t handle) { return handle == 7; }), ConnectionTable::kNone);
    EXPECT_EQ(table.find(kHash, [](uint32_t handle) { return handle == 70; }), 70u);
    EXPECT_TRUE(table.erase(kHash, 8));
    EXPECT_FALSE(table.erase(kHash, 8));
    EXPECT_EQ(table.find(kHash, [](uint32_t) { return true; }), 70u);
    EXPECT_EQ(table.size(), 1u);
}

TEST(ConnectionTable, TheHashDependsOnTheKeyAndOnEveryField) {
    const ConnectionTable table(10, kKey);
    const ConnectionTable other(10, HashKey{kKey.k0, kKey.k1 ^ 1});
    const Tuple tuple{0x0a000001, 1234, 80, 0};
    const uint32_t hash = table.hash(tuple);
    EXPECT_NE(hash, other.hash(tuple));
    EXPECT_NE(hash, table.hash({0x0a000000, 1234, 80, 0}));
    EXPECT_NE(hash, table.hash({0x0a000001, 1235, 80, 0}));
    EXPECT_NE(hash, table.hash({0x0a000001, 1234, 81, 0}));
    EXPECT_NE(hash, table.hash({0x0a000001, 1234, 80, 1}));
}

TEST(ConnectionTable, AgreesWithAMapThroughMillionsOfChanges) {
    constexpr uint32_t kMax = 20'000;
    Random random(3);
    ConnectionTable table(kMax, kKey);
    std::vector<Tuple> universe;  // the record of handle h is universe[h]
    for (uint32_t i = 0; i < 2 * kMax; ++i)
        universe.push_back({0x0a000000 + i % 100, static_cast<uint16_t>(1024 + i / 100), 80, 0});
    std::vector<uint32_t> generation(universe.size());
    auto handle_of = [&](uint32_t i) { return i + 1 + generation[i] * 0x100000; };
    std::vector<bool> present(universe.size());
    uint32_t count = 0;
    for (int step = 0; step < 3'000'000; ++step) {
        const uint32_t i = random.below(static_cast<uint32_t>(universe.size()));
        const uint32_t hash = table.hash(universe[i]);
        const uint32_t found = table.find(
            hash, [&](uint32_t handle) { return universe[(handle & 0xfffff) - 1] == universe[i]; });
        ASSERT_EQ(found, present[i] ? handle_of(i) : ConnectionTable::kNone) << step;
        const bool growing = step / 100'000 % 2 == 0;
        if (!present[i]) {
            if (!growing && random.below(4) != 0) continue;
            ASSERT_EQ(table.insert(hash, handle_of(i)), count < kMax);
            if (count == kMax) continue;
            present[i] = true;
            ++count;
        } else if (random.below(8) == 0) {
            const uint32_t old = handle_of(i);
            generation[i] = (generation[i] + 1) % 1000;
            ASSERT_TRUE(table.replace(hash, old, handle_of(i)));
        } else if (!growing || random.below(4) == 0) {
            ASSERT_TRUE(table.erase(hash, handle_of(i)));
            present[i] = false;
            --count;
        }
        ASSERT_EQ(table.size(), count);
    }
    std::vector<uint32_t> listed, expected;
    table.for_each([&](uint32_t handle) { listed.push_back(handle); });
    for (uint32_t i = 0; i < universe.size(); ++i)
        if (present[i]) expected.push_back(handle_of(i));
    std::sort(listed.begin(), listed.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(listed, expected);
}

/// Records by handle, for a growing table: handle h has hashes[h].
struct Hashes {
    std::vector<uint32_t>& of;
    mutable uint32_t prefetched = 0;
    uint32_t hash(uint32_t handle) const noexcept { return of[handle]; }
    void prefetch(uint32_t) const noexcept { ++prefetched; }
};

/// From small to full, through each doubling, with constant changes: nothing is lost, found twice or listed
/// twice, even while entries are in both tables.
TEST(ConnectionTable, GrowsAsItFillsAndLosesNothing) {
    constexpr uint32_t kMax = 100'003;
    Random random(7);
    ConnectionTable table(kMax, kKey, 1);
    EXPECT_LT(table.memory_bytes(), size_t{2 * ConnectionTable::kLeastExpected} * 9);
    std::vector<uint32_t> hashes(1);
    const Hashes records{hashes};
    std::vector<uint32_t> live;
    auto find = [&](uint32_t handle) {
        return table.find(hashes[handle], [&](uint32_t h) { return h == handle; });
    };
    int listings = 0;
    uint32_t began = 0;
    bool was_growing = false;
    while (live.size() < kMax) {
        const auto handle = static_cast<uint32_t>(hashes.size());
        // Some have equal hashes, so that they overflow into the next buckets and wrap at the end.
        hashes.push_back(random.below(16) == 0 ? 0xffff'ffff - random.below(3) * 0x4000'0000
                                               : static_cast<uint32_t>(random.next()));
        if (handle % 64 == 0) hashes.back() = static_cast<uint32_t>(random.next());
        ASSERT_TRUE(table.insert(hashes[handle], handle, records));
        live.push_back(handle);
        if (table.is_growing() && !was_growing) ++began;
        was_growing = table.is_growing();
        ASSERT_EQ(find(handle), handle);
        const uint32_t at = random.below(static_cast<uint32_t>(live.size()));
        ASSERT_EQ(find(live[at]), live[at]);
        if (random.below(4) == 0) {
            const uint32_t gone = std::exchange(live[at], live.back());
            live.pop_back();
            ASSERT_TRUE(table.erase(hashes[gone], gone));
            ASSERT_EQ(find(gone), ConnectionTable::kNone);
            ASSERT_FALSE(table.erase(hashes[gone], gone));
        } else if (random.below(8) == 0) {
            hashes.push_back(hashes[live[at]]);
            const auto other = static_cast<uint32_t>(hashes.size() - 1);
            ASSERT_TRUE(table.replace(hashes[other], live[at], other));
            live[at] = other;
        }
        ASSERT_EQ(table.size(), live.size());
        if (table.is_growing() && random.below(200) == 0) {
            std::vector<uint32_t> listed, expected = live;
            table.for_each([&](uint32_t h) { listed.push_back(h); });
            std::sort(listed.begin(), listed.end());
            std::sort(expected.begin(), expected.end());
            ASSERT_EQ(listed, expected);
            ++listings;
        }
    }
    EXPECT_EQ(began, 6u);  // 1,562 are 100,003 six times halved
    EXPECT_GT(listings, 10);
    EXPECT_GT(records.prefetched, kMax / 2);
    EXPECT_FALSE(table.is_growing());
    EXPECT_EQ(table.memory_bytes(), ConnectionTable(kMax, kKey).memory_bytes());
    hashes.push_back(1);
    EXPECT_FALSE(table.insert(1, static_cast<uint32_t>(hashes.size() - 1), records));
    for (const uint32_t handle : live) ASSERT_TRUE(table.erase(hashes[handle], handle));
    for (const uint32_t hash : hashes) ASSERT_EQ(table.lines_to_miss(hash), 1u);
}

/// A table that starts small, and its records.
struct Growing {
    ConnectionTable table{100'000, kKey, 1};
    std::vector<uint32_t> hashes{0};
    Hashes records{hashes};
    void add() {
        hashes.push_back(static_cast<uint32_t>(0x9e37'79b9u * hashes.size()));
        ASSERT_TRUE(table.insert(hashes.back(), static_cast<uint32_t>(hashes.size() - 1), records));
    }
};

/// Growth also ends with time alone: without further inserts the table does not stay in two parts.
TEST(ConnectionTable, GrowsOnWithoutInserts) {
    Growing growing;
    auto& [table, hashes, records] = growing;
    while (!table.is_growing()) growing.add();
    const size_t both = table.memory_bytes();
    table.grow_on(records, 16);
    EXPECT_TRUE(table.is_growing());
    table.grow_on(records, 1'000);
    EXPECT_FALSE(table.is_growing());
    EXPECT_LT(table.memory_bytes(), both);
    for (uint32_t h = 1; h < hashes.size(); ++h)
        ASSERT_EQ(table.find(hashes[h], [&](uint32_t handle) { return handle == h; }), h);
}

/// A candidate that was looked up ahead may be read during the whole burst, even if its entry was moved.
TEST(ConnectionTable, ACandidateMayBeAskedWhileTheTableGrows) {
    Growing growing;
    auto& [table, hashes, records] = growing;
    int stood = 0;
    while (hashes.size() < 80'000) {
        const auto of = static_cast<uint32_t>(hashes.size() / 2);
        const auto candidate = table.first_candidate(*table.prefetch(hashes[of]), hashes[of]);
        for (int i = 0; i < 200; ++i) growing.add();
        stood += candidate.stands() ? 1 : 0;  // unmapped memory would end the test
        ASSERT_EQ(table.find(hashes[of], [&](uint32_t h) { return h == of; }), of);
    }
    EXPECT_GT(stood, 10);
    EXPECT_GT(records.prefetched, 0u);
}

class Full : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(ConnectionTable, Full,
                         testing::Values(1u, 8u, 9u, 10u, 100u, 1000u, 65'536u, 300'000u));

// Up to the stated capacity nothing fails, and a miss stays near one line.
void fill(Owner& owner, const std::vector<Tuple>& tuples) {
    const auto n = static_cast<uint32_t>(tuples.size());
    ASSERT_EQ(owner.table.capacity(), n);
    for (const Tuple& tuple : tuples) ASSERT_NE(owner.add(tuple), 0u);
    EXPECT_FALSE(owner.table.insert(0, n + 1));
    EXPECT_EQ(owner.table.size(), n);
    uint64_t lines = 0;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < n; ++i) {
        ASSERT_EQ(owner.find(tuples[i]), i + 1);
        const uint32_t l = owner.table.lines_to_miss(owner.table.hash(tuples[i]));
        lines += l;
        longest = std::max(longest, l);
    }
    // Random tuples have a mean of 1.55 when full; in a table of 134 buckets one key in a hundred has 2.
    if (n >= 1000) {
        EXPECT_LT(static_cast<double>(lines) / n, n < 10'000 ? 2.5 : 1.6);
        EXPECT_LT(longest, 40u);
    }
    for (uint32_t i = 0; i < n; ++i) ASSERT_TRUE(owner.table.erase(owner.table.hash(tuples[i]), i + 1));
    EXPECT_EQ(owner.table.size(), 0u);
    for (uint32_t i = 0; i < n; ++i) {
        ASSERT_EQ(owner.table.lines_to_miss(owner.table.hash(tuples[i])), 1u);  // as good as new
        ASSERT_EQ(owner.find(tuples[i]), ConnectionTable::kNone);
    }
}

TEST_P(Full, OfRandomTuples) {
    Owner owner(GetParam());
    Random random(GetParam());
    std::vector<Tuple> tuples;
    std::map<std::tuple<uint64_t, uint64_t>, bool> seen;
    while (tuples.size() < GetParam()) {
        const Tuple tuple = random_tuple(random);
        if (seen.emplace(std::tuple(tuple.word0(), tuple.word1()), true).second) tuples.push_back(tuple);
    }
    fill(owner, tuples);
}

// What an attacker without the key can do: tuples that agree in as many bits as possible.
TEST_P(Full, OfTuplesThatDifferInFewBits) {
    Owner owner(GetParam());
    std::vector<Tuple> tuples;
    for (uint32_t i = 0; i < GetParam(); ++i)
        tuples.push_back({0x0a000001 + ((i >> 8) << 20), static_cast<uint16_t>((i & 0xff) << 8), 80, 0});
    fill(owner, tuples);
}

TEST(ConnectionTable, SurvivesEqualHashes) {
    constexpr uint32_t kMax = 3000;
    for (const uint32_t hash : {0u, 0x80000000u, 0xffffffffu}) {  // the last wraps round to the first bucket
        ConnectionTable table(kMax, kKey);
        for (uint32_t handle = 1; handle <= kMax; ++handle) ASSERT_TRUE(table.insert(hash, handle));
        EXPECT_FALSE(table.insert(hash, kMax + 1));
        for (uint32_t handle = 1; handle <= kMax; ++handle)
            ASSERT_EQ(table.find(hash, [&](uint32_t h) { return h == handle; }), handle);
        EXPECT_EQ(table.find(hash, [](uint32_t) { return false; }), ConnectionTable::kNone);
        for (uint32_t handle = 1; handle <= kMax; handle += 2) ASSERT_TRUE(table.erase(hash, handle));
        for (uint32_t handle = 2; handle <= kMax; handle += 2) ASSERT_TRUE(table.erase(hash, handle));
        EXPECT_EQ(table.lines_to_miss(hash), 1u);
        EXPECT_EQ(table.size(), 0u);
    }
}

// A lookup asks the records whose tags are equal: its own, and by chance a few per cent of others.
TEST(ConnectionTable, NeighbouringTuplesHaveDifferentTags) {
    ConnectionTable table(100'000, kKey);
    std::vector<uint32_t> hashes;
    for (uint32_t handle = 1; handle <= 50'000; ++handle) {
        hashes.push_back(table.hash({0x0a000001, 80, static_cast<uint16_t>(handle), 0}));
        ASSERT_TRUE(table.insert(hashes.back(), handle));
    }
    uint32_t asked = 0;
    for (const uint32_t hash : hashes) table.find(hash, [&](uint32_t) { return ++asked, false; });
    EXPECT_LT(asked, hashes.size() * 11 / 10);
}

TEST(ConnectionTable, MemoryIsEightAndAHalfBytesAnEntry) {
    EXPECT_LT(ConnectionTable(1u << 20, kKey).memory_bytes(), (size_t{1} << 20) * 86 / 10);
    EXPECT_LT(ConnectionTable(1u << 31, kKey).memory_bytes(),
              (size_t{1} << 31) * 86 / 10);  // mapped, not touched
}

/// Every bucket is visited once before the first is visited again, however few pages there are.
TEST(ConnectionTable, AFullTableUsesEveryBucket) {
    for (const uint32_t entries : {100u, 500u, 2'000u}) {
        ConnectionTable table(entries, kKey);
        const auto all = static_cast<uint32_t>(table.memory_bytes() / 64 * 10);
        const uint32_t n = std::min(entries, all);
        for (uint32_t handle = 1; handle <= n; ++handle) ASSERT_TRUE(table.insert(77, handle));
        for (uint32_t handle = 1; handle <= n; ++handle)
            ASSERT_EQ(table.find(77, [&](uint32_t h) { return h == handle; }), handle);
    }
}

// All the ports of some clients: whole pages fill at once.
TEST_P(Full, OfPortsThatFollowOneAnother) {
    Owner owner(GetParam());
    std::vector<Tuple> tuples;
    for (uint32_t i = 0; i < GetParam(); ++i)
        tuples.push_back({0x0a000001 + i / 28'232, static_cast<uint16_t>(32'768 + i % 28'232), 80, 0});
    fill(owner, tuples);
}

}  // namespace
}  // namespace synfin::net
