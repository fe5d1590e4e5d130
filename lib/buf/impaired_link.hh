#pragma once
/// @file
/// ImpairedLink: loses, copies, corrupts, delays, reorders and limits the packets of one direction, as an
/// Impairment says. It knows no clock and no device.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <vector>

#include "base/published_count.hh"
#include "base/random.hh"
#include "synfin/impairment.hh"

namespace synfin::buf {

/// Written by the link's thread, read by any.
struct ImpairmentCounters {
    PublishedCount packets, lost, queue_dropped, duplicated, corrupted, delayed, reordered;

    ImpairmentStats stats() const noexcept {
        return {packets, lost, queue_dropped, duplicated, corrupted, delayed, reordered};
    }
};

/// What a link does with packets of type P.
template <typename A, typename P>
concept PacketActions = requires(A actions, P* packet, uint64_t random) {
    { actions.bytes(packet) } -> std::convertible_to<uint32_t>;
    actions.free(packet);
    /// Null when there is no buffer: the packet is then not duplicated.
    { actions.copy(packet) } -> std::same_as<P*>;
    /// Flips a bit that `random` selects. Returns false for a packet that must not be changed.
    { actions.corrupt(packet, random) } -> std::same_as<bool>;
};

/// @note cost: a random number for each fault that is configured, and a place in a ring. Nothing is allocated
///       after construction.
template <typename P>
class ImpairedLink {
  public:
    /// @param most packets that are held at once
    ImpairedLink(const Impairment& faults, uint64_t seed, uint32_t most)
        : faults_(faults), random_(seed), in_order_(most), late_(faults.reorder_ppm != 0 ? most : 0) {}

    /// Takes a packet. @param now nanoseconds, never less than before
    template <PacketActions<P> A>
    void take(P* packet, int64_t now, A& actions, ImpairmentCounters& counters) noexcept {
        ++counters.packets;
        if (happens(faults_.loss_ppm)) {
            ++counters.lost;
            actions.free(packet);
            return;
        }
        P* copy = happens(faults_.duplicate_ppm) ? actions.copy(packet) : nullptr;
        if (happens(faults_.corrupt_ppm) && actions.corrupt(packet, random_.next())) ++counters.corrupted;
        hold(packet, now, actions, counters);
        if (copy == nullptr) return;
        ++counters.duplicated;
        hold(copy, now, actions, counters);
    }
    /// Hands out packets that are due, at most n, in the order of their times.
    uint16_t give(P** packets, uint16_t n, int64_t now) noexcept {
        uint16_t count = 0;
        while (count < n) {
            Ring& next = late_.due() < in_order_.due() ? late_ : in_order_;
            if (next.due() > now) break;
            packets[count++] = next.pop();
        }
        return count;
    }
    /// Frees all that is held.
    template <PacketActions<P> A>
    void clear(A& actions) noexcept {
        for (Ring* ring : {&in_order_, &late_})
            while (ring->due() != kNever) actions.free(ring->pop());
    }

  private:
    static constexpr int64_t kNever = INT64_MAX;
    struct Held {
        P* packet;
        int64_t due;
    };
    /// First in, first out; the times never decrease.
    class Ring {
      public:
        explicit Ring(uint32_t most) : held_(most == 0 ? 1 : std::bit_ceil(most)), most_(most) {}
        bool is_full() const noexcept { return end_ - begin_ >= most_; }
        int64_t due() const noexcept { return begin_ == end_ ? kNever : at(begin_).due; }
        void push(P* packet, int64_t due) noexcept {
            last_ = std::max(last_, due);
            held_[end_++ & (held_.size() - 1)] = {packet, last_};
        }
        P* pop() noexcept { return at(begin_++).packet; }

      private:
        const Held& at(uint64_t i) const noexcept { return held_[i & (held_.size() - 1)]; }
        std::vector<Held> held_;
        uint32_t most_;
        uint64_t begin_ = 0, end_ = 0;
        int64_t last_ = INT64_MIN;
    };

    bool happens(uint32_t ppm) noexcept { return ppm != 0 && random_.chance_ppm(ppm); }

    template <PacketActions<P> A>
    void hold(P* packet, int64_t now, A& actions, ImpairmentCounters& counters) noexcept {
        int64_t due = now;
        if (faults_.rate_bps != 0) {
            constexpr uint64_t kNsPerS = 1'000'000'000;
            const auto on_wire = static_cast<int64_t>(8 * kNsPerS * actions.bytes(packet) / faults_.rate_bps);
            const int64_t start = std::max(now, free_at_);
            if (start - now > faults_.queue.count()) return drop(packet, actions, counters);
            due = free_at_ = start + on_wire;
        }
        due += faults_.delay.count();
        if (faults_.jitter > Duration::zero())
            due += static_cast<int64_t>(random_.next() % (static_cast<uint64_t>(faults_.jitter.count()) + 1));
        const bool is_late = happens(faults_.reorder_ppm);
        if (is_late) due += faults_.reorder_delay.count();
        Ring& ring = is_late ? late_ : in_order_;
        if (ring.is_full()) return drop(packet, actions, counters);
        if (is_late) ++counters.reordered;
        if (due > now) ++counters.delayed;
        ring.push(packet, due);
    }
    template <PacketActions<P> A>
    void drop(P* packet, A& actions, ImpairmentCounters& counters) noexcept {
        ++counters.queue_dropped;
        actions.free(packet);
    }

    Impairment faults_;
    Random random_;
    Ring in_order_, late_;
    int64_t free_at_ = INT64_MIN;  ///< when the line has sent all that it took
};

}  // namespace synfin::buf
