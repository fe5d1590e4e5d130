#include "buf/reassembly.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "base/random.hh"

namespace synfin::buf {
namespace {

/// Text of n bytes at seq; `copy` tells apart what different segments say of the same sequence number.
std::vector<uint8_t> text(uint32_t seq, size_t n, uint8_t copy = 0) {
    std::vector<uint8_t> bytes(n);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>((seq + i) * 7 + copy * 101);
    return bytes;
}

struct Store {
    explicit Store(uint32_t small = 1000, uint32_t large = 1000, uint32_t records = 4,
                   uint32_t max_ranges = ReassemblyPool::kMaxRanges, uint32_t max_bytes = 1u << 30)
        : blocks(small, large), pool(blocks, records, max_ranges, max_bytes) {}

    Insert in(uint32_t seq, size_t n, bool fin = false, uint8_t copy = 0) {
        return pool.insert(index, rcv_nxt, seq, text(seq, n, copy), fin);
    }
    std::vector<uint8_t> drain() {
        std::vector<uint8_t> out;
        for (;;) {
            const Bytes bytes = pool.front(index, rcv_nxt);
            if (bytes.empty()) return out;
            out.insert(out.end(), bytes.begin(), bytes.end());
            const auto n = static_cast<uint32_t>(bytes.size());
            rcv_nxt += n;
            pool.pop(index, n);
        }
    }
    std::vector<SackBlock> sack(size_t most = 4) {
        std::vector<SackBlock> out(most);
        out.resize(pool.sack_blocks(index, out));
        return out;
    }

