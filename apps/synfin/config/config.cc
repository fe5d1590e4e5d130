#include "config.hh"

#include <fmt/format.h>

#include <algorithm>

#include "content_rules.hh"
#include "quantity.hh"
#include "timing_rules.hh"
#include "user_error.hh"

namespace synfin::app {

using Family = IpAddress::Family;

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

bool Config::was_given(std::string_view key) const noexcept {
    return std::find(given.begin(), given.end(), key) != given.end();
}

namespace {

/// A larger start would be cut to the maximum. The default does not count: a lower maximum lowers it, too.
void refuse_larger_start(const Config& config, const std::string& maximum, uint32_t start, uint32_t most) {
    const std::string key = maximum + "-start";
    if (start <= most || !config.was_given(key)) return;
    throw usage_error(fmt::format("{} is {}, more than {}, which is {}", key, exact_bytes_text(start),
                                  maximum, exact_bytes_text(most)),
                      fmt::format("lower {}, or raise {}", key, maximum));
}

void validate_buffers(const Config& config) {
    const TcpConfig& tcp = config.tcp;
    refuse_larger_start(config, "tcp.receive-buffer", tcp.receive_buffer_start_bytes,
                        tcp.receive_buffer_bytes);
    refuse_larger_start(config, "tcp.send-buffer", tcp.send_buffer_start_bytes, tcp.send_buffer_bytes);
}

}  // namespace

stack::StackConfig stack_config(const Config& config) {
    validate_buffers(config);  // here, because it holds for bench, too
    stack::StackConfig stack;
    stack.addresses = each_address(config.addresses);
    if (const Gateway* gateway = gateway_of(config.gateways, Family::v4)) {
        stack.gateway = gateway->addr().v4;
        stack.gateway_mac = gateway->mac;
    }
    if (const Gateway* gateway = gateway_of(config.gateways, Family::v6)) {
        stack.gateway_auto = gateway->is_auto;
        if (!gateway->is_auto) stack.gateway6 = gateway->addr().v6;
        stack.gateway6_mac = gateway->mac;
    }
    stack.dad = config.dad;
    if (config.vlan) stack.vlan = static_cast<uint16_t>(*config.vlan);
    if (config.outer_vlan) stack.outer_vlan = static_cast<uint16_t>(*config.outer_vlan);
    stack.mtu = static_cast<uint16_t>(config.mtu);
    stack.tcp = config.tcp;
    return stack;
}

bool is_on_link(const Config& config, const IpAddress& addr) {
    if (addr.is_v6() && addr.v6.is_link_local()) return true;
    return std::any_of(config.addresses.begin(), config.addresses.end(),
                       [&](const AddressRange& range) { return range.first.contains(addr); });
}

namespace {

void validate_v4(const AddressRange& range) {
    const Cidr& cidr = range.first;
    const Ipv4 own = cidr.addr.v4;
    const bool unusable = own.is_multicast() || own.is_unspecified() || own.is_limited_broadcast() ||
                          own.is_loopback() || own.value >> 24 == 0;
    if (unusable)
        throw usage_error(fmt::format("address {} can't be a host address", cidr.text()),
                          "give --address a unicast address with its prefix, for example 10.0.0.1/24");
    // Both addresses of a /31 are host addresses (RFC 3021).
    const bool is_network = own.value == (own.value & cidr.mask());
    if (cidr.prefix <= 30 && (is_network || range.contains(cidr.broadcast())))
        throw usage_error(
            fmt::format("address {} {} the network's {} address, not a host address", range.text(),
                        range.size() == 1 ? "is" : "has", is_network ? "own" : "broadcast"),
            fmt::format("give one between {} and {}", Ipv4{(own.value & cidr.mask()) + 1}.text(),
                        Ipv4{cidr.broadcast().value - 1}.text()));
}

/// Whether the host part is all zeros.
bool is_subnet_router_anycast(const Cidr& cidr) noexcept {
    Ipv6 network = cidr.addr.v6;
    for (size_t bit = cidr.prefix; bit < 128; ++bit)
        network.octets[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
    // Both addresses of a /127 are host addresses (RFC 6164 6).
    return cidr.prefix <= 126 && network == cidr.addr.v6;
}

void validate_v6(const AddressRange& range) {
    const Cidr& cidr = range.first;
    const Ipv6& own = cidr.addr.v6;
    if (own.is_multicast() || own.is_unspecified() || own.is_loopback() || own.is_v4_mapped())
        throw usage_error(fmt::format("address {} can't be a host address", cidr.text()),
                          "give --address a unicast address with its prefix, for example 2001:db8::1/64");
    if (is_subnet_router_anycast(cidr))
        throw usage_error(
            fmt::format("address {} is the anycast address of the network's routers (RFC 4291 2.6.1), not a "
                        "host address",
                        cidr.text()),
            fmt::format("give --address one from {} on", address_after(cidr.addr, 1).text()));
}

/// Throws for addresses that occur twice. Sorted ranges overlap if and only if neighbours do.
void refuse_overlaps(std::vector<AddressRange> ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const AddressRange& a, const AddressRange& b) { return a.first.addr < b.first.addr; });
    for (size_t i = 1; i < ranges.size(); ++i) {
        if (!ranges[i - 1].overlaps(ranges[i])) continue;
        throw usage_error(fmt::format("address {} is given twice", ranges[i].first.addr.text()),
                          "give each --address once");
    }
}

bool is_own(const Config& config, const IpAddress& addr) {
    return std::any_of(config.addresses.begin(), config.addresses.end(),
                       [&](const AddressRange& range) { return range.contains(addr); });
}

/// Whether no IPv6 address is global.
bool has_only_link_local(const Config& config) {
    return std::none_of(config.addresses.begin(), config.addresses.end(), [](const AddressRange& range) {
        return range.is_v6() && !range.last.v6.is_link_local();
    });
}

void refuse_zone(const std::string& zone, const Config& config, const std::string& whose) {
    if (const std::string why = foreign_zone(zone, config.device); !why.empty())
        throw usage_error(fmt::format("{}: {}", whose, why),
                          fmt::format("write %{}, or no zone", zone_of(config.device)));
}

void validate_gateway(const Gateway& gateway, const Config& config) {
    const std::string text = gateway.is_auto ? "auto" : gateway.at.text();
    if (!has_family(config.addresses, gateway.family()))
        throw usage_error(
            fmt::format("gateway {}: there is no {} --address", text, name(gateway.family())),
            fmt::format("give an {} address as well, or leave the gateway out", name(gateway.family())));
    if (gateway.is_auto) return;
    refuse_zone(gateway.at.zone, config, "gateway " + text);
    if (!is_on_link(config, gateway.addr()))
        throw usage_error(fmt::format("gateway {} is on the network of no --address", text),
                          "give an address whose prefix contains the gateway");
    if (is_own(config, gateway.addr()))
        throw usage_error(fmt::format("gateway {} is one of synfin's own addresses", text),
                          "give --gateway the router's address");
}

}  // namespace

