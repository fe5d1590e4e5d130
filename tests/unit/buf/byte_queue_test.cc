#include "buf/byte_queue.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/random.hh"

namespace synfin::buf {
namespace {

std::vector<uint8_t> pattern(size_t n, uint32_t first = 0) {
    std::vector<uint8_t> bytes(n);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>((first + i) * 131 + ((first + i) >> 8));
    return bytes;
}

std::vector<uint8_t> contents(const BlockPool& pool, ByteQueue queue) {
    std::vector<uint8_t> out(length(pool, queue));
    queue.cursor = 0;
    copy_out(pool, queue, 0, out);
    return out;
}

TEST(BlockPool, GivesEachKindToItsLimitAndTheWarmestFirst) {
    BlockPool pool(2, 1);
    const BlockId a = pool.allocate(BlockPool::Kind::small);
    const BlockId b = pool.allocate(BlockPool::Kind::reference);
    const BlockId c = pool.allocate(BlockPool::Kind::large);
    EXPECT_NE(a, 0u);
    EXPECT_NE(b, 0u);
    EXPECT_NE(c, 0u);
    EXPECT_EQ(pool.allocate(BlockPool::Kind::small), 0u);
    EXPECT_EQ(pool.allocate(BlockPool::Kind::reference), 0u);
    EXPECT_EQ(pool.allocate(BlockPool::Kind::large), 0u);
    EXPECT_EQ(pool.small_in_use(), 2u);
    EXPECT_EQ(pool.large_in_use(), 1u);
    EXPECT_NE(pool.payload(a), pool.payload(b));
    pool.free(b);
    pool.free(a);
    EXPECT_EQ(pool.allocate(BlockPool::Kind::small), a);
    pool.free(a);
    pool.free(c);
    EXPECT_EQ(pool.blocks_in_use(), 0u);
}

TEST(ByteQueue, EmptyHoldsNothing) {
    BlockPool pool(4, 4);
    ByteQueue queue;
    EXPECT_EQ(length(pool, queue), 0u);
    EXPECT_TRUE(front(pool, queue).empty());
    EXPECT_EQ(append(pool, queue, {}), 0u);
    EXPECT_EQ(append_static(pool, queue, {}), 0u);
    clear(pool, queue);
    EXPECT_EQ(pool.blocks_in_use(), 0u);
}

TEST(ByteQueue, SmallRequestTakesSmallBlocksAndBulkTakesLargeOnes) {
    BlockPool pool(100, 100);
    ByteQueue request, bulk;
    append(pool, request, pattern(BlockPool::kSmallBytes));
    EXPECT_EQ(pool.small_in_use(), 1u);
    append(pool, request, pattern(1));
    EXPECT_EQ(pool.small_in_use(), 2u);
    EXPECT_EQ(pool.large_in_use(), 0u);
    append(pool, bulk, pattern(kSmallQueueBytes + 1));
    EXPECT_EQ(pool.large_in_use(), 1u);
    append(pool, bulk, pattern(BlockPool::kLargeBytes - kSmallQueueBytes - 1));
    EXPECT_EQ(pool.large_in_use(), 1u) << "the room of the last block is used first";
    EXPECT_EQ(pool.small_in_use(), 2u);
}

TEST(ByteQueue, TakesWhatFitsWhenThePoolRunsDry) {
    BlockPool pool(1, 1);
    ByteQueue queue;
    const auto bytes = pattern(5000);
    const uint32_t taken = append(pool, queue, bytes);
    EXPECT_EQ(taken, BlockPool::kSmallBytes + BlockPool::kLargeBytes);
    EXPECT_EQ(length(pool, queue), taken);
    EXPECT_EQ(append(pool, queue, bytes), 0u);
    EXPECT_EQ(append_static(pool, queue, bytes), 0u);
    EXPECT_EQ(length(pool, queue), taken);
    EXPECT_TRUE(std::ranges::equal(contents(pool, queue), Bytes(bytes).first(taken)));
    release(pool, queue, taken);
    EXPECT_EQ(pool.blocks_in_use(), 0u);
    EXPECT_EQ(append(pool, queue, Bytes(bytes).first(1)), 1u)
        << "small data falls back to a large block and back";
    clear(pool, queue);
}

TEST(ByteQueue, StaticBytesAreNotCopied) {
    BlockPool pool(4, 4);
    ByteQueue queue;
    const auto body = pattern(100'000);
    ASSERT_EQ(append_static(pool, queue, body), body.size());
    EXPECT_EQ(front(pool, queue).data(), body.data());
    EXPECT_EQ(front(pool, queue).size(), body.size());
    release(pool, queue, 70'000);
    EXPECT_EQ(front(pool, queue).data(), body.data() + 70'000);
    append(pool, queue, pattern(3));
    EXPECT_EQ(front(pool, queue).size(), 30'000u) << "nothing is written behind bytes that are not ours";
    EXPECT_EQ(length(pool, queue), 30'003u);
    clear(pool, queue);
    EXPECT_EQ(pool.blocks_in_use(), 0u);
}

TEST(ByteQueue, OneBlockHoldsManyStaticBytes) {
    BlockPool pool(64, 64);
    ByteQueue queue;
    const auto body = pattern(100'000);
    const Bytes few = Bytes(body).first(90);
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(append_static(pool, queue, few), few.size());
    EXPECT_LE(pool.blocks_in_use(), 1'000 * 90 / BlockPool::kLargeBytes + 4);
    const auto all = contents(pool, queue);
    ASSERT_EQ(all.size(), 90'000u);
    for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], body[i % 90]) << i;
    clear(pool, queue);
    for (uint32_t at = 0; at < 100'000; at += 100)  // each goes on where the one before ended
        ASSERT_EQ(append_static(pool, queue, Bytes(body).subspan(at, 100)), 100u);
    EXPECT_EQ(pool.blocks_in_use(), 1u);
    EXPECT_TRUE(std::ranges::equal(contents(pool, queue), body));
    clear(pool, queue);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(append_static(pool, queue, Bytes(body).first(512)), 512u);
    EXPECT_LE(pool.small_in_use(), 33u) << "when they are scarce, small blocks stay for others";
    EXPECT_EQ(length(pool, queue), 51'200u);
    clear(pool, queue);
    EXPECT_EQ(pool.blocks_in_use(), 0u);
}

TEST(ByteQueue, WithoutASmallBlockStaticBytesAreCopied) {
    BlockPool pool(1, 1);
    ByteQueue one, two;
    const auto body = pattern(3'000);
    EXPECT_EQ(append_static(pool, one, body), 3'000u);
    EXPECT_EQ(append_static(pool, two, body), BlockPool::kLargeBytes) << "as many as there is room for";
    EXPECT_TRUE(std::ranges::equal(contents(pool, two), Bytes(body).first(BlockPool::kLargeBytes)));
    clear(pool, one);
    clear(pool, two);
}

TEST(BlockPool, ReceivedTextLeavesAQuarterToSending) {
    BlockPool pool(100, 100);
    ByteQueue received, sent;
    const auto text = pattern(1'000'000);
    append(pool, received, text, BlockPool::Use::receive);
    EXPECT_EQ(pool.large_in_use(), 75u);
    EXPECT_EQ(pool.small_in_use(), 75u);
    append(pool, sent, text);
    EXPECT_EQ(pool.left(), 0u);
    clear(pool, received);
    clear(pool, sent);
}

TEST(BlockPool, TheShareOfEachQueueShrinksSoThatSomethingIsLeft) {
    constexpr uint32_t kBlocks = 16'000;
    BlockPool pool(16, kBlocks);
    EXPECT_EQ(pool.share(), UINT32_MAX);
    std::vector<ByteQueue> greedy(1'000);
    const std::vector<uint8_t> piece(BlockPool::kLargeBytes);
    for (bool took = true; took;) {
        took = false;
        for (ByteQueue& queue : greedy)
            if (length(pool, queue) + piece.size() <= pool.share()) took |= append(pool, queue, piece) != 0;
    }
    const uint32_t left = kBlocks - pool.large_in_use();
    EXPECT_GE(left, kBlocks / (1 + 1'000 / 16));
    EXPECT_GE(pool.share(), 15 * BlockPool::kLargeBytes);
    for (ByteQueue& queue : greedy) clear(pool, queue);
    EXPECT_EQ(pool.share(), UINT32_MAX);
}

TEST(BlockPool, TheReserveStaysForTheLittleThatEachQueueMayHold) {
    constexpr uint32_t kQueues = 1'000, kLittle = 2;
    BlockPool pool(16, 16'000, kQueues * kLittle);
    std::vector<ByteQueue> queues(kQueues);
    const std::vector<uint8_t> piece(BlockPool::kLargeBytes);
    // One after the other takes its share, and the little that it may hold without asking.
    for (ByteQueue& queue : queues) {
        while (length(pool, queue) < std::max(pool.share(), kLittle * BlockPool::kLargeBytes))
            ASSERT_EQ(append(pool, queue, piece), piece.size())
                << "none is left for " << &queue - queues.data();
    }
    for (ByteQueue& queue : queues) clear(pool, queue);
}

TEST(ByteQueue, CursorSurvivesReleaseUpToOverAndPastIt) {
    for (const uint32_t released : {0u, 1u, 2031u, 2032u, 2033u, 4064u, 5000u, 5999u, 6000u}) {
        BlockPool pool(16, 16);
        ByteQueue queue;
        const auto bytes = pattern(6000);
        append(pool, queue, bytes);
        std::vector<uint8_t> out(10);
        copy_out(pool, queue, 4000, out);  // the cursor lies in the second or third block
        release(pool, queue, released);
        append(pool, queue, pattern(6000, 6000));
        const auto all = pattern(12'000);
        for (const uint32_t at : {6000u, 6001u, 11'990u, 6000u}) {
            if (at < released) continue;
            copy_out(pool, queue, at - released, out);
            EXPECT_TRUE(std::equal(out.begin(), out.end(), all.begin() + at)) << released << ' ' << at;
        }
        clear(pool, queue);
        EXPECT_EQ(pool.blocks_in_use(), 0u);
    }
}

TEST(ByteQueue, CursorStaysWithNewDataWhenTheFrontIsSentAgain) {
    BlockPool pool(0, 64);
    ByteQueue queue;
    append(pool, queue, pattern(100'000));
    std::vector<uint8_t> out(1460);
    for (uint32_t at = 0; at + 1460 <= 100'000; at += 1460) copy_out(pool, queue, at, out);
    const BlockId furthest = queue.cursor;
    copy_out(pool, queue, 0, out);
    EXPECT_EQ(queue.cursor, furthest);
    copy_out(pool, queue, 30 * BlockPool::kLargeBytes, out);
    EXPECT_NE(queue.cursor, furthest) << "a far step back moves it, so that what follows is near";
    clear(pool, queue);
}

/// One queue with its reference, a deque.
struct Model {
    ByteQueue queue;
    std::deque<uint8_t> reference;
};

TEST(ByteQueue, BehavesAsADeque) {
    const std::vector<uint8_t> still = pattern(20'000, 7);
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Random random(seed);
        BlockPool pool(64, 24);
        std::vector<Model> models(4);
        uint32_t written = 0;
        for (int op = 0; op < 4000; ++op) {
            Model& m = models[random.below(4)];
            const auto held = static_cast<uint32_t>(m.reference.size());
            switch (random.below(8)) {
                case 0:
                case 1: {
                    const auto bytes =
                        pattern(random.below(2) ? random.below(100) : random.below(5000), written);
                    written += static_cast<uint32_t>(bytes.size());
                    const uint32_t taken = append(pool, m.queue, bytes);
                    if (taken < bytes.size()) {
                        ASSERT_EQ(pool.blocks_in_use(), 88u) << seed;
                    }
                    m.reference.insert(m.reference.end(), bytes.begin(), bytes.begin() + taken);
                    break;
                }
                case 2: {
                    const Bytes bytes = Bytes(still).subspan(random.below(10'000), random.below(300));
                    const uint32_t taken = append_static(pool, m.queue, bytes);
                    m.reference.insert(m.reference.end(), bytes.begin(), bytes.begin() + taken);
                    break;
                }
                case 3:
                case 4: {
                    const uint32_t n = random.below(4) == 0 ? held : random.below(held + 1);
                    release(pool, m.queue, n);
                    m.reference.erase(m.reference.begin(), m.reference.begin() + n);
                    break;
                }
                case 5:
                case 6: {
                    const uint32_t at = random.below(held + 1);
                    std::vector<uint8_t> out(random.below(std::min(held - at, 3000u) + 1));
                    copy_out(pool, m.queue, at, out);
                    ASSERT_TRUE(std::equal(out.begin(), out.end(), m.reference.begin() + at))
                        << seed << ' ' << op;
                    break;
                }
                case 7:
                    if (random.below(20) == 0) {
                        clear(pool, m.queue);
                        m.reference.clear();
                    }
                    break;
            }
            ASSERT_EQ(length(pool, m.queue), m.reference.size()) << seed << ' ' << op;
            const Bytes first = front(pool, m.queue);
            ASSERT_EQ(first.empty(), m.reference.empty());
            ASSERT_TRUE(std::equal(first.begin(), first.end(), m.reference.begin())) << seed << ' ' << op;
        }
        for (Model& m : models) {
            ASSERT_TRUE(std::ranges::equal(contents(pool, m.queue), m.reference)) << seed;
            clear(pool, m.queue);
        }
        ASSERT_EQ(pool.blocks_in_use(), 0u) << seed;
    }
}

TEST(ByteQueue, SpliceJoinsAndPacksTheSeam) {
    Random random(5);
    for (int round = 0; round < 500; ++round) {
        BlockPool pool(200, 200);
        ByteQueue a, b;
        const auto left = pattern(random.below(3000));
        const auto right = pattern(random.below(3000), static_cast<uint32_t>(left.size()));
        append(pool, a, left);
        append(pool, b, right);
        std::vector<uint8_t> out(std::min<size_t>(left.size(), 5));
        copy_out(pool, a, static_cast<uint32_t>(left.size() - out.size()), out);  // a cursor to survive
        splice(pool, a, b);
        EXPECT_EQ(length(pool, b), 0u);
        ASSERT_EQ(length(pool, a), left.size() + right.size());
        ASSERT_EQ(contents(pool, a), pattern(left.size() + right.size()));
        out.resize(right.size());
        copy_out(pool, a, static_cast<uint32_t>(left.size()), out);
        ASSERT_EQ(out, right);
        clear(pool, a);
        ASSERT_EQ(pool.blocks_in_use(), 0u);
    }
}

TEST(ByteQueue, BytesPutInFrontOneByOneShareBlocks) {
    BlockPool pool(200, 200);
    ByteQueue all;
    for (int i = 0; i < 480; ++i) {
        ByteQueue one;
        append(pool, one, pattern(1));
        splice(pool, one, all);
        all = one;
    }
    EXPECT_EQ(length(pool, all), 480u);
    EXPECT_LE(pool.blocks_in_use(), 11u);
    clear(pool, all);
}

}  // namespace
}  // namespace synfin::buf
