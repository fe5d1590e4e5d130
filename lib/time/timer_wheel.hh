#pragma once
/// @file
/// TimerWheel: one timer per id (the index of a control block), in 1 ms ticks.

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "base/mapped_array.hh"
#include "synfin/check.hh"

namespace synfin {

/// A hierarchical timing wheel (Varghese and Lauck 1987) with four levels of 256 buckets. A bucket of the
/// lowest level is one tick, and the four levels cover all of a uint32_t. Ticks count modulo 2^32 and compare
/// by signed difference: a deadline lies less than 2^31 ticks (24.8 days) ahead.
///
/// The wheel is lazy: each id has one entry, and the wheel knows only the entry's tick. arm() with a later
/// deadline does nothing; the entry fires early, and the owner returns the deadline that it keeps. An entry
/// belongs to the id, not to the connection behind it: when a control block is freed and reused, its entry
/// stays, fires, and is filed again. With short connections, arm() therefore rarely files an entry.
///
/// An entry is a node of a doubly linked list at a fixed place in one array. There is exactly one per id, so
/// no entry is stale and nothing is allocated. It takes 12 bytes per id, touched when the id is first armed.
class TimerWheel {
  public:
    /// @param max_ids ids are 0..max_ids-1. At most 2^32 - 1026.
    /// @param now_tick the tick to begin at.
    TimerWheel(uint32_t max_ids, uint32_t now_tick);

    /// Makes id fire at or before deadline_tick, or at the next advance() if that tick has passed.
    /// @note cost: one cache line if an entry exists that fires no later; otherwise a few more stores.
    [[gnu::always_inline]] void arm(uint32_t id, uint32_t deadline_tick) noexcept {
        const Node& node = nodes_[node_of(id)];
        if (node.next == 0 || !is_at_or_before(node.tick, deadline_tick)) refile(id, deadline_tick);
    }

    /// Fires the entries that are due at now_tick, in order of ticks.
    /// @param max_fires the most entries to fire; the others stay due for the next call. Moves of entries
    ///        from higher levels are limited too, to kMovesPerFire per fire.
    /// @param prefetch void(uint32_t id): called with ids that fire soon.
    /// @param fire std::optional<uint32_t>(uint32_t id): called after the entry is removed. It returns the
    ///        tick to fire at next, or none; a tick that is not in the future becomes the next tick. It may
    ///        call arm().
    /// @return how many entries fired. If more are due, next_tick() is not after now_tick.
    template <typename Prefetch, typename Fire>
    uint32_t advance(uint32_t now_tick, uint32_t max_fires, Prefetch&& prefetch, Fire&& fire) noexcept {
        uint32_t fires = 0;
        uint32_t moves = max_fires > kNone / kMovesPerFire ? kNone : max_fires * kMovesPerFire;
        if (entries_ == 0)
            cursor_ = now_tick;  // no entry is skipped, even when now_tick is 2^31 ticks or more ahead
        while (is_at_or_before(cursor_, now_tick)) {
            if (!cascade(moves)) break;
            fires += drain(max_fires - fires, prefetch, fire);
            if (is_occupied(cursor_ % kSlots)) break;  // the cap was reached
            const std::optional<uint32_t> next = next_bucket();
            if (!next || !is_at_or_before(*next, now_tick)) {
                cursor_ = now_tick;
                break;
            }
            cursor_ = *next;
        }
        overdue_ = is_at_or_before(cursor_, now_tick) ? now_tick - cursor_ : 0;
        return fires;
    }
    template <typename Fire>
    uint32_t advance(uint32_t now_tick, uint32_t max_fires, Fire&& fire) noexcept {
        return advance(
            now_tick, max_fires, [](uint32_t) noexcept {}, fire);
    }

    /// Moves the wheel over `ticks` ticks and fires nothing: entries that it passes become due at the new
    /// tick, in no certain order. A caller whose last advance() is long ago must jump before it calls arm(),
    /// whose deadlines lie less than 2^31 ticks after the wheel's tick, not after the caller's. The next
    /// advance() must not be for an earlier tick.
    /// @param ticks since the last advance() or jump(): any number, also 2^32 and more.
    /// @note cost: a look at 1024 buckets. The number of entries does not matter.
    void jump(uint64_t ticks) noexcept;

