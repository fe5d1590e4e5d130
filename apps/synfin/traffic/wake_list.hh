#pragma once
/// @file
/// WakeList: wakes connections that pause, in a turn at or after their time. A connection that does not pause
/// costs nothing.

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/mapped_array.hh"
#include "synfin/connection.hh"

namespace synfin::app {

/// @note cost: 32 bytes for each record that has paused; a turn visits at most kMostPerTurn records, and
/// those
///       of pauses above kSlots ms once per kSlots ms.
class WakeList {
  public:
    static constexpr uint32_t kMostPerTurn = 64;
    static constexpr size_t kBytes = 32;  ///< of a record

    WakeList() = default;
    /// @param ids records are named 1..ids
    explicit WakeList(uint32_t ids) : entries_(size_t{ids} + 1) {}

    void start(Instant now) noexcept { at_ = now.tick(); }
    /// Wakes the record after the pause, rounded up to a millisecond, and never in this one. A record pauses
    /// once at a time.
    void pause(uint32_t id, Connection connection, Duration pause, Instant now) noexcept {
        const uint32_t due = std::max((now + pause + (1ms - 1ns)).tick(), now.tick() + 1);
        entries_[id].connection = connection;
        entries_[id].due = due;
        put(id);
        ++waiting_;
    }
    bool is_pausing(uint32_t id) const noexcept { return entries_[id].is_listed; }
    /// Does not wake the record, which need not pause.
    void remove(uint32_t id) noexcept {
        if (!entries_[id].is_listed) return;
        take(id);
        --waiting_;
    }
    /// Calls wake(id, connection) for each record whose pause is over.
    template <typename Wake>
    void turn(Instant now, Wake&& wake) noexcept {
        const uint32_t tick = now.tick();
        if (waiting_ == 0) {
            at_ = tick + 1;
            return;
        }
        for (uint32_t left = kMostPerTurn; static_cast<int32_t>(tick - at_) >= 0; ++at_) {
            uint32_t& first = slots_[at_ % kSlots];
            if (open_ == 0) open_ = std::exchange(first, 0);
            for (; open_ != 0; --left) {
                if (left == 0) return;
                const uint32_t id = open_;
                const bool is_over = static_cast<int32_t>(entries_[id].due - at_) <= 0;
                take(id);
                if (!is_over) {
                    put(id);
                    continue;
                }
                --waiting_;
                wake(id, entries_[id].connection);
            }
        }
    }

  private:
    static constexpr uint32_t kSlots = 4096;  ///< of a millisecond
    struct Entry {
        Connection connection;
        uint32_t next, previous;  ///< in its slot's list; 0: none
        uint32_t due;             ///< a tick
        bool is_listed;
    };
    static_assert(sizeof(Entry) == kBytes);

    void put(uint32_t id) noexcept {
        Entry& entry = entries_[id];
        uint32_t& first = slots_[entry.due % kSlots];
        entry.next = first;
        entry.previous = 0;
        entry.is_listed = true;
        if (first != 0) entries_[first].previous = id;
        first = id;
    }
    void take(uint32_t id) noexcept {
        Entry& entry = entries_[id];
        if (entry.next != 0) entries_[entry.next].previous = entry.previous;
        if (entry.previous != 0)
            entries_[entry.previous].next = entry.next;
        else if (open_ == id)
            open_ = entry.next;
        else
            slots_[entry.due % kSlots] = entry.next;
        entry.is_listed = false;
    }

    MappedArray<Entry> entries_;
    uint32_t slots_[kSlots] = {};
    uint32_t at_ = 0;    ///< the tick whose slot is next
    uint32_t open_ = 0;  ///< the rest of that slot's list, taken out of the slot
    uint32_t waiting_ = 0;
};

}  // namespace synfin::app
