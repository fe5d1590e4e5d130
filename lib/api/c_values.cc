/// @file
/// synfin.h: codes, names, endpoints and configurations.

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "api/c_handles.hh"

namespace synfin::c {

int code_of(Error error) noexcept {
    switch (error) {
        case Error::none: return SYNFIN_OK;
        case Error::gone: return SYNFIN_E_GONE;
        case Error::invalid: return SYNFIN_E_INVALID;
        case Error::not_supported: return SYNFIN_E_NOT_SUPPORTED;
        case Error::no_memory: return SYNFIN_E_NO_MEMORY;
        case Error::no_port: return SYNFIN_E_NO_PORT;
        case Error::in_use: return SYNFIN_E_IN_USE;
        case Error::would_block: return SYNFIN_E_WOULD_BLOCK;
        case Error::closing: return SYNFIN_E_CLOSING;
        case Error::not_connected: return SYNFIN_E_NOT_CONNECTED;
        case Error::no_route: return SYNFIN_E_NO_ROUTE;
        case Error::no_device: return SYNFIN_E_NO_DEVICE;
        case Error::no_permission: return SYNFIN_E_NO_PERMISSION;
        case Error::device_failed: return SYNFIN_E_DEVICE_FAILED;
    }
    return SYNFIN_E_INTERNAL;
}

namespace {

constexpr Error kErrors[] = {
    Error::none,     Error::gone,      Error::invalid,       Error::not_supported, Error::no_memory,
    Error::no_port,  Error::in_use,    Error::would_block,   Error::closing,       Error::not_connected,
    Error::no_route, Error::no_device, Error::no_permission, Error::device_failed};

constexpr uint32_t kMostRecords = 1u << 24;
constexpr uint32_t kMostTimeWaits = 1u << 26;
constexpr uint32_t kLeastBuffer = 4'096, kMostBuffer = 1u << 30;

template <typename Number>
std::optional<Number> number_of(std::string_view text) noexcept {
    Number out{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

/// Collects the first complaint about a configuration.
class Checks {
  public:
    void range(const char* field, uint64_t value, uint64_t low, uint64_t high) {
        if (value >= low && value <= high) return;
        complain(std::string(field) + " is " + std::to_string(value) + ": expected " + std::to_string(low) +
                 " to " + std::to_string(high));
    }
    Duration duration(const char* field, int64_t ns, Duration most) {
        if (ns < 0 || Duration(ns) > most)
            complain(std::string(field) + " is " + std::to_string(ns) + " ns: expected 0 to " +
                     std::to_string(most.count()));
        return Duration(ns);
    }
    void complain(std::string text) {
        if (complaint.empty()) complaint = std::move(text);
    }
    std::string complaint;
};

void read_sizes(const synfin_config& config, StackConfig& out, Checks& checks) {
    checks.range("mtu", config.mtu, 576, 9000);
    checks.range("vlan", config.vlan, 0, 4094);
    checks.range("outer_vlan", config.outer_vlan, 0, 4094);
    checks.range("port_low", config.port_low, 1, 65'535);
    checks.range("port_high", config.port_high, config.port_low, 65'535);
    checks.range("max_connections", config.max_connections, 1, kMostRecords);
    checks.range("max_half_open", config.max_half_open, 1, kMostRecords);
    checks.range("max_time_wait", config.max_time_wait, 0, kMostTimeWaits);
    checks.range("receive_buffer", config.receive_buffer, kLeastBuffer, kMostBuffer);
    checks.range("send_buffer", config.send_buffer, kLeastBuffer, kMostBuffer);
    checks.range("max_text", config.max_text, 1u << 20, uint64_t{2} << 40);
    checks.range("max_timers", config.max_timers, 1, kMostRecords);
    checks.range("max_posts", config.max_posts, 2, kMostRecords);
    checks.range("wire_loss_ppm", config.wire_loss_ppm, 0, 1'000'000);
    checks.range("dad", config.dad, SYNFIN_DAD_OFF, SYNFIN_DAD_WAIT);
    checks.range("idle", config.idle, SYNFIN_IDLE_AUTOMATIC, SYNFIN_IDLE_SLEEP);
    out.mtu = static_cast<uint16_t>(config.mtu);
    if (config.vlan != 0) out.vlan = config.vlan;
    if (config.outer_vlan != 0) out.outer_vlan = config.outer_vlan;
    out.port_low = config.port_low;
    out.port_high = config.port_high;
    out.max_connections = config.max_connections;
    out.max_half_open = config.max_half_open;
    out.max_time_wait = config.max_time_wait;
    out.max_text_bytes = config.max_text;
    out.max_timers = config.max_timers;
    out.max_posts = config.max_posts;
    out.seed = config.seed;
    out.dad = static_cast<Dad>(config.dad);
}

synfin_config defaults() noexcept {
    const StackConfig stack;
    synfin_config out{};
    out.size = sizeof out;
    out.mtu = stack.mtu;
    out.port_low = stack.port_low;
    out.port_high = stack.port_high;
    out.max_connections = stack.max_connections;
    out.max_half_open = stack.max_half_open;
    out.max_time_wait = stack.max_time_wait;
    out.receive_buffer = stack.tcp.receive_buffer_bytes;
    out.send_buffer = stack.tcp.send_buffer_bytes;
    out.max_text = stack.max_text_bytes;
    out.max_timers = stack.max_timers;
    out.max_posts = stack.max_posts;
    out.dad = static_cast<uint32_t>(stack.dad);
    out.msl = stack.tcp.msl.count();
    out.delayed_ack = stack.tcp.delayed_ack.count();
    out.syn_timeout = stack.tcp.syn_timeout.count();
    out.user_timeout = stack.tcp.user_timeout.count();
    out.keepalive_idle = stack.tcp.keepalive_idle.count();
    out.drain = Duration(1s).count();
    return out;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> out;
    while (true) {
        const size_t comma = text.find(',');
        std::string_view item = text.substr(0, comma);
        while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
        while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
        out.push_back(item);
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

std::string stack_config(const synfin_config& config, StackConfig& out) {
    Checks checks;
    read_sizes(config, out, checks);
    out.tcp.receive_buffer_bytes = config.receive_buffer;
    out.tcp.send_buffer_bytes = config.send_buffer;
    out.tcp.nagle = config.no_delay == 0;
    out.tcp.msl = checks.duration("msl", config.msl, kMaxMsl);
    out.tcp.delayed_ack = checks.duration("delayed_ack", config.delayed_ack, 500ms);
    out.tcp.syn_timeout = checks.duration("syn_timeout", config.syn_timeout, kMaxDuration);
    out.tcp.user_timeout = checks.duration("user_timeout", config.user_timeout, kMaxDuration);
    out.tcp.keepalive_idle = checks.duration("keepalive_idle", config.keepalive_idle, kMaxDuration);
    checks.duration("drain", config.drain, kMaxDuration);
    if (std::string why = read_network(config, out); !why.empty()) checks.complain(std::move(why));
    return checks.complaint;
}

std::optional<std::vector<unsigned>> cores_of(const char* text) {
    std::vector<unsigned> out;
    if (text == nullptr) return out;
    for (const std::string_view item : split(text)) {
        const auto core = number_of<unsigned>(item);
        if (!core) return std::nullopt;
        out.push_back(*core);
    }
    return out;
}

std::optional<synfin_config> complete(const synfin_config* config) noexcept {
    if (config == nullptr || config->size < 8) return std::nullopt;
    synfin_config out = defaults();
    std::memcpy(&out, config, std::min<size_t>(config->size, sizeof out));
    return out;
}

std::optional<Endpoint> endpoint_of(const synfin_endpoint& endpoint) noexcept {
    const uint8_t* b = endpoint.bytes;
    Endpoint out;
    out.port = endpoint.port;
    if (endpoint.family == 4) {
        out.addr = Ipv4{uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3]};
    } else if (endpoint.family == 6) {
        Ipv6 addr;
        std::copy_n(b, 16, addr.octets.begin());
        out.addr = addr;
    } else {
        return std::nullopt;
    }
    return out;
}

synfin_endpoint endpoint_for(const Endpoint& endpoint) noexcept {
    synfin_endpoint out{};
    out.port = endpoint.port;
    if (endpoint.addr.is_v4()) {
        out.family = 4;
        for (unsigned i = 0; i < 4; ++i)
            out.bytes[i] = static_cast<uint8_t>(endpoint.addr.v4.value >> (24 - 8 * i));
    } else {
        out.family = 6;
        std::copy_n(endpoint.addr.v6.octets.begin(), 16, out.bytes);
    }
    return out;
}

}  // namespace synfin::c

using namespace synfin;

uint32_t synfin_c_api(void) {
    return SYNFIN_C_API;
}

const char* synfin_strerror(int error) {
    if (error == SYNFIN_OK) return "no error";
    if (error == SYNFIN_E_INTERNAL) return "an unexpected exception inside the library";
    for (const Error known : c::kErrors)
        if (c::code_of(known) == error) return describe(known);
    return "no error of synfin has this number";
}

const char* synfin_close_reason_name(int reason) {
    if (reason < 0 || reason >= static_cast<int>(CloseReason::kCount)) return "unknown";
    return name(static_cast<CloseReason>(reason)).data();  // the name is a literal, which ends with a zero
}

const char* synfin_state_name(unsigned state) {
    return state < kStates ? name(static_cast<State>(state)).data() : "unknown";
}

const char* synfin_counter_name(unsigned index) {
    constexpr auto kCounters = static_cast<unsigned>(Counter::kCount);
    constexpr auto kDrops = static_cast<unsigned>(DropReason::kCount);
    if (index < kCounters) return name(static_cast<Counter>(index));
    index += 1 - kCounters;  // skips DropReason::none
    return index < kDrops ? name(static_cast<DropReason>(index)) : nullptr;
}

int synfin_config_init(synfin_config* config, size_t size) {
    if (config == nullptr || size < 8) return SYNFIN_E_INVALID;
    synfin_config out = c::defaults();
    out.size = static_cast<uint32_t>(size);
    std::memset(static_cast<void*>(config), 0, size);
    std::memcpy(static_cast<void*>(config), &out, std::min(size, sizeof out));
    return SYNFIN_OK;
}

int synfin_parse_endpoint(const char* text, synfin_endpoint* out) {
    if (text == nullptr || out == nullptr) return SYNFIN_E_INVALID;
    return c::guarded([&]() -> int {
        const std::string_view all = text;
        std::optional<Endpoint> known = Endpoint::parse(all);
        if (!known) {
            if (const auto address = IpAddress::parse(all)) known = Endpoint{*address, 0};
        }
        if (!known) return SYNFIN_E_INVALID;
        *out = c::endpoint_for(*known);
        return SYNFIN_OK;
    });
}

int synfin_format_endpoint(const synfin_endpoint* endpoint, char* into, size_t size) {
    if (endpoint == nullptr || (into == nullptr && size != 0)) return SYNFIN_E_INVALID;
    return c::guarded([&]() -> int {
        const auto known = c::endpoint_of(*endpoint);
        if (!known) return SYNFIN_E_INVALID;
        return std::snprintf(into, size, "%s", known->text().c_str());
    });
}
