#pragma once
/// @file
/// PublishedCount: a count that one thread keeps and any thread may read.

#include <atomic>
#include <cstdint>

namespace synfin {

/// Only its owner may add. A reader sees a value that was there, perhaps an older one; two counts are not
/// read at one moment.
/// @note cost: a load, an add and a store, where a plain uint64_t takes one instruction; no locked one.
class PublishedCount {
  public:
    constexpr PublishedCount() noexcept = default;
    PublishedCount(const PublishedCount& other) noexcept : value_(other) {}
    PublishedCount& operator=(const PublishedCount& other) noexcept {
        value_.store(other, std::memory_order_relaxed);
        return *this;
    }

    PublishedCount& operator+=(uint64_t more) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
        return *this;
    }
    PublishedCount& operator++() noexcept { return *this += 1; }
    operator uint64_t()
        const noexcept {  // NOLINT(google-explicit-constructor): it is read as the number it is
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<uint64_t> value_{0};
};

}  // namespace synfin
