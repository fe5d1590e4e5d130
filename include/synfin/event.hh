#pragma once
/// @file
/// The values that pass between an engine and its application: events, options of calls, and use of records
/// and memory.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "synfin/connection.hh"
#include "synfin/dad.hh"      // IWYU pragma: export
#include "synfin/mailbox.hh"  // IWYU pragma: export
#include "synfin/tcp_config.hh"
#include "synfin/units.hh"

namespace synfin {

/// One event. Events of a connection come in order. `data` is valid until the next poll.
struct Event {
    enum class Kind : uint8_t {
        open,
        data,
        writable,
        peer_fin,
        close,
        timer,  ///< a timer of Stack::after() has expired; comes after the connections' events of a turn
        post,   ///< a message of Stack::post(); comes after the timers of a turn
    };
    Kind kind = Kind::open;
    Connection connection;  ///< kinds up to close
    Bytes data;             ///< kind data
    uint32_t item = 0;      ///< kind data: for the stack's own use
    CloseInfo why;          ///< kind close
    uint64_t token = 0;  ///< kind open: ListenOptions::token of the listener; 0 for a connection of connect()
    uint64_t tag = 0;    ///< kind timer: the tag given to after()
    Message message;     ///< kind post
};

/// Names a listener of one stack. After unlisten() it names none. Other stacks do not know it.
struct ListenerId {
    uint32_t index = 0, generation = 0;
    bool operator==(const ListenerId&) const noexcept = default;
};

/// Names a timer of one stack. Once the timer's event has been delivered, it names none.
struct TimerId {
    uint32_t index = 0, generation = 0;
    bool operator==(const TimerId&) const noexcept = default;
};

struct ListenOptions {
    uint64_t token = 0;  ///< chosen by the application; on_open(connection, token) and Event::token bring it
    /// The most SYN-RECEIVED records of this listener at once; 0: as many as StackConfig::max_half_open
    /// allows. Beyond that the engine answers a SYN with a SYN cookie, or drops it if cookies are off
    /// (`listener_backlog_full` counts both). Records that reopen a TIME-WAIT tuple do not count.
    uint32_t backlog = 0;
    std::optional<IpAddress> address{};  ///< one of ours; none: all of them
    /// Of the connections that it accepts; none: that of TcpConfig.
    std::optional<CongestionControl> congestion_control{};
};

/// How many records are in use, by state and by pool. All are zero when everything has ended.
struct Occupancy {
    uint32_t by_state[11] = {};  ///< index: State. Half-open and TIME-WAIT records included
    uint32_t half_open = 0, open = 0, time_wait = 0;  ///< records by size
    uint32_t flow_lines = 0;        ///< records of connections with data queued or in flight
    uint32_t recovery_records = 0;  ///< records of connections that repair a loss
    uint32_t send_blocks = 0;       ///< blocks of queued bytes, either direction
    uint32_t held_packets = 0;      ///< packets in a burst, or waiting for a next hop or the device
    uint32_t packets_in_use = 0;    ///< held_packets and packets kept for reuse
    uint32_t timers = 0;            ///< wheel entries; they are removed lazily, so this may be too high
};

/// How many records are in use, by size.
struct RecordCount {
    uint32_t open =
        0;  ///< control blocks: every other state, and TIME-WAIT connections without a small record
    uint32_t half_open = 0;
    uint32_t time_wait = 0;

    bool any() const noexcept { return (open | half_open | time_wait) != 0; }
    /// Whether any connection's peer has not seen it close yet.
    bool any_peer() const noexcept { return (open | half_open) != 0; }
};

/// Bytes that an engine keeps for connections, by purpose: everything that grows with their number. Records,
/// blocks and wheel entries count from their first use on, for good; the table and the ring of delayed ACKs
/// count whole.
struct MemoryUse {
    size_t open = 0;       ///< control blocks, and the arrays parallel to them
    size_t flows = 0;      ///< flow and recovery records, and bookkeeping of out-of-order or unread data
    size_t half_open = 0;  ///< SYN-RECEIVED records
    size_t time_wait = 0;  ///< TIME-WAIT records
    size_t table = 0;
    size_t timers = 0;  ///< timer wheel and ring of delayed ACKs
    size_t text = 0;    ///< blocks of queued bytes

    MemoryUse& operator+=(const MemoryUse& other) noexcept {
        open += other.open;
        flows += other.flows;
        half_open += other.half_open;
        time_wait += other.time_wait;
        table += other.table;
        timers += other.timers;
        text += other.text;
        return *this;
    }
    size_t total() const noexcept { return open + flows + half_open + time_wait + table + timers + text; }
};

/// Whether packets to a destination can leave.
enum class Reach : uint8_t {
    yes,        ///< the next hop's MAC address is known (or the wire needs none)
    resolving,  ///< the next hop, or a router (StackConfig::gateway_auto), has not answered yet; also during
                ///< duplicate address detection
    no_answer,  ///< the next hop did not answer; it is asked again a second later at the earliest
    no_route,   ///< neither on link nor behind a gateway
};

struct ConnectOptions {
    /// One of ours, of the peer's family. None: for IPv4 the first one, for IPv6 the one that RFC 6724
    /// chooses.
    std::optional<IpAddress> source;
    uint16_t source_port = 0;                               ///< 0: an ephemeral one (RFC 6056)
    uint64_t user_tag = 0;                                  ///< the initial Connection::user_tag()
    std::optional<CongestionControl> congestion_control{};  ///< none: that of TcpConfig
};

}  // namespace synfin
