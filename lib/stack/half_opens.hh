#pragma once
/// @file
/// HalfOpens: the records of passive opens that wait for the last ACK of the handshake, in the order in which
/// they are due and in which they yield.

#include <algorithm>
#include <cstdint>

#include "base/record_pool.hh"
#include "tcp/tcb.hh"

namespace synfin::stack {

/// One FIFO for each number of retransmitted SYN-ACKs, because records with equal numbers wait equally long.
/// The oldest record is the first of the last FIFO that is not empty. A second set of FIFOs holds records
/// that replaced a TIME-WAIT record and take no place in the backlog.
/// @note cost: O(1) each, except for_each().
class HalfOpens {
  public:
    static constexpr unsigned kLevels = 8;  ///< later SYN-ACKs use the interval of the last level
    static constexpr unsigned kQueues = 2 * kLevels;

    /// @param syn_ack_timeout ticks after which a record expires.
    HalfOpens(uint32_t capacity, uint32_t syn_ack_timeout)
        : records_(capacity), syn_ack_timeout_(syn_ack_timeout) {}

    tcp::HalfOpen& operator[](uint32_t index) noexcept { return records_[index]; }
    const tcp::HalfOpen& operator[](uint32_t index) const noexcept { return records_[index]; }
    /// The address of a record, for prefetching; any index in 0..capacity.
    const tcp::HalfOpen* at(uint32_t index) const noexcept { return records_.at(index); }

    /// Allocates a record; fill it, then call add() or discard(). 0: none is left.
    uint32_t alloc() noexcept { return records_.alloc(); }
    void discard(uint32_t index) noexcept { records_.free(index); }
    void add(uint32_t index) noexcept {
        paid_ += records_[index].is_paid;
        link(index);
    }
    void remove(uint32_t index) noexcept {
        paid_ -= records_[index].is_paid;
        unlink(index);
        records_.free(index);
    }
    /// Moves the record to its next FIFO after its SYN-ACK has been sent again.
    void requeue(uint32_t index) noexcept {
        unlink(index);
        link(index);
    }

    /// Records that take a place in the backlog.
    uint32_t backlog() const noexcept { return records_.used() - paid_; }
    /// Records that replaced a TIME-WAIT record.
    uint32_t paid() const noexcept { return paid_; }

    /// The record that yields to a newer SYN: the oldest whose SYN-ACK has been sent again, so that its peer
    /// had time to answer. 0: none.
    /// @param cookies if true, a record whose SYN-ACK carried no cookie stays for one more SYN-ACK. Of the
    ///        others a later ACK opens the connection without the record.
    uint32_t yielding(bool cookies) const noexcept {
        for (unsigned level = kLevels - 1; level > 0; --level) {
            const uint32_t oldest = queues_[level].head;
            if (oldest == 0) continue;
            if (level == 1 && !records_[oldest].is_cookie && cookies) continue;
            return oldest;
        }
        return 0;
    }

    /// The tick at which the record's SYN-ACK is sent again or the record expires.
    uint32_t due_tick(const tcp::HalfOpen& record) const noexcept {
        const uint32_t end = record.started + syn_ack_timeout_;
        return static_cast<int32_t>(end - record.deadline) < 0 ? end : record.deadline;
    }
    /// The first record of a queue, 0..kQueues - 1, if it is due; otherwise 0.
    uint32_t due_in(unsigned queue, uint32_t now_tick) const noexcept {
        const uint32_t head = queues_[queue].head;
        if (head == 0 || static_cast<int32_t>(now_tick - due_tick(records_[head])) < 0) return 0;
        return head;
    }
    bool has_due(uint32_t now_tick) const noexcept {
        for (unsigned queue = 0; queue < kQueues; ++queue)
            if (due_in(queue, now_tick) != 0) return true;
        return false;
    }
    /// Calls visit(due tick) for the first record of each queue.
    template <typename Visit>
    void for_each_first(Visit&& visit) const noexcept {
        for (const Queue& queue : queues_)
            if (queue.head != 0) visit(due_tick(records_[queue.head]));
    }
    /// Calls visit(index) for each record; it may remove that one.
    template <typename Visit>
    void for_each(Visit&& visit) noexcept {
        for (const Queue& queue : queues_) {
            for (uint32_t index = queue.head; index != 0;) {
                const uint32_t next = records_[index].next;
                visit(index);
                index = next;
            }
        }
    }

    uint32_t used() const noexcept { return records_.used(); }
    uint32_t capacity() const noexcept { return records_.capacity(); }
    size_t memory_bytes() const noexcept { return records_.memory_bytes(); }

  private:
    struct Queue {
        uint32_t head = 0, tail = 0;
    };
    void link(uint32_t index) noexcept {
        tcp::HalfOpen& record = records_[index];
        const unsigned level = std::min<unsigned>(record.resent, kLevels - 1);
        record.queue = static_cast<uint8_t>(level + (record.is_paid ? kLevels : 0));
        Queue& queue = queues_[record.queue];
        record.prev = queue.tail;
        record.next = 0;
        (queue.tail != 0 ? records_[queue.tail].next : queue.head) = index;
        queue.tail = index;
    }
    void unlink(uint32_t index) noexcept {
        const tcp::HalfOpen& record = records_[index];
        Queue& queue = queues_[record.queue];
        (record.prev != 0 ? records_[record.prev].next : queue.head) = record.next;
        (record.next != 0 ? records_[record.next].prev : queue.tail) = record.prev;
    }

    RecordPool<tcp::HalfOpen> records_;
    uint32_t syn_ack_timeout_;
    uint32_t paid_ = 0;
    Queue queues_[kQueues];
};

}  // namespace synfin::stack
