#pragma once
/// @file
/// The effective configuration of one run. The YAML file, then `--set`, then the options fill it through the
/// fields of fields.hh.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/address_range.hh"
#include "config/gateway.hh"
#include "config/quantity.hh"
#include "http/http_ask.hh"
#include "results/criteria.hh"
#include "servers/http_site.hh"
#include "synfin/impairment.hh"
#include "synfin/stack_config.hh"
#include "synfin/units.hh"
#include "traffic/connection_timers.hh"
#include "traffic_config.hh"

namespace synfin::app {

/// The subcommand that runs. Each field lists the subcommands that use it.
enum class Command : uint16_t {
    bench = 1,
    serve = 2,
    load = 4,
    check = 8,
    devices = 16,
    doctor = 32,
    compare = 64,
    report = 128
};

struct ServeConfig {
    enum class App : uint8_t { http, echo, discard, chargen };
    /// `PORT[-PORT][=APP]`
    struct Listen {
        PortRange ports;
        std::optional<App> app;  ///< absent: that of --app
        bool operator==(const Listen&) const noexcept = default;
    };
    App app = App::http;
    std::vector<Listen> listen;  ///< empty: the well-known port of `app`
    uint64_t backlog = 16'384;   ///< half-open records per core; SYN cookies when it fills up
    uint64_t max_connections = 1u << 20;
    uint64_t max_time_wait = 1u << 20;  ///< TIME-WAIT records per core; a new one evicts the oldest when full
    uint64_t response_size = 2;         ///< http: bytes of the body
    std::vector<Route> routes;          ///< http
    std::string root;                   ///< http: a directory; empty: none
    CloseBy close_by = CloseBy::client;  ///< http: server: after each response, or the last of keep_alive
    uint64_t keep_alive = 0;             ///< http: responses on a connection; 0: no limit
    uint64_t accept_rate = 0;            ///< connections per second on all cores; 0: no limit
    TimeOuts time_outs{.idle = 60s, .head = 10s, .send = 60s};
    Duration duration{};  ///< 0: until interrupted
    Duration drain = 2s;  ///< how long connections may take to close at the end; 0: reset at once

    /// The ports to listen on, each with its application filled in.
    std::vector<Listen> listeners() const;
};

/// The name of an application, as --app takes it.
std::string_view name(ServeConfig::App app) noexcept;

/// The parts of a run; figures are taken in `sustain` only. 0: not given.
struct PhasesConfig {
    Duration init{}, ramp_up{}, sustain{}, ramp_down{};
    Duration sum() const noexcept { return init + ramp_up + sustain + ramp_down; }
};

/// The parts of a load in time.
struct Timeline {
    Duration init{};       ///< before the first connection, at least
    Duration ramp{};       ///< from the first connection on: the amount grows from 0
    Duration lead{};       ///< from the first connection on: not measured
    Duration opening{};    ///< from the first connection to the last, with the lead; 0: until `count`
    Duration ramp_down{};  ///< after that, connections end evenly
    bool has_phases = false;
    /// Whether only a part of the run is measured.
    bool is_windowed() const noexcept { return has_phases || lead > Duration::zero(); }
};

/// Trials that look for the greatest value that meets the criteria.
struct SearchConfig {
    enum class Kind : uint8_t { none, rate, request_rate, connections };
    Kind kind = Kind::none;
    std::vector<Criterion> until;
    uint64_t resolution = 10'000;  ///< in parts per million
    Duration trial = 3s;           ///< of a short trial; the value found is confirmed for the full duration
    uint64_t most = 0;             ///< the greatest value to try; 0: see search_plan()
};

/// The keys of TrafficConfig describe the only class, or are the defaults of `classes`.
struct LoadConfig : TrafficConfig {
    /// A class as the user wrote it: fields of TrafficConfig and their values.
    struct ClassText {
        std::string name;
        std::vector<std::pair<std::string, std::vector<std::string>>> given;
    };

    std::vector<ClassText> class_texts;
    std::vector<TrafficConfig> classes;  ///< from class_texts, by fill_classes(); empty: the load itself
    Duration duration{};                 ///< 0: 10 s, or until `count` connections have ended
    Duration ramp{};
    Duration warmup{};  ///< the first part of the duration, which is not measured
    PhasesConfig phases;
    uint64_t repeat = 1;
    Duration pause = 200ms;  ///< between two runs, after both ends are empty
    SearchConfig search;
    std::optional<PortRange> source_ports;
    std::optional<IpAddress::Family> family;  ///< of names that have addresses of both
    uint64_t seed = 1;
    std::string series;               ///< file for a JSON line each second
    std::vector<Criterion> criteria;  ///< none: failed<1%

