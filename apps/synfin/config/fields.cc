#include "fields.hh"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "command/user_error.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

constexpr unsigned kBench = static_cast<unsigned>(Command::bench);
constexpr unsigned kServe = static_cast<unsigned>(Command::serve);
constexpr unsigned kLoad = static_cast<unsigned>(Command::load);
constexpr unsigned kDevice = kServe | kLoad;
constexpr unsigned kAll = kBench | kServe | kLoad;
constexpr unsigned kDevices = static_cast<unsigned>(Command::devices);
constexpr unsigned kDoctor = static_cast<unsigned>(Command::doctor);
constexpr unsigned kLook = kDevices | kDoctor;

/// How one type of value is read and written.
template <typename T>
struct Codec {
    std::function<Parsed<T>(std::string_view)> parse;
    std::function<ordered_json(const T&)> json;
};

Codec<uint64_t> within(Parsed<uint64_t> (*parse)(std::string_view), uint64_t low, uint64_t high) {
    return {[=](std::string_view text) {
                auto parsed = parse(text);
                if (parsed && (*parsed.value < low || *parsed.value > high))
                    return Parsed<uint64_t>::refuse(
                        expected_but_found(fmt::format("a number from {} to {}", low, high), text));
                return parsed;
            },
            [](const uint64_t& value) { return ordered_json(value); }};
}
Codec<uint64_t> count(uint64_t low, uint64_t high) {
    return within(parse_count, low, high);
}
Codec<uint64_t> size(uint64_t low, uint64_t high) {
    return within(parse_bytes, low, high);
}
Codec<Duration> duration(Duration least = Duration::zero(), Duration most = Duration::max()) {
    return {[=](std::string_view text) {
                auto parsed = parse_duration(text);
                if (parsed && *parsed.value > most)
                    return Parsed<Duration>::refuse(expected_but_found(
                        fmt::format("a duration of at most {}", duration_text(most)), text));
                if (parsed && *parsed.value < least)
                    return Parsed<Duration>::refuse(expected_but_found(
                        fmt::format("a duration of at least {}", duration_text(least)), text));
                return parsed;
            },
            [](const Duration& value) { return ordered_json(duration_text(value)); }};
}
Codec<uint64_t> percent() {
    return {parse_percent, [](const uint64_t& ppm) { return ordered_json(percent_text(ppm)); }};
}
Codec<bool> boolean() {
    return {parse_bool, [](const bool& value) { return ordered_json(value); }};
}
Codec<std::string> text() {
    return {[](std::string_view value) -> Parsed<std::string> {
                if (value.empty()) return Parsed<std::string>::refuse(expected_but_found("a name", value));
                return std::string(value);
            },
            [](const std::string& value) { return ordered_json(value); }};
}
Codec<PortRange> ports() {
    return {parse_ports, [](const PortRange& range) {
                return ordered_json(range.size() == 1 ? fmt::format("{}", range.first)
                                                      : fmt::format("{}-{}", range.first, range.last));
            }};
}
Codec<Route> route() {
    return {Route::parse, [](const Route& value) { return ordered_json(value.text()); }};
}
using ServedApp = ServeConfig::App;
/// `PORT[-PORT][=APP]`
Codec<ServeConfig::Listen> listen(const Codec<ServedApp>& app) {
    return {[app](std::string_view value) -> Parsed<ServeConfig::Listen> {
                const size_t equals = value.find('=');
                auto range = parse_ports(value.substr(0, equals));
                if (!range) return Parsed<ServeConfig::Listen>::refuse(range.error);
                if (equals == value.npos) return ServeConfig::Listen{*range.value, std::nullopt};
                auto parsed = app.parse(value.substr(equals + 1));
                if (!parsed) return Parsed<ServeConfig::Listen>::refuse(parsed.error);
                return ServeConfig::Listen{*range.value, *parsed.value};
            },
            [](const ServeConfig::Listen& value) {
                std::string text = ports().json(value.ports).get<std::string>();
                if (value.app) text += fmt::format("={}", name(*value.app));
                return ordered_json(text);
            }};
}
Codec<std::vector<unsigned>> cores() {
    return {parse_cores, [](const std::vector<unsigned>& list) { return ordered_json(list); }};
}
Codec<Cidr> cidr() {
    return {[](std::string_view value) -> Parsed<Cidr> {
                if (value.find(':') != value.npos)
                    return Parsed<Cidr>::refuse(
                        expected_but_found("an IPv4 address (IPv6 is not built yet)", value));
                if (value.find('/') != value.npos)
                    if (const auto parsed = Cidr::parse(value)) return *parsed;
                return Parsed<Cidr>::refuse(
                    expected_but_found("an address with its prefix such as 10.0.0.1/24", value));
            },
            [](const Cidr& value) { return ordered_json(value.text()); }};
}
Codec<Gateway> gateway() {
    return {[](std::string_view value) -> Parsed<Gateway> {
                const size_t at = value.find('@');
                const auto addr = Ipv4::parse(value.substr(0, at));
                if (!addr)
                    return Parsed<Gateway>::refuse(
                        expected_but_found("an IPv4 address such as 10.0.0.254", value));
                if (at == value.npos) return Gateway(*addr);
                const auto mac = Mac::parse(value.substr(at + 1));
                if (!mac || mac->is_multicast() || *mac == Mac{})
                    return Parsed<Gateway>::refuse(expected_but_found(
                        "a host's MAC address after '@' such as 10.0.0.254@02:00:00:00:00:01", value));
                return Gateway(*addr, *mac);
            },
            [](const Gateway& value) { return ordered_json(value.text()); }};
}
Codec<Target> target() {
    return {Target::parse, [](const Target& value) { return ordered_json(value.text()); }};
}
Codec<CountRange> requests() {
    return {parse_count_range, [](const CountRange& range) {
                const bool is_number = range.most != 0 && range.least == range.most;
                return is_number ? ordered_json(range.most) : ordered_json(count_range_text(range));
            }};
}
Codec<std::string> any_text() {
    return {[](std::string_view value) -> Parsed<std::string> { return std::string(value); },
            [](const std::string& value) { return ordered_json(value); }};
}
Codec<std::string> statuses() {
    return {[](std::string_view value) -> Parsed<std::string> {
                if (const auto parsed = parse_statuses(value); !parsed)
                    return Parsed<std::string>::refuse(parsed.error);
                return std::string(value);
            },
            [](const std::string& value) { return ordered_json(value); }};
}
template <typename E>
Codec<E> choice(std::vector<std::pair<std::string_view, E>> names) {
    return {[names](std::string_view text) -> Parsed<E> {
                std::string expected;
                std::vector<std::string> known;
                for (const auto& [name, value] : names) {
                    if (name == text) return value;
                    expected += fmt::format("{}{}", expected.empty() ? "" : "|", name);
                    known.emplace_back(name);
                }
                std::string why = expected_but_found(expected, text);
                if (const auto meant = nearest(text, known))
                    why += fmt::format("; did you mean '{}'?", *meant);
                return Parsed<E>::refuse(why);
            },
            [names](const E& value) {
                for (const auto& [name, candidate] : names)
                    if (candidate == value) return ordered_json(name);
                return ordered_json();
            }};
}

