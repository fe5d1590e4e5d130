#pragma once
/// @file
/// LoadTally: the counters and latencies of a load generator. The counters balance at every moment: offered =
///   opened + skipped opened = established + failed before + pending established = completed + failed after +
///   open

#include <array>
#include <cstdint>
#include <string_view>

#include "results/histogram.hh"
#include "synfin/connection.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// Why a connection did not complete: the stack's close reasons, then the generator's own.
enum class Failure : uint8_t {
    /// Not HTTP/1, not what a step expects, or more bytes than requested.
    bad_response = static_cast<uint8_t>(CloseReason::kCount),
    short_response,    ///< FIN within a response
    closed_early,      ///< FIN before the last response that was requested
    http_status,       ///< a status that was not expected
    closed_by_peer,    ///< FIN while the generator held the connection
    connect_timeout,   ///< not established within --timeout
    response_timeout,  ///< no byte of a response for --timeout
    close_timeout,     ///< all responses were complete, and the peer did not close within --timeout
    corrupt,           ///< --verify: a byte of the payload is not the one that is due
    kCount
};

/// Why a connection that was due was not opened, or why a closed loop waits.
enum class Skip : uint8_t {
    no_port,            ///< every source address and port towards the target is in use
    no_memory,          ///< a pool is empty
    no_route,           ///< the target can't be reached with this configuration
    refused_by_stack,   ///< connect() refused for another reason
    concurrency_limit,  ///< as many connections open as --connections allows; never in a closed loop
    late,               ///< due before the end, but the generator was too slow
    kCount
};

/// The key in `failed_by`: the stack's name or the generator's.
std::string_view failure_name(size_t index) noexcept;
/// The key in `skipped_by`.
std::string_view name(Skip reason) noexcept;
/// The remedy for people: "raise -c".
std::string_view remedy(Skip reason) noexcept;

/// Lines of its own: engines keep some in memory that they allocate, and each engine writes its own.
struct alignas(kCacheLine) LoadTally {
    uint64_t offered = 0;
    uint64_t opened = 0;
    uint64_t established = 0;
    uint64_t completed = 0;
    uint64_t failed_before = 0;  ///< ended without having been established
    uint64_t failed_after = 0;
    uint64_t pending = 0;     ///< reset at the end of the run before they were established
    uint64_t unfinished = 0;  ///< reset at the end of the run while established
    uint64_t unanswered = 0;  ///< of these two: the target was silent, see Generator::cut()
    uint64_t requests = 0;    ///< sent whole
    uint64_t responses = 0;   ///< received whole, and with an expected status
    uint64_t resent =
        0;  ///< requests sent again, because their kept-alive connection ended before the answer
    std::array<uint64_t, static_cast<size_t>(Failure::kCount)> failed_by{};
    std::array<uint64_t, static_cast<size_t>(Skip::kCount)> skipped_by{};
    /// Requests with an intended time: request-rate and heartbeat. Of these, not sent by the end: because all
    /// connections were busy (the target's doing), and because the generator was late.
    uint64_t requests_due = 0, requests_busy = 0, requests_late = 0;
    uint64_t requests_waited = 0;  ///< sent late because all connections were busy; latencies count it
    uint64_t sent_bytes = 0, received_bytes = 0;  ///< of requests and responses, whole or not
    /// Closed loop: how long the generator waited for a port or a record; of several engines the longest.
    Duration no_port_time{}, no_memory_time{};
    /// Complete responses by status, from kLeastStatus on.
    static constexpr uint32_t kLeastStatus = 100, kMostStatus = 999;
    std::array<uint64_t, kMostStatus - kLeastStatus + 1> statuses{};

    /// How long a closed loop waited for this reason; 0 for reasons without a wait.
    Duration waited(Skip reason) const noexcept {
        return reason == Skip::no_port     ? no_port_time
               : reason == Skip::no_memory ? no_memory_time
                                           : Duration::zero();
    }
    uint64_t skipped() const noexcept {
        uint64_t sum = 0;
        for (const uint64_t n : skipped_by) sum += n;
        return sum;
    }
    uint64_t requests_skipped() const noexcept { return requests_busy + requests_late; }
    uint64_t failed() const noexcept { return failed_before + failed_after; }
    /// Connections that are open now, from connect() on.
    uint64_t open_now() const noexcept {
        return opened - completed - failed_before - failed_after - pending - unfinished;
    }
    /// Those of them that are not established yet.
    uint64_t pending_now() const noexcept { return opened - established - failed_before - pending; }
    LoadTally& operator+=(const LoadTally& other) noexcept;
    /// Counts since `before`. open_now() and pending_now() have no meaning for the difference.
    LoadTally& operator-=(const LoadTally& before) noexcept;
};

/// All times count from when the connection was due (open loop) or opened (closed loop). Exception:
/// first_byte and last_byte of requests that have an intended time count from that time, and those of a
/// connection's later requests from the sending of the request.
struct LoadTimes {
    Histogram connect;     ///< to the SYN-ACK
    Histogram first_byte;  ///< to the first byte of each response
    Histogram last_byte;   ///< to the last byte of each response
    Histogram life;        ///< to the end of a completed connection: TIME-WAIT or CLOSED
    Histogram slip;        ///< how late each connection of an open loop, and each request with a time of its
                           ///< own, was sent because of this end

    LoadTimes& operator+=(const LoadTimes& other) noexcept;
    void clear() noexcept;
};

}  // namespace synfin::app