    /// How many ticks the last advance() stayed behind its now_tick because of its limits. Normally 0.
    uint32_t overdue() const noexcept { return overdue_; }

    /// Whether the limits of the last advance(now_tick) left entries that are due.
    bool is_behind(uint32_t now_tick) const noexcept {
        if (entries_ == 0) return false;
        for (uint32_t level = 0; level < kLevels; ++level)  // due, or a cascade that was cut short
            if (is_occupied(bucket_of(level, cursor_))) return is_at_or_before(cursor_, now_tick);
        if (cursor_ == now_tick) return false;  // nearly always: what is left is later
        const std::optional<uint32_t> next = next_tick();
        return next && is_at_or_before(*next, now_tick);
    }

    /// No entry fires before this tick. Empty if there is no entry. It is exact within the current 256 ticks.
    /// Further ahead it can be early, when the earliest entry of a bucket has since been armed for an earlier
    /// tick: a caller that sleeps until then wakes, finds nothing due, and calls again.
    /// @note cost: a few bitmap words.
    std::optional<uint32_t> next_tick() const noexcept;

    /// The number of ids that have an entry.
    uint32_t entries() const noexcept { return entries_; }
    /// The tick at which id's entry fires, if it has one; for entries that jump() has passed, the tick before
    /// that.
    std::optional<uint32_t> armed_at(uint32_t id) const noexcept {
        const Node& node = nodes_[node_of(id)];
        return node.next != 0 ? std::optional(node.tick) : std::nullopt;
    }
    /// Bytes that the wheel occupies when `ids` ids have been armed once.
    static constexpr size_t memory_bytes(uint32_t ids) noexcept {
        return sizeof(TimerWheel) + (size_t{kFirstId} + ids) * sizeof(Node);
    }

    /// Modulo 2^32: whether a is b or up to 2^31 before it.
    static constexpr bool is_at_or_before(uint32_t a, uint32_t b) noexcept {
        return static_cast<int32_t>(b - a) >= 0;
    }

  private:
    static constexpr uint32_t kLevels = 4;
    static constexpr uint32_t kSlots = 256;  // per level: one byte of the tick
    static constexpr uint32_t kBuckets = kLevels * kSlots;
    static constexpr uint32_t kMovesPerFire = 8;
    static constexpr uint32_t kAhead = 6;  // fires between the prefetch of an id and its fire
    static constexpr uint32_t kNone = ~uint32_t{0};

    struct Node {
        uint32_t next, prev;  // index of nodes; next == 0: not in a list
        uint32_t tick;
    };
    // nodes_[0] is unused, then come the heads of the buckets' circular lists, then the ids.
    static constexpr uint32_t kFirstHead = 1;
    static constexpr uint32_t kFirstId = kFirstHead + kBuckets;
    static constexpr uint32_t node_of(uint32_t id) noexcept { return kFirstId + id; }

    static constexpr uint32_t later(uint32_t a, uint32_t b) noexcept { return is_at_or_before(a, b) ? b : a; }
    /// The bucket of `level` that contains the tick.
    static constexpr uint32_t bucket_of(uint32_t level, uint32_t tick) noexcept {
        return level * kSlots + ((tick >> (8 * level)) % kSlots);
    }

    bool is_occupied(uint32_t bucket) const noexcept {
        return (occupied_[bucket / 64] >> (bucket % 64) & 1) != 0;
    }