using Kind = Field::Kind;

/// Where a value is in the configuration.
template <typename T>
using Place = T& (*)(Config&);

template <typename T>
Field scalar(std::string key, std::string options, unsigned commands, std::string value_name, Codec<T> codec,
             Place<T> at, std::string help, Kind kind = Kind::scalar) {
    return {std::move(key),
            std::move(options),
            commands,
            kind,
            std::move(value_name),
            std::move(help),
            [codec, at](Config& config, std::string_view value, bool) {
                auto parsed = codec.parse(value);
                if (parsed) at(config) = std::move(*parsed.value);
                return parsed.error;
            },
            [codec, at](const Config& config) { return codec.json(at(const_cast<Config&>(config))); }};
}

/// A value that may be absent; null then.
template <typename T>
Field optional(std::string key, std::string options, unsigned commands, std::string value_name,
               Codec<T> codec, Place<std::optional<T>> at, std::string help) {
    return {std::move(key),
            std::move(options),
            commands,
            Kind::scalar,
            std::move(value_name),
            std::move(help),
            [codec, at](Config& config, std::string_view value, bool) {
                auto parsed = codec.parse(value);
                if (parsed) at(config) = std::move(*parsed.value);
                return parsed.error;
            },
            [codec, at](const Config& config) {
                const std::optional<T>& value = at(const_cast<Config&>(config));
                return value ? codec.json(*value) : ordered_json();
            }};
}

