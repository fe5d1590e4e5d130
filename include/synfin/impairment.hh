#pragma once
/// @file
/// Impairment: what a device does to packets on purpose, so that a network without faults can be given some.

#include <cstdint>

#include "synfin/units.hh"

namespace synfin {

/// The faults of one direction. Shares are in parts per million, 0..1,000,000. They are applied in the order
/// of the members, each to the packets that are left.
struct Impairment {
    uint32_t loss_ppm = 0;
    uint32_t duplicate_ppm = 0;  ///< a copy follows at once
    uint32_t corrupt_ppm = 0;    ///< one bit is flipped, behind the addresses and ports
    uint64_t rate_bps = 0;       ///< bits of frames per second; 0: no limit
    Duration queue = 100ms;      ///< with rate_bps: a packet that would wait for longer is dropped
    Duration delay{};
    Duration jitter{};             ///< up to this much is added to the delay of each packet; order is kept
    uint32_t reorder_ppm = 0;      ///< packets that others overtake
    Duration reorder_delay = 1ms;  ///< how much later than the others they arrive

    bool any() const noexcept {
        return (loss_ppm | duplicate_ppm | corrupt_ppm | reorder_ppm) != 0 || rate_bps != 0 || holds();
    }
    /// Whether packets stay in the device for a time.
    bool holds() const noexcept {
        return delay > Duration::zero() || jitter > Duration::zero() || rate_bps != 0 || reorder_ppm != 0;
    }
    bool operator==(const Impairment&) const noexcept = default;
};

/// Of a device. Each engine has sequences of its own for both directions, which the seed determines.
struct Impairments {
    Impairment rx, tx;
    uint64_t seed = 1;

    bool any() const noexcept { return rx.any() || tx.any(); }
    bool corrupts() const noexcept { return (rx.corrupt_ppm | tx.corrupt_ppm) != 0; }
    /// The most packets of an engine that are held in one direction; a packet beyond them is dropped.
    static constexpr uint32_t kMostHeld = 16'384;
    /// Packet buffers that an engine needs in addition.
    uint32_t held() const noexcept { return (rx.holds() ? kMostHeld : 0) + (tx.holds() ? kMostHeld : 0); }
    bool operator==(const Impairments&) const noexcept = default;
};

/// What became of the packets of one direction.
struct ImpairmentStats {
    uint64_t packets = 0;  ///< that came, copies not counted
    uint64_t lost = 0, queue_dropped = 0, duplicated = 0, corrupted = 0, delayed = 0, reordered = 0;

    ImpairmentStats& operator+=(const ImpairmentStats& other) noexcept {
        packets += other.packets;
        lost += other.lost;
        queue_dropped += other.queue_dropped;
        duplicated += other.duplicated;
        corrupted += other.corrupted;
        delayed += other.delayed;
        reordered += other.reordered;
        return *this;
    }
};

}  // namespace synfin
