#pragma once
/// @file
/// Worklist: what is still to be done, in order.

#include <cstddef>
#include <cstring>
#include <utility>

#include "base/mapped_array.hh"

namespace synfin {

/// A FIFO of plain records that is empty again soon. It is used from its beginning whenever it was empty, so
/// that its lines stay in the cache; what has been taken is used again before more memory is.
/// @note cost: a compare and an increment. While no more than `expected` wait, nothing is allocated, and at
///       worst what waits is moved to the front; beyond that, one copy into a mapping twice as large. Address
///       space is taken for twice `expected`; a page of it becomes memory when it is first used.
template <typename T>
class Worklist {
  public:
    /// @param expected the most that wait at once; at least 1.
    explicit Worklist(size_t expected) : items_(2 * expected) {}

    bool empty() const noexcept { return next_ == end_; }
    size_t size() const noexcept { return end_ - next_; }

    /// A record behind the others: whatever bytes are there, to be filled by the caller.
    T& add() noexcept {
        if (end_ == items_.size()) [[unlikely]]
            make_room();
        return items_[end_++];
    }
    /// The first. It stays in its place until the next add().
    T& front() noexcept { return items_[next_]; }
    void pop() noexcept {
        if (++next_ == end_) next_ = end_ = 0;
    }
    /// front() and pop() at once.
    T& take() noexcept {
        T& first = front();
        pop();
        return first;
    }

    /// For who looks for one among those that wait.
    T* begin() noexcept { return items_.data() + next_; }
    T* end() noexcept { return items_.data() + end_; }

  private:
    [[gnu::cold, gnu::noinline]] void make_room() noexcept {
        const size_t waiting = size();
        if (next_ >= items_.size() / 2) {  // amortised: as many were taken as are moved
            std::memmove(static_cast<void*>(items_.data()), begin(), waiting * sizeof(T));
        } else {
            MappedArray<T> larger(2 * items_.size());
            std::memcpy(static_cast<void*>(larger.data()), begin(), waiting * sizeof(T));
            items_ = std::move(larger);
        }
        next_ = 0;
        end_ = waiting;
    }

    MappedArray<T> items_;
    size_t next_ = 0, end_ = 0;
};

}  // namespace synfin
