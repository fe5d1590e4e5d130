#pragma once
/// @file
/// SpscRing: the only way in which two cores speak: a bounded queue with one producer and one consumer.

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

/// A FIFO of trivially copyable values between exactly two threads. Wait-free on both sides.
///
/// Each side keeps the other's index as it last saw it and looks again only when that says full (or empty),
/// so the line of an index moves between the cores once per burst, not once per value.
template <typename T>
class SpscRing {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    /// @param capacity values that fit; rounded up to a power of two, at most 2^31.
    explicit SpscRing(uint32_t capacity)
        : slots_(std::bit_ceil(std::max(capacity, 1u))), mask_(std::bit_ceil(std::max(capacity, 1u)) - 1) {}

    uint32_t capacity() const noexcept { return mask_ + 1; }

    // -- producer

    /// @return how many of the values were taken, from the first on: all, unless the ring is full.
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
    /// False when the ring is full.
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

    /// Values in the ring: exact when neither side is at work, else a moment's estimate. Any thread.
    uint32_t size() const noexcept {
        const uint32_t head = consumer_.index.load(std::memory_order_acquire);
        return producer_.index.load(std::memory_order_acquire) - head;
    }
    bool empty() const noexcept { return size() == 0; }

  private:
    /// One side's line: the index that it alone writes, and what it knows of the other's. Indices run freely
    /// modulo 2^32.
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
