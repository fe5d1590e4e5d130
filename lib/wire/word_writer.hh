#pragma once
/// @file
/// WordWriter: writes a header as 32-bit words, and sums them on the way.

#include <cstdint>

#include "wire/bytes.hh"

namespace synfin::wire {

/// The checksum of what has just been written would be read back by loads wider than the stores were, which a
/// processor cannot forward: each waits until the stores have reached the cache (Intel, Optimization
/// Reference Manual, "Store Forwarding"). So the sum is made from the registers.
class WordWriter {
  public:
    /// `at`: room for all words; no alignment is assumed.
    explicit WordWriter(uint8_t* at) noexcept : begin_(at), at_(at) {}

    void put(uint32_t word) noexcept {
        store_be32(at_, word);
        sum_ += word;
        at_ += sizeof word;
    }

    /// Of the words as numbers, unlike the sums of bytes in memory: for fold_numbers() in wire/checksum.hh.
    uint64_t sum() const noexcept { return sum_; }
    uint8_t bytes() const noexcept { return static_cast<uint8_t>(at_ - begin_); }

  private:
    uint8_t* begin_;
    uint8_t* at_;
    uint64_t sum_ = 0;
};

}  // namespace synfin::wire
