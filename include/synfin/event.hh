#pragma once
/// @file
/// The values that pass between an engine and its application: events, options of calls, what is in use.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "synfin/connection.hh"
#include "synfin/mailbox.hh"  // IWYU pragma: export
#include "synfin/units.hh"

namespace synfin {

/// What happened, in order for each connection. `data` is valid until the next poll.
struct Event {
    enum class Kind : uint8_t {
        open,
        data,
        writable,
        peer_fin,
        close,
        timer,  ///< a timer that Stack::after() set has come up; after the connections' events of a turn
        post,   ///< a message of Stack::post(); after the timers of a turn
    };
    Kind kind = Kind::open;
    Connection connection;  ///< kinds up to close
    Bytes data;             ///< kind data
    uint32_t item = 0;      ///< kind data: the stack's own
    CloseInfo why;          ///< kind close
    uint64_t token = 0;     ///< kind open: ListenOptions::token of the listener; 0 for what connect() opened
    uint64_t tag = 0;       ///< kind timer: as after() was given
    Message message;        ///< kind post
};

/// A listener of one stack. The value of another stack, or of a listener that is gone, names none.
struct ListenerId {
    uint32_t index = 0, generation = 0;
    bool operator==(const ListenerId&) const noexcept = default;
};

/// A timer of one stack. Once the application has been told of it, the value names none.
struct TimerId {
    uint32_t index = 0, generation = 0;
    bool operator==(const TimerId&) const noexcept = default;
};

struct ListenOptions {
    uint64_t token = 0;  ///< the application's: on_open(connection, token) and Event::token say it again
    /// SYN-RECEIVED records of this listener at once, at most; 0: as many as StackConfig::max_half_open
    /// allows. Beyond, a SYN is answered with a SYN cookie, or dropped where they are off
    /// (`listener_backlog_full` counts it). Records that reopen a TIME-WAIT tuple do not count.
    uint32_t backlog = 0;
    std::optional<IpAddress> address{};  ///< one of ours; none: any of them
};

/// How many records are in use, by state and by pool: what must be zero when everything has ended.
struct Occupancy {
    uint32_t by_state[11] = {};  ///< index: State. Half-open and TIME-WAIT records included
    uint32_t half_open = 0, open = 0, time_wait = 0;  ///< records by size
    uint32_t flow_lines = 0;                          ///< second lines
    uint32_t recovery_records = 0;                    ///< of connections that repair a loss
    uint32_t send_blocks = 0;                         ///< blocks of queued bytes, either direction
    uint32_t held_packets = 0;    ///< packets on their way: in a burst, waiting for ARP or for the device
    uint32_t packets_in_use = 0;  ///< those, and packets kept for reuse
    uint32_t timers = 0;          ///< wheel entries; lazily removed, so this may lag behind
};

/// How many records are in use, by size.
struct RecordCount {
    uint32_t open =
        0;  ///< control blocks: every state but those below, and TIME-WAIT beyond the small records
    uint32_t half_open = 0;
    uint32_t time_wait = 0;

    bool any() const noexcept { return (open | half_open | time_wait) != 0; }
    /// Of those whose peers don't know yet that it is over.
    bool any_peer() const noexcept { return (open | half_open) != 0; }
};

/// Bytes that an engine keeps for connections, by what they are for: everything that grows with their number.
/// Records, blocks and wheel entries count from the moment at which they are first used, for good; the table
/// and the ring of delayed ACKs are counted whole.
struct MemoryUse {
    size_t open = 0;       ///< control blocks, and what lies beside them
    size_t flows = 0;      ///< second lines, recovery records, and what out-of-order or unread text needs
    size_t half_open = 0;  ///< SYN-RECEIVED records
    size_t time_wait = 0;  ///< TIME-WAIT records
    size_t table = 0;
    size_t timers = 0;  ///< the wheel, and the ring of delayed ACKs
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

/// What is known of the way to a destination.
enum class Reach : uint8_t {
    yes,        ///< the next hop's MAC address is known (or the wire needs none)
    resolving,  ///< asked, no answer yet
    no_answer,  ///< asked several times; asked again no sooner than a second later
    no_route,   ///< neither on link nor behind a gateway
};

struct ConnectOptions {
    std::optional<IpAddress> source;  ///< one of ours; default the first of the peer's family
    uint16_t source_port = 0;         ///< 0: an ephemeral one (RFC 6056)
    uint64_t user_tag = 0;            ///< the first Connection::user_tag()
};

}  // namespace synfin
