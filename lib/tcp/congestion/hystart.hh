#pragma once
/// @file
/// HyStart++ (RFC 9406): slow start that ends when the round-trip time grows, before the queue overflows.

#include <cstdint>

#include "tcp/recovery.hh"

namespace synfin::tcp::hystart {

inline constexpr uint32_t kMinRttThreshUs = 4'000;
inline constexpr uint32_t kMaxRttThreshUs = 16'000;
inline constexpr uint32_t kMinRttDivisor = 8;
inline constexpr uint32_t kRttSamples = 8;  ///< N_RTT_SAMPLE
inline constexpr uint32_t kCssGrowthDivisor = 4;
inline constexpr uint32_t kCssRounds = 5;

/// 4.2: an RTT sample of this round.
void take_rtt(HystartState& state, uint32_t rtt_us) noexcept;
/// 4.2: an ACK of `acked` new bytes; `una` and `nxt` are SND.UNA and SND.NXT.
/// @return by how much cwnd grows. DEVIATION: without pacing (4.3) the RFC limits it to 8 segments for each
/// ACK; one
///         ACK of ours may answer a whole burst, so there is no limit, as in Linux.
uint32_t growth(HystartState& state, Seq una, Seq nxt, uint32_t acked) noexcept;
/// Whether slow start is over: ssthresh is to become cwnd.
inline bool has_ended(const HystartState& state) noexcept {
    return state.css_rounds >= kCssRounds;
}

}  // namespace synfin::tcp::hystart