template <typename T>
Field list(std::string key, std::string options, unsigned commands, std::string value_name, Codec<T> codec,
           Place<std::vector<T>> at, std::string help) {
    return {std::move(key),
            std::move(options),
            commands,
            Kind::list,
            std::move(value_name),
            std::move(help),
            [codec, at](Config& config, std::string_view value, bool first) {
                auto parsed = codec.parse(value);
                if (!parsed) return parsed.error;
                if (first) at(config).clear();
                at(config).push_back(std::move(*parsed.value));
                return std::string{};
            },
            [codec, at](const Config& config) {
                ordered_json all = ordered_json::array();
                for (const T& value : at(const_cast<Config&>(config))) all.push_back(codec.json(value));
                return all;
            }};
}

/// One value may hold several criteria, separated by commas.
Field criteria(std::string key, std::string options, unsigned commands, std::string help) {
    return {std::move(key),
            std::move(options),
            commands,
            Kind::list,
            "CRITERIA",
            std::move(help),
            [](Config& config, std::string_view value, bool first) {
                auto parsed = parse_criteria(value);
                if (!parsed) return parsed.error;
                auto& all = config.load.criteria;
                if (first) all.clear();
                for (Criterion& each : *parsed.value) all.push_back(std::move(each));
                return std::string{};
            },
            [](const Config& config) {
                ordered_json all = ordered_json::array();
                for (const Criterion& each : config.load.criteria) all.push_back(each.text());
                return all;
            }};
}

/// TCP's numbers are of several widths; the configuration's are all 64 bits.
template <typename T, T tcp::TcpConfig::*member>
Field tcp_number(std::string key, Codec<uint64_t> codec, std::string help) {
    return {std::move(key),
            "",
            kAll,
            Kind::scalar,
            "N",
            std::move(help),
            [codec](Config& config, std::string_view value, bool) {
                const auto parsed = codec.parse(value);
                if (parsed) config.tcp.*member = static_cast<T>(*parsed.value);
                return parsed.error;
            },
            [](const Config& config) { return ordered_json(config.tcp.*member); }};
}
template <Duration tcp::TcpConfig::*member>
Field tcp_duration(std::string key, std::string options, Duration least, std::string help,
                   Duration most = tcp::kMaxDuration) {
    return scalar<Duration>(
        std::move(key), std::move(options), kAll, "TIME", duration(least, most),
        [](Config& c) -> Duration& { return c.tcp.*member; }, std::move(help));
}
template <bool tcp::TcpConfig::*member>
Field tcp_switch(std::string key, std::string help) {
    return scalar<bool>(
        std::move(key), "", kAll, "BOOL", boolean(), [](Config& c) -> bool& { return c.tcp.*member; },
        std::move(help));
}

constexpr uint64_t kMillions = 1'000'000;
constexpr uint64_t kMostConnections = 128 * kMillions;  // of one engine, in memory

// One line per field: the parameter's place is the lambda, the rest reads as the help does.
#define AT(type, place) [](Config& c) -> type& { return c.place; }

