#pragma once
/// @file
/// DueList: times at which connections act by themselves, millions of them, without visiting those that are
/// not due.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/mapped_array.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// A wheel of kSlots steps, each with a list of ids, linked through one entry of 12 bytes per id. A due time
/// is rounded up to a step: kSteps of them are the span, and a step is at least 1 us.
/// @note cost: add() and remove() touch the entry and one neighbour. turn() visits entries that are due, and
///       those beyond the wheel once per turn of the wheel.
class DueList {
  public:
    /// The span in steps. A round number, so that common intervals are whole numbers of nanoseconds long.
    static constexpr uint32_t kSteps = 16'000;
    static constexpr uint32_t kSlots = 16'384;

    DueList() = default;
    /// @param ids  1..ids, below 2^31
    /// @param span the usual time ahead; longer ones work too, up to most()
    DueList(uint32_t ids, Duration span)
        : entries_(size_t{ids} + 1), slots_(kSlots), step_(std::max<Duration>(span / kSteps, 1us)) {}

    /// Times count from here. Call it while the list is empty; turns before it have no effect.
    void start(Instant now) noexcept {
        next_ = start_ = now;
        at_ = 0;
    }
    Duration step() const noexcept { return step_; }
    /// The longest time ahead.
    Duration most() const noexcept { return step_ * INT32_MAX / 2; }

    /// Adds an id that is not in the list. A time that has passed is due at once.
    void add(uint32_t id, Instant due) noexcept {
        set_due(id, due);
        link(id);
    }
    /// Sets the due time of an id that is not in the list.
    void set_due(uint32_t id, Instant due) noexcept {
        entries_[id].due = static_cast<uint32_t>((due - start_ + step_ - 1ns) / step_);
    }
    /// The due time of the id's last add() or set_due(), rounded up to a step.
    Instant due(uint32_t id) const noexcept {
        return start_ + (static_cast<int64_t>(at_) + ahead(entries_[id])) * step_;
    }
    bool has(uint32_t id) const noexcept { return entries_[id].previous != 0; }
    void remove(uint32_t id) noexcept {
        Entry& entry = entries_[id];
        if (entry.next != 0) entries_[entry.next].previous = entry.previous;
        if ((entry.previous & kFirst) != 0)
            slots_[entry.previous & ~kFirst] = entry.next;
        else
            entries_[entry.previous].next = entry.next;
        entry.previous = 0;
    }

    /// Removes up to `at_most` ids that are due from the list and calls fire(id) for each, which may add any
    /// id to the list but remove none. Returns whether there was one.
    /// @param prefetch called for some ids before fire() is called for the first of them: their records are
    ///   rarely in the cache
    template <typename Prefetch, typename Fire>
    bool turn(Instant now, uint32_t at_most, Prefetch&& prefetch, Fire&& fire) noexcept {
        bool any = false;
        while (at_most != 0) {
            uint32_t ids[kBatch];
            const uint32_t n = take(now, std::min(at_most, kBatch), ids, prefetch);
            for (uint32_t i = 0; i < n; ++i) fire(ids[i]);
            any |= n != 0;
            if (n < kBatch) break;
            at_most -= n;
        }
        return any;
    }

  private:
    static constexpr uint32_t kFirst = 1u << 31;
    static constexpr uint32_t kMostEmpty = 1'024;  ///< slots that a call of take() passes
    static constexpr uint32_t kBatch = 16;
    struct Entry {
        uint32_t next;      ///< in its slot's list; 0: none
        uint32_t previous;  ///< kFirst and the slot for the first of a list; 0: in no list
        uint32_t due;       ///< in steps, modulo 2^32
    };

    /// Removes up to `at_most` ids that are due. Returns how many. Visits 64 others at most.
    template <typename Prefetch>
    uint32_t take(Instant now, uint32_t at_most, uint32_t* ids, Prefetch&& prefetch) noexcept {
        uint32_t n = 0, early = 0;
        for (uint32_t empty = 0; now >= next_ && empty < kMostEmpty && early < 64;) {
            const uint32_t id = slots_[at_ % kSlots];
            if (id == 0) {
                ++empty;
                ++at_;
                next_ += step_;
                continue;
            }
            if (n == at_most) break;
            const Entry& entry = entries_[id];
            __builtin_prefetch(&entries_[entry.next]);
            remove(id);
            if (ahead(entry) > 0) {
                link(id);
                ++early;
                continue;
            }
            prefetch(id);
            ids[n++] = id;
        }
        return n;
    }

    /// Steps until it is due, counted from the present slot.
    int32_t ahead(const Entry& entry) const noexcept {
        return static_cast<int32_t>(entry.due - static_cast<uint32_t>(at_));
    }
    void link(uint32_t id) noexcept {
        Entry& entry = entries_[id];
        const int32_t steps = std::clamp<int32_t>(ahead(entry), 0, kSlots - 1);
        const auto slot = static_cast<uint32_t>((at_ + static_cast<uint32_t>(steps)) % kSlots);
        entry.next = slots_[slot];
        entry.previous = kFirst | slot;
        if (entry.next != 0) entries_[entry.next].previous = id;
        slots_[slot] = id;
    }

    MappedArray<Entry> entries_;
    std::vector<uint32_t> slots_;
    Duration step_{1us};
    Instant start_{}, next_{};  ///< next_: when the slot at_ is due
    uint64_t at_ = 0;
};

}  // namespace synfin::app
