#pragma once
/// @file
/// Seq: a sequence number, modulo 2^32 (RFC 9293 3.4). Comparisons are named, and there is no operator<: the
/// order is not transitive across 2^31, so a Seq must never become the key of an ordered container.

#include <algorithm>
#include <cstdint>

namespace synfin::tcp {

class Seq {
  public:
    constexpr Seq() noexcept = default;
    constexpr explicit Seq(uint32_t value) noexcept : value_(value) {}
    constexpr uint32_t value() const noexcept { return value_; }

    constexpr bool operator==(const Seq&) const noexcept = default;
    constexpr Seq operator+(uint32_t n) const noexcept { return Seq(value_ + n); }
    constexpr Seq operator-(uint32_t n) const noexcept { return Seq(value_ - n); }
    constexpr Seq& operator+=(uint32_t n) noexcept {
        value_ += n;
        return *this;
    }
    /// Signed distance from `other` to this: positive when this is ahead.
    constexpr int32_t operator-(Seq other) const noexcept {
        return static_cast<int32_t>(value_ - other.value_);
    }

  private:
    uint32_t value_ = 0;
};

constexpr bool before(Seq a, Seq b) noexcept {
    return a - b < 0;
}
constexpr bool after(Seq a, Seq b) noexcept {
    return a - b > 0;
}
constexpr bool at_or_before(Seq a, Seq b) noexcept {
    return a - b <= 0;
}
constexpr bool at_or_after(Seq a, Seq b) noexcept {
    return a - b >= 0;
}
constexpr Seq later(Seq a, Seq b) noexcept {
    return after(a, b) ? a : b;
}
/// Bytes from `first` to `last`; last must not be before first.
constexpr uint32_t distance(Seq first, Seq last) noexcept {
    return last.value() - first.value();
}
/// first <= s < first + size
constexpr bool in_window(Seq s, Seq first, uint32_t size) noexcept {
    return distance(first, s) < size;
}

}  // namespace synfin::tcp
