#include "config.hh"

#include <fmt/format.h>

#include <algorithm>

#include "user_error.hh"

namespace synfin::app {

std::string_view name(CloseBy end) noexcept {
    return end == CloseBy::client ? "client" : "server";
}

std::string_view name(ServeConfig::App app) noexcept {
    switch (app) {
        case ServeConfig::App::http: return "http";
        case ServeConfig::App::echo: return "echo";
        case ServeConfig::App::discard: return "discard";
        case ServeConfig::App::chargen: return "chargen";
    }
    return "";
}

std::vector<ServeConfig::Listen> ServeConfig::listeners() const {
    std::vector<Listen> all = listen;
    if (all.empty()) {
        uint16_t port = 80;
        switch (app) {
            case App::http: port = 80; break;
            case App::echo: port = 7; break;
            case App::discard: port = 9; break;
            case App::chargen: port = 19; break;
        }
        all.push_back({{port, port}, app});
    }
    for (Listen& each : all)
        if (!each.app) each.app = app;
    return all;
}

Duration LoadConfig::opening_time() const noexcept {
    return duration > Duration::zero() || count != 0 ? duration : 10s;
}

bool Config::was_given(std::string_view key) const noexcept {
    return std::find(given.begin(), given.end(), key) != given.end();
}

stack::StackConfig stack_config(const Config& config) {
    stack::StackConfig stack;
    stack.addresses = config.addresses;
    if (config.gateway) {
        stack.gateway = config.gateway->addr;
        stack.gateway_mac = config.gateway->mac;
    }
    if (config.vlan) stack.vlan = static_cast<uint16_t>(*config.vlan);
    if (config.outer_vlan) stack.outer_vlan = static_cast<uint16_t>(*config.outer_vlan);
    stack.mtu = static_cast<uint16_t>(config.mtu);
    stack.tcp = config.tcp;
    return stack;
}

void validate_network(const Config& config) {
    if (config.device.empty())
        throw usage_error("no device given", "name one with --device, for example --device tap:synfin0");
    if (config.addresses.empty())
        throw usage_error("no address given", "give synfin an address, for example --address 10.0.0.1/24");
    for (const Cidr& cidr : config.addresses) {
        const Ipv4 own = cidr.addr.v4;  // the codec accepts IPv4 only
        const bool unusable = own.is_multicast() || own.is_unspecified() || own.is_limited_broadcast() ||
                              own.is_loopback() || own.value >> 24 == 0;
        if (unusable)
            throw usage_error(fmt::format("address {} can't be a host address", cidr.text()),
                              "give a unicast address with its prefix, for example 10.0.0.1/24");
        // Both addresses of a /31 are host addresses (RFC 3021).
        const bool is_network = own.value == (own.value & cidr.mask());
        if (cidr.prefix <= 30 && (is_network || own == cidr.broadcast()))
            throw usage_error(
                fmt::format("address {} is the network's {} address, not a host address", cidr.text(),
                            is_network ? "own" : "broadcast"),
                fmt::format("give one between {} and {}", Ipv4{(own.value & cidr.mask()) + 1}.text(),
                            Ipv4{cidr.broadcast().value - 1}.text()));
    }
    for (auto it = config.addresses.begin(); it != config.addresses.end(); ++it)
        if (std::any_of(config.addresses.begin(), it,
                        [&](const Cidr& other) { return other.addr == it->addr; }))
            throw usage_error(fmt::format("address {} is given twice", it->addr.text()),
                              "give each --address once");
    if (config.gateway) {
        const auto on_link = [&](const Cidr& cidr) { return cidr.contains(config.gateway->addr); };
        if (std::none_of(config.addresses.begin(), config.addresses.end(), on_link))
            throw usage_error(
                fmt::format("gateway {} is on the network of no --address", config.gateway->addr.text()),
                "give an address whose prefix contains the gateway");
        const auto own = [&](const Cidr& cidr) { return cidr.addr == config.gateway->addr; };
        if (std::any_of(config.addresses.begin(), config.addresses.end(), own))
            throw usage_error(
                fmt::format("gateway {} is one of synfin's own addresses", config.gateway->addr.text()),
                "give --gateway the router's address");
    }
}

void validate_limits(const stack::StackConfig& stack, Command command) {
    constexpr uint64_t kMostRecords = uint64_t{1} << 30;
    const uint64_t sum = uint64_t{stack.max_connections} + stack.max_half_open + stack.max_time_wait;
    if (sum <= kMostRecords) return;
    const std::string remedy = command == Command::load ? "lower --connections, or narrow --source-ports"
                               : command == Command::bench
                                   ? "lower --connections or --beside"
                                   : "lower --max-connections, --backlog or --max-time-wait";
    throw usage_error(
        fmt::format("{} open, {} half-open and {} TIME-WAIT records are {} on one core, over "
                    "the limit of {}",
                    stack.max_connections, stack.max_half_open, stack.max_time_wait, sum, kMostRecords),
        remedy + ", or give more --cores");
}

void validate_serve(const Config& config) {
    std::vector<bool> is_taken(65'536);
    bool has_http = false;
    for (const ServeConfig::Listen& each : config.serve.listeners()) {
        has_http |= each.app == ServeConfig::App::http;
        for (uint32_t port = each.ports.first; port <= each.ports.last; ++port) {
            if (is_taken[port])
                throw usage_error(fmt::format("port {} is given twice", port), "give each port once");
            is_taken[port] = true;
        }
    }
    for (const std::string_view key : {"serve.route", "serve.root", "serve.response-size"})
        if (!has_http && config.was_given(key))
            throw usage_error(fmt::format("{} applies only to http", key),
                              "give --app http, or --listen 80=http");
}

uint64_t load_concurrency(const Config& config) {
    const LoadConfig& load = config.load;
    if (load.rate == 0 || config.was_given("load.connections")) return load.connections;
    return std::clamp<uint64_t>(load.rate, 1'024, 4'000'000);
}

std::string unroutable_target(const Config& config) {
    if (config.gateway) return {};
    for (const Target& target : config.load.targets) {
        if (!target.is_resolved()) continue;  // a name is looked up when the run begins
        const Ipv4 host = target.peer.addr.v4;
        const auto on_link = [&](const Cidr& cidr) { return cidr.contains(host); };
        if (std::none_of(config.addresses.begin(), config.addresses.end(), on_link))
            return fmt::format("target {} is on the network of no --address, and there is no --gateway",
                               host.text());
    }
    return {};
}

namespace {
/// Whether each request says that it is its connection's last (RFC 9112 9.6).
bool asks_to_close(const LoadConfig& load) {
    const auto lower = [](std::string_view text) {
        std::string out;
        for (const char c : text)
            if (c != ' ' && c != '\t') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        return out;
    };
    return std::any_of(load.headers.begin(), load.headers.end(), [&](const std::string& header) {
        const std::string field = lower(header);
        if (!field.starts_with("connection:")) return false;
        return ("," + field.substr(field.find(':') + 1) + ",").find(",close,") != std::string::npos;
    });
}
}  // namespace

void validate_load(const Config& config) {
    const LoadConfig& load = config.load;
    if (load.targets.empty())
        throw usage_error("no target given",
                          "for example: synfin load http://10.0.0.2:80/ --device tap:synfin0");
    for (const Target& target : load.targets) {
        if (target.protocol != load.targets.front().protocol)
            throw usage_error("http and tcp targets can't be mixed in one run", "run one of them at a time");
        const auto own = [&](const Cidr& cidr) { return cidr.addr == target.peer.addr.v4; };
        if (std::any_of(config.addresses.begin(), config.addresses.end(), own))
            throw usage_error(fmt::format("target {} is one of synfin's own addresses", target.text()),
                              "give --address another address of the same network");
    }
    if (load.targets.front().protocol == Target::Protocol::http) {
        for (const std::string_view key : {"load.request-size", "load.response-size"})
            if (config.was_given(key))
                throw usage_error(fmt::format("{} applies only to tcp:// targets", key),
                                  "an http server chooses the size of its responses");
    } else {
        for (const std::string_view key : {"load.method", "load.headers", "load.body", "load.expect-status"})
            if (config.was_given(key))
                throw usage_error(fmt::format("{} applies only to http:// targets", key),
                                  "for tcp:// targets, --request-size sets the size of the request");
    }
    if (const CountRange& n = load.requests_per_connection;
        asks_to_close(load) && (n.least != 1 || n.most != 1))
        throw usage_error(
            "a header 'Connection: close' and several requests for each connection: the first "
            "response would be the last",
            "leave the header, or --requests-per-connection, out");
    if (load.connect_only &&
        (config.was_given("load.requests-per-connection") || config.was_given("load.request-size") ||
         config.was_given("load.response-size")))
        throw usage_error("--connect-only sends no requests", "remove the sizes and counts of requests");
    if (load.close_by == CloseBy::server && (load.connect_only || load.close == LoadConfig::Close::rst))
        throw usage_error(fmt::format("--close-by server and {}: the client ends these connections",
                                      load.connect_only ? "--connect-only" : "--close rst"),
                          "remove one of them");
    if (const Duration time = load.opening_time(); time > Duration::zero() && load.ramp > time)
        throw usage_error(fmt::format("--ramp is longer than --duration ({})", duration_text(time)),
                          "shorten the ramp, or give a longer --duration");
    if (const std::string why = unroutable_target(config); !why.empty())
        throw usage_error(why, "give --gateway, or an --address whose prefix contains the target");
}

}  // namespace synfin::app
