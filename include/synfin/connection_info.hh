#pragma once
/// @file
/// ConnectionInfo: the state of one connection, like TCP_INFO (`ss -i`) on Linux.

#include <cstdint>
#include <string_view>

#include "synfin/state.hh"
#include "synfin/tcp_config.hh"
#include "synfin/units.hh"

namespace synfin {

/// What the timer of a connection waits for. Delayed ACKs have a timer of their own.
enum class ConnectionTimer : uint8_t {
    none,
    syn,              ///< our SYN or SYN|ACK is not acknowledged
    rto,              ///< text or FIN is not acknowledged (RFC 6298)
    probe,            ///< text waits for the window to open (RFC 9293 3.8.6.1) or to grow (3.8.6.2.1)
    tail_loss_probe,  ///< text at the end of a flight is not acknowledged in time (RFC 8985 7)
    reorder,          ///< a segment that may be late counts as lost at expiry (RFC 8985 6.2 step 5)
    keepalive,        ///< RFC 9293 3.8.4
    fin_wait_2,       ///< the peer's FIN is awaited after close()
    time_wait,        ///< 2MSL
    idle,             ///< an RTO without text: cwnd is reset at expiry (RFC 5681 4.1)
    ts_recent,        ///< TS.Recent is 24 days old at expiry (RFC 7323 5.5)
};
constexpr std::string_view name(ConnectionTimer timer) noexcept {
    constexpr std::string_view kNames[] = {
        "none",      "syn",        "rto",       "probe", "tail_loss_probe", "reorder",
        "keepalive", "fin_wait_2", "time_wait", "idle",  "ts_recent"};
    return kNames[static_cast<unsigned>(timer)];
}

/// What a connection knows of losses; the names are Linux's (tcpi_ca_state).
enum class LossState : uint8_t {
    open,      ///< nothing is suspected
    disorder,  ///< duplicate ACKs or SACK blocks came, nothing counts as lost so far
    recovery,  ///< fast recovery (RFC 5681 3.2, RFC 8985)
    loss,      ///< repairs what was in flight when the retransmission timer expired
};
constexpr std::string_view name(LossState state) noexcept {
    constexpr std::string_view kNames[] = {"open", "disorder", "recovery", "loss"};
    return kNames[static_cast<unsigned>(state)];
}

/// A snapshot of a connection. Fields have the names of RFC 9293; numbers are in host byte order, windows in
/// bytes with the scale applied. For half-open and TIME-WAIT records only the first fields are set; the
/// others have the values of a new connection.
struct ConnectionInfo {
    State state = State::closed;
    Endpoint local{}, peer{};
    uint32_t snd_una = 0, snd_nxt = 0, snd_wnd = 0;  ///< sequence numbers; snd_wnd in bytes
    uint32_t rcv_nxt = 0, rcv_wnd = 0;
    uint16_t mss = 0;   ///< send MSS, options not subtracted
    uint16_t pmtu = 0;  ///< path MTU in IP packet bytes: the interface's MTU, or a smaller one that a router
                        ///< reported, or that was found (RFC 4821), in the last ten minutes
    uint32_t cwnd_bytes = 0, ssthresh_bytes = 0;      ///< ssthresh: UINT32_MAX before the first loss
    uint32_t srtt_us = 0, rttvar_us = 0, rto_ms = 0;  ///< srtt_us 0: no sample so far
    uint32_t unsent_bytes = 0, unacked_bytes = 0, unread_bytes = 0;
    bool timestamps = false, window_scale = false, sack_permitted = false;
    bool ecn = false;                      ///< negotiated (RFC 3168)
    bool ack_owed = false;                 ///< text has arrived that is not acknowledged yet
    uint8_t snd_shift = 0, rcv_shift = 0;  ///< of the peer's window field and of ours (RFC 7323 2.2)

    // -- congestion control and loss recovery
    CongestionControl congestion_control = CongestionControl::newreno;
    LossState loss_state = LossState::open;
    uint8_t backoff = 0;        ///< timeouts or probes in a row without an answer
    uint32_t flight_bytes = 0;  ///< sent and neither reported by SACK nor lost: "pipe" of RFC 6675
    uint32_t sacked_bytes = 0, lost_bytes = 0;  ///< of unacked_bytes; lost ones are not yet sent again
    /// Segments sent again since the connection last had nothing in flight for an RTO.
    uint32_t retransmitted = 0;
    uint32_t min_rtt_us = 0;     ///< least RTT of the last 157 to 314 s of that time; 0: no sample
    uint32_t reordering_us = 0;  ///< reordering window (RFC 8985 6.2 step 4); 0: any gap counts as a loss
    bool reordering_seen = false;

    // -- receiving
    uint32_t rcv_limit_bytes = 0;     ///< how far the window may open now (TcpConfig::receive_buffer_bytes)
    uint32_t rcv_rtt_us = 0;          ///< round-trip time as the receiver sees it; 0: not measured
    uint32_t out_of_order_bytes = 0;  ///< arrived beyond a hole
    uint32_t send_limit_bytes = 0;    ///< what send() takes beyond snd_una now

    // -- timers
    ConnectionTimer timer = ConnectionTimer::none;
    uint32_t timer_ms = 0;         ///< until it expires; 0: it is due, or there is none
    uint32_t user_timeout_ms = 0;  ///< in force (RFC 5482)
};

}  // namespace synfin
