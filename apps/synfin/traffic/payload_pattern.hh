#pragma once
/// @file
/// PayloadPattern: the bytes that verified payload consists of. The value of a byte depends only on its
/// offset in the connection's stream (tcp) or in the body (http), so both ends know it without a common
/// state, and a shifted, lost, repeated or swapped byte differs from the expected one with probability
/// 255/256.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// Byte n is the highest byte of splitmix64's output for the state n mod 65537 (see byte_at()). The period is
/// a prime above 2^16, so that lost blocks of a power of two or of a segment's size do not fit it.
class PayloadPattern {
  public:
    static constexpr uint32_t kPeriod = 65'537;
    /// The most bytes of one view(), whatever its offset.
    static constexpr uint32_t kMostInView = 65'536;

    /// The pattern; made by the first call, which allocates 128 KiB. Call it before the run.
    static const PayloadPattern& instance() {
        static const PayloadPattern pattern;
        return pattern;
    }

    /// The bytes from this offset on, valid until the process ends.
    /// @return `size` bytes, at most kMostInView
    Bytes view(uint64_t offset, uint64_t size) const noexcept {
        return Bytes(bytes_).subspan(offset % kPeriod, std::min<uint64_t>(size, kMostInView));
    }
    /// Compares received bytes with those that are due from this offset on.
    /// @return the index of the first byte that differs
    /// @note cost: a memcmp for each 64 KiB
    std::optional<uint64_t> first_difference(Bytes bytes, uint64_t offset) const noexcept {
        for (uint64_t done = 0; done < bytes.size(); done += kMostInView) {
            const Bytes due = view(offset + done, bytes.size() - done);
            if (std::memcmp(due.data(), bytes.data() + done, due.size()) == 0) continue;
            const auto at =
                std::mismatch(due.begin(), due.end(), bytes.begin() + static_cast<int64_t>(done)).first;
            return done + static_cast<uint64_t>(at - due.begin());
        }
        return std::nullopt;
    }
    static constexpr uint8_t byte_at(uint64_t offset) noexcept {
        uint64_t z = (offset % kPeriod + 1) * 0x9e3779b97f4a7c15ull;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return static_cast<uint8_t>((z ^ (z >> 31)) >> 56);
    }

  private:
    PayloadPattern() : bytes_(kPeriod + kMostInView) {
        for (uint32_t i = 0; i < bytes_.size(); ++i) bytes_[i] = byte_at(i);
    }

    std::vector<uint8_t> bytes_;
};

}  // namespace synfin::app
