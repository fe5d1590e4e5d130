#pragma once
/// @file
/// The parameters of TCP, each with its default and the clause of its RFC. The command lists every value that
/// differs from its default under `deviations`.

#include <cstdint>
#include <string_view>

#include "synfin/units.hh"

namespace synfin {

inline constexpr Duration kMaxMsl = 130s;  ///< the most that a TIME-WAIT record can hold; RFC 9293 has 120 s
inline constexpr Duration kMaxDuration =
    20 * 24h;  ///< limit of all other durations: a deadline has 31 bits of ticks
inline constexpr uint16_t kMinMss =
    88;  ///< leaves room for data beside all options; smaller limits count as this

/// The algorithm that limits the data in flight: congestion_control.def has its rows.
enum class CongestionControl : uint8_t {
#define SYNFIN_CONGESTION_CONTROL(name, meaning) name,
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
};

/// The controller's name in the configuration: "cubic", "newreno".
constexpr std::string_view name(CongestionControl control) noexcept {
    switch (control) {
#define SYNFIN_CONGESTION_CONTROL(name, meaning) \
    case CongestionControl::name:                \
        return #name;
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    }
    return "";
}

/// Whether new text leaves spread over the round trip instead of in bursts.
enum class Pacing : uint8_t {
    off,
    automatic,  ///< where bursts may overflow a queue: cwnd exceeds the initial window, and SRTT is 1 ms or
                ///< more
    on,         ///< wherever more than one segment is in flight
};

/// The name in the configuration: "off", "auto", "on".
constexpr std::string_view name(Pacing pacing) noexcept {
    switch (pacing) {
        case Pacing::off: return "off";
        case Pacing::automatic: return "auto";
        case Pacing::on: return "on";
    }
    return "";
}

/// Values beyond the limits above count as the limit; the command refuses them.
struct TcpConfig {
    /// Maximum segment lifetime; TIME-WAIT lasts twice this (RFC 9293 MUST-13). DEVIATION: 30 s as in Linux,
    /// not 2 min.
    Duration msl = 30s;
    Duration rto_initial = 1s;  ///< RFC 6298 2.1
    /// DEVIATION: RFC 6298 2.4 recommends at least 1 s; Linux and others use 200 ms.
    Duration rto_min = 200ms;
    Duration rto_max = 120s;           ///< RFC 6298 2.5: at least 60 s
    Duration rto_after_syn_loss = 3s;  ///< RFC 6298 5.7: when the SYN had to be sent again
    Duration syn_timeout = 180s;       ///< R2 for SYN, RFC 9293 MUST-23: at least 3 min
    Duration syn_ack_timeout = 63s;    ///< lifetime of a half-open record (Linux: 5 retries, 63 s)
    Duration user_timeout = 300s;  ///< R2 for data, RFC 9293 3.9.1 (default 5 min; MUST-21 at least 100 s);
                                   ///< more than 18 h counts as 18 h
    uint8_t r1_retransmits =
        3;  ///< R1: `r1_exceeded` counts segments sent again this often (RFC 9293 SHLD-10)
    Duration delayed_ack = 40ms;  ///< RFC 9293 MUST-58: at most 500 ms
    Duration fin_wait_2_timeout =
        60s;  ///< for connections that the application has closed (Linux tcp_fin_timeout)
    /// Retransmissions of data or FIN of a connection that the application has closed, before the engine
    /// gives up (Linux tcp_orphan_retries). An ACK of new data restarts the count. At most two while records
    /// or blocks are scarce.
    uint8_t orphan_retries = 8;
    Duration keepalive_idle =
        0s;  ///< 0: off, the default (RFC 9293 MUST-25); if on, RFC 9293 MUST-28 has 2 h or more
    Duration keepalive_interval = 75s;
    uint8_t keepalive_probes = 9;  ///< one lost probe must not end a connection (RFC 9293 MUST-29)
    /// Largest window offered; up to 1 GiB with window scale. A connection begins with
    /// `receive_buffer_start_bytes`, and its window then follows what the application reads in a round trip.
    /// While half of the engine's blocks are in use, no window grows.
    uint32_t receive_buffer_bytes = 16u << 20;
    uint32_t receive_buffer_start_bytes = 256 * 1024;  ///< at most `receive_buffer_bytes` of it count
    /// Upper limit on the bytes that send() takes beyond SND.UNA. Up to it, send() takes twice cwnd, but at
    /// least `send_buffer_start_bytes`.
    uint32_t send_buffer_bytes = 16u << 20;
    uint32_t send_buffer_start_bytes = 256 * 1024;  ///< at most `send_buffer_bytes` of it count
    uint16_t mss_limit = 0;    ///< 0: MTU - 40, IPv6 MTU - 60; else offer and use at most this
    bool timestamps = true;    ///< RFC 7323 3
    bool window_scale = true;  ///< RFC 7323 2
    bool sack_permitted =
        true;  ///< RFC 2018: offer SACK, send SACK blocks, and repair losses by those of the peer (RFC 8985)
    CongestionControl congestion_control = CongestionControl::cubic;
    /// At the rates of Linux: 2 cwnd / SRTT in slow start, 1.2 cwnd / SRTT after it.
    Pacing pacing = Pacing::off;
    /// RFC 3168: ask for explicit congestion notification, and accept it. A mark reduces cwnd as a loss
    /// does. A repeated SYN does not ask for it.
    bool ecn = false;
    bool nagle = true;            ///< RFC 9293 MUST-17: it can be switched off
    bool time_wait_reuse = true;  ///< RFC 6191: a newer SYN reopens a TIME-WAIT tuple, in either direction
    bool syn_cookies = true;      ///< RFC 4987: used when the backlog is more than half full
    uint32_t challenge_acks_per_s = 100;  ///< per connection (RFC 5961 7): see lib/tcp/README.md
    uint32_t resets_per_s = 100'000;      ///< RST to closed ports, per engine; 0: unlimited
    uint8_t ttl = 64;                     ///< also the hop limit of IPv6
    uint8_t dscp = 0;                     ///< 0..63
};

}  // namespace synfin