void validate_network(const Config& config) {
    if (config.device.empty())
        throw usage_error("no device given", "name one with --device, for example --device tap:synfin0");
    if (config.addresses.empty())
        throw usage_error("no address given", "give synfin an address, for example --address 10.0.0.1/24");
    for (const AddressRange& range : config.addresses) {
        if (range.is_v4())
            validate_v4(range);
        else
            validate_v6(range);
    }
    refuse_overlaps(config.addresses);
    const uint64_t addresses =
        count_addresses(config.addresses, Family::v4) + count_addresses(config.addresses, Family::v6);
    if (addresses > AddressRange::kMost)
        throw usage_error(
            fmt::format("--address gives {} addresses, over the limit of {}", addresses, AddressRange::kMost),
            "give smaller ranges");
    if (has_family(config.addresses, Family::v6) && config.mtu < kLeastMtu6)
        throw usage_error(
            fmt::format("--mtu {}: IPv6 needs at least {} (RFC 8200 5)", config.mtu, kLeastMtu6),
            "give a larger --mtu, or IPv4 addresses only");
    for (const Gateway& gateway : config.gateways) validate_gateway(gateway, config);
    validate_buffers(config);
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
    for (const std::string_view key :
         {"serve.route", "serve.root", "serve.response-size", "serve.close-by", "serve.keep-alive"})
        if (!has_http && config.was_given(key))
            throw usage_error(fmt::format("{} applies only to http", key),
                              "give --app http, or --listen 80=http");
    if (config.serve.keep_alive != 0 && config.was_given("serve.close-by") &&
        config.serve.close_by == CloseBy::client)
        throw usage_error(
            "serve.keep-alive and serve.close-by client: the server closes after the last response",
            "remove one of them");
}