    /// With phases and --duration, the phase that was not given gets what the others leave: sustain, else
    /// ramp-down.
    Timeline timeline() const noexcept;
    /// How long the generator opens new connections; 0: until `count`.
    Duration opening_time() const noexcept { return timeline().opening; }
    /// The classes, or the load itself as the only one.
    std::span<const TrafficConfig> traffic() const noexcept {
        return classes.empty() ? std::span<const TrafficConfig>(static_cast<const TrafficConfig*>(this), 1)
                               : classes;
    }
};

/// A standard's procedure, for load and serve; see scenarios/scenario.hh.
struct ScenarioConfig {
    std::string name;                            ///< empty: none
    uint64_t target = 0;                         ///< value to reach, in the scenario's unit
    std::optional<uint64_t> initial;             ///< default: a tenth
    std::vector<uint64_t> objects;               ///< bytes; empty: the standard's
    bool is_short = false;                       ///< phases of seconds
    std::vector<AddressRange> clients, servers;  ///< the addresses of load and of serve
};

struct BenchConfig {
    enum class Profile : uint8_t { connect, crr, http, rr, stream, idle };
    Profile profile = Profile::crr;
    std::optional<uint64_t> connections;  ///< concurrent, per pair; the default depends on the profile
    IpAddress::Family family = IpAddress::Family::v4;
    uint64_t count = 0;   ///< stop after this many connections per pair; 0: no limit
    Duration duration{};  ///< 0: 5 s, or until `count`
    uint64_t request_size = 64;
    uint64_t response_size = 64;
    std::optional<Duration> hold;     ///< idle: keep all connections open for this long once all are open
    bool await_time_wait = false;     ///< run until TIME-WAIT is over; records left make the run invalid
    uint64_t beside = 0;              ///< idle connections per pair, in addition to the profile's
    std::optional<CloseBy> close_by;  ///< crr and http; default server: 6 packets instead of 7
    uint64_t loss_ppm = 0;            ///< frames per million that the wire drops in each direction
    uint64_t loss_seed = 1;
    bool ledger = false;  ///< count cycles by stage
    bool model = false;   ///< estimate the figures on NICs and more cores
};

/// The limits beyond which a run is invalid. Shares are in parts per million.
struct ValidityConfig {
    Duration slip = 10ms;  ///< open loop: limit of the p99 of the slip (how late connections open)
    uint64_t slip_of_connect = 100'000;  ///< and as a share of the connect p99; invalid above both
    Duration gap = 1ms;                  ///< an engine whose loop pauses for longer is away
    uint64_t lost = 50'000;              ///< share of the run spent in such gaps
    uint64_t offered = 10'000;           ///< share of the requested connections that were not opened
    uint64_t waited = 10'000;            ///< closed loop: share of the run without a free port or record
    uint64_t stale_syn = 1'000;          ///< share of the connections opened
    uint64_t drops = 1'000;              ///< share of the packets
};

struct Config {
    std::string file;  ///< the YAML file that was read, for messages
    std::string device;
    std::vector<AddressRange> addresses;
    std::vector<Gateway> gateways;  ///< at most one of each family
    Dad dad = Dad::optimistic;      ///< IPv6
    std::optional<uint64_t> vlan;
    std::optional<uint64_t> outer_vlan;
    uint64_t mtu = 1500;
    std::vector<unsigned> cores;  ///< empty: one, the first that this process may use
    Impairments impair;           ///< faults on purpose
    bool no_huge = false;
    bool no_offload = false;
    bool verbose = false;             ///< report how the device was opened, and show DPDK's log
    bool doctor_fix = false;          ///< doctor: run the harmless remedies, after asking
    std::string control;              ///< empty: under /run/synfin/
    std::string json;                 ///< empty: no file; "-": standard output
    std::string report;               ///< file for an HTML page; empty: none
    std::vector<std::string> inputs;  ///< compare, report: result files
    std::string page;                 ///< report: the HTML page to write
    std::string csv;                  ///< report: the CSV file to write
    uint64_t margin = 50'000;  ///< compare: parts per million; see kDefaultMargin in report/comparison.hh
    ServeConfig serve;
    LoadConfig load;
    ScenarioConfig scenario;
    BenchConfig bench;
    ValidityConfig validity;
    TcpConfig tcp;

    std::vector<std::string> given;  ///< keys that the user set, in order
    bool was_given(std::string_view key) const noexcept;
};

/// The part of the configuration that one engine uses. The caller sets the pool sizes.
stack::StackConfig stack_config(const Config& config);

/// Check combinations of keys. Throw UserError(usage), which says how to fix the configuration.
void validate_network(const Config& config);
void validate_serve(const Config& config);
void validate_load(const Config& config);
void validate_times(const LoadConfig& load);
/// Throws UserError(usage) when one engine would have more than 2^30 records in all.
void validate_limits(const stack::StackConfig& stack, Command command);

/// The most concurrent connections of a class, over all engines. An open loop without --connections gets the
/// connections of one second (1,024 to 4,000,000): enough while each lasts at most a second.
uint64_t concurrency_of(const TrafficConfig& traffic) noexcept;
/// The sum over the classes.
uint64_t load_concurrency(const Config& config) noexcept;

/// Makes load.classes of load.class_texts: each class has the load's values for all keys that it does not
/// set. Of the load's rate or connections, a class gets its share; classes without share, rate, connections
/// and request-rate divide the rest evenly. Throws UserError(usage).
void fill_classes(Config& config);

/// Whether an address is on one of our networks. A link-local one is on link everywhere (RFC 4861 5.2).
bool is_on_link(const Config& config, const IpAddress& addr);

/// The family in which a target is reached: that of its address; for a name --family, else the family of
/// which there is an --address, else IPv6 (RFC 6724 2.1).
IpAddress::Family family_of(const Config& config, const Target& target) noexcept;

/// The smallest MTU of a link that carries IPv6 (RFC 8200 5).
inline constexpr uint64_t kLeastMtu6 = 1280;

/// The error text for the first target that is on no address's network, without a gateway; else empty.
std::string unroutable_target(const Config& config);

}  // namespace synfin::app
