#pragma once
/// @file
/// The effective configuration of one run: filled from the YAML file, then `--set`, then the options, each
/// through the same fields (see fields.hh).

#include <optional>
#include <string>
#include <vector>

#include "config/quantity.hh"
#include "http/http_ask.hh"
#include "results/criteria.hh"
#include "servers/http_site.hh"
#include "synfin/stack_config.hh"
#include "synfin/units.hh"
#include "target.hh"
#include "traffic/connection_timers.hh"

namespace synfin::app {

/// Which subcommand runs; a field names those that it means something to.
enum class Command : uint8_t { bench = 1, serve = 2, load = 4, check = 8, devices = 16, doctor = 32 };

/// Which end sends the first FIN of a connection, and so keeps its TIME-WAIT.
enum class CloseBy : uint8_t { client, server };
std::string_view name(CloseBy end) noexcept;

struct ServeConfig {
    enum class App : uint8_t { http, echo, discard, chargen };
    /// `PORT[-PORT][=APP]`
    struct Listen {
        PortRange ports;
        std::optional<App> app;  ///< default: --app's
        bool operator==(const Listen&) const noexcept = default;
    };
    App app = App::http;
    std::vector<Listen> listen;  ///< default: the well-known port of `app`
    uint64_t backlog = 16'384;   ///< half-open records per core; beyond, SYN cookies
    uint64_t max_connections = 1u << 20;
    uint64_t max_time_wait = 1u << 20;  ///< TIME-WAIT records per core; beyond, the oldest yields
    uint64_t response_size = 2;         ///< http: bytes of the body
    std::vector<Route> routes;          ///< http
    std::string root;                   ///< http: a directory; empty: none
    TimeOuts time_outs{.idle = 60s, .head = 10s, .send = 60s};
    Duration duration{};  ///< 0: until interrupted
    Duration drain = 2s;  ///< at the end: how long connections may take to close; 0: they are reset

    /// What is listened on, each with its application.
    std::vector<Listen> listeners() const;
};

/// The name of an application, as --app takes it.
std::string_view name(ServeConfig::App app) noexcept;

struct LoadConfig {
    enum class Close : uint8_t { fin, rst };
    std::vector<Target> targets;
    uint64_t connections = 64;  ///< at once, over all cores
    uint64_t rate = 0;          ///< new connections per second over all cores; 0: closed loop
    Duration duration{};        ///< 0: 10 s, or until `count` connections have ended
    uint64_t count = 0;         ///< stop after so many; 0: no limit
    Duration ramp{};
    CountRange requests_per_connection;
    std::string method = "GET";
    std::vector<std::string> headers;        ///< "Name: value"
    std::string body;                        ///< or @FILE
    std::vector<std::string> expect_status;  ///< empty: 2xx and 3xx
    Duration timeout = 10s;                ///< how long a peer may be silent when it is its turn; 0: for ever
    std::optional<uint64_t> request_size;  ///< tcp only; default 64
    std::optional<uint64_t> response_size;  ///< tcp only: bytes awaited per request; default: request_size
    bool connect_only = false;
    Close close = Close::fin;
    CloseBy close_by = CloseBy::client;  ///< RFC 9411 4.3.1.1
    std::optional<PortRange> source_ports;
    std::vector<Criterion> criteria;  ///< none: failed<1%

    /// How long connections are opened; 0: until `count`.
    Duration opening_time() const noexcept;
};

struct BenchConfig {
    enum class Profile : uint8_t { connect, crr, http, rr, stream, idle };
    Profile profile = Profile::crr;
    std::optional<uint64_t> connections;  ///< at once per pair; default by profile
    uint64_t count = 0;                   ///< stop after so many connections per pair; 0: no limit
    Duration duration{};                  ///< 0: 5 s, or until `count`
    uint64_t request_size = 64;
    uint64_t response_size = 64;
    std::optional<Duration> hold;     ///< idle: all are kept so long, however long opening them takes
    bool await_time_wait = false;     ///< stay until no end has a record left
    uint64_t beside = 0;              ///< idle connections that each pair has beside the profile's
    std::optional<CloseBy> close_by;  ///< crr and http; default server: 6 packets instead of 7
    uint64_t loss_ppm = 0;            ///< frames of a million that the wire loses, in each direction
    uint64_t loss_seed = 1;
    bool ledger = false;  ///< count cycles by stage
    bool model = false;   ///< carry the figures over to NICs and more cores
};

/// From where on a run is not valid. Shares are parts of a million.
struct ValidityConfig {
    Duration slip = 10ms;                ///< open loop: p99 of how late connections were opened, and
    uint64_t slip_of_connect = 100'000;  ///< this share of the connect p99: above both
    Duration gap = 1ms;                  ///< a loop that looks at its work no more often is away
    uint64_t lost = 50'000;              ///< of the run, in such gaps
    uint64_t offered = 10'000;           ///< of the connections asked for, not opened
    uint64_t waited = 10'000;            ///< closed loop: of the run, without a port or a record
    uint64_t stale_syn = 1'000;          ///< of the connections opened
    uint64_t drops = 1'000;              ///< of the packets
};

/// The next hop for what is not on link, and its MAC address where it is pinned.
struct Gateway {
    Ipv4 addr{};
    std::optional<Mac> mac{};
    explicit Gateway(Ipv4 ip, std::optional<Mac> pinned = std::nullopt) noexcept : addr(ip), mac(pinned) {}
    std::string text() const { return mac ? addr.text() + "@" + mac->text() : addr.text(); }
};

struct Config {
    std::string file;  ///< the YAML file that was read, for messages
    std::string device;
    std::vector<Cidr> addresses;
    std::optional<Gateway> gateway;
    std::optional<uint64_t> vlan;
    std::optional<uint64_t> outer_vlan;
    uint64_t mtu = 1500;
    std::vector<unsigned> cores;  ///< empty: one, the first that this process may use
    bool no_huge = false;
    bool no_offload = false;
    bool verbose = false;     ///< tell what was opened and how, and show DPDK's own lines
    bool doctor_fix = false;  ///< doctor: run what is harmless, after asking
    std::string control;      ///< empty: under /run/synfin/
    std::string json;         ///< empty: no file; "-": standard output
    ServeConfig serve;
    LoadConfig load;
    BenchConfig bench;
    ValidityConfig validity;
    TcpConfig tcp;

    std::vector<std::string> given;  ///< keys that the user has set, in order
    bool was_given(std::string_view key) const noexcept;
};

/// What one engine gets of it. Sizes of pools are the caller's to set.
stack::StackConfig stack_config(const Config& config);

/// Refuses combinations that no single key can tell, with exit status 2. Says what to do.
void validate_network(const Config& config);
void validate_serve(const Config& config);
void validate_load(const Config& config);
/// Refuses what one engine's connection table cannot hold: 2^30 records in all.
void validate_limits(const stack::StackConfig& stack, Command command);

/// How many connections of a load there may be at once, over all engines. In an open loop that nobody
/// bounded, as many as a second brings: enough for lives of a second.
uint64_t load_concurrency(const Config& config);

/// "10.0.0.9 is neither on link ..." for the first target that no address reaches; empty when all can be.
std::string unroutable_target(const Config& config);

}  // namespace synfin::app
