#pragma once
/// @file
/// IdleQueue: the connections that wait for work, in the order in which they came.

#include <cstdint>

#include "base/mapped_array.hh"

namespace synfin::app {

/// A list through one entry of 8 bytes per id. Every call touches at most three entries.
class IdleQueue {
  public:
    IdleQueue() = default;
    /// @param ids 1..ids
    explicit IdleQueue(uint32_t ids) : entries_(size_t{ids} + 1) {}

    bool empty() const noexcept { return size_ == 0; }
    uint32_t size() const noexcept { return size_; }
    /// Adds an id that is not in the queue.
    void push(uint32_t id) noexcept {
        const uint32_t last = entries_[0].previous;
        entries_[id] = {.next = 0, .previous = last};
        entries_[last].next = id;
        entries_[0].previous = id;
        ++size_;
    }
    /// The first id; the queue must not be empty.
    uint32_t pop() noexcept {
        const uint32_t id = entries_[0].next;
        remove(id);
        return id;
    }
    /// Removes an id that is in the queue.
    void remove(uint32_t id) noexcept {
        const Entry entry = entries_[id];
        entries_[entry.previous].next = entry.next;
        entries_[entry.next].previous = entry.previous;
        --size_;
    }

  private:
    struct Entry {
        uint32_t next, previous;
    };
    MappedArray<Entry> entries_;  ///< entry 0 links the first and the last
    uint32_t size_ = 0;
};

}  // namespace synfin::app