void add_common(std::vector<Field>& all) {
    all.push_back(
        scalar<std::string>("device", "--device", kDevice | kLook, "DEV", text(), AT(std::string, device),
                            "pci:ADDRESS, af_xdp:IFACE, af_packet:IFACE, tap:NAME, "
                            "memif:PATH[,server|,client], vhost:PATH, virtio-user:PATH or vdev:ARGS"));
    all.push_back(list<Cidr>("address", "--address", kDevice, "CIDR", cidr(),
                             AT(std::vector<Cidr>, addresses),
                             "an address of this end, for example 10.0.0.1/24; repeatable"));
    all.push_back(optional<Gateway>("gateway", "--gateway", kDevice, "IP[@MAC]", gateway(),
                                    AT(std::optional<Gateway>, gateway),
                                    "next hop for what is not on link; with its MAC address, ARP is neither "
                                    "asked nor believed about it"));
    all.push_back(optional<uint64_t>("vlan", "--vlan", kDevice, "ID", count(1, 4094),
                                     AT(std::optional<uint64_t>, vlan), "802.1Q tag on every frame"));
    all.push_back(optional<uint64_t>("outer-vlan", "--outer-vlan", kDevice, "ID", count(1, 4094),
                                     AT(std::optional<uint64_t>, outer_vlan),
                                     "802.1ad tag before that of --vlan (QinQ), or alone"));
    all.push_back(scalar<uint64_t>("mtu", "--mtu", kDevice | kLook, "N", size(576, 9000), AT(uint64_t, mtu),
                                   "bytes of an IP packet"));
    all.push_back(scalar<std::vector<unsigned>>("cores", "--cores", kAll | kDevices, "LIST", cores(),
                                                AT(std::vector<unsigned>, cores),
                                                "cores to run on, for example 0-3,6; one engine each"));
    all.push_back(scalar<bool>("no-huge", "--no-huge", kDevice | kDevices, "BOOL", boolean(),
                               AT(bool, no_huge), "do without huge pages", Kind::flag));
    all.push_back(scalar<bool>("no-offload", "--no-offload", kDevice | kDevices, "BOOL", boolean(),
                               AT(bool, no_offload), "checksums by the stack, whatever the device offers",
                               Kind::flag));
    all.push_back(scalar<bool>("verbose", "-v,--verbose", kAll | kDevices, "BOOL", boolean(),
                               AT(bool, verbose), "tell how the device was opened, and show what DPDK says",
                               Kind::flag));
    all.push_back(scalar<std::string>("control", "--control", kDevice, "PATH", text(),
                                      AT(std::string, control),
                                      "the control socket; default under /run/synfin/"));
    all.push_back(scalar<std::string>("json", "--json", kAll | kLook, "FILE", text(), AT(std::string, json),
                                      "write the result as JSON; - for standard output"));
    all.push_back(scalar<bool>("doctor.fix", "--fix", kDoctor, "BOOL", boolean(), AT(bool, doctor_fix),
                               "run the harmless mends, each after asking", Kind::flag));
}

void add_serve(std::vector<Field>& all) {
    using App = ServeConfig::App;
    const Codec<App> app = choice<App>(
        {{"echo", App::echo}, {"discard", App::discard}, {"chargen", App::chargen}, {"http", App::http}});
    all.push_back(scalar<App>("serve.app", "--app", kServe, "APP", app, AT(App, serve.app),
                              "echo, discard, chargen or http"));
    all.push_back(list<ServeConfig::Listen>(
        "serve.listen", "--listen", kServe, "PORT[-PORT][=APP]", listen(app),
        AT(std::vector<ServeConfig::Listen>, serve.listen),
        "repeatable, for example 80=http; APP is --app's unless given; default 80 for http, 7 echo, 9 "
        "discard, 19 chargen"));
    all.push_back(scalar<uint64_t>(
        "serve.backlog", "--backlog", kServe, "N", count(1, 16 * kMillions), AT(uint64_t, serve.backlog),
        "half-open connections per core; beyond, SYN cookies and the oldest yields"));
    all.push_back(scalar<uint64_t>("serve.max-connections", "--max-connections", kServe, "N",
                                   count(1, 64 * kMillions), AT(uint64_t, serve.max_connections),
                                   "open connections per core"));
    all.push_back(scalar<uint64_t>("serve.max-time-wait", "--max-time-wait", kServe, "N",
                                   count(1, 64 * kMillions), AT(uint64_t, serve.max_time_wait),
                                   "connections in TIME-WAIT per core; beyond, the oldest yields"));
    all.push_back(scalar<uint64_t>("serve.response-size", "--response-size", kServe, "N", size(0, 1ull << 40),
                                   AT(uint64_t, serve.response_size), "http: bytes of the body"));
    all.push_back(list<Route>("serve.route", "--route", kServe, "PATH=STATUS[,SIZE][,DELAY]", route(),
                              AT(std::vector<Route>, serve.routes),
                              "http: what a path gives, for example /slow=503,1KiB,250ms; repeatable"));
    all.push_back(scalar<std::string>("serve.root", "--root", kServe, "DIR", text(),
                                      AT(std::string, serve.root),
                                      "http: serve the files of this directory, loaded at the start"));
    all.push_back(scalar<Duration>("serve.idle-timeout", "--idle-timeout", kServe, "TIME", duration(),
                                   AT(Duration, serve.time_outs.idle),
                                   "close a connection that does nothing for so long; 0: never"));
    all.push_back(scalar<Duration>("serve.head-timeout", "--head-timeout", kServe, "TIME", duration(),
                                   AT(Duration, serve.time_outs.head),
                                   "http: answer 408 when a request's head takes longer; 0: never"));
    all.push_back(scalar<Duration>("serve.send-timeout", "--send-timeout", kServe, "TIME", duration(),
                                   AT(Duration, serve.time_outs.send),
                                   "reset a connection whose peer acknowledges nothing new for so long while "
                                   "something is to be sent; 0: never"));
    all.push_back(scalar<Duration>("serve.duration", "-d,--duration", kServe, "TIME", duration(),
                                   AT(Duration, serve.duration), "stop after this; 0: when interrupted"));
    all.push_back(scalar<Duration>(
        "serve.drain", "--drain", kServe, "TIME", duration(), AT(Duration, serve.drain),
        "when it stops, what connections get to close before they are reset; 0: they are reset at once"));
}

