#include "bench_plan.hh"

#include <fmt/format.h>

#include <algorithm>

#include "config/user_error.hh"

namespace synfin::app {

namespace {

using Profile = BenchConfig::Profile;

constexpr Duration kDefaultDuration = 5s;
constexpr uint16_t kPort = 80;
/// Client addresses from 10.0.1.0 on, all in 10.0.0.0/8; in IPv6 from 2001:db8::100 on, all in 2001:db8::/64.
constexpr Cidr kServer4{Ipv4{0x0a000001}, 8};
constexpr Cidr kServer6{Ipv6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, 64};
/// Default of -c when the wire loses frames: most open connections then wait for a timeout. With 1 % loss and
/// 800,000 connections per second, 2 in 100 wait 1 s for a SYN and 4 in 100 wait 200 ms: 22,000 at a time.
/// Three times as many leave enough.
constexpr uint64_t kLossyConnections = 65'536;
/// How long these connections get to end by themselves: a lost SYN, then a segment lost three times (3, 6 and
/// 12 s).
constexpr Duration kLossyDrain = 30s;
/// Most handshakes in flight. With more, SYNs would queue in the wire, because the server accepts them more
/// slowly.
constexpr uint32_t kHandshakes = 256;

const Cidr& server_of(const BenchConfig& bench) {
    return bench.family == IpAddress::Family::v6 ? kServer6 : kServer4;
}

IpAddress source(const BenchConfig& bench, uint32_t index) {
    return address_after(server_of(bench).addr, 255 + index);
}

/// Enough ports that a tuple is reused late: each port makes 900,000 tuples, so there are at least 1.4 times
/// as many tuples as connections. An odd number, so that addresses and ports, both used in turn, meet in
/// every combination.
uint32_t port_count(uint64_t connections) {
    return static_cast<uint32_t>(connections / (uint64_t{kBenchSources} * 10'000)) | 1;
}

/// Adds a call for each of these server ports, and all source addresses.
void call_all(GeneratorPlan& plan, const BenchConfig& bench, GeneratorPlan::Call call, uint32_t first_port,
              uint32_t ports) {
    for (uint32_t i = 0; i < ports; ++i) {
        call.peer = {server_of(bench).addr, static_cast<uint16_t>(first_port + i)};
        plan.calls.push_back(call);
    }
    for (uint32_t i = 0; i < kBenchSources; ++i) plan.sources.push_back(source(bench, i));
}

GeneratorPlan load_plan(const BenchConfig& bench) {
    const Shape shape = shape_of(bench);
    GeneratorPlan plan;
    const IpAddress& server = server_of(bench).addr;
    GeneratorPlan::Call call{.peer = {server, kPort}, .request = {}, .last_request = {}};
    if (shape.purpose == GeneratorPlan::Purpose::http) {
        const std::string host = server.is_v6() ? "[" + server.text() + "]" : server.text();
        call.request = http_request(host, "/", false);
        if (shape.close_by == CloseBy::server) call.last_request = http_request(host, "/", true);
    } else if (shape.purpose == GeneratorPlan::Purpose::stream) {
        call.request = pattern_request(std::max<uint64_t>(bench.request_size, 64 * 1024));
    } else if (shape.purpose == GeneratorPlan::Purpose::tcp) {
        call.request = pattern_request(bench.request_size);
    }
    call_all(plan, bench, call, kPort, bench_ports(bench).size());
    plan.purpose = shape.purpose;
    plan.ending = shape.ending;
    plan.response_size = bench.response_size;
    plan.requests_per_connection = shape.requests;
    plan.connections = static_cast<uint32_t>(concurrency(bench));
    if (bench.count != 0) plan.limit = bench.count;
    plan.handshakes = kHandshakes;
    return plan;
}

GeneratorPlan background_plan(const BenchConfig& bench) {
    GeneratorPlan plan;
    call_all(plan, bench, {}, bench_ports(bench).last + 1u, port_count(bench.beside));
    plan.purpose = GeneratorPlan::Purpose::hold;
    plan.connections = static_cast<uint32_t>(bench.beside);
    plan.handshakes = kHandshakes;
    return plan;
}

}  // namespace

Shape shape_of(const BenchConfig& bench) {
    using enum GeneratorPlan::Purpose;
    using enum GeneratorPlan::Ending;
    const CloseBy close_by = bench.close_by.value_or(CloseBy::server);
    const GeneratorPlan::Ending ending = close_by == CloseBy::server ? fin_by_peer : fin;
    switch (bench.profile) {
        case Profile::connect: break;
        case Profile::crr: return {tcp, ending, 1, 256, close_by, true};
        case Profile::http: return {http, ending, 1, 256, close_by, true};
        case Profile::rr: return {tcp, fin, 0, 256, CloseBy::client, false};
        case Profile::stream: return {stream, fin, 0, 4, CloseBy::client, false};
        case Profile::idle: return {hold, fin, 0, 100'000, CloseBy::client, false};
    }
    return {nothing, fin, 1, 256, CloseBy::client, true};
}

uint64_t concurrency(const BenchConfig& bench) {
    const Shape shape = shape_of(bench);
    const bool waits = bench.loss_ppm != 0 && shape.lives_end;
    return bench.connections.value_or(waits ? kLossyConnections : shape.connections);
}

Duration opening_time(const BenchConfig& bench) {
    if (bench.duration > Duration::zero() || bench.hold) return bench.duration;
    return bench.count != 0 && shape_of(bench).lives_end ? Duration::zero() : kDefaultDuration;
}

PortRange bench_ports(const BenchConfig& bench) {
    return {kPort, static_cast<uint16_t>(kPort + port_count(concurrency(bench)) - 1)};
}

PortRange bench_listens(const BenchConfig& bench) {
    PortRange ports = bench_ports(bench);
    if (bench.beside != 0) ports.last = static_cast<uint16_t>(ports.last + port_count(bench.beside));
    return ports;
}

ClientRun::Plan client_plan(const BenchConfig& bench) {
    ClientRun::Plan plan{.load = {load_plan(bench)}, .duration = opening_time(bench), .hold = bench.hold};
    if (bench.loss_ppm != 0) plan.drain = kLossyDrain;
    if (bench.beside != 0) plan.background = background_plan(bench);
    return plan;
}

stack::StackConfig bench_stack(const Config& config, bool client) {
    const BenchConfig& bench = config.bench;
    const Shape shape = shape_of(bench);
    const uint64_t connections = concurrency(bench);
    stack::StackConfig stack = stack_config(config);
    stack.addresses.clear();
    stack.dad = Dad::off;  // no other host is on the wire
    if (client)
        for (uint32_t i = 0; i < kBenchSources; ++i)
            stack.addresses.push_back({source(bench, i), server_of(bench).prefix});
    else
        stack.addresses.push_back(server_of(bench));
    // A closing connection keeps its record while the next one opens. A held connection has no next one.
    const bool held = shape.purpose == GeneratorPlan::Purpose::hold;
    stack.max_connections = static_cast<uint32_t>((held ? 1 : 2) * connections + 1'024 + bench.beside);
    stack.max_half_open = static_cast<uint32_t>(std::min<uint64_t>(connections, 65'536) + 4'096);
    // The end that closes first needs a TIME-WAIT record for each tuple. Connections that were held keep
    // their own records in TIME-WAIT.
    const uint64_t tuples = uint64_t{kBenchSources} * bench_ports(bench).size() *
                            (static_cast<uint64_t>(stack.port_high - stack.port_low) + 1);
    const bool closes_first = client == (shape.close_by == CloseBy::client);
    stack.max_time_wait =
        closes_first && !held ? static_cast<uint32_t>(std::min<uint64_t>(tuples, 1u << 24)) : 65'536;
    // An end that keeps TIME-WAIT or holds connections fills the table. It gets its full size at once and
    // never grows.
    stack.expected_connections = closes_first || held ? UINT32_MAX : stack.max_connections;
    // ReplyServer queues a whole response at once; see validate_bench().
    const auto response = static_cast<uint32_t>(std::min<uint64_t>(bench.response_size, 1u << 30));
    stack.tcp.send_buffer_start_bytes = std::max(stack.tcp.send_buffer_start_bytes, response);
    return stack;
}

/// Room for the packets of active connections. A full wire loses nothing: the engine keeps packets that it
/// can't send.
uint32_t wire_bytes(const BenchConfig& bench) {
    uint32_t bytes = bench.profile == Profile::stream ? 4u << 20 : 256u << 10;
    while (bytes < 512 * std::min<uint64_t>(concurrency(bench), 2'048)) bytes *= 2;
    return bytes;
}

void validate_bench(const Config& config) {
    const BenchConfig& bench = config.bench;
    if (const size_t n = config.cores.size(); n > 1 && n % 2 != 0)
        throw usage_error(fmt::format("--cores: expected one core or an even number of cores, found {}", n),
                          "one core runs both engines; with 2N cores each pair of engines has two");
    if (bench.model && !shape_of(bench).lives_end)
        throw usage_error("--model: expected a profile whose connections end",
                          "give --profile connect, crr or http");
    if (bench.hold && bench.profile != Profile::idle)
        throw usage_error("--hold: expected --profile idle", "other profiles do not hold connections");
    if (bench.close_by == CloseBy::server && shape_of(bench).close_by == CloseBy::client)
        throw usage_error("--close-by server: expected --profile crr or http",
                          "the client closes the connections of the other profiles");
    if (bench.beside != 0 && bench.profile == Profile::idle)
        throw usage_error("--beside: expected a profile that sends data",
                          "with --profile idle, -c sets the number of idle connections");
    const bool answers = bench.profile == Profile::crr || bench.profile == Profile::rr;
    if (bench.response_size == 0 && answers)
        throw usage_error("--response-size: expected at least 1 byte for this profile, found '0'",
                          "the client does not notice an empty response");
    if (const uint32_t room = config.tcp.send_buffer_bytes; answers && bench.response_size > room)
        throw usage_error(fmt::format("--response-size: {} bytes are more than tcp.send-buffer, {}",
                                      bench.response_size, room),
                          "give --set tcp.send-buffer=SIZE: the server queues a whole response at once");
}

}  // namespace synfin::app
