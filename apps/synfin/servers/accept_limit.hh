#pragma once
/// @file
/// AcceptLimit: how many connections a server takes in a second.

#include <algorithm>
#include <cstdint>

#include "synfin/units.hh"

namespace synfin::app {

/// A bucket that holds a hundredth of a second's connections, at least one. It is full at first.
class AcceptLimit {
  public:
    /// @param per_second 0 to 1,000,000,000; 0: no limit
    explicit AcceptLimit(uint64_t per_second) noexcept
        : per_second_(per_second), most_(std::max(kWhole, per_second * (kWhole / 100))), credit_(most_) {}

    /// The part of a limit that one of several engines enforces. The parts sum up to the whole, but each is
    /// at least 1, because 0 is no limit.
    static constexpr uint64_t share(uint64_t per_second, unsigned index, unsigned engines) noexcept {
        return per_second == 0 ? 0 : std::max<uint64_t>(1, (per_second + index) / engines);
    }

    /// Whether one more connection is within the limit; if so, it counts.
    /// @note cost: one comparison without a limit
    bool take(Instant now) noexcept {
        if (per_second_ == 0) [[likely]]
            return true;
        // A second refills any bucket, so a longer time need not be multiplied.
        const auto passed = std::clamp<int64_t>((now - refilled_).count(), 0, kWhole);
        refilled_ = now;
        credit_ = std::min(most_, credit_ + static_cast<uint64_t>(passed) * per_second_);
        if (credit_ < kWhole) return false;
        credit_ -= kWhole;
        return true;
    }

  private:
    static constexpr uint64_t kWhole = 1'000'000'000;  ///< credit of a connection: nanoseconds times rate

    uint64_t per_second_;
    uint64_t most_, credit_;
    Instant refilled_{};
};

}  // namespace synfin::app