Codec<CloseBy> close_by() {
    return choice<CloseBy>({{"client", CloseBy::client}, {"server", CloseBy::server}});
}

void add_load(std::vector<Field>& all) {
    using Close = LoadConfig::Close;
    all.push_back(list<Target>("load.target", "", kLoad, "TARGET", target(),
                               AT(std::vector<Target>, load.targets),
                               "http://HOST[:PORT]/PATH or tcp://HOST:PORT; repeatable, taken in turn"));
    all.push_back(scalar<uint64_t>("load.connections", "-c,--connections", kLoad, "N",
                                   count(1, 64 * kMillions), AT(uint64_t, load.connections),
                                   "concurrent connections; with --rate the most at once"));
    all.push_back(scalar<uint64_t>("load.rate", "-R,--rate", kLoad, "N", count(0, 1000 * kMillions),
                                   AT(uint64_t, load.rate),
                                   "new connections per second (open loop); without it closed loop"));
    all.push_back(scalar<Duration>("load.duration", "-d,--duration", kLoad, "TIME", duration(),
                                   AT(Duration, load.duration), "how long to open connections; default 10s"));
    all.push_back(scalar<uint64_t>("load.count", "-n,--count", kLoad, "N", count(0, 1ull << 48),
                                   AT(uint64_t, load.count), "stop after N connections"));
    all.push_back(scalar<Duration>("load.ramp", "--ramp", kLoad, "TIME", duration(), AT(Duration, load.ramp),
                                   "rise to the rate, or to the connections, over this time"));
    all.push_back(scalar<CountRange>(
        "load.requests-per-connection", "--requests-per-connection", kLoad, "N|A-B|unlimited", requests(),
        AT(CountRange, load.requests_per_connection), "requests on each connection, one after the other"));
    all.push_back(
        scalar<std::string>("load.method", "--method", kLoad, "NAME",
                            {parse_method, [](const std::string& value) { return ordered_json(value); }},
                            AT(std::string, load.method), "http: the method; default GET"));
    all.push_back(list<std::string>(
        "load.headers", "-H,--headers", kLoad, "'NAME: VALUE'",
        {parse_header, [](const std::string& value) { return ordered_json(value); }},
        AT(std::vector<std::string>, load.headers), "http: a header of each request; repeatable"));
    all.push_back(scalar<std::string>("load.body", "--body", kLoad, "TEXT|@FILE", any_text(),
                                      AT(std::string, load.body), "http: the body of each request"));
    all.push_back(
        list<std::string>("load.expect-status", "--expect-status", kLoad, "LIST", statuses(),
                          AT(std::vector<std::string>, load.expect_status),
                          "http: the statuses of good responses, such as 200,404,5xx; default 2xx,3xx"));
    all.push_back(scalar<Duration>(
        "load.timeout", "--timeout", kLoad, "TIME", duration(), AT(Duration, load.timeout),
        "how long to wait to be established, for a response's first byte, and between bytes; 0: for ever"));
    all.push_back(optional<uint64_t>("load.request-size", "--request-size", kLoad, "N", size(1, 1u << 20),
                                     AT(std::optional<uint64_t>, load.request_size),
                                     "tcp: bytes of a request; default 64"));
    all.push_back(optional<uint64_t>("load.response-size", "--response-size", kLoad, "N", size(1, 1ull << 40),
                                     AT(std::optional<uint64_t>, load.response_size),
                                     "tcp: bytes of a response; default as the request's"));
    all.push_back(scalar<bool>("load.connect-only", "--connect-only", kLoad, "BOOL", boolean(),
                               AT(bool, load.connect_only), "open and close, without a request", Kind::flag));
    all.push_back(scalar<Close>("load.close", "--close", kLoad, "fin|rst",
                                choice<Close>({{"fin", Close::fin}, {"rst", Close::rst}}),
                                AT(Close, load.close), "how this end ends a connection"));
    all.push_back(scalar<CloseBy>(
        "load.close-by", "--close-by", kLoad, "client|server", close_by(), AT(CloseBy, load.close_by),
        "which end closes first; server: the last HTTP request says 'Connection: close', a tcp:// "
        "server has to close by itself"));
    all.push_back(optional<PortRange>("load.source-ports", "--source-ports", kLoad, "A-B", ports(),
                                      AT(std::optional<PortRange>, load.source_ports),
                                      "default 32768-60999"));
    all.push_back(criteria("load.criteria", "--pass", kLoad,
                           "what the target must do for the run to pass, for example "
                           "'failed<0.1%, connect.p99<5ms, cps>=100k, status(5xx)=0'; repeatable; default "
                           "failed<1%"));
}

