#pragma once
/// @file
/// SpscRing: a bounded queue between two cores, with one producer and one consumer.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "base/line_vector.hh"

namespace synfin {

/// A FIFO of trivially copyable values between exactly two threads. Both sides are wait-free.
///
/// Each side keeps a copy of the other's index and reads it again only when the copy says full (or empty). So
/// the cache line of an index moves between the cores once per burst, not once per value.
template <typename T>
class SpscRing {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    /// @param capacity values that fit; rounded up to a power of two, at most 2^31.
    explicit SpscRing(uint32_t capacity)
        : slots_(std::bit_ceil(std::max(capacity, 1u))), mask_(std::bit_ceil(std::max(capacity, 1u)) - 1) {}

    uint32_t capacity() const noexcept { return mask_ + 1; }

    // -- producer

    /// @return how many values were queued, from the first on: all, unless the ring becomes full.
    uint32_t push(std::span<const T> values) noexcept {
        const uint32_t tail = producer_.index.load(std::memory_order_relaxed);
        if (capacity() - (tail - producer_.other) < values.size())
            producer_.other = consumer_.index.load(std::memory_order_acquire);
        const uint32_t room = capacity() - (tail - producer_.other);
        const auto n = static_cast<uint32_t>(std::min<size_t>(room, values.size()));
        for (uint32_t i = 0; i < n; ++i) slots_[(tail + i) & mask_] = values[i];
        producer_.index.store(tail + n, std::memory_order_release);
        return n;
    }
    /// Returns false when the ring is full.
    bool push(const T& value) noexcept { return push(std::span<const T>(&value, 1)) == 1; }

    // -- consumer

    /// @return how many values were written to the front of `out`.
    uint32_t pop(std::span<T> out) noexcept {
        const uint32_t head = consumer_.index.load(std::memory_order_relaxed);
        if (consumer_.other - head < out.size())
            consumer_.other = producer_.index.load(std::memory_order_acquire);
        const auto n = static_cast<uint32_t>(std::min<size_t>(consumer_.other - head, out.size()));
        for (uint32_t i = 0; i < n; ++i) out[i] = slots_[(head + i) & mask_];
        consumer_.index.store(head + n, std::memory_order_release);
        return n;
    }
    std::optional<T> pop() noexcept {
        T value;
        if (pop(std::span<T>(&value, 1)) == 0) return std::nullopt;
        return value;
    }

    /// Values in the ring: exact when neither side is active, otherwise an estimate. Any thread may call it.
    uint32_t size() const noexcept {
        const uint32_t head = consumer_.index.load(std::memory_order_acquire);
        return producer_.index.load(std::memory_order_acquire) - head;
    }
    bool empty() const noexcept { return size() == 0; }

  private:
    /// One side's cache line: the index that only this side writes, and its copy of the other's index.
    /// Indices count modulo 2^32.
    struct alignas(kCacheLine) Side {
        std::atomic<uint32_t> index{0};
        uint32_t other = 0;
    };

    LineVector<T> slots_;
    uint32_t mask_;
    Side producer_;
    Side consumer_;
};

}  // namespace synfin
