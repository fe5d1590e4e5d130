#pragma once
/// @file
/// SlotPool: the records that an application keeps per connection, named by the connection's 32-bit user_tag.

#include <cstdint>

#include "base/record_pool.hh"

namespace synfin::app {

/// Up to `limit` records. Ids are 1..limit, so that user_tag 0 means "none". The constructor reserves all
/// address space; a page is touched when its first record is used. take() and give() allocate nothing. give()
/// overwrites a record's first four bytes.
template <typename T>
class SlotPool {
  public:
    explicit SlotPool(uint32_t limit) : records_(limit) {}
    /// The id of a record initialised to T{}; 0 when all are in use.
    uint32_t take() noexcept {
        const uint32_t id = records_.alloc();
        if (id != 0) records_[id] = T{};
        return id;
    }
    void give(uint32_t id) noexcept { records_.free(id); }
    T& operator[](uint32_t id) noexcept { return records_[id]; }
    uint32_t in_use() const noexcept { return records_.used(); }
    /// The largest id that take() has ever returned.
    uint32_t high_water() const noexcept { return records_.high_water(); }
    /// Bytes of all records that were ever used.
    size_t memory_bytes() const noexcept { return records_.memory_bytes(); }

  private:
    RecordPool<T> records_;
};

}  // namespace synfin::app
