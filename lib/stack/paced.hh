#pragma once
/// @file
/// Paced: connections that wait for the time of their next burst (tcp/congestion/pacing.hh), the earliest
/// first. The wheel's ticks of 1 ms are too coarse for them.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/mapped_array.hh"

namespace synfin::stack {

/// This is a heap. Entries are never removed early: the caller of take_due() checks whether the connection
/// still waits.
/// @note cost: O(log n) each; nothing while no connection is paced.
class Paced {
  public:
    /// @param places most connections at a time; 8 bytes each, mapped when first used.
    explicit Paced(uint32_t places) : heap_(places), places_(places) {}

    bool empty() const noexcept { return count_ == 0; }
    /// `due_us`: at most 2^31 us ahead. False: there is no room.
    bool add(uint32_t connection, uint32_t due_us) noexcept {
        if (count_ == places_) return false;
        uint32_t at = count_++;
        while (at != 0 && is_earlier(due_us, heap_[(at - 1) / 2].due_us)) {
            heap_[at] = heap_[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        heap_[at] = {connection, due_us};
        return true;
    }
    /// Removes and returns the first connection if it is due; 0: none is.
    uint32_t take_due(uint32_t now_us) noexcept {
        if (count_ == 0 || is_earlier(now_us, heap_[0].due_us)) return 0;
        const uint32_t out = heap_[0].connection;
        const Entry last = heap_[--count_];
        uint32_t at = 0;
        for (uint32_t child = 1; child < count_; child = 2 * at + 1) {
            if (child + 1 < count_ && is_earlier(heap_[child + 1].due_us, heap_[child].due_us)) ++child;
            if (!is_earlier(heap_[child].due_us, last.due_us)) break;
            heap_[at] = heap_[child];
            at = child;
        }
        heap_[at] = last;
        return out;
    }
    std::optional<uint32_t> first_due_us() const noexcept {
        return count_ != 0 ? std::optional(heap_[0].due_us) : std::nullopt;
    }
    size_t memory_bytes() const noexcept { return count_ * sizeof(Entry); }

  private:
    struct Entry {
        uint32_t connection;
        uint32_t due_us;
    };
    static bool is_earlier(uint32_t us, uint32_t other) noexcept {
        return static_cast<int32_t>(us - other) < 0;
    }
    MappedArray<Entry> heap_;
    uint32_t places_, count_ = 0;
};

}  // namespace synfin::stack
