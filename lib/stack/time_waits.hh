#pragma once
/// @file
/// TimeWaits: the records of connections in TIME-WAIT, in the order in which they expire.

#include <cstdint>

#include "base/mapped_array.hh"
#include "base/record_pool.hh"
#include "tcp/tcb.hh"

namespace synfin::stack {

/// All records wait 2 MSL, so a FIFO holds them in the order of expiry. Indices are 1..capacity, 0 is none.
/// @note cost: O(1) each.
class TimeWaits {
  public:
    explicit TimeWaits(uint32_t capacity) : records_(capacity), expiries_(size_t{capacity} + 1) {}

    const tcp::TimeWait& operator[](uint32_t index) const noexcept { return records_[index]; }
    /// The address of a record, for prefetching; any index in 0..capacity.
    const tcp::TimeWait* at(uint32_t index) const noexcept { return records_.at(index); }

    /// Makes a record of the control block; it expires at the control block's deadline. There must be room.
    uint32_t add(const tcp::Tcb& tcb) noexcept {
        const uint32_t index = records_.alloc();
        records_[index] = tcp::shrink(tcb);
        expiries_[index].set(tcb.deadline);
        link(index);
        return index;
    }
    void remove(uint32_t index) noexcept {
        unlink(index);
        records_.free(index);
    }
    /// Restarts the 2 MSL timer.
    void restart(uint32_t index, uint32_t expiry_tick) noexcept {
        unlink(index);
        expiries_[index].set(expiry_tick);
        link(index);
    }

    /// The record that expires first; 0: none.
    uint32_t oldest() const noexcept { return head_; }
    /// Ticks until the record expires; zero or negative when due.
    int32_t remaining(uint32_t index, uint32_t now_tick) const noexcept {
        return expiries_[index].remaining(now_tick);
    }
    bool has_due(uint32_t now_tick) const noexcept { return head_ != 0 && remaining(head_, now_tick) <= 0; }

    uint32_t used() const noexcept { return records_.used(); }
    size_t memory_bytes() const noexcept {
        return records_.memory_bytes() + size_t{records_.high_water()} * sizeof(tcp::TimeWaitExpiry);
    }

  private:
    void link(uint32_t index) noexcept {
        tcp::TimeWait& record = records_[index];
        record.prev = tail_ & kPrevMask;
        record.next = 0;
        (tail_ != 0 ? records_[tail_].next : head_) = index;
        tail_ = index;
    }
    void unlink(uint32_t index) noexcept {
        const tcp::TimeWait& record = records_[index];
        (record.prev != 0 ? records_[record.prev].next : head_) = record.next;
        if (record.next != 0)
            records_[record.next].prev = record.prev;
        else
            tail_ = record.prev;
    }

    static constexpr uint32_t kPrevMask = (1u << 31) - 1;  ///< TimeWait::prev has 31 bits
    RecordPool<tcp::TimeWait> records_;
    MappedArray<tcp::TimeWaitExpiry> expiries_;  ///< by index
    uint32_t head_ = 0, tail_ = 0;
};

}  // namespace synfin::stack
