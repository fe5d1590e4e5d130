#pragma once
/// @file
/// DelayedAcks: connections that owe an ACK and wait for a segment that can carry it (RFC 9293 3.8.6.3). All
/// wait equally long, so a ring holds them in the order of expiry.

#include <cstdint>

#include "base/mapped_array.hh"

namespace synfin::stack {

/// Entries are never removed early: the caller of take_due() checks whether the ACK is still owed.
/// @note cost: O(1) each; 512 KiB, mapped when first used.
class DelayedAcks {
  public:
    DelayedAcks() : ring_(kPlaces) {}

    /// False: the ring is full; send the ACK now.
    bool add(uint32_t connection, uint32_t due_tick) noexcept {
        if (tail_ - head_ >= kPlaces) return false;
        ring_[tail_++ % kPlaces] = {connection, due_tick};
        return true;
    }
    /// Removes and returns the next connection that is due; 0: none.
    uint32_t take_due(uint32_t now_tick) noexcept {
        if (head_ == tail_) return 0;
        const Entry& first = ring_[head_ % kPlaces];
        if (static_cast<int32_t>(now_tick - first.due_tick) < 0) return 0;
        ++head_;
        return first.connection;
    }
    /// Calls visit(connection, due_tick) in the order of expiry until it returns false.
    template <typename Visit>
    void for_each(Visit&& visit) const noexcept {
        for (uint32_t i = head_; i != tail_; ++i) {
            const Entry& entry = ring_[i % kPlaces];
            if (!visit(entry.connection, entry.due_tick)) return;
        }
    }
    size_t memory_bytes() const noexcept { return ring_.bytes(); }

  private:
    static constexpr uint32_t kPlaces = 65'536;
    struct Entry {
        uint32_t connection;
        uint32_t due_tick;
    };
    MappedArray<Entry> ring_;
    uint32_t head_ = 0, tail_ = 0;  ///< modulo 2^32
};

}  // namespace synfin::stack