void add_bench(std::vector<Field>& all) {
    using Profile = BenchConfig::Profile;
    all.push_back(scalar<Profile>("bench.profile", "--profile", kBench, "NAME",
                                  choice<Profile>({{"connect", Profile::connect},
                                                   {"crr", Profile::crr},
                                                   {"http", Profile::http},
                                                   {"rr", Profile::rr},
                                                   {"stream", Profile::stream},
                                                   {"idle", Profile::idle}}),
                                  AT(Profile, bench.profile), "connect, crr, http, rr, stream or idle"));
    all.push_back(optional<uint64_t>("bench.connections", "-c,--connections", kBench, "N",
                                     count(1, kMostConnections),
                                     AT(std::optional<uint64_t>, bench.connections),
                                     "concurrent connections per pair of engines; default by profile"));
    all.push_back(scalar<uint64_t>("bench.count", "-n,--count", kBench, "N", count(0, 1ull << 48),
                                   AT(uint64_t, bench.count), "stop after N connections per pair"));
    all.push_back(scalar<Duration>("bench.duration", "-d,--duration", kBench, "TIME", duration(),
                                   AT(Duration, bench.duration), "default 5s"));
    all.push_back(scalar<uint64_t>("bench.request-size", "--request-size", kBench, "N", size(1, 1u << 20),
                                   AT(uint64_t, bench.request_size), "bytes of a request (crr, rr, stream)"));
    all.push_back(scalar<uint64_t>("bench.response-size", "--response-size", kBench, "N", size(0, 1u << 20),
                                   AT(uint64_t, bench.response_size), "bytes of a response (crr, rr, http)"));
    all.push_back(optional<Duration>("bench.hold", "--hold", kBench, "TIME", duration(),
                                     AT(std::optional<Duration>, bench.hold),
                                     "idle: open all -c, keep them for this long, close them; -d is the most "
                                     "that opening and keeping may take"));
    all.push_back(scalar<bool>("bench.await-time-wait", "--await-time-wait", kBench, "BOOL", boolean(),
                               AT(bool, bench.await_time_wait),
                               "stay until TIME-WAIT is over and tell what is left", Kind::flag));
    all.push_back(optional<CloseBy>("bench.close-by", "--close-by", kBench, "client|server", close_by(),
                                    AT(std::optional<CloseBy>, bench.close_by),
                                    "crr, http: which end closes first; default server"));
    all.push_back(scalar<uint64_t>(
        "bench.beside", "--beside", kBench, "N", count(0, kMostConnections), AT(uint64_t, bench.beside),
        "idle connections per pair of engines beside the profile's: established before it begins"));
    all.push_back(scalar<uint64_t>("bench.loss", "--loss", kBench, "PERCENT", percent(),
                                   AT(uint64_t, bench.loss_ppm),
                                   "frames that the wire loses in each direction, such as 1%; a deviation"));
    all.push_back(scalar<uint64_t>("bench.loss-seed", "--loss-seed", kBench, "N", count(0, 1ull << 48),
                                   AT(uint64_t, bench.loss_seed),
                                   "which frames: the same seed, the same loss"));
    all.push_back(scalar<bool>("bench.ledger", "--ledger", kBench, "BOOL", boolean(), AT(bool, bench.ledger),
                               "where the engines' cycles go, by stage", Kind::flag));
    all.push_back(scalar<bool>("bench.model", "--model", kBench, "BOOL", boolean(), AT(bool, bench.model),
                               "what the figures come to on 10 to 400 GbE with 1 to 64 cores", Kind::flag));
}

