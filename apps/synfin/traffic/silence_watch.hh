#pragma once
/// @file
/// SilenceWatch: finds the connections whose peer has been silent for too long, without a walk over all.

#include <algorithm>
#include <cstdint>

#include "base/mapped_array.hh"
#include "synfin/connection.hh"

namespace synfin::app {

/// What an owner's records wait for is written there, not here: an answer that comes costs nothing. Each
/// record is looked at about once in the time that its peer may be silent, when it would be over if nothing
/// had come since the last look.
/// @note cost: a turn looks at kLooksPerTurn records at most; what is found late is late by 1/64 of the time.
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

    /// The record is looked at within the time; it stays watched until a look says otherwise.
    void watch(uint32_t id, Connection connection, Instant now) noexcept {
        Entry& entry = entries_[id];
        entry.connection = connection;
        if (!entry.is_listed) list(id, now + time_);
    }
    /// Calls look(id, connection) for each record that it is time for: it returns how long until the next
    /// look, at most the time, or zero to end the watch. The connection may have ended: see watch().
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
    uint32_t slots_[kSlots] = {};  ///< ids whose look is due within each step
    Duration time_{}, step_{1ms};
    Instant start_{}, next_{};  ///< next_: when the slot at_ is due
    uint64_t at_ = 0;
};

}  // namespace synfin::app
