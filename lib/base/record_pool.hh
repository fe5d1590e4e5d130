#pragma once
/// @file
/// RecordPool: fixed-size records with 32-bit indices.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/mapped_array.hh"
#include "synfin/check.hh"

namespace synfin {

/// One page-aligned array with indices 1..capacity. alloc() returns the record freed last, whose line is
/// still in the cache. It takes a record that was never used only when no other is free, so memory grows with
/// the most records ever in use. Free records hold the free list themselves.
/// @note cost: alloc() and free() touch only the record's first line.
template <typename T>
class RecordPool {
    static_assert(std::is_trivially_copyable_v<T>);
    static_assert(sizeof(T) >= sizeof(uint32_t));

  public:
    /// @param capacity how many records; at most 2^32 - 2.
    explicit RecordPool(uint32_t capacity) : capacity_(capacity), records_(size_t{capacity} + 1) {
        SYNFIN_CHECK(capacity < ~uint32_t{0});
    }

    /// @return the index of a record, 0 when all are in use. The record holds old bytes: initialise it.
    uint32_t alloc() noexcept {
        uint32_t index = free_;
        if (index != 0) {
            std::memcpy(&free_, &records_[index], sizeof(free_));
        } else if (high_water_ < capacity_) {
            index = ++high_water_;
        } else {
            return 0;
        }
        ++used_;
        return index;
    }

    /// Frees an index that alloc() returned. Overwrites the record's first four bytes.
    void free(uint32_t index) noexcept {
        SYNFIN_DCHECK(index != 0 && index <= high_water_ && used_ > 0);
        std::memcpy(static_cast<void*>(&records_[index]), &free_, sizeof(free_));
        free_ = index;
        --used_;
    }

    T& operator[](uint32_t index) noexcept {
        SYNFIN_DCHECK(index != 0 && index <= high_water_);
        return records_[index];
    }
    const T& operator[](uint32_t index) const noexcept {
        SYNFIN_DCHECK(index != 0 && index <= high_water_);
        return records_[index];
    }
    /// The record's address, for prefetching. Any index in 0..capacity is allowed.
    const T* at(uint32_t index) const noexcept { return records_.data() + index; }
    /// Any index in 0..capacity is allowed.
    void prefetch(uint32_t index) const noexcept { __builtin_prefetch(records_.data() + index); }

    uint32_t used() const noexcept { return used_; }
    uint32_t capacity() const noexcept { return capacity_; }
    /// The most records ever in use at once; alloc() never returned a higher index.
    uint32_t high_water() const noexcept { return high_water_; }
    /// Bytes of the records that were ever used (the kernel rounds up to pages).
    size_t memory_bytes() const noexcept { return size_t{high_water_} * sizeof(T); }

  private:
    uint32_t free_ = 0;  // head of the list of free records
    uint32_t high_water_ = 0;
    uint32_t used_ = 0;
    uint32_t capacity_;
    MappedArray<T> records_;
};

}  // namespace synfin