    /// Links a node into the level of the highest byte in which its tick differs from the cursor. So all
    /// entries of one level fire before those of the next, and above level 0 the cursor's own bucket never
    /// gets an entry.
    void link(uint32_t n, uint32_t tick) noexcept {
        const auto level = static_cast<uint32_t>(31 - std::countl_zero((tick ^ cursor_) | 1)) / 8;
        const uint32_t bucket = bucket_of(level, tick);
        if (!is_occupied(bucket)) {
            occupied_[bucket / 64] |= uint64_t{1} << (bucket % 64);
            earliest_[bucket] = tick;
        } else if (!is_at_or_before(earliest_[bucket], tick)) {
            earliest_[bucket] = tick;
        }
        const uint32_t head = kFirstHead + bucket;
        const uint32_t last = nodes_[head].prev;
        nodes_[n].next = head;
        nodes_[n].prev = last;
        nodes_[n].tick = tick;
        nodes_[last].next = n;
        nodes_[head].prev = n;
    }
    void unlink(uint32_t n) noexcept {
        const uint32_t next = nodes_[n].next, prev = nodes_[n].prev;
        nodes_[prev].next = next;
        nodes_[next].prev = prev;
        if (next == prev) {  // both are the head: the list is empty now
            const uint32_t bucket = next - kFirstHead;
            occupied_[bucket / 64] &= ~(uint64_t{1} << (bucket % 64));
        }
        nodes_[n].next = 0;
    }
    /// The second half of arm().
    [[gnu::noinline]] void refile(uint32_t id, uint32_t deadline_tick) noexcept {
        const uint32_t n = node_of(id);
        if (nodes_[n].next != 0) {
            unlink(n);
            --entries_;
        }
        file(n, later(deadline_tick, cursor_));
    }
    void file(uint32_t n, uint32_t tick) noexcept {
        link(n, tick);
        ++entries_;
    }

    /// Fires up to max_fires entries of the cursor's tick.
    template <typename Prefetch, typename Fire>
    uint32_t drain(uint32_t max_fires, Prefetch& prefetch, Fire& fire) noexcept {
        const uint32_t head = kFirstHead + cursor_ % kSlots;
        uint32_t ahead = nodes_[head].next;
        // After a jump, arm() in fire() may move `ahead` out of this list: it then has no `next`, or leads to
        // another list's head. Otherwise arm() never unlinks an entry of the current tick, because no
        // deadline is earlier.
        auto look_ahead = [&]() noexcept {
            if (ahead < kFirstId) return;
            prefetch(ahead - kFirstId);
            ahead = nodes_[ahead].next;
        };
        for (uint32_t i = 0; i < kAhead; ++i) look_ahead();
        uint32_t fires = 0;
        for (uint32_t n; fires < max_fires && (n = nodes_[head].next) != head; ++fires) {
            look_ahead();
            unlink(n);
            --entries_;
            const std::optional<uint32_t> again = fire(n - kFirstId);
            // If fire() armed the id itself, the earlier tick stays.
            if (again) arm(n - kFirstId, later(*again, cursor_ + 1));
        }
        return fires;
    }

    /// Moves the entries of the higher-level buckets that the cursor has reached to lower levels. Returns
    /// false when `moves` ran out first.
    bool cascade(uint32_t& moves) noexcept {
        for (uint32_t level = kLevels - 1; level > 0; --level)
            if (is_occupied(bucket_of(level, cursor_)) && !cascade_bucket(bucket_of(level, cursor_), moves))
                return false;
        return true;
    }
    bool cascade_bucket(uint32_t bucket, uint32_t& moves) noexcept;

    /// Nodes in a list without a head; `first` is 0 when there is none.
    struct Chain {
        uint32_t first = 0, last = 0;
    };
    /// Adds the nodes of a bucket to the chain. The bucket is empty then.
    void take_bucket(uint32_t bucket, Chain& chain) noexcept;
    /// Makes the nodes the first ones of the cursor's tick.
    void make_due(const Chain& chain) noexcept;

    /// The first tick of the nearest occupied bucket after the cursor's.
    std::optional<uint32_t> next_bucket() const noexcept;
    /// The lowest occupied slot of a level at or above `from`, kSlots if there is none.
    uint32_t first_occupied(uint32_t level, uint32_t from) const noexcept;

    /// All entries with earlier ticks have fired.
    uint32_t cursor_;
    uint32_t entries_ = 0;
    uint32_t overdue_ = 0;
    std::array<uint64_t, kBuckets / 64> occupied_{};
    std::array<uint32_t, kBuckets> earliest_{};  // lower bound of the ticks in an occupied bucket
    MappedArray<Node> nodes_;
};

}  // namespace synfin
