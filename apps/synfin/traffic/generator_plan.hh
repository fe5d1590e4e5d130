#pragma once
/// @file
/// GeneratorPlan: a generator's targets, requests, and number and schedule of connections.

#include <cstdint>
#include <memory>
#include <vector>

#include "arrivals.hh"
#include "config/distribution.hh"
#include "http/http_ask.hh"
#include "step_list.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// One engine's share of a run, or of a class of it.
struct GeneratorPlan {
    /// What the generator does on a connection.
    enum class Purpose : uint8_t {
        nothing,  ///< established, then closed
        tcp,      ///< requests and responses of known sizes
        http,     ///< requests; the response tells its own length
        steps,    ///< a list of steps
        stream,   ///< sends until the end of the run
        hold      ///< stays open until the end of the run
    };
    enum class Ending : uint8_t {
        fin,          ///< the generator closes first
        fin_by_peer,  ///< the peer closes first, the generator answers
        rst           ///< the generator resets (a deviation)
    };
    /// When a connection sends its next request; tcp and http.
    enum class Timing : uint8_t {
        answers,    ///< at once when the last one was answered
        think,      ///< a time after that
        heartbeat,  ///< at fixed intervals, which begin evenly spread over the connections
        arrivals    ///< an idle connection sends each request that is due
    };
    /// A target and the bytes to send. The generator uses its calls in turn.
    struct Call {
        Endpoint peer{};
        std::vector<uint8_t> request;
        std::vector<uint8_t> last_request;  ///< the connection's last, with "Connection: close"; http only
    };

    static constexpr uint64_t kUnlimited = ~uint64_t{0};

    std::vector<Call> calls;
    /// Used in turn, each for targets of its family and scope; one without a free port is skipped.
    std::vector<IpAddress> sources;
    Purpose purpose = Purpose::tcp;
    Ending ending = Ending::fin;
    uint64_t response_size = 64;  ///< tcp
    bool to_head = false;         ///< http: requests are HEAD, so responses have no body
    StatusSet expected =
        successful_statuses();              ///< http: any other status makes the connection fail at its end
    std::shared_ptr<const StepList> steps;  ///< steps
    bool verify = false;                    ///< compares received payload with PayloadPattern; steps
    uint64_t seed = 1;
    bool idempotent = false;               ///< http: the generator may send a request twice (RFC 9110 9.2.2)
    uint64_t requests_per_connection = 1;  ///< 0: until the end of the run
    uint64_t requests_at_least =
        0;  ///< 0: the same number; else each connection draws a number between the two
    /// How long the peer may be silent when it owes an answer; 0: no limit.
    Duration timeout{};
    uint32_t connections = 1;     ///< concurrent connections on this engine
    uint32_t handshakes = 0;      ///< closed loop: most handshakes in flight; 0: no limit
    uint64_t limit = kUnlimited;  ///< connections to open in all; kUnlimited: until stopped
    Duration duration{};          ///< open loop: length of the schedule; 0: until stopped
    Duration ramp{};
    bool open_loop = false;
    double rate = 0;  ///< open loop: connections per second over all engines; Timing::arrivals: requests
    ArrivalPattern pattern;            ///< how these arrivals are spread
    std::vector<Duration> trace;       ///< of a pattern that is a trace: this engine's arrivals
    uint32_t engine = 0, engines = 1;  ///< open loop: this engine opens every engines-th connection
    Timing timing = Timing::answers;
    Distribution think{};  ///< ns
    Duration heartbeat{};
};

/// A request of `size` bytes of a repeating pattern.
std::vector<uint8_t> pattern_request(uint64_t size);

}  // namespace synfin::app
