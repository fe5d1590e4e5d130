#pragma once
/// @file
/// Histogram: log-linear counts of durations, as in HdrHistogram: from 1 ns to over one hour in fixed memory,
/// with an error below 0.1 %.

#include <array>
#include <bit>
#include <cstdint>
#include <memory>

#include "base/line_vector.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// Each value below 2^(kPrecisionBits+1) ns has a bucket of its own. Above, every power of two is split into
/// 2^kPrecisionBits equal buckets, so a bucket is at most 1/1024 of its values wide. Histograms can be added.
/// @note cost: record() is one count-leading-zeros, a shift and an increment; about 270 KiB each.
class Histogram {
  public:
    static constexpr unsigned kPrecisionBits = 10;
    static constexpr unsigned kHighestBit = 42;  ///< 2^42 ns = 73 minutes; longer durations count as this
    static constexpr uint32_t kBuckets = (kHighestBit - kPrecisionBits + 2) << kPrecisionBits;

    Histogram() : counts_(std::make_unique<Counts>()) {}

    /// Negative durations count as zero.
    void record(Duration duration) noexcept {
        const uint64_t ns = duration.count() < 0 ? 0 : static_cast<uint64_t>(duration.count());
        ++(*counts_)[bucket_of(ns)];
        ++count_;
        sum_ns_ += static_cast<double>(ns);
        if (ns > max_ns_) max_ns_ = ns;
    }

    Histogram& operator+=(const Histogram& other) noexcept;
    void clear() noexcept;

    uint64_t count() const noexcept { return count_; }
    /// The durations in one bucket, below kBuckets.
    uint64_t count_of(uint32_t bucket) const noexcept { return (*counts_)[bucket]; }
    uint64_t max_ns() const noexcept { return max_ns_; }
    /// The sum of all durations, before their rounding to buckets.
    double sum_ns() const noexcept { return sum_ns_; }
    /// Adds `count` durations to a bucket below kBuckets; their sum and maximum follow by add_totals().
    void add(uint32_t bucket, uint64_t count) noexcept {
        (*counts_)[bucket] += count;
        count_ += count;
    }
    void add_totals(double sum_ns, uint64_t max_ns) noexcept {
        sum_ns_ += sum_ns;
        if (max_ns > max_ns_) max_ns_ = max_ns;
    }
    double max_us() const noexcept { return static_cast<double>(max_ns_) / 1e3; }
    double mean_us() const noexcept { return count_ == 0 ? 0 : sum_ns_ / static_cast<double>(count_) / 1e3; }
    /// The least value that at least `share` (0..1) of all records don't exceed, rounded up to its bucket's
    /// last nanosecond but never above max. 0 when empty.
    double quantile_us(double share) const noexcept;

    static constexpr uint32_t bucket_of(uint64_t ns) noexcept {
        constexpr uint64_t kLargest = (uint64_t{1} << (kHighestBit + 1)) - 1;
        ns = ns < kLargest ? ns : kLargest;
        if (ns < (2u << kPrecisionBits)) return static_cast<uint32_t>(ns);
        const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - (kPrecisionBits + 1);
        return (shift << kPrecisionBits) + static_cast<uint32_t>(ns >> shift);
    }
    /// The last nanosecond that falls into the bucket.
    static constexpr uint64_t last_of(uint32_t bucket) noexcept {
        if (bucket < (2u << kPrecisionBits)) return bucket;
        const uint32_t shift = (bucket >> kPrecisionBits) - 1;
        const uint64_t mantissa = bucket - (uint64_t{shift} << kPrecisionBits);
        return ((mantissa + 1) << shift) - 1;
    }

  private:
    struct alignas(kCacheLine) Counts : std::array<uint64_t, kBuckets> {};

    std::unique_ptr<Counts> counts_;  // on the heap: engines keep several next to their hot state
    uint64_t count_ = 0;
    uint64_t max_ns_ = 0;
    double sum_ns_ = 0;
};

}  // namespace synfin::app
