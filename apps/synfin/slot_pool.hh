#pragma once
/// @file
/// SlotPool: the records that an application keeps per connection, named by the connection's 32-bit cookie.

#include <cstdint>

#include "base/line_vector.hh"

namespace synfin::app {

/// Up to `limit` records. Ids are 1..limit, so that cookie 0 means "none". All address space is reserved by
/// the constructor; a page is touched when its first record is used, and take() and give() allocate nothing.
template <typename T>
class SlotPool {
  public:
    explicit SlotPool(uint32_t limit) : limit_(limit) {
        slots_.reserve(limit);
        free_.reserve(limit);
    }
    /// A record as T{} makes it; 0 when all are in use.
    uint32_t take() noexcept {
        if (!free_.empty()) {
            const uint32_t id = free_.back();
            free_.pop_back();
            slots_[id - 1] = T{};
            return id;
        }
        if (slots_.size() == limit_) return 0;
        slots_.emplace_back();  // within the reserve
        return static_cast<uint32_t>(slots_.size());
    }
    void give(uint32_t id) noexcept { free_.push_back(id); }
    T& operator[](uint32_t id) noexcept { return slots_[id - 1]; }
    uint32_t in_use() const noexcept { return static_cast<uint32_t>(slots_.size() - free_.size()); }
    /// Ids that have ever been given: 1..high_water().
    uint32_t high_water() const noexcept { return static_cast<uint32_t>(slots_.size()); }

  private:
    uint32_t limit_;
    LineVector<T> slots_;
    LineVector<uint32_t> free_;
};

}  // namespace synfin::app
