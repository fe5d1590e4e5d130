#pragma once
/// @file
/// The controller `newreno`: slow start and congestion avoidance of RFC 5681. It needs no state of its own.

#include <algorithm>
#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/params.hh"

namespace synfin::tcp::newreno {

/// Upper limit of cwnd.
inline constexpr uint32_t kMostBytes = 1u << 30;

/// An ACK of new data outside recovery: slow start (RFC 5681 3.1) or congestion avoidance (equation 3).
inline void grow(const Tcb& tcb, Flow& flow, uint32_t acked) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (flow.cwnd_bytes < flow.ssthresh_bytes) {
        // DEVIATION: RFC 5681 3.1 adds at most SMSS per ACK; here an ACK adds all bytes that it acknowledges,
        // as Linux does.
        flow.cwnd_bytes += std::min(acked, flow.ssthresh_bytes - flow.cwnd_bytes);
    } else {
        const uint64_t step = uint64_t{smss} * std::max(acked, smss) / std::max(flow.cwnd_bytes, 1u);
        flow.cwnd_bytes += static_cast<uint32_t>(std::clamp<uint64_t>(step, 1, smss));
    }
    flow.cwnd_bytes = std::min(flow.cwnd_bytes, kMostBytes);
}
inline void grow(Conn c, uint32_t acked, const Now& now) noexcept {
    static_cast<void>(now);
    grow(c.tcb, *c.flow, acked);
}

/// RFC 5681 equation 4: ssthresh after a loss. `flight`: FlightSize.
inline uint32_t reduce(Conn c, uint32_t flight) noexcept {
    return std::max(flight / 2, 2 * c.tcb.text_mss());
}

inline void on_rto(Conn c) noexcept {
    static_cast<void>(c);
}

/// An RTT sample of the last segment delivered.
inline void take_rtt(Conn c, uint32_t rtt_us) noexcept {
    static_cast<void>(c);
    static_cast<void>(rtt_us);
}

}  // namespace synfin::tcp::newreno