    BlockPool blocks;
    ReassemblyPool pool;
    uint32_t index = 0;
    uint32_t rcv_nxt = 0;
};

using Blocks = std::vector<SackBlock>;

TEST(Reassembly, NothingIsHeldForNone) {
    Store s;
    EXPECT_TRUE(s.drain().empty());
    EXPECT_TRUE(s.sack().empty());
    EXPECT_FALSE(s.pool.fin_reached(0, 0));
    EXPECT_EQ(s.in(0, 0), Insert::duplicate);
    s.pool.release(s.index);
    EXPECT_EQ(s.index, 0u);
    EXPECT_EQ(s.pool.records_in_use(), 0u);
}

TEST(Reassembly, HoldsUntilTheHoleIsFilledAcrossTheWrap) {
    for (const uint32_t base : {0u, 0xffffff00u, 0xffffffffu, 0x7fffff80u}) {
        Store s;
        s.rcv_nxt = base;
        EXPECT_EQ(s.in(base + 100, 200), Insert::stored);
        EXPECT_TRUE(s.drain().empty());
        EXPECT_EQ(s.in(base + 300, 50), Insert::stored);
        EXPECT_EQ(s.pool.ranges(s.index), 1u);
        EXPECT_EQ(s.sack(), (Blocks{{base + 100, base + 350}}));
        EXPECT_EQ(s.in(base + 150, 100), Insert::duplicate);
        s.rcv_nxt = base + 100;  // the segment that fills the hole is taken by TCP itself
        EXPECT_EQ(s.drain(), text(base + 100, 250));
        EXPECT_EQ(s.rcv_nxt, base + 350);
        EXPECT_EQ(s.index, 0u) << "a record with nothing in it is given back";
        EXPECT_EQ(s.blocks.blocks_in_use(), 0u);
    }
}

TEST(Reassembly, WhatCameFirstStays) {
    Store s;
    s.in(10, 10, false, 1);
    s.in(30, 10, false, 2);
    EXPECT_EQ(s.in(5, 40, false, 3), Insert::stored);
    EXPECT_EQ(s.pool.ranges(s.index), 1u);
    EXPECT_EQ(s.pool.bytes(s.index), 40u);
    s.rcv_nxt = 5;
    const auto got = s.drain();
    ASSERT_EQ(got.size(), 40u);
    for (uint32_t seq = 5; seq < 45; ++seq) {
        const uint8_t copy = seq >= 10 && seq < 20 ? 1 : seq >= 30 && seq < 40 ? 2 : 3;
        EXPECT_EQ(got[seq - 5], text(seq, 1, copy)[0]) << seq;
    }
}

TEST(Reassembly, TextThatCameInOrderMeanwhileIsForgotten) {
    Store s;
    s.in(10, 10);
    s.in(30, 10);
    s.rcv_nxt = 15;
    EXPECT_EQ(s.drain(), text(15, 5));
    s.rcv_nxt = 50;
    EXPECT_TRUE(s.drain().empty());
    EXPECT_EQ(s.index, 0u);
    EXPECT_EQ(s.blocks.blocks_in_use(), 0u);
    EXPECT_EQ(s.in(20, 30), Insert::duplicate);
    EXPECT_EQ(s.in(45, 10), Insert::stored);
    s.rcv_nxt = 53;
    EXPECT_EQ(s.in(60, 5), Insert::stored);
    EXPECT_EQ(s.sack(), (Blocks{{60, 65}, {53, 55}})) << "before what is new is kept, too";
    EXPECT_EQ(s.drain(), text(53, 2));
    s.pool.release(s.index);
}

TEST(Reassembly, MovesBlocksToAQueueWithoutNeedingAny) {
    Store s(4, 3);
    ByteQueue queue;
    append(s.blocks, queue, text(0, 100));
    s.rcv_nxt = 100;
    EXPECT_EQ(s.pool.move_front(s.index, s.rcv_nxt, queue), 0u);
    s.in(110, 3000);
    s.in(3200, 2000);
    EXPECT_EQ(s.pool.move_front(s.index, s.rcv_nxt, queue), 0u);
    EXPECT_EQ(append(s.blocks, queue, text(100, 10)), 10u);
    s.rcv_nxt = 110;
    EXPECT_EQ(s.pool.move_front(s.index, s.rcv_nxt, queue), 3000u);
    EXPECT_EQ(length(s.blocks, queue), 3110u);
    std::vector<uint8_t> got(3110);
    copy_out(s.blocks, queue, 0, got);
    EXPECT_EQ(got, text(0, 3110));
    EXPECT_EQ(s.sack(), (Blocks{{3200, 5200}}));
    EXPECT_EQ(s.pool.bytes(s.index), 2000u);
    s.rcv_nxt = 4000;  // what came in order meanwhile is not moved
    EXPECT_EQ(s.pool.move_front(s.index, s.rcv_nxt, queue), 1200u);
    EXPECT_EQ(s.index, 0u);
    clear(s.blocks, queue);
    EXPECT_EQ(s.blocks.blocks_in_use(), 0u);
}

TEST(Reassembly, SackNamesTheLatestRangeFirst) {
    Store s;
    s.in(100, 10);
    s.in(200, 10);
    s.in(300, 10);
    s.in(400, 10);
    s.in(500, 10);
    EXPECT_EQ(s.sack(3), (Blocks{{500, 510}, {400, 410}, {300, 310}}));
    s.in(210, 10);
    EXPECT_EQ(s.sack(3), (Blocks{{200, 220}, {500, 510}, {400, 410}}));
    EXPECT_EQ(s.in(105, 2), Insert::duplicate);
    EXPECT_EQ(s.sack(2), (Blocks{{100, 110}, {200, 220}})) << "a duplicate, too, is the latest segment";
    s.in(290, 10);
    EXPECT_EQ(s.sack(1), (Blocks{{290, 310}}));
    s.in(310, 90);
    EXPECT_EQ(s.sack(4), (Blocks{{290, 410}, {100, 110}, {200, 220}, {500, 510}}));
    EXPECT_TRUE(s.sack(0).empty());
}

TEST(Reassembly, FinIsRememberedAndEndsTheText) {
    Store s;
    EXPECT_EQ(s.in(100, 50, true), Insert::stored);
    EXPECT_EQ(s.in(150, 0, true), Insert::duplicate);
    EXPECT_EQ(s.in(140, 30), Insert::duplicate) << "text past the FIN is ignored";
    EXPECT_EQ(s.in(130, 10, true), Insert::duplicate) << "a second FIN elsewhere is ignored";
    EXPECT_FALSE(s.pool.fin_reached(s.index, 0));
    s.rcv_nxt = 100;
    EXPECT_EQ(s.drain(), text(100, 50));
    EXPECT_TRUE(s.pool.fin_reached(s.index, 150));
    EXPECT_NE(s.index, 0u) << "the FIN is still to be taken";
    s.pool.release(s.index);
    EXPECT_EQ(s.pool.records_in_use(), 0u);
}

TEST(Reassembly, FinAloneIsRememberedAndOneBeforeHeldTextIsNot) {
    Store s;
    EXPECT_EQ(s.in(10, 0, true), Insert::stored);
    EXPECT_TRUE(s.pool.fin_reached(s.index, 10));
    s.pool.release(s.index);
    s.in(10, 10);
    EXPECT_EQ(s.in(15, 0, true), Insert::duplicate);
    EXPECT_EQ(s.in(20, 0, true), Insert::stored);
    s.pool.release(s.index);
    EXPECT_EQ(s.blocks.blocks_in_use(), 0u);
}

TEST(Reassembly, RefusesBeyondItsLimits) {
    Store ranges(1000, 10, 4, 3);
    EXPECT_EQ(ranges.in(10, 5), Insert::stored);
    EXPECT_EQ(ranges.in(20, 5), Insert::stored);
    EXPECT_EQ(ranges.in(30, 5), Insert::stored);
    EXPECT_EQ(ranges.in(40, 5), Insert::full);
    EXPECT_EQ(ranges.in(12, 2), Insert::duplicate);
    EXPECT_EQ(ranges.in(15, 2), Insert::stored) << "what continues a range needs none of its own";
    EXPECT_EQ(ranges.in(28, 2), Insert::stored) << "nor what leads up to one";
    EXPECT_EQ(ranges.in(17, 3), Insert::stored) << "and what joins two frees one";
    EXPECT_EQ(ranges.pool.ranges(ranges.index), 2u);
    EXPECT_EQ(ranges.in(40, 5), Insert::stored);
    ranges.pool.release(ranges.index);

    Store bytes(1000, 10, 4, 32, 100);
    EXPECT_EQ(bytes.in(10, 80), Insert::stored);
    EXPECT_EQ(bytes.in(200, 80), Insert::stored) << "as much as may be held";
    EXPECT_EQ(bytes.pool.bytes(bytes.index), 100u);
    EXPECT_EQ(bytes.sack(), (Blocks{{200, 220}, {10, 90}}));
    EXPECT_EQ(bytes.in(90, 1), Insert::full);
    bytes.pool.release(bytes.index);

    Store blocks(1, 0);
    EXPECT_EQ(blocks.in(10, 48), Insert::stored);
    EXPECT_EQ(blocks.in(100, 1), Insert::full);
    EXPECT_EQ(blocks.in(5, 5), Insert::full);
    blocks.pool.release(blocks.index);
    EXPECT_EQ(blocks.in(5, 5), Insert::stored);
    blocks.pool.release(blocks.index);

    Store part(2, 0, 4, 1);
    EXPECT_EQ(part.in(100, 10), Insert::stored);
    EXPECT_EQ(part.in(20, 80), Insert::full) << "blocks for a part of what leads up, but no range for it";
    EXPECT_EQ(part.blocks.blocks_in_use(), 1u);
    part.pool.release(part.index);

    Store records(10, 10, 1);
    records.in(10, 1);
    uint32_t other = 0;
    EXPECT_EQ(records.pool.insert(other, 0, 10, text(10, 1), false), Insert::full);
    EXPECT_EQ(other, 0u);
    records.pool.release(records.index);
    EXPECT_EQ(records.pool.insert(other, 0, 10, text(10, 1), false), Insert::stored);
    records.pool.release(other);
}

TEST(Reassembly, AllRangesInUseStillTakeWhatLeadsUpToOne) {
    Store s;
    for (uint32_t i = 0; i < ReassemblyPool::kMaxRanges; ++i) ASSERT_EQ(s.in(10 + 10 * i, 5), Insert::stored);
    EXPECT_EQ(s.in(5, 5), Insert::stored);
    constexpr uint32_t kBehind = 20 + 10 * ReassemblyPool::kMaxRanges;
    EXPECT_EQ(s.in(kBehind + 100, 5), Insert::full);
    EXPECT_EQ(s.in(1, kBehind), Insert::stored);
    EXPECT_EQ(s.pool.ranges(s.index), 1u);
    EXPECT_EQ(s.pool.bytes(s.index), kBehind);
    s.pool.release(s.index);
}

TEST(Reassembly, AStoreThatTouchesNothingNewKeepsNoRecord) {
    Store s(0, 0);
    EXPECT_EQ(s.in(10, 5), Insert::full);
    EXPECT_EQ(s.index, 0u);
    EXPECT_EQ(s.pool.records_in_use(), 0u);
}

/// The reference: every byte by itself.
struct Reference {
    std::map<uint32_t, uint8_t> bytes;  // key: distance from the initial sequence number
    std::optional<uint32_t> fin;
};

TEST(Reassembly, BehavesAsAMapOfBytes) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        Random random(seed);
        const uint32_t base = static_cast<uint32_t>(-random.below(3000));  // wraps on the way
        Store s(300, 40);
        Reference model;
        uint32_t next = 0;
        s.rcv_nxt = base;
        for (int op = 0; op < 1500; ++op) {
            switch (random.below(10)) {
                default: {
                    // Around RCV.NXT, partly before it; half of them short so that many ranges come about.
                    const uint32_t back = random.below(8) == 0 ? std::min(next, random.below(40)) : 0;
                    const uint32_t at = next - back + (back == 0 ? 1 + random.below(1200) : 0);
                    const uint32_t n = random.below(2) ? random.below(12) : random.below(400);
                    const auto copy = static_cast<uint8_t>(op);
                    const bool fin = random.below(200) == 0;
                    const auto bytes = text(base + at, n, copy);
                    const Insert outcome = s.pool.insert(s.index, s.rcv_nxt, base + at, bytes, fin);
                    bool news = false;
                    if (fin && !model.fin && at + n >= next &&
                        (model.bytes.empty() || model.bytes.rbegin()->first < at + n)) {
                        model.fin = at + n;
                        news = true;
                    }
                    const uint32_t end = model.fin ? std::min(at + n, *model.fin) : at + n;
                    uint32_t missing = 0;
                    for (uint32_t p = std::max(at, next); p < end; ++p) missing += !model.bytes.contains(p);
                    if (outcome == Insert::full) {
                        ASSERT_FALSE(news);
                        ASSERT_GT(missing, 0u);
                        break;
                    }
                    ASSERT_EQ(outcome == Insert::stored, news || missing > 0) << seed << ' ' << op;
                    // A pool that ran dry on the way keeps a part: the first new bytes.
                    uint32_t held = s.pool.bytes(s.index) - static_cast<uint32_t>(model.bytes.size());
                    for (uint32_t p = std::max(at, next); p < end && held > 0; ++p)
                        if (model.bytes.emplace(p, bytes[p - at]).second) --held;
                    ASSERT_EQ(held, 0u) << seed << ' ' << op;
                    break;
                }
                case 0: {  // RCV.NXT moves, by text that came in order
                    const uint32_t to = next + random.below(200);
                    next = model.fin ? std::min(to, *model.fin) : to;
                    s.rcv_nxt = base + next;
                    model.bytes.erase(model.bytes.begin(), model.bytes.lower_bound(next));
                    const auto got = s.drain();
                    for (const uint8_t byte : got) {
                        ASSERT_TRUE(model.bytes.contains(next)) << seed << ' ' << op;
                        ASSERT_EQ(byte, model.bytes[next]) << seed << ' ' << op;
                        model.bytes.erase(next++);
                    }
                    ASSERT_FALSE(model.bytes.contains(next)) << seed << ' ' << op;
                    break;
                }
            }
            ASSERT_EQ(s.pool.bytes(s.index), model.bytes.size()) << seed << ' ' << op;
            ASSERT_EQ(s.pool.fin_reached(s.index, base + next), model.fin && *model.fin == next);
            // The SACK blocks are exactly the maximal runs.
            Blocks runs;
            for (const auto& [p, byte] : model.bytes) {
                if (!runs.empty() && runs.back().right == base + p)
                    ++runs.back().right;
                else
                    runs.push_back({base + p, base + p + 1});
            }
            auto reported = s.sack(128);
            std::ranges::sort(reported, {}, [&](const SackBlock& b) { return b.left - base; });
            ASSERT_EQ(reported, runs) << seed << ' ' << op;
        }
        s.pool.release(s.index);
        ASSERT_EQ(s.blocks.blocks_in_use(), 0u) << seed;
        ASSERT_EQ(s.pool.records_in_use(), 0u) << seed;
    }
}

TEST(Reassembly, ConnectionsDoNotMix) {
    BlockPool blocks(1000, 100);
    ReassemblyPool pool(blocks, 8);
    std::vector<uint32_t> index(8, 0);
    for (uint32_t c = 0; c < 8; ++c)
        pool.insert(index[c], 0, 10, text(10, 20, static_cast<uint8_t>(c)), false);
    EXPECT_EQ(pool.records_in_use(), 8u);
    for (uint32_t c = 0; c < 8; ++c) {
        const auto expected = text(10, 20, static_cast<uint8_t>(c));
        EXPECT_TRUE(std::ranges::equal(pool.front(index[c], 10), expected));
    }
    for (uint32_t& i : index) pool.release(i);
    EXPECT_EQ(blocks.blocks_in_use(), 0u);
}

}  // namespace
}  // namespace synfin::buf
