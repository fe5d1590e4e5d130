#pragma once
/// @file
/// NeighbourWaits: which opens wait for which neighbour's MAC address. A neighbour that does not answer costs
/// time only for the opens that wait for it.

#include <cstdint>

#include "base/mapped_array.hh"
#include "synfin/check.hh"

namespace synfin::net {

/// One list of opens for each slot of Neighbours, and one for opens whose neighbour has failed. An open is a
/// number, 1..opens, in at most one list. An open that no longer waits may stay in a list, so the caller of
/// take_failed() checks it. Each add() leads to at most one take_failed().
/// @note cost: constant time for every call. 8 bytes for each open, mapped when first used.
class NeighbourWaits {
  public:
    /// @throws std::bad_alloc
    NeighbourWaits(uint32_t neighbours, uint32_t opens)
        : opens_(opens), neighbours_(neighbours), links_(size_t{opens} + neighbours + 2) {
        links_[failed_head()] = {failed_head(), failed_head()};
    }

    /// The open waits for this neighbour and for no other.
    void add(uint32_t neighbour, uint32_t open) noexcept {
        SYNFIN_DCHECK(neighbour >= 1 && neighbour <= neighbours_ && open >= 1 && open <= opens_);
        unlink(open);
        const uint32_t head = opens_ + neighbour;
        if (links_[head].next == 0) links_[head] = {head, head};
        link_before(head, open);
    }

    /// The neighbour has failed: appends its opens to the list of take_failed().
    void fail(uint32_t neighbour) noexcept {
        SYNFIN_DCHECK(neighbour >= 1 && neighbour <= neighbours_);
        const uint32_t head = opens_ + neighbour;
        const Link ring = links_[head];
        if (ring.next == 0 || ring.next == head) return;
        links_[head] = {head, head};
        const uint32_t last = links_[failed_head()].prev;
        links_[last].next = ring.next;
        links_[ring.next].prev = last;
        links_[ring.prev].next = failed_head();
        links_[failed_head()].prev = ring.prev;
    }

    /// Removes and returns the next open whose neighbour has failed, in the order of waiting; 0: none.
    uint32_t take_failed() noexcept {
        if (!has_failed()) return 0;
        const uint32_t open = links_[failed_head()].next;
        unlink(open);
        ++visited_;
        return open;
    }
    bool has_failed() const noexcept { return links_[failed_head()].next != failed_head(); }

    /// How many opens take_failed() has returned.
    uint64_t visited() const noexcept { return visited_; }

  private:
    struct Link {
        uint32_t prev, next;  ///< in a ring; next 0: in no ring
    };
    uint32_t failed_head() const noexcept { return opens_ + neighbours_ + 1; }
    void link_before(uint32_t place, uint32_t open) noexcept {
        const uint32_t prev = links_[place].prev;
        links_[open] = {prev, place};
        links_[prev].next = open;
        links_[place].prev = open;
    }
    void unlink(uint32_t open) noexcept {
        const Link link = links_[open];
        if (link.next == 0) return;
        links_[link.prev].next = link.next;
        links_[link.next].prev = link.prev;
        links_[open] = {};
    }

    uint32_t opens_, neighbours_;
    uint64_t visited_ = 0;
    MappedArray<Link> links_;  ///< opens from 1 on, heads of the neighbours' rings, head of the failed
};

}  // namespace synfin::net
