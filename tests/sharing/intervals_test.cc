/// An engine hands its intervals over while another thread takes them: for the thread sanitizer, and for
/// lost counts.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "traffic/interval_ring.hh"

namespace synfin::app {
namespace {

constexpr uint64_t kIntervals = 300;
constexpr uint32_t kEach = 50;

TEST(IntervalRing, TheReaderSeesEachSampleOnce) {
    IntervalRing ring(1);
    LoadTally tally;
    LoadTimes times;
    std::atomic<bool> is_over{false};
    uint64_t samples = 0, opened = 0, intervals = 0;
    Duration end{};
    const auto take = [&] {
        return ring.take([&](const Interval& interval) {
            EXPECT_GT(interval.end, end);
            end = interval.end;
            opened = interval.tally.opened;
            samples += interval.times.connect.count();
            EXPECT_EQ(samples, opened) << "the tally and the samples of the same moment";
            ++intervals;
        });
    };
    std::thread reader([&] {
        while (!is_over.load(std::memory_order_acquire))
            if (!take()) std::this_thread::yield();
    });
    for (uint64_t i = 1; i <= kIntervals; ++i) {
        for (uint32_t n = 0; n < kEach; ++n) {
            ++tally.opened;
            times.connect.record(Duration(1'000 * n));
        }
        static_cast<void>(ring.offer(i * 1s, RunPart::sustain, false, tally, times));
    }
    is_over.store(true, std::memory_order_release);
    reader.join();
    while (take()) {
    }
    EXPECT_GE(intervals, 1u);
    EXPECT_EQ(samples + times.connect.count(), kIntervals * kEach) << "the rest is with the engine";
}

TEST(IntervalRing, CutsBetweenPartsAlwaysFindRoom) {
    IntervalRing ring(2);
    const LoadTally tally;
    LoadTimes times;
    EXPECT_TRUE(ring.offer(1s, RunPart::lead, false, tally, times));
    EXPECT_FALSE(ring.offer(2s, RunPart::lead, false, tally, times)) << "the reader is late";
    EXPECT_TRUE(ring.offer(3s, RunPart::lead, true, tally, times));
    EXPECT_TRUE(ring.offer(4s, RunPart::sustain, true, tally, times));
    int taken = 0;
    while (ring.take([&](const Interval&) { ++taken; })) {
    }
    EXPECT_EQ(taken, 3);
    EXPECT_TRUE(ring.offer(5s, RunPart::drain, false, tally, times));
}

}  // namespace
}  // namespace synfin::app
