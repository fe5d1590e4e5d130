#pragma once
/// @file
/// FramePattern: expected values and masks for the first 32 bytes of a frame.

#include <immintrin.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "synfin/check.hh"

namespace synfin::wire {

/// A new pattern has all masks zero and matches every frame.
class FramePattern {
  public:
    static constexpr uint32_t kBytes = 32;

    /// Requires byte `at` (below kBytes) to equal `value` in the bits of `mask`.
    void expect(uint32_t at, uint8_t value, uint8_t mask = 0xff) noexcept {
        SYNFIN_CHECK(at < kBytes);
        value_[at] = value & mask;
        mask_[at] = mask;
    }

    /// Whether the frame matches. Its first kBytes bytes must be readable.
    /// @note cost: three instructions with AVX2, for any pattern.
    bool matches(const uint8_t* frame) const noexcept {
#ifdef __AVX2__
        const __m256i differs =
            _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame)),
                             _mm256_load_si256(reinterpret_cast<const __m256i*>(value_.data())));
        return _mm256_testz_si256(differs,
                                  _mm256_load_si256(reinterpret_cast<const __m256i*>(mask_.data()))) != 0;
#else
        uint64_t wrong = 0;
        for (uint32_t at = 0; at < kBytes; at += 8) {
            uint64_t is, wanted, mask;
            std::memcpy(&is, frame + at, 8);
            std::memcpy(&wanted, value_.data() + at, 8);
            std::memcpy(&mask, mask_.data() + at, 8);
            wrong |= (is ^ wanted) & mask;
        }
        return wrong == 0;
#endif
    }

  private:
    alignas(32) std::array<uint8_t, kBytes> value_{};
    alignas(32) std::array<uint8_t, kBytes> mask_{};
};

}  // namespace synfin::wire