uint64_t concurrency_of(const TrafficConfig& traffic) noexcept {
    if (traffic.connections) return *traffic.connections;
    return traffic.rate == 0 ? kDefaultConnections : std::clamp<uint64_t>(traffic.rate, 1'024, 4'000'000);
}

uint64_t load_concurrency(const Config& config) noexcept {
    uint64_t sum = 0;
    for (const TrafficConfig& each : config.load.traffic()) sum += concurrency_of(each);
    return sum;
}

IpAddress::Family family_of(const Config& config, const Target& target) noexcept {
    if (target.is_resolved()) return target.peer.addr.family;
    if (config.load.family) return *config.load.family;
    return has_family(config.addresses, Family::v6) ? Family::v6 : Family::v4;
}

std::string unroutable_target(const Config& config) {
    for (const TrafficConfig& traffic : config.load.traffic())
        for (const Target& target : traffic.targets) {
            if (!target.is_resolved()) continue;  // a name is looked up when the run begins
            const IpAddress& host = target.peer.addr;
            if (gateway_of(config.gateways, host.family) != nullptr || is_on_link(config, host)) continue;
            return fmt::format("target {} is on the network of no --address, and there is no {}--gateway",
                               host.text(), host.is_v6() ? "IPv6 " : "");
        }
    return {};
}

namespace {
/// Whether each request says that it is its connection's last (RFC 9112 9.6).
bool asks_to_close(const TrafficConfig& traffic) {
    const auto lower = [](std::string_view text) {
        std::string out;
        for (const char c : text)
            if (c != ' ' && c != '\t') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        return out;
    };
    return std::any_of(traffic.headers.begin(), traffic.headers.end(), [&](const std::string& header) {
        const std::string field = lower(header);
        if (!field.starts_with("connection:")) return false;
        return ("," + field.substr(field.find(':') + 1) + ",").find(",close,") != std::string::npos;
    });
}

void validate_host(const Target& target, const Config& config) {
    const Family family = family_of(config, target);
    if (!has_family(config.addresses, family))
        throw usage_error(
            fmt::format("target {}: there is no {} --address to reach it from", target.text(), name(family)),
            fmt::format("give an {} address, for example --address {}", name(family),
                        family == Family::v6 ? "2001:db8::1/64" : "10.0.0.1/24"));
    if (!target.is_resolved()) return;
    if (config.load.family && *config.load.family != family)
        throw usage_error(fmt::format("target {} is {}, but --family asks for {}", target.text(),
                                      name(family), name(*config.load.family)),
                          "leave --family out: it chooses among the addresses of a name");
    refuse_zone(target.zone, config, "target " + target.text());
    if (family == Family::v6 && !target.peer.addr.v6.is_link_local() && has_only_link_local(config))
        throw usage_error(
            fmt::format("target {}: a link-local --address does not reach beyond its link (RFC 6724 5)",
                        target.text()),
            "give a global IPv6 address, for example --address 2001:db8::1/64");
    if (is_own(config, target.peer.addr))
        throw usage_error(fmt::format("target {} is one of synfin's own addresses", target.text()),
                          "give --address another address of the same network");
}
}  // namespace

namespace {

/// Checks one class, or a load without classes.
class TrafficRules {
  public:
    /// @param index of config.load.traffic()
    TrafficRules(const Config& config, size_t index)
        : config_(config),
          traffic_(config.load.traffic()[index]),
          text_(index < config.load.class_texts.size() ? &config.load.class_texts[index] : nullptr),
          of_(config.load.classes.empty() ? "" : fmt::format("class '{}': ", traffic_.name)) {}

    void apply() const {
        targets();
        keys_of_the_protocol();
        requests();
        ending();
        const auto given = [this](std::string_view key) { return was_given(key); };
        const Objection found = content_objection(traffic_, given);
        if (!found.why.empty()) refuse(found.why, found.remedy);
        const Objection timing = timing_objection(traffic_, config_.load.timeline().ramp, given);
        if (!timing.why.empty()) refuse(timing.why, timing.remedy);
    }

  private:
    [[noreturn]] void refuse(const std::string& why, const std::string& remedy) const {
        throw usage_error(of_ + why, remedy);
    }
    /// Whether the user gave the key for this class. A key of the load counts if there are no classes: a
    /// class ignores what it inherits for the other protocol.
    bool was_given(std::string_view key) const {
        if (text_ == nullptr)
            return config_.load.classes.empty() && config_.was_given(fmt::format("load.{}", key));
        return std::any_of(text_->given.begin(), text_->given.end(), [&](const auto& given) {
            return given.first == key || (given.first == "requests" && key == "requests-per-connection");
        });
    }
    bool is_http() const { return traffic_.targets.front().protocol == Target::Protocol::http; }

    void targets() const {
        if (traffic_.targets.empty())
            refuse("no target given", "for example: synfin load http://10.0.0.2:80/ --device tap:synfin0");
        for (const Target& target : traffic_.targets) {
            if (target.protocol != traffic_.targets.front().protocol)
                refuse("http and tcp targets can't be mixed in one class",
                       "give each protocol a class of its own: load.classes in a YAML file");
            validate_host(target, config_);
        }
    }
    void keys_of_the_protocol() const {
        if (is_http()) {
            for (const std::string_view key : {"request-size", "response-size"})
                if (was_given(key))
                    refuse(fmt::format("load.{} applies only to tcp:// targets", key),
                           "an http server chooses the size of its responses");
        } else {
            for (const std::string_view key : {"method", "headers", "body", "expect-status"})
                if (was_given(key))
                    refuse(fmt::format("load.{} applies only to http:// targets", key),
                           "for tcp:// targets, --request-size sets the size of the request");
        }
    }
    void requests() const {
        const CountRange& n = traffic_.requests_per_connection;
        if (asks_to_close(traffic_) && (n.least != 1 || n.most != 1))
            refuse(
                "a header 'Connection: close' and several requests for each connection: the first response "
                "would be the last",
                "leave the header, or --requests-per-connection, out");
        const bool has_requests =
            was_given("requests-per-connection") || was_given("request-size") || was_given("response-size");
        if (traffic_.connect_only && has_requests)
            refuse("--connect-only sends no requests", "remove the sizes and counts of requests");
    }
    void ending() const {
        const bool resets = traffic_.close == TrafficConfig::Close::rst;
        if (traffic_.close_by == CloseBy::server && (traffic_.connect_only || resets))
            refuse(fmt::format("--close-by server and {}: the client ends these connections",
                               traffic_.connect_only ? "--connect-only" : "--close rst"),
                   "remove one of them");
    }

    const Config& config_;
    const TrafficConfig& traffic_;
    const LoadConfig::ClassText* text_;  ///< null: no class, or one that a scenario made
    std::string of_;                     ///< in front of each message
};

/// Criteria name classes that exist.
void validate_criteria(const LoadConfig& load) {
    std::vector<std::string> names;
    for (const TrafficConfig& each : load.classes) names.push_back(each.name);
    for (const Criterion& each : load.criteria) {
        if (each.of_class.empty() || std::find(names.begin(), names.end(), each.of_class) != names.end())
            continue;
        const auto meant = nearest(each.of_class, names);
        throw usage_error(fmt::format("criterion {}: there is no class '{}'{}", each.text(), each.of_class,
                                      meant ? fmt::format("; did you mean '{}'?", *meant) : ""),
                          "load.classes in the YAML file defines classes");
    }
}

}  // namespace

void validate_load(const Config& config) {
    const LoadConfig& load = config.load;
    for (size_t i = 0; i < load.traffic().size(); ++i) TrafficRules(config, i).apply();
    validate_criteria(load);
    constexpr uint64_t kMostConnections = 64'000'000;
    if (const uint64_t all = load_concurrency(config); all > kMostConnections)
        throw usage_error(fmt::format("the classes have {} connections at once", all),
                          fmt::format("give at most {} together", kMostConnections));
    validate_times(load);
    if (const std::string why = unroutable_target(config); !why.empty())
        throw usage_error(why, "give --gateway, or an --address whose prefix contains the target");
}

}  // namespace synfin::app