void add_validity(std::vector<Field>& all) {
    constexpr unsigned kRuns = kBench | kLoad;
    const auto share = [&](std::string key, Place<uint64_t> at, std::string help) {
        all.push_back(scalar<uint64_t>(std::move(key), "", kRuns, "PERCENT", percent(), at, std::move(help)));
    };
    all.push_back(
        scalar<Duration>("validity.slip", "", kRuns, "TIME", duration(), AT(Duration, validity.slip), ""));
    share("validity.slip-of-connect", AT(uint64_t, validity.slip_of_connect), "");
    all.push_back(
        scalar<Duration>("validity.gap", "", kRuns, "TIME", duration(), AT(Duration, validity.gap), ""));
    share("validity.lost", AT(uint64_t, validity.lost), "");
    share("validity.offered", AT(uint64_t, validity.offered), "");
    share("validity.waited", AT(uint64_t, validity.waited), "");
    share("validity.stale-syn", AT(uint64_t, validity.stale_syn), "");
    share("validity.drops", AT(uint64_t, validity.drops), "");
}

void add_tcp(std::vector<Field>& all) {
    using tcp::TcpConfig;
    all.push_back(tcp_duration<&TcpConfig::msl>(
        "tcp.msl", "--msl", 1ms, "maximum segment lifetime; TIME-WAIT is twice this", tcp::kMaxMsl));
    all.push_back(tcp_duration<&TcpConfig::rto_initial>("tcp.rto-initial", "", 1ms, ""));
    all.push_back(tcp_duration<&TcpConfig::rto_min>("tcp.rto-min", "", 1ms, ""));
    all.push_back(tcp_duration<&TcpConfig::rto_max>("tcp.rto-max", "", 1s, ""));
    all.push_back(tcp_duration<&TcpConfig::syn_timeout>("tcp.syn-timeout", "", 1s, ""));
    all.push_back(tcp_duration<&TcpConfig::syn_ack_timeout>("tcp.syn-ack-timeout", "", 1s, ""));
    all.push_back(tcp_duration<&TcpConfig::user_timeout>("tcp.user-timeout", "", 1s, ""));
    all.push_back(tcp_duration<&TcpConfig::delayed_ack>("tcp.delayed-ack", "", 0s, ""));
    all.push_back(tcp_duration<&TcpConfig::fin_wait_2_timeout>("tcp.fin-wait-2-timeout", "", 1s, ""));
    all.push_back(tcp_number<uint8_t, &TcpConfig::orphan_retries>("tcp.orphan-retries", count(1, 100), ""));
    all.push_back(tcp_duration<&TcpConfig::keepalive_idle>("tcp.keepalive-idle", "", 0s, ""));
    all.push_back(tcp_duration<&TcpConfig::keepalive_interval>("tcp.keepalive-interval", "", 1s, ""));
    all.push_back(
        tcp_number<uint8_t, &TcpConfig::keepalive_probes>("tcp.keepalive-probes", count(2, 255), ""));
    all.push_back(tcp_number<uint32_t, &TcpConfig::receive_buffer_bytes>("tcp.receive-buffer",
                                                                         size(4096, 1u << 30), ""));
    all.push_back(
        tcp_number<uint32_t, &TcpConfig::send_buffer_bytes>("tcp.send-buffer", size(4096, 1u << 30), ""));
    all.push_back(tcp_number<uint16_t, &TcpConfig::mss_limit>("tcp.mss", size(0, 8960), ""));
    all.push_back(tcp_switch<&TcpConfig::timestamps>("tcp.timestamps", ""));
    all.push_back(tcp_switch<&TcpConfig::window_scale>("tcp.window-scale", ""));
    all.push_back(tcp_switch<&TcpConfig::sack_permitted>("tcp.sack", ""));
    all.push_back(tcp_switch<&TcpConfig::nagle>("tcp.nagle", ""));
    all.push_back(tcp_switch<&TcpConfig::time_wait_reuse>("tcp.time-wait-reuse", ""));
    all.push_back(tcp_switch<&TcpConfig::syn_cookies>("tcp.syn-cookies", ""));
    all.push_back(tcp_number<uint32_t, &TcpConfig::resets_per_s>("tcp.resets-per-second",
                                                                 count(0, 1000 * kMillions), ""));
    all.push_back(tcp_number<uint8_t, &TcpConfig::ttl>("tcp.ttl", count(1, 255), ""));
    all.push_back(tcp_number<uint8_t, &TcpConfig::dscp>("tcp.dscp", count(0, 63), ""));
}
#undef AT

