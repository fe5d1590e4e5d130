/// @file
/// Fields of the section `tcp`. The result lists every changed one under `deviations`.

#include "field_table.hh"

namespace synfin::app {

namespace {

Codec<Duration> timeout(Duration least) {
    return duration(least, kMaxDuration);
}

}  // namespace

void add_tcp_fields(FieldTable& table) {
    table.of_tcp(
        "tcp.msl", "--msl", "TIME", duration(1ms, kMaxMsl), &TcpConfig::msl,
        "maximum segment lifetime; TIME-WAIT is twice this (RFC 9293 says 2 minutes, Linux uses 30 s)");
    table.of_tcp("tcp.rto-initial", "", "TIME", timeout(1ms), &TcpConfig::rto_initial,
                 "retransmission timeout before the first round-trip measurement (RFC 6298)");
    table.of_tcp("tcp.rto-min", "", "TIME", timeout(1ms), &TcpConfig::rto_min,
                 "shortest retransmission timeout (RFC 6298 says 1 s, Linux uses 200 ms)");
    table.of_tcp("tcp.rto-max", "", "TIME", timeout(1s), &TcpConfig::rto_max,
                 "longest retransmission timeout (RFC 6298: at least 60 s)");
    table.of_tcp(
        "tcp.syn-timeout", "", "TIME", timeout(1s), &TcpConfig::syn_timeout,
        "give up opening a connection after this time without an answer (RFC 9293: at least 3 minutes)");
    table.of_tcp("tcp.syn-ack-timeout", "", "TIME", timeout(1s), &TcpConfig::syn_ack_timeout,
                 "drop a half-open connection after this time");
    table.of_tcp("tcp.user-timeout", "", "TIME", timeout(1s), &TcpConfig::user_timeout,
                 "abort a connection whose data is not acknowledged for this time (RFC 9293 3.9.1); more "
                 "than 18 hours counts as 18");
    table.of_tcp("tcp.delayed-ack", "", "TIME", timeout(0s), &TcpConfig::delayed_ack,
                 "how long an ACK may wait for data to go with it (RFC 9293: at most 500 ms)");
    table.of_tcp("tcp.fin-wait-2-timeout", "", "TIME", timeout(1s), &TcpConfig::fin_wait_2_timeout,
                 "how long a closed connection waits for the peer's FIN");
    table.of_tcp("tcp.orphan-retries", "", "N", count(1, 100), &TcpConfig::orphan_retries,
                 "retransmissions without progress after which a closed connection is dropped");
    table.of_tcp("tcp.keepalive-idle", "", "TIME", timeout(0s), &TcpConfig::keepalive_idle,
                 "send keep-alive probes after this time without a segment; 0: never");
    table.of_tcp("tcp.keepalive-interval", "", "TIME", timeout(1s), &TcpConfig::keepalive_interval,
                 "time between two keep-alive probes");
    table.of_tcp("tcp.keepalive-probes", "", "N", count(2, 255), &TcpConfig::keepalive_probes,
                 "unanswered probes after which a connection is dropped");
    table.of_tcp("tcp.receive-buffer", "", "SIZE", size(4096, 1u << 30), &TcpConfig::receive_buffer_bytes,
                 "largest receive window; the window grows with the bytes read in a round trip");
    table.of_tcp("tcp.receive-buffer-start", "", "SIZE", size(4096, 1u << 30),
                 &TcpConfig::receive_buffer_start_bytes,
                 "receive window of a new connection, at most tcp.receive-buffer");
    table.of_tcp("tcp.send-buffer", "", "SIZE", size(4096, 1u << 30), &TcpConfig::send_buffer_bytes,
                 "largest send buffer (unacknowledged and unsent bytes); the buffer grows to twice cwnd");
    table.of_tcp("tcp.send-buffer-start", "", "SIZE", size(4096, 1u << 30),
                 &TcpConfig::send_buffer_start_bytes,
                 "send buffer of a new connection, at most tcp.send-buffer");
    table.of_tcp("tcp.mss", "", "SIZE", size(0, 8960), &TcpConfig::mss_limit,
                 "largest segment to announce and to send; 0: MTU minus 40, for IPv6 minus 60");
    table.of_tcp("tcp.timestamps", "", "BOOL", boolean(), &TcpConfig::timestamps,
                 "use the timestamps option (RFC 7323)");
    table.of_tcp("tcp.window-scale", "", "BOOL", boolean(), &TcpConfig::window_scale,
                 "use the window scale option (RFC 7323)");
    table.of_tcp("tcp.sack", "", "BOOL", boolean(), &TcpConfig::sack_permitted,
                 "offer the SACK-permitted option (RFC 2018), and repair losses by SACK (RFC 8985)");
    table.of_tcp("tcp.congestion-control", "", "cubic|newreno", choice<CongestionControl>(),
                 &TcpConfig::congestion_control, "what limits the data in flight (RFC 9438, RFC 5681)");
    table.of_tcp("tcp.pacing", "", "off|auto|on", choice<Pacing>(), &TcpConfig::pacing,
                 "spread new data over the round trip; auto: with large windows, if SRTT is 1 ms or more");
    table.of_tcp("tcp.ecn", "", "on|off", on_off(), &TcpConfig::ecn,
                 "negotiate explicit congestion notification; a mark reduces cwnd as a loss does (RFC 3168)");
    table.of_tcp("tcp.nagle", "", "BOOL", boolean(), &TcpConfig::nagle,
                 "hold a small segment back while earlier data is unacknowledged (RFC 9293 3.7.4)");
    table.of_tcp("tcp.time-wait-reuse", "", "BOOL", boolean(), &TcpConfig::time_wait_reuse,
                 "let a newer SYN reopen the tuple of a connection in TIME-WAIT (RFC 6191)");
    table.of_tcp("tcp.syn-cookies", "", "BOOL", boolean(), &TcpConfig::syn_cookies,
                 "answer with SYN cookies while the backlog is more than half full (RFC 4987)");
    table.of_tcp("tcp.resets-per-second", "", "N", count(0, 1000 * kMillions), &TcpConfig::resets_per_s,
                 "RST segments for closed ports, per engine; 0: no limit");
    table.of_tcp("tcp.ttl", "", "N", count(1, 255), &TcpConfig::ttl,
                 "time to live, or hop limit, of packets sent");
    table.of_tcp("tcp.dscp", "", "N", count(0, 63), &TcpConfig::dscp,
                 "DSCP of packets sent; in IPv6 part of the traffic class");
}

}  // namespace synfin::app
