#pragma once
/// @file
/// MpscRing: a bounded queue with any number of producers and one consumer.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/line_vector.hh"

namespace synfin {

/// A FIFO of trivially copyable values from any thread to one thread (D. Vyukov's bounded queue). The values
/// of one producer arrive in order.
///
/// Each slot has a turn: the number of the push that may fill it, plus one once it is full. Producers take
/// numbers by compare-and-swap and never wait for each other. If a producer is interrupted between taking a
/// number and filling its slot, the consumer stops at that slot.
template <typename T>
class MpscRing {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    /// @param capacity values that fit; rounded up to a power of two, 2 to 2^31.
    explicit MpscRing(uint32_t capacity)
        : mask_(std::bit_ceil(std::max(capacity, 2u)) - 1), slots_(size_t{mask_} + 1) {
        for (uint32_t i = 0; i <= mask_; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
    }

    uint32_t capacity() const noexcept { return mask_ + 1; }

    /// Any thread may call it. Returns false when the ring is full.
    /// @note cost: one compare-and-swap; more under contention.
    bool push(const T& value) noexcept {
        uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            Slot& slot = slots_[at & mask_];
            const uint64_t turn = slot.turn.load(std::memory_order_acquire);
            if (turn == at) {
                if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                slot.value = value;
                slot.turn.store(at + 1, std::memory_order_release);
                return true;
            }
            if (turn < at) return false;  // the consumer has not emptied the slot: full
            at = tail_.load(std::memory_order_relaxed);
        }
    }

    /// The consumer's thread only. None: the ring is empty, or a producer is still filling the next slot.
    std::optional<T> pop() noexcept {
        Slot& slot = slots_[head_ & mask_];
        if (slot.turn.load(std::memory_order_acquire) != head_ + 1) return std::nullopt;
        const T value = slot.value;
        slot.turn.store(head_ + capacity(), std::memory_order_release);
        ++head_;
        return value;
    }

  private:
    struct Slot {
        std::atomic<uint64_t> turn{0};
        T value{};
    };

    uint32_t mask_;
    LineVector<Slot> slots_;
    alignas(kCacheLine) std::atomic<uint64_t> tail_{0};  ///< producers
    alignas(kCacheLine) uint64_t head_ = 0;              ///< the consumer
};

}  // namespace synfin
