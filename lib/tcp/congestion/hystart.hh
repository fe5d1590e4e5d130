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
/// @return bytes by which cwnd grows. DEVIATION: without pacing, 4.3 limits this to 8 segments per ACK. Here
///         one ACK may acknowledge a whole burst, so there is no limit, as in Linux.
uint32_t growth(HystartState& state, Seq una, Seq nxt, uint32_t acked) noexcept;
/// Whether slow start is over: ssthresh is to become cwnd.
inline bool has_ended(const HystartState& state) noexcept {
    return state.css_rounds >= kCssRounds;
}

}  // namespace synfin::tcp::hystart
