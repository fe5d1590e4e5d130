// ImpairedLink: each fault alone and together, with times that the test gives.
#include "buf/impaired_link.hh"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>

namespace synfin::buf {
namespace {

struct Packet {
    int number = 0;
    uint32_t bytes = 1000;
    bool is_corrupt = false, is_copy = false;
};

struct Actions {
    std::deque<Packet> all;
    int freed = 0;
    bool has_room = true;

    uint32_t bytes(const Packet* packet) const { return packet->bytes; }
    void free(Packet*) { ++freed; }
    Packet* copy(const Packet* packet) {
        if (!has_room) return nullptr;
        all.push_back(*packet);
        all.back().is_copy = true;
        return &all.back();
    }
    bool corrupt(Packet* packet, uint64_t) { return packet->is_corrupt = true; }
    Packet* make(int number) {
        all.push_back({.number = number});
        return &all.back();
    }
};

struct Bed {
    explicit Bed(const Impairment& faults, uint64_t seed = 1, uint32_t most = 4096)
        : link(faults, seed, most) {}
    void send(int number, int64_t now) { link.take(actions.make(number), now, actions, counters); }
    std::vector<Packet*> receive(int64_t now) {
        std::vector<Packet*> got(8192);
        got.resize(link.give(got.data(), 8192, now));
        return got;
    }
    std::vector<int> numbers(int64_t now) {
        std::vector<int> all;
        for (const Packet* each : receive(now)) all.push_back(each->number);
        return all;
    }
    Actions actions;
    ImpairmentCounters counters;
    ImpairedLink<Packet> link;
};

constexpr int64_t kMs = 1'000'000;

TEST(ImpairedLink, WithoutFaultsAllPassAtOnceInOrder) {
    Bed bed({});
    for (int i = 0; i < 100; ++i) bed.send(i, i);
    const std::vector<int> got = bed.numbers(99);
    ASSERT_EQ(got.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i);
    EXPECT_EQ(bed.counters.delayed, 0u);
}

TEST(ImpairedLink, LosesCopiesAndCorruptsItsShare) {
    Bed bed({.loss_ppm = 100'000, .duplicate_ppm = 50'000, .corrupt_ppm = 20'000}, 7, 16'384);
    constexpr int kPackets = 10'000;
    for (int i = 0; i < kPackets; ++i) bed.send(i, 0);
    const auto got = bed.receive(0);
    // The shares of a seed are exact; five standard deviations allow for another sequence.
    EXPECT_NEAR(static_cast<double>(bed.counters.lost), 1'000, 150);
    EXPECT_NEAR(static_cast<double>(bed.counters.duplicated), 450, 105);
    EXPECT_NEAR(static_cast<double>(bed.counters.corrupted), 180, 67);
    EXPECT_EQ(got.size() + bed.receive(0).size(), kPackets - bed.counters.lost + bed.counters.duplicated);
    EXPECT_EQ(bed.actions.freed, static_cast<int>(bed.counters.lost));
    for (const Packet* each : got) EXPECT_FALSE(each->is_copy && each->is_corrupt) << "the copy is whole";
}

TEST(ImpairedLink, TheSeedRepeatsTheSequence) {
    const auto survivors = [](uint64_t seed) {
        Bed bed({.loss_ppm = 300'000}, seed);
        for (int i = 0; i < 500; ++i) bed.send(i, 0);
        return bed.numbers(0);
    };
    EXPECT_EQ(survivors(3), survivors(3));
    EXPECT_NE(survivors(3), survivors(4));
}

TEST(ImpairedLink, DelayIsExactAndJitterKeepsTheOrder) {
    Bed fixed({.delay = 10ms});
    fixed.send(1, 0);
    EXPECT_TRUE(fixed.numbers(10 * kMs - 1).empty());
    EXPECT_EQ(fixed.numbers(10 * kMs), (std::vector<int>{1}));
    Bed jitter({.delay = 10ms, .jitter = 5ms});
    for (int i = 0; i < 1'000; ++i) jitter.send(i, i * 1'000);
    int last = -1;
    for (int64_t now = 0; now <= 17 * kMs; now += 1'000)
        for (const int number : jitter.numbers(now)) {
            EXPECT_EQ(number, last + 1);
            EXPECT_GE(now, number * 1'000 + 10 * kMs);
            last = number;
        }
    EXPECT_EQ(last, 999) << "at most delay and jitter";
    EXPECT_EQ(jitter.counters.delayed, 1'000u);
}

TEST(ImpairedLink, ALatePacketIsOvertakenByThoseWithinItsDelay) {
    Bed bed({.reorder_ppm = 100'000, .reorder_delay = 1ms}, 5);
    for (int i = 0; i < 1'000; ++i) bed.send(i, i * 100'000);
    std::vector<int> order;
    for (int64_t now = 0; now <= 110 * kMs; now += 50'000)
        for (const int number : bed.numbers(now)) order.push_back(number);
    ASSERT_EQ(order.size(), 1'000u);
    EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 1'000u);
    unsigned late = 0;
    for (size_t i = 1; i < order.size(); ++i) late += order[i] < order[i - 1] ? 1 : 0;
    EXPECT_GT(late, 50u);
    EXPECT_NEAR(static_cast<double>(bed.counters.reordered), 100, 48);
}

TEST(ImpairedLink, TheRateSpacesPacketsAndTheQueueIsBounded) {
    Bed bed({.rate_bps = 8'000'000, .queue = 10ms});  // 1,000 bytes take 1 ms
    for (int i = 0; i < 20; ++i) bed.send(i, 0);
    EXPECT_EQ(bed.counters.queue_dropped, 9u) << "eleven begin within 10 ms";
    EXPECT_EQ(bed.numbers(1 * kMs), (std::vector<int>{0}));
    EXPECT_EQ(bed.numbers(3 * kMs), (std::vector<int>{1, 2}));
    EXPECT_EQ(bed.numbers(11 * kMs).size(), 8u);
    bed.send(99, 20 * kMs);
    EXPECT_EQ(bed.numbers(21 * kMs), (std::vector<int>{99})) << "an idle line saves nothing up";
}

TEST(ImpairedLink, HoldsNoMoreThanItsLimitAndFreesTheRest) {
    Bed bed({.delay = 1s}, 1, 100);
    for (int i = 0; i < 150; ++i) bed.send(i, 0);
    EXPECT_EQ(bed.counters.queue_dropped, 50u);
    EXPECT_EQ(bed.actions.freed, 50);
    bed.link.clear(bed.actions);
    EXPECT_EQ(bed.actions.freed, 150);
    EXPECT_TRUE(bed.receive(INT64_MAX - 1).empty());
}

TEST(ImpairedLink, WithoutABufferThereIsNoCopy) {
    Bed bed({.duplicate_ppm = 1'000'000});
    bed.actions.has_room = false;
    bed.send(1, 0);
    EXPECT_EQ(bed.receive(0).size(), 1u);
    EXPECT_EQ(bed.counters.duplicated, 0u);
}

}  // namespace
}  // namespace synfin::buf
