#pragma once
/// @file
/// Round-trip time and retransmission timeout by RFC 6298.

#include <algorithm>
#include <cstdint>

#include "tcp/flow.hh"
#include "tcp/params.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// G of RFC 6298 2: the tick of the timer wheel.
inline constexpr uint32_t kClockGranularityUs = 1000;

/// RFC 6298 2.2 and 2.3: takes one sample, alpha 1/8, beta 1/4. A sample below 1 us counts as 1 us.
constexpr void take_rtt_sample(Flow& flow, uint32_t r_us) noexcept {
    r_us = std::max(r_us, 1u);
    if (flow.srtt_us == 0) {
        flow.srtt_us = r_us;
        flow.rttvar_us = r_us / 2;
        return;
    }
    const uint32_t error = r_us > flow.srtt_us ? r_us - flow.srtt_us : flow.srtt_us - r_us;
    flow.rttvar_us = static_cast<uint32_t>((3 * uint64_t{flow.rttvar_us} + error + 2) / 4);
    flow.srtt_us = std::max<uint32_t>(static_cast<uint32_t>((7 * uint64_t{flow.srtt_us} + r_us + 4) / 8), 1);
}

/// RFC 6298 2.2-2.5 in ticks: SRTT + max(G, 4 RTTVAR), clamped to the configured limits. Where this is more
/// than rto_min, the margin above SRTT is at least min(SRTT, rto_min): the RFC relies on a minimum RTO of a
/// second, and RTTVAR tends to 0 while a queue keeps its length. (Linux's margin is at least 200 ms.)
constexpr uint32_t rto_ticks(uint32_t srtt_us, uint32_t rttvar_us, const Params& p) noexcept {
    const uint64_t us = srtt_us + std::max<uint64_t>(kClockGranularityUs, 4 * uint64_t{rttvar_us});
    if (us <= uint64_t{p.rto_min} * 1000) return p.rto_min;  // the usual case for short connections
    const uint64_t least = srtt_us + std::min<uint64_t>(srtt_us, uint64_t{p.rto_min} * 1000);
    return static_cast<uint32_t>(
        std::clamp<uint64_t>((std::max(us, least) + 999) / 1000, p.rto_min, p.rto_max));
}

/// The RTO before backoff. Without a sample: 1 s, or 3 s when the SYN was lost (RFC 6298 2.1, 5.7).
constexpr uint32_t rto_ticks(const Tcb& tcb, const Flow* flow, const Params& p) noexcept {
    if (flow != nullptr && flow->srtt_us != 0) return rto_ticks(flow->srtt_us, flow->rttvar_us, p);
    if (tcb.srtt.is_set()) return rto_ticks(tcb.srtt.us(), tcb.srtt.us() / 2, p);
    if (tcb.has(kSynResent) && !tcb.has(kSynUnacked)) return std::max(p.rto_after_syn_loss, p.rto_min);
    return p.rto_initial;
}

/// RFC 6298 5.5: doubled `backoff` times, at most rto_max.
constexpr uint32_t backed_off(uint32_t rto, unsigned backoff, const Params& p) noexcept {
    return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{rto} << std::min(backoff, 16u), p.rto_max));
}

}  // namespace synfin::tcp
