#pragma once
/// @file
/// Pacing: new text leaves in bursts of a few segments, spread over the round trip. The rates are Linux's.
/// The core says when the next burst may leave (Recovery::pace_waits, pace_at_us); the stack waits for that
/// time. Retransmissions are not paced: PRR limits them.

#include <algorithm>
#include <cstdint>

#include "tcp/core.hh"

namespace synfin::tcp::pacing {

/// A burst carries what the rate sends in this time, within the limits below.
inline constexpr uint32_t kBurstUs = 100;
inline constexpr uint32_t kLeastSegments = 2, kMostSegments = 10;
/// Longest time between two bursts; a time further ahead is from a time before the clock wrapped.
inline constexpr uint32_t kMostGapUs = 1'000'000;
/// Pacing::automatic: with a shorter SRTT a whole window leaves in a few turns of the engine anyway.
inline constexpr uint32_t kLeastSrttUs = 1'000;

/// Whether a connection with a record is paced now.
bool is_on(Conn c, const Params& params) noexcept;

/// Bytes of new text per second: 2 cwnd / SRTT in slow start, up to half of ssthresh; 1.2 cwnd / SRTT later.
uint64_t rate(Conn c) noexcept;

/// How many bytes beyond SND.UNA may be sent now, at most `limit`, which is what cwnd and SND.WND permit.
/// Sets Recovery::pace_waits if pacing is what forbids the next segment.
uint32_t limit(Conn c, uint32_t limit, const Context& ctx) noexcept;

inline void note_sent(Recovery& rec, uint32_t bytes) noexcept {
    rec.pace_left -= std::min(rec.pace_left, bytes);
}

}  // namespace synfin::tcp::pacing
