#pragma once
/// @file
/// TrafficConfig: what one class of a load's connections does.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/address_range.hh"
#include "config/arrival_pattern.hh"
#include "config/distribution.hh"
#include "config/quantity.hh"
#include "synfin/units.hh"
#include "target.hh"

namespace synfin::app {

/// The end that sends the first FIN of a connection, and therefore keeps the TIME-WAIT record.
enum class CloseBy : uint8_t { client, server };
std::string_view name(CloseBy end) noexcept;

/// The concurrent connections of a closed loop that gives no number.
inline constexpr uint64_t kDefaultConnections = 64;

/// A load without classes is one class without a name. A class has the values of the load for all keys that
/// it does not set, except for those that say how much it does (see fill_classes()).
struct TrafficConfig {
    enum class Close : uint8_t { fin, rst };

    std::string name;  ///< of a class: letters, digits, '-' and '_'
    std::vector<Target> targets;
    // How much. Of a class: at most one of share, rate, connections and request_rate; or rate or request_rate
    // with connections as its limit.
    std::optional<uint64_t> share;        ///< of the load's rate or connections, in parts per million
    std::optional<uint64_t> connections;  ///< at once, over all cores; see concurrency_of()
    uint64_t rate = 0;                    ///< new connections per second over all cores; 0: closed loop
    uint64_t request_rate = 0;  ///< requests per second over all connections; 0: each follows its answer
    uint64_t count = 0;         ///< stop after this many connections; 0: no limit
    ArrivalPattern arrivals;    ///< how rate and request_rate are spread
    // What each connection does.
    CountRange requests_per_connection;
    std::optional<Distribution> think;  ///< between a response and the next request
    bool hold = false;                  ///< connections stay open until the end
    Duration heartbeat{};               ///< hold: a request after each such interval; 0: none
    std::string method = "GET";
    std::vector<std::string> headers;        ///< "Name: value"
    std::string body;                        ///< or @FILE
    std::vector<std::string> expect_status;  ///< empty: 2xx and 3xx
    std::vector<std::string> steps;          ///< tcp: instead of requests and responses
    bool verify = false;                     ///< compare received payload with the pattern that was due
    Duration timeout = 10s;                  ///< the longest wait for the peer to answer; 0: for ever
    std::optional<uint64_t> request_size;    ///< tcp only; default 64
    std::optional<uint64_t> response_size;   ///< tcp only: bytes expected per request; default: request_size
    bool connect_only = false;
    Close close = Close::fin;
    CloseBy close_by = CloseBy::client;  ///< RFC 9411 4.3.1.1

    bool is_open_loop() const noexcept { return rate != 0; }
};

}  // namespace synfin::app
