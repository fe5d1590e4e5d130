#pragma once
/// @file
/// PublishedCount: a counter that one thread writes and any thread may read.

#include <atomic>
#include <cstdint>

namespace synfin {

/// Only the owning thread may add. A reader may see an older value. Two counts read one after the other need
/// not belong to one moment.
/// @note cost: a load, an add and a store, none of them locked. A plain uint64_t takes one instruction.
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
    operator uint64_t() const noexcept {  // NOLINT(google-explicit-constructor): readers use it as a number
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<uint64_t> value_{0};
};

}  // namespace synfin
