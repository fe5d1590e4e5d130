#pragma once
/// @file
/// WordWriter: writes a header as 32-bit words and sums them.

#include <cstdint>

#include "wire/bytes.hh"

namespace synfin::wire {

/// Summing the header after writing it would use loads wider than the stores. The processor cannot forward
/// such stores, so each load waits until they reach the cache (Intel, Optimization Reference Manual, "Store
/// Forwarding"). This class sums the words while they are in registers.
class WordWriter {
  public:
    /// `at`: room for all words; it needs no alignment.
    explicit WordWriter(uint8_t* at) noexcept : begin_(at), at_(at) {}

    void put(uint32_t word) noexcept {
        store_be32(at_, word);
        sum_ += word;
        at_ += sizeof word;
    }

    /// The sum of the words as numbers in host order, for fold_numbers() in wire/checksum.hh. Other sums are
    /// in memory order.
    uint64_t sum() const noexcept { return sum_; }
    uint8_t bytes() const noexcept { return static_cast<uint8_t>(at_ - begin_); }

  private:
    uint8_t* begin_;
    uint8_t* at_;
    uint64_t sum_ = 0;
};

}  // namespace synfin::wire
