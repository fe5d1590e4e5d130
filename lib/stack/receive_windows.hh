#pragma once
/// @file
/// ReceiveWindows: the receive windows of connections that receive much.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/mapped_array.hh"
#include "tcp/receive_tuning.hh"

namespace synfin::stack {

/// A connection's place follows from its index. If two receive much at the same time and share a place, they
/// take it from each other: a connection that has lost it offers the start value as soon as it has received
/// what was offered before. So the connection's own records need no field for it, and nothing must be freed.
/// @note cost: 32 bytes for each place that was ever used, at most 512 KiB.
class ReceiveWindows {
  public:
    explicit ReceiveWindows(uint32_t connections)
        : mask_(std::bit_ceil(std::min(connections, kPlaces - 1) + 1) - 1), places_(size_t{mask_} + 1) {}

    /// Null: the connection has no place. Its handle is (index, generation).
    tcp::ReceiveTuning* find(uint32_t index, uint32_t generation) noexcept {
        Place& place = places_[index & mask_];
        return place.index == index && place.generation == generation ? &place.tuning : nullptr;
    }
    const tcp::ReceiveTuning* find(uint32_t index, uint32_t generation) const noexcept {
        const Place& place = places_[index & mask_];
        return place.index == index && place.generation == generation ? &place.tuning : nullptr;
    }
    tcp::ReceiveTuning& take(uint32_t index, uint32_t generation, const tcp::ReceiveTuning& tuning) noexcept {
        Place& place = places_[index & mask_];
        if (place.index == 0) ++used_;
        place = {index, generation, tuning};
        return place.tuning;
    }
    size_t memory_bytes() const noexcept { return size_t{used_} * sizeof(Place); }

  private:
    static constexpr uint32_t kPlaces = 16'384;
    struct Place {
        uint32_t index;  ///< 0: never used
        uint32_t generation;
        tcp::ReceiveTuning tuning;
    };
    static_assert(sizeof(Place) == 32);

    uint32_t mask_;
    uint32_t used_ = 0;  ///< places
    MappedArray<Place> places_;
};

}  // namespace synfin::stack
