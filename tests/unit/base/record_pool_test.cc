#include "base/record_pool.hh"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.hh"

namespace synfin {
namespace {

struct alignas(64) Record {
    uint64_t words[8];
};

TEST(RecordPool, GivesEachIndexOnceAndThenZero) {
    RecordPool<Record> pool(100);
    std::vector<bool> given(101);
    for (int i = 0; i < 100; ++i) {
        const uint32_t index = pool.alloc();
        ASSERT_GE(index, 1u);
        ASSERT_LE(index, 100u);
        ASSERT_FALSE(given[index]);
        given[index] = true;
    }
    EXPECT_EQ(pool.alloc(), 0u);
    EXPECT_EQ(pool.used(), 100u);
    pool.free(42);
    EXPECT_EQ(pool.alloc(), 42u);
    EXPECT_EQ(pool.alloc(), 0u);
}

TEST(RecordPool, TheLastFreedIsTheNextGiven) {
    RecordPool<Record> pool(10);
    const uint32_t a = pool.alloc(), b = pool.alloc(), c = pool.alloc();
    pool.free(b);
    pool.free(c);
    pool.free(a);
    EXPECT_EQ(pool.alloc(), a);
    EXPECT_EQ(pool.alloc(), c);
    EXPECT_EQ(pool.alloc(), b);
}

TEST(RecordPool, MemoryFollowsTheMostThatWasInUse) {
    RecordPool<Record> pool(1u << 30);  // 64 GiB of addresses: nothing of it is there yet
    EXPECT_EQ(pool.memory_bytes(), 0u);
    for (int i = 0; i < 1000; ++i) pool.free(pool.alloc());
    EXPECT_EQ(pool.memory_bytes(), sizeof(Record));
    for (int i = 0; i < 1000; ++i) pool.alloc();
    EXPECT_EQ(pool.memory_bytes(), 1000 * sizeof(Record));
    EXPECT_EQ(pool.high_water(), 1000u);
    EXPECT_EQ(pool.capacity(), 1u << 30);
}

TEST(RecordPool, RecordsAreAlignedAndApart) {
    RecordPool<Record> pool(16);
    const uint32_t a = pool.alloc();
    const uint32_t b = pool.alloc();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&pool[a]) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&pool[b]) - reinterpret_cast<uintptr_t>(&pool[a]), sizeof(Record));
}

TEST(RecordPool, RandomUseKeepsWhatIsWritten) {
    constexpr uint32_t kCapacity = 500;
    RecordPool<Record> pool(kCapacity);
    std::map<uint32_t, uint64_t> model;
    Random random(11);
    for (int i = 0; i < 300'000; ++i) {
        if (random.below(100) < (i / 10'000 % 2 == 0 ? 60u : 40u)) {
            const uint32_t index = pool.alloc();
            ASSERT_EQ(index == 0, model.size() == kCapacity);
            if (index == 0) continue;
            const uint64_t value = random.next();
            ASSERT_TRUE(model.emplace(index, value).second);
            for (uint64_t& word : pool[index].words) word = value;
        } else if (!model.empty()) {
            auto it = model.lower_bound(random.below(kCapacity) + 1);
            if (it == model.end()) it = model.begin();
            for (const uint64_t word : pool[it->first].words) ASSERT_EQ(word, it->second);
            pool.free(it->first);
            model.erase(it);
        }
        ASSERT_EQ(pool.used(), model.size());
    }
}

}  // namespace
}  // namespace synfin
