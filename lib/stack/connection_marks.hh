#pragma once
/// @file
/// ConnectionMarks: which connections of an engine have been marked since the last clear().

#include <array>
#include <cstdint>

namespace synfin::stack {

/// A set of record indices that may name too many: indices that are equal modulo kPlaces are marked together.
/// @note cost: mark, has and clear are O(1); 4 KiB.
class ConnectionMarks {
  public:
    void mark(uint32_t index) noexcept { places_[index % kPlaces] = round_; }
    bool has(uint32_t index) const noexcept { return places_[index % kPlaces] == round_; }
    void clear() noexcept {
        if (++round_ != 0) return;
        places_.fill(0);
        round_ = 1;
    }

  private:
    static constexpr uint32_t kPlaces = 1024;
    std::array<uint32_t, kPlaces> places_{};
    uint32_t round_ = 1;
};

}  // namespace synfin::stack
