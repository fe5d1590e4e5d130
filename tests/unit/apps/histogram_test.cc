#include "results/histogram.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.hh"

namespace synfin::app {
namespace {

/// The quantile by sorting: what the histogram must give, but for the width of a bucket.
uint64_t exact(std::vector<uint64_t> values, double share) {
    std::sort(values.begin(), values.end());
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::max<size_t>(rank, 1) - 1];
}

TEST(Histogram, AgreesWithSortingAtEveryScale) {
    Random random(1);
    for (const unsigned bits : {4u, 11u, 12u, 20u, 33u, 41u}) {
        Histogram histogram;
        std::vector<uint64_t> values;
        for (int i = 0; i < 20'000; ++i) {
            values.push_back(random.next() >> (64 - bits));
            histogram.record(Duration(static_cast<int64_t>(values.back())));
        }
        for (const double share : {0.0, 0.001, 0.5, 0.9, 0.99, 0.999, 1.0}) {
            const auto want = static_cast<double>(exact(values, share));
            const double got = histogram.quantile_us(share) * 1e3;
            EXPECT_GE(got, want - 0.5) << bits << " bits, " << share;
            EXPECT_LE(got, want * (1 + 1.0 / 1024) + 0.5) << bits << " bits, " << share;
        }
        EXPECT_DOUBLE_EQ(histogram.max_us() * 1e3, static_cast<double>(exact(values, 1)));
        EXPECT_EQ(histogram.count(), values.size());
        double sum = 0;
        for (const uint64_t v : values) sum += static_cast<double>(v);
        EXPECT_NEAR(histogram.mean_us() * 1e3, sum / static_cast<double>(values.size()), 1e-6 * sum);
    }
}

TEST(Histogram, BucketsJoinWithoutGapOrOverlap) {
    uint32_t bucket = 0;
    for (uint64_t ns = 0; ns < 1u << 16; ++ns) {
        const uint32_t next = Histogram::bucket_of(ns);
        ASSERT_TRUE(next == bucket || next == bucket + 1) << ns;
        if (next == bucket + 1) {
            ASSERT_EQ(Histogram::last_of(bucket), ns - 1);
        }
        bucket = next;
    }
    for (unsigned bit = 12; bit < 43; ++bit) {
        const uint64_t ns = uint64_t{1} << bit;
        EXPECT_EQ(Histogram::bucket_of(ns), Histogram::bucket_of(ns - 1) + 1) << bit;
        EXPECT_EQ(Histogram::last_of(Histogram::bucket_of(ns - 1)), ns - 1) << bit;
    }
}

TEST(Histogram, EdgesAndMerge) {
    Histogram a, b;
    EXPECT_EQ(a.quantile_us(0.99), 0);
    a.record(Duration(-5));
    a.record(1us);
    b.record(1h);
    b.record(24h);  // beyond the last bucket: counted there, max is exact
    a += b;
    EXPECT_EQ(a.count(), 4u);
    EXPECT_EQ(a.max_us(), 24 * 3600e6);
    EXPECT_EQ(a.quantile_us(0.25), 0);
    EXPECT_EQ(a.quantile_us(0.5), 1);
    EXPECT_NEAR(a.quantile_us(0.75), 3600e6, 3600e6 / 1024);
    Histogram three;
    for (const Duration d : {1us, 2us, 3us}) three.record(d);
    EXPECT_EQ(three.quantile_us(0.5), 2) << "the least that half of them, rounded up, don't exceed";
    a.clear();
    EXPECT_EQ(a.count(), 0u);
    EXPECT_EQ(a.quantile_us(1), 0);
}

}  // namespace
}  // namespace synfin::app
