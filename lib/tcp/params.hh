#pragma once
/// @file
/// Params: TcpConfig in the core's units (ticks of 1 ms, shifts), computed once per engine.

#include <algorithm>
#include <cstdint>

#include "synfin/tcp_config.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// The current time in the core's units; the stack reads the clock once per burst.
struct Now {
    uint32_t tick = 0;  ///< milliseconds modulo 2^32: deadlines and the timestamp clock (RFC 7323 5.4: 1 ms)
    uint32_t us = 0;    ///< microseconds modulo 2^32: RTT samples
    Now() noexcept = default;
    explicit Now(Instant now) noexcept : tick(now.tick()), us(static_cast<uint32_t>(now.us())) {}
};

constexpr uint32_t to_ticks(Duration d) noexcept {
    return static_cast<uint32_t>(
        std::clamp<int64_t>((std::min(d, kMaxDuration).count() + 999'999) / 1'000'000, 0, INT32_MAX));
}

/// Upper limit of R2, for SYNs too: Flow::unacked_since_s wraps after 18.6 h.
inline constexpr uint32_t kMostUserTimeout = 18u * 3600 * 1000;

struct Params {
    uint32_t two_msl, rto_initial, rto_min, rto_max, rto_after_syn_loss, syn_timeout, syn_ack_timeout,
        user_timeout, delayed_ack, fin_wait_2, keepalive_idle, keepalive_interval;  ///< ticks
    uint32_t rcv_buffer, snd_buffer;                                                ///< bytes, at most
    uint32_t rcv_start, snd_start;  ///< bytes, of a new connection
    uint16_t mss;                   ///< the MSS that we offer: MTU - 40, or less if configured
    uint16_t path_mss;              ///< upper limit of what we send, TCP options included; equals `mss`
    uint16_t mss6;                  ///< both for IPv6: MTU - 60, or less if configured
    uint8_t rcv_shift;              ///< window scale that we offer (RFC 7323 2.2)
    uint8_t keepalive_probes;
    uint8_t orphan_retries;
    uint8_t r1;
    CongestionControl congestion_control;
    Pacing pacing;
    bool timestamps, window_scale, sack_permitted, ecn, nagle, time_wait_reuse;
    uint16_t open_flags;  ///< kNoDelay, kEcn: the flags of an active open

    Params(const TcpConfig& c, uint16_t mtu) noexcept
        : two_msl(to_ticks(2 * std::min(c.msl, kMaxMsl))),
          rto_initial(to_ticks(c.rto_initial)),
          rto_min(to_ticks(c.rto_min)),
          rto_max(to_ticks(c.rto_max)),
          rto_after_syn_loss(to_ticks(c.rto_after_syn_loss)),
          syn_timeout(std::min(to_ticks(c.syn_timeout), kMostUserTimeout)),
          syn_ack_timeout(to_ticks(c.syn_ack_timeout)),
          user_timeout(std::min(to_ticks(c.user_timeout), kMostUserTimeout)),
          delayed_ack(to_ticks(c.delayed_ack)),
          fin_wait_2(to_ticks(c.fin_wait_2_timeout)),
          keepalive_idle(to_ticks(c.keepalive_idle)),
          keepalive_interval(to_ticks(c.keepalive_interval)),
          rcv_buffer(c.window_scale ? std::min<uint32_t>(c.receive_buffer_bytes, 1u << 30)
                                    : std::min<uint32_t>(c.receive_buffer_bytes, 65'535)),
          snd_buffer(std::min<uint32_t>(c.send_buffer_bytes, 1u << 30)),
          rcv_start(std::min(c.receive_buffer_start_bytes, rcv_buffer)),
          snd_start(std::min(c.send_buffer_start_bytes, snd_buffer)),
          mss(mss_of(c, mtu - 40)),
          path_mss(mss),
          mss6(mss_of(c, mtu - 60)),
          rcv_shift(0),
          keepalive_probes(c.keepalive_probes),
          orphan_retries(c.orphan_retries),
          r1(c.r1_retransmits),
          congestion_control(c.congestion_control),
          pacing(c.pacing),
          timestamps(c.timestamps),
          window_scale(c.window_scale),
          sack_permitted(c.sack_permitted),
          ecn(c.ecn),
          nagle(c.nagle),
          time_wait_reuse(c.time_wait_reuse),
          open_flags(
              static_cast<uint16_t>((c.nagle ? 0u : unsigned{kNoDelay}) | (c.ecn ? unsigned{kEcn} : 0u))) {
        // A buffer of 2^n bytes is offered up to the last unit, with the next smaller unit.
        while ((rcv_buffer >> rcv_shift) > 65'536) ++rcv_shift;
        rcv_buffer = std::min(rcv_buffer, 65'535u << rcv_shift);
        rcv_start = std::min(rcv_start, rcv_buffer);
    }

  private:
    static uint16_t mss_of(const TcpConfig& c, int most) noexcept {
        return static_cast<uint16_t>(c.mss_limit != 0 ? std::clamp<int>(c.mss_limit, kMinMss, most) : most);
    }
};

}  // namespace synfin::tcp
