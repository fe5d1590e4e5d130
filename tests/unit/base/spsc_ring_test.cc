#include "base/spsc_ring.hh"

#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

#include "base/random.hh"

namespace synfin {
namespace {

TEST(SpscRing, CapacityIsAPowerOfTwoAndAllOfItIsUsed) {
    EXPECT_EQ(SpscRing<int>(0).capacity(), 1u);
    EXPECT_EQ(SpscRing<int>(1).capacity(), 1u);
    EXPECT_EQ(SpscRing<int>(1000).capacity(), 1024u);
    SpscRing<int> ring(4);
    EXPECT_TRUE(ring.empty());
    EXPECT_EQ(ring.pop(), std::nullopt);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
    EXPECT_FALSE(ring.push(4));
    EXPECT_EQ(ring.size(), 4u);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(ring.pop(), i);
    EXPECT_EQ(ring.pop(), std::nullopt);
}

TEST(SpscRing, BehavesAsABoundedDeque) {
    Random random(1);
    SpscRing<uint32_t> ring(64);
    std::deque<uint32_t> reference;
    uint32_t next = 0;
    for (int op = 0; op < 100'000; ++op) {
        std::vector<uint32_t> values(random.below(80));
        if (random.below(2)) {
            for (uint32_t& v : values) v = next++;
            const uint32_t taken = ring.push(values);
            ASSERT_EQ(taken, std::min<size_t>(values.size(), 64 - reference.size()));
            reference.insert(reference.end(), values.begin(), values.begin() + taken);
        } else {
            const uint32_t got = ring.pop(values);
            ASSERT_EQ(got, std::min(values.size(), reference.size()));
            for (uint32_t i = 0; i < got; ++i) {
                ASSERT_EQ(values[i], reference.front());
                reference.pop_front();
            }
        }
        ASSERT_EQ(ring.size(), reference.size());
    }
}

/// Values with a check of their own: a torn or early read shows.
struct Message {
    uint64_t number;
    uint64_t inverse;
};

void exchange(uint32_t capacity, uint32_t burst, uint64_t total) {
    SpscRing<Message> ring(capacity);
    std::thread producer([&] {
        Random random(7);
        std::vector<Message> messages(burst);
        for (uint64_t sent = 0; sent < total;) {
            const auto n = static_cast<uint32_t>(std::min<uint64_t>(1 + random.below(burst), total - sent));
            for (uint32_t i = 0; i < n; ++i) messages[i] = {sent + i, ~(sent + i)};
            const uint32_t taken = ring.push(std::span<const Message>(messages.data(), n));
            sent += taken;
            if (taken == 0) std::this_thread::yield();
        }
    });
    uint64_t wrong = 0;
    Random random(8);
    std::vector<Message> messages(burst);
    for (uint64_t received = 0; received < total;) {
        const uint32_t n = ring.pop(std::span<Message>(messages.data(), 1 + random.below(burst)));
        for (uint32_t i = 0; i < n; ++i, ++received)
            wrong += messages[i].number != received || messages[i].inverse != ~received;
        if (n == 0) std::this_thread::yield();
    }
    producer.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_TRUE(ring.empty());
}

TEST(SpscRing, TwoThreadsOneByOne) {
    exchange(8, 1, 100'000);
}
TEST(SpscRing, TwoThreadsInBursts) {
    exchange(256, 32, 2'000'000);
}
TEST(SpscRing, TwoThreadsThroughOneSlot) {
    exchange(1, 4, 10'000);
}

}  // namespace
}  // namespace synfin
