#include "histogram.hh"

#include <algorithm>
#include <cmath>

namespace synfin::app {

Histogram& Histogram::operator+=(const Histogram& other) noexcept {
    static_assert(bucket_of(~uint64_t{0}) == kBuckets - 1);
    for (size_t i = 0; i < kBuckets; ++i) (*counts_)[i] += (*other.counts_)[i];
    count_ += other.count_;
    sum_ns_ += other.sum_ns_;
    max_ns_ = std::max(max_ns_, other.max_ns_);
    return *this;
}

void Histogram::clear() noexcept {
    counts_->fill(0);
    count_ = max_ns_ = 0;
    sum_ns_ = 0;
}

double Histogram::quantile_us(double share) const noexcept {
    if (count_ == 0) return 0;
    const double exact = std::ceil(share * static_cast<double>(count_));
    const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(exact), 1, count_);
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
        seen += (*counts_)[bucket];
        if (seen >= rank) return static_cast<double>(std::min(last_of(bucket), max_ns_)) / 1e3;
    }
    return max_us();
}

}  // namespace synfin::app
