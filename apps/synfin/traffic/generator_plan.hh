#pragma once
/// @file
/// GeneratorPlan: whom a generator calls, what it says there, and how many connections it opens when.

#include <cstdint>
#include <vector>

#include "http/http_ask.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// One engine's share of a run.
struct GeneratorPlan {
    /// What a connection is for.
    enum class Purpose : uint8_t {
        nothing,  ///< established, then closed
        tcp,      ///< requests and responses of known sizes
        http,     ///< requests; a response's end is read from it
        stream,   ///< sends until the end of the run
        hold      ///< stays open until the end of the run
    };
    enum class Ending : uint8_t {
        fin,          ///< this end closes first
        fin_by_peer,  ///< the peer closes first, this end answers
        rst           ///< this end resets (a deviation)
    };
    /// Whom to call, and the bytes to say. Taken in turn.
    struct Call {
        Endpoint peer{};
        std::vector<uint8_t> request;
        std::vector<uint8_t> last_request;  ///< the connection's last, with "Connection: close"; http only
    };

    static constexpr uint64_t kUnlimited = ~uint64_t{0};

    std::vector<Call> calls;
    std::vector<IpAddress> sources;  ///< taken in turn; when one has no port left, the next
    Purpose purpose = Purpose::tcp;
    Ending ending = Ending::fin;
    uint64_t response_size = 64;  ///< tcp
    bool to_head = false;         ///< http: the requests are HEAD, their responses have no body
    StatusSet expected = successful_statuses();  ///< http: other statuses make a connection fail at its end
    bool idempotent = false;                     ///< http: a request may be sent twice (RFC 9110 9.2.2)
    uint64_t requests_per_connection = 1;        ///< 0: until the end of the run
    uint64_t requests_at_least = 0;  ///< 0: as many; else a number between the two for each connection
    /// How long a peer may be silent when it is its turn; 0: for ever.
    Duration timeout{};
    uint32_t connections = 1;     ///< at once, on this engine
    uint32_t handshakes = 0;      ///< closed loop: being established at once; 0: no bound
    uint64_t limit = kUnlimited;  ///< open so many in all; kUnlimited: until stopped
    Duration duration{};          ///< open loop: due within it; 0: until stopped
    Duration ramp{};
    bool open_loop = false;
    double rate = 0;                   ///< open loop: connections per second over all engines
    uint32_t engine = 0, engines = 1;  ///< open loop: this one opens every engines-th connection
    bool second = false;               ///< of two generators on one engine: its user_tags are told apart
};

/// A request of `size` bytes that any server may be sent: a repeating pattern.
std::vector<uint8_t> pattern_request(uint64_t size);

}  // namespace synfin::app
