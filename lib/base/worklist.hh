#pragma once
/// @file
/// Worklist: a queue of pending work.

#include <cstddef>
#include <cstring>
#include <utility>

#include "base/mapped_array.hh"

namespace synfin {

/// A FIFO of plain records that soon becomes empty again. Whenever it is empty, it starts at the beginning of
/// its memory, so that its lines stay in the cache. It reuses the places of taken records before it uses more
/// memory.
/// @note cost: a compare and an increment. While at most `expected` records wait, nothing is allocated, and
///       at worst the waiting records move to the front. With more, one copy into a mapping twice as large.
///       It reserves address space for twice `expected`; the first use of a page allocates it.
template <typename T>
class Worklist {
  public:
    /// @param expected the most records that normally wait at once; at least 1.
    explicit Worklist(size_t expected) : items_(2 * expected) {}

    bool empty() const noexcept { return next_ == end_; }
    size_t size() const noexcept { return end_ - next_; }

    /// Appends a record. It holds old bytes: the caller fills it.
    T& add() noexcept {
        if (end_ == items_.size()) [[unlikely]]
            make_room();
        return items_[end_++];
    }
    /// The first record. It stays in its place until the next add().
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

    /// The n-th waiting record, from 0. It stays in its place until the next add() or pop().
    T& operator[](size_t n) noexcept { return items_[next_ + n]; }

    /// For searching among the waiting records.
    T* begin() noexcept { return items_.data() + next_; }
    T* end() noexcept { return items_.data() + end_; }

  private:
    [[gnu::cold, gnu::noinline]] void make_room() noexcept {
        const size_t waiting = size();
        if (next_ >= items_.size() / 2) {  // amortised: at least as many records were taken as are moved
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
