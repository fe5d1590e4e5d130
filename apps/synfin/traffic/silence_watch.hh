#pragma once
/// @file
/// SilenceWatch: finds the connections whose peer has been silent for too long, without visiting all of them.

#include <algorithm>
#include <cstdint>

#include "base/mapped_array.hh"
#include "synfin/connection.hh"

namespace synfin::app {

/// The owner stores the time of the peer's last answer in its own records, so an answer costs nothing here.
/// The watch checks each record about once per time-out, at the earliest moment at which it could have
/// expired.
/// @note cost: a turn checks at most kLooksPerTurn records. A time-out is detected late by at most 1/64 of
///       the time.
class SilenceWatch {
  public:
    SilenceWatch() = default;
    /// @param ids records are named 1..ids; 24 bytes each, touched when they are watched
    /// @param time how long a peer may be silent; 0: nothing is watched
    SilenceWatch(uint32_t ids, Duration time)
        : entries_(time > Duration::zero() ? size_t{ids} + 1 : 0),
          time_(time),
          step_(std::max<Duration>(time / kSteps, 1ms)) {}

    bool is_on() const noexcept { return time_ > Duration::zero(); }
    Duration time() const noexcept { return time_; }
    void start(Instant now) noexcept { next_ = (start_ = now) + step_; }

    /// Watches a record: it is checked within the time, and stays watched until look() returns zero.
    void watch(uint32_t id, Connection connection, Instant now) noexcept {
        Entry& entry = entries_[id];
        entry.connection = connection;
        if (!entry.is_listed) list(id, now + time_);
    }
    /// Calls look(id, connection) for each record whose check is due. look() returns the time until the next
    /// check, at most time(), or zero to end the watch. The connection may have ended.
    template <typename Look>
    void turn(Instant now, Look&& look) noexcept {
        for (uint32_t left = kLooksPerTurn; left != 0 && now >= next_; --left) {
            const uint32_t id = slots_[at_ % kSlots];
            if (id == 0) {
                ++at_;
                next_ += step_;
                continue;
            }
            Entry& entry = entries_[id];
            slots_[at_ % kSlots] = entry.next;
            entry.is_listed = false;
            if (const Duration again = look(id, entry.connection); again > Duration::zero())
                list(id, now + again);
        }
    }
    static constexpr uint32_t kLooksPerTurn = 64;

  private:
    static constexpr uint32_t kSteps = 64, kSlots = 2 * kSteps;
    struct Entry {
        Connection connection;
        uint32_t next;  ///< in its slot's list; 0: none
        bool is_listed;
    };

    void list(uint32_t id, Instant due) noexcept {
        const auto slot = static_cast<uint64_t>((due - start_) / step_);
        uint32_t& first = slots_[std::max(slot, at_) % kSlots];
        entries_[id].next = first;
        entries_[id].is_listed = true;
        first = id;
    }

    MappedArray<Entry> entries_;
    uint32_t slots_[kSlots] = {};  ///< ids whose check is due within each step
    Duration time_{}, step_{1ms};
    Instant start_{}, next_{};  ///< next_: when the slot at_ is due
    uint64_t at_ = 0;
};

}  // namespace synfin::app