std::string_view last_part(std::string_view key) {
    const size_t dot = key.rfind('.');
    return dot == key.npos ? key : key.substr(dot + 1);
}

}  // namespace

const std::vector<Field>& fields() {
    static const std::vector<Field> all = [] {
        std::vector<Field> list;
        add_common(list);
        add_serve(list);
        add_load(list);
        add_bench(list);
        add_validity(list);
        add_tcp(list);
        return list;
    }();
    return all;
}

const Field* find_field(std::string_view key) {
    const auto found =
        std::find_if(fields().begin(), fields().end(), [&](const Field& field) { return field.key == key; });
    return found == fields().end() ? nullptr : &*found;
}

std::string unknown_key(std::string_view section, std::string_view word) {
    const std::string prefix = section.empty() ? "" : fmt::format("{}.", section);
    std::string message = fmt::format("unknown key '{}{}'", prefix, word);
    std::set<std::string> beside;
    for (const Field& field : fields()) {
        if (last_part(field.key) == word) return message + fmt::format("; did you mean '{}'?", field.key);
        if (field.key.starts_with(prefix))
            beside.insert(
                field.key.substr(prefix.size(), field.key.find('.', prefix.size()) - prefix.size()));
    }
    if (const auto meant = nearest(word, {beside.begin(), beside.end()}))
        return message + fmt::format("; did you mean '{}'?", *meant);
    message += "; known here:";
    for (const std::string& known : beside)
        message += fmt::format("{} {}", known == *beside.begin() ? "" : ",", known);
    return message;
}

void apply_set(Config& config, std::string_view assignment) {
    const size_t equals = assignment.find('=');
    if (equals == assignment.npos)
        throw usage_error(fmt::format("--set: {}", expected_but_found("path.to.key=value", assignment)),
                          "for example --set tcp.msl=2s");
    const std::string_view key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    const Field* field = find_field(key);
    if (field == nullptr) {
        const size_t dot = key.rfind('.');
        const std::string_view section = dot == key.npos ? std::string_view{} : key.substr(0, dot);
        throw usage_error(fmt::format("--set {}: {}", assignment, unknown_key(section, last_part(key))));
    }
    // A list is given whole: --set address=10.0.0.1/24,10.0.0.2/24
    bool first = true;
    for (std::string_view rest = value;;) {
        const size_t comma = field->kind == Field::Kind::list ? rest.find(',') : rest.npos;
        const std::string why = field->set(config, rest.substr(0, comma), std::exchange(first, false));
        if (!why.empty()) throw usage_error(fmt::format("--set {}: {}", field->key, why));
        if (comma == rest.npos) break;
        rest.remove_prefix(comma + 1);
    }
    config.given.emplace_back(key);
}

ordered_json effective(const Config& config, Command command) {
    ordered_json all = ordered_json::object();
    for (const Field& field : fields()) {
        if (!field.concerns(command)) continue;
        const size_t dot = field.key.find('.');
        ordered_json& section = dot == field.key.npos ? all : all[field.key.substr(0, dot)];
        section[std::string(last_part(field.key))] = field.get(config);
    }
    return all;
}

std::vector<std::string> deviations(const Config& config, Command command) {
    std::vector<std::string> list;
    const Config by_default;
    for (const Field& field : fields()) {
        const bool is_promise = field.key.starts_with("tcp.") || field.key.starts_with("validity.");
        if (!is_promise || !field.concerns(command)) continue;
        const ordered_json value = field.get(config), expected = field.get(by_default);
        if (value != expected)
            list.push_back(fmt::format("{} {} (default {})", field.key, value.dump(), expected.dump()));
    }
    for (std::string& line : list) line.erase(std::remove(line.begin(), line.end(), '"'), line.end());
    if (command == Command::load && config.load.close == LoadConfig::Close::rst)
        list.emplace_back("load.close rst: connections end by RST, without FIN and TIME-WAIT");
    if (command == Command::load && config.load.connect_only)
        list.emplace_back("load.connect-only: connections carry no data");
    if (command == Command::bench && config.bench.loss_ppm != 0)
        list.push_back(fmt::format("bench.loss {} (seed {}): the wire loses frames on purpose",
                                   percent_text(config.bench.loss_ppm), config.bench.loss_seed));
    return list;
}

}  // namespace synfin::app
