#include "result_json.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "build_facts.hh"
#include "config/fields.hh"
#include "histogram_json.hh"
#include "host/host_facts.hh"
#include "ledger_report.hh"
#include "series_json.hh"
#include "synfin/stack.hh"
#include "verdict.hh"
#include "wire_model.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;
using Counts = std::initializer_list<std::pair<const char*, uint64_t>>;
using Figures = std::initializer_list<std::pair<const char*, double>>;

/// Rounds to the digits that a repeated run can reproduce.
double rounded(double value, int digits = 3) {
    const double scale = std::pow(10.0, digits);
    return std::round(value * scale) / scale;
}

// Objects are built from lists of one type: lists of mixed types take four times as long to compile.
ordered_json counts(Counts of) {
    ordered_json all = ordered_json::object();
    for (const auto& [key, n] : of) all[key] = n;
    return all;
}
ordered_json figures(Figures of, int digits = 3) {
    ordered_json all = ordered_json::object();
    for (const auto& [key, value] : of) all[key] = rounded(value, digits);
    return all;
}

template <typename Unit>
double count_of(Duration duration) {
    return std::chrono::duration<double, Unit>(duration).count();
}
double seconds(Duration duration) {
    return count_of<std::ratio<1>>(duration);
}

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
    return value ? ordered_json(*value) : ordered_json();
}

ordered_json latency(const Histogram& histogram) {
    ordered_json json = figures({{"p50", histogram.quantile_us(0.5)},
                                 {"p90", histogram.quantile_us(0.9)},
                                 {"p99", histogram.quantile_us(0.99)},
                                 {"p999", histogram.quantile_us(0.999)},
                                 {"max", histogram.max_us()},
                                 {"mean", histogram.mean_us()}});
    json["count"] = histogram.count();
    json["histogram"] = to_json(histogram);
    return json;
}

ordered_json latencies(const LoadTimes& times) {
    ordered_json json = ordered_json::object();
    json["connect"] = latency(times.connect);
    json["first_byte"] = latency(times.first_byte);
    json["last_byte"] = latency(times.last_byte);
    json["life"] = latency(times.life);
    if (times.slip.count() != 0) json["slip"] = latency(times.slip);
    return json;
}

/// Counts of connections; the keys of the whole run's `connections`, without stale_syn.
ordered_json connections(const LoadTally& tally) {
    ordered_json failed_by = ordered_json::object(), skipped_by = ordered_json::object();
    for (size_t i = 0; i < tally.failed_by.size(); ++i)
        if (tally.failed_by[i] != 0) failed_by[std::string(failure_name(i))] = tally.failed_by[i];
    for (size_t i = 0; i < tally.skipped_by.size(); ++i)
        if (tally.skipped_by[i] != 0)
            skipped_by[std::string(name(static_cast<Skip>(i)))] = tally.skipped_by[i];
    ordered_json json = counts({{"offered", tally.offered},
                                {"opened", tally.opened},
                                {"established", tally.established},
                                {"completed", tally.completed},
                                {"failed", tally.failed()},
                                {"failed_before", tally.failed_before}});
    json["failed_by"] = std::move(failed_by);
    json["skipped"] = tally.skipped();
    json["skipped_by"] = std::move(skipped_by);
    json["pending"] = tally.pending;
    json["unfinished"] = tally.unfinished;
    json["unanswered"] = tally.unanswered;
    return json;
}

ordered_json connections(const RunResult& result) {
    ordered_json json = connections(result.tally);
    json["stale_syn"] = result.client ? result.client->final[Counter::stale_syn] : 0;
    return json;
}

/// Adds the verdict: whether the run is valid, and whether it met the criteria.
void add_verdict(ordered_json& json, const RunResult& result) {
    json["interrupted"] = result.interrupted;
    json["valid"] = result.invalid_because.empty();
    json["invalid_because"] = result.invalid_because;
    json["passed"] = has_passed(result);
    auto& criteria = json["criteria"] = ordered_json::array();
    for (const Judgement& each : result.criteria) {
        ordered_json criterion = ordered_json::object();
        criterion["name"] = each.name;
        criterion["limit"] = each.limit;
        criterion["value"] = each.value ? ordered_json(rounded(*each.value, 4)) : ordered_json();
        criterion["unit"] = each.unit;
        criterion["samples"] = each.samples;
        criterion["verdict"] = name(each.verdict);
        if (!each.why.empty()) criterion["why"] = each.why;
        criteria.push_back(std::move(criterion));
    }
    json["warnings"] = result.warnings;
}

/// The precision of the generator.
ordered_json generator(const RunResult& result) {
    ordered_json json = ordered_json::object();
    json["asked"] = or_null(result.asked);
    json["waited_s"] = figures({{"no_port", seconds(result.tally.waited(Skip::no_port))},
                                {"no_memory", seconds(result.tally.waited(Skip::no_memory))}});
    return json;
}

ordered_json statuses(const LoadTally& tally) {
    ordered_json all = ordered_json::object();
    for (size_t i = 0; i < tally.statuses.size(); ++i)
        if (tally.statuses[i] != 0) all[std::to_string(LoadTally::kLeastStatus + i)] = tally.statuses[i];
    return all;
}

ordered_json requests(const LoadTally& tally) {
    ordered_json json =
        counts({{"sent", tally.requests}, {"answered", tally.responses}, {"resent", tally.resent}});
    if (tally.requests_due == 0) return json;
    json["offered"] = tally.requests_due;
    json["waited"] = tally.requests_waited;
    json["skipped"] = tally.requests_skipped();
    json["skipped_by"] = counts({{"busy", tally.requests_busy}, {"late", tally.requests_late}});
    return json;
}

ordered_json rates(const RunResult& result) {
    // The traffic on the wire, from the client's side if there is a client.
    const Side wire = result.client ? *result.client : result.server.value_or(Side{});
    const double time = result.duration_s > 0 ? result.duration_s : 1;
    const auto per_second = [&](uint64_t n) { return static_cast<double>(n) / time; };
    return figures({{"cps", per_second(result.measured.completed)},
                    {"established_per_s", per_second(result.measured.established)},
                    {"requests_per_s", per_second(result.measured.responses)},
                    {"rx_pps", per_second(wire.measured[Counter::rx_packets])},
                    {"tx_pps", per_second(wire.measured[Counter::tx_packets])},
                    {"rx_bps", per_second(8 * wire.measured[Counter::rx_bytes])},
                    {"tx_bps", per_second(8 * wire.measured[Counter::tx_bytes])}},
                   1);
}

/// Each class with its own counts; the packets of classes are not told apart.
ordered_json classes(const RunResult& result) {
    const double time = result.duration_s > 0 ? result.duration_s : 1;
    const auto per_second = [&](uint64_t n) { return static_cast<double>(n) / time; };
    ordered_json all = ordered_json::object();
    for (const ClassResult& each : result.classes) {
        ordered_json json = ordered_json::object();
        json["connections"] = connections(each.tally);
        json["statuses"] = statuses(each.tally);
        json["requests"] = requests(each.tally);
        json["rates"] = figures({{"cps", per_second(each.measured.completed)},
                                 {"established_per_s", per_second(each.measured.established)},
                                 {"requests_per_s", per_second(each.measured.responses)}},
                                1);
        json["latency_us"] = latencies(each.times);
        all[each.name] = std::move(json);
    }
    return all;
}

ordered_json ratio(uint64_t sum, uint64_t count) {
    if (count == 0) return nullptr;
    return rounded(static_cast<double>(sum) / static_cast<double>(count));
}

/// The number of connections to divide by: the completed ones, or the established ones if none completed.
uint64_t lives(const LoadTally& tally) {
    return tally.completed != 0 ? tally.completed : tally.established;
}

ordered_json packets_per_connection(const RunResult& result) {
    const auto of = [&](const std::optional<Side>& side) -> ordered_json {
        if (!side) return nullptr;
        const Counters& counters = side->final;
        return ratio(counters[Counter::rx_packets] + counters[Counter::tx_packets], lives(result.tally));
    };
    ordered_json json = ordered_json::object();
    json["client"] = of(result.client);
    json["server"] = of(result.server);
    return json;
}

/// The busy cycles of each end divided by `count`.
ordered_json cycles_per(const RunResult& result, uint64_t count) {
    const auto busy = [](const std::optional<Side>& side) { return side ? side->cycles.busy : 0; };
    ordered_json json = ordered_json::object();
    json["client"] = result.client ? ratio(busy(result.client), count) : ordered_json();
    json["server"] = result.server ? ratio(busy(result.server), count) : ordered_json();
    json["both"] = ratio(busy(result.client) + busy(result.server), count);
    return json;
}

ordered_json tcp_counters(const Counters& counters) {
    ordered_json json = ordered_json::object();
    for (size_t i = 0; i < counters.events.size(); ++i)
        json[name(static_cast<Counter>(i))] = counters.events[i];
    return json;
}

/// Counters of the device and its port other than packets.
ordered_json device(const DeviceStats& stats) {
    ordered_json json = ordered_json::object();
    json["link_up"] = stats.link_up;
    json["gone"] = stats.is_gone;
    json["link_downs"] = stats.link_downs;
    json["link_down_s"] = rounded(seconds(stats.link_down_time));
    json["tx_refused"] = stats.tx_refused;
    json["joined"] = stats.joined;
    json["false_verdicts"] = stats.false_verdicts;
    json["untaken_tags"] = stats.untaken_tags;
    return json;
}

ordered_json impair(const ImpairmentStats& stats) {
    return counts({{"packets", stats.packets},
                   {"lost", stats.lost},
                   {"queue_dropped", stats.queue_dropped},
                   {"duplicated", stats.duplicated},
                   {"corrupted", stats.corrupted},
                   {"delayed", stats.delayed},
                   {"reordered", stats.reordered}});
}
/// What became of the packets that --impair treated, by direction.
ordered_json impair(const DeviceStats& stats) {
    ordered_json json = ordered_json::object();
    json["rx"] = impair(stats.impaired_rx);
    json["tx"] = impair(stats.impaired_tx);
    return json;
}

ordered_json end_memory(const EndMemory& end) {
    const MemoryUse& use = end.engine;
    return counts({{"open", use.open},
                   {"flows", use.flows},
                   {"half_open", use.half_open},
                   {"time_wait", use.time_wait},
                   {"table", use.table},
                   {"timers", use.timers},
                   {"text", use.text},
                   {"application", end.application}});
}

ordered_json memory(const RunResult& result) {
    ordered_json json = ordered_json::object();
    json["resident_bytes"] = result.resident_bytes;
    json["bytes_per_connection"] =
        result.bench ? or_null(result.bench->bytes_per_connection) : ordered_json();
    if (!result.bench) return json;
    const BenchFigures& bench = *result.bench;
    json["resident_per_connection"] = or_null(bench.resident_per_connection);
    json["tcb_bytes"] = Stack::tcb_bytes();
    json["connections_bytes"] = bench.client_memory.total() + bench.server_memory.total();
    json["client"] = end_memory(bench.client_memory);
    json["server"] = end_memory(bench.server_memory);
    return json;
}

ordered_json cores(const RunResult& result) {
    ordered_json all = ordered_json::array();
    for (const CoreShare& core : result.cores) {
        ordered_json json = ordered_json::object();
        json["core"] = core.core;
        json["role"] = core.role;
        json["busy"] = rounded(core.busy);
        if (result.command != Command::serve) {
            json["lost"] = rounded(core.lost, 4);
            json["longest_gap_us"] = rounded(count_of<std::micro>(core.longest_gap), 1);
        }
        if (core.established) json["established"] = *core.established;
        all.push_back(std::move(json));
    }
    return all;
}

ordered_json floor_json(const Floor& floor) {
    ordered_json json = ordered_json::object();
    json["cps"] = rounded(floor.cps, 1);
    json["cycles_per_connection"] = figures({{"client", floor.client_cycles},
                                             {"server", floor.server_cycles},
                                             {"both", floor.client_cycles + floor.server_cycles}},
                                            1);
    return json;
}

ordered_json left_json(const LeftRecords& left) {
    return counts({{"open", left.open},
                   {"half_open", left.half_open},
                   {"time_wait", left.time_wait},
                   {"flow_lines", left.flow_lines},
                   {"text_blocks", left.text_blocks}});
}

void add_bench(ordered_json& json, const BenchFigures& bench) {
    if (bench.floor) json["floor"] = floor_json(*bench.floor);
    if (bench.idle) json["idle"] = {{"filled_s", bench.idle->filled_s}, {"emptied_s", bench.idle->emptied_s}};
    if (bench.beside)
        json["beside"] = counts({{"established", bench.beside->established},
                                 {"completed", bench.beside->completed},
                                 {"failed", bench.beside->failed()}});
    json["tuples"] = counts({{"sources", bench.sources}, {"server_ports", bench.server_ports}});
    if (bench.left) {
        json["left"]["client"] = left_json(bench.left->client);
        json["left"]["server"] = left_json(bench.left->server);
    }
}

void add_served(ordered_json& json, const RunResult& result) {
    const ServerTally& served = *result.served;
    const auto listeners = result.config.serve.listeners();
    if (std::any_of(listeners.begin(), listeners.end(),
                    [](const auto& each) { return each.app == ServeConfig::App::http; }))
        json["http"] = counts({{"requests", served.requests}, {"refused", served.bad_requests}});
    if (result.config.serve.accept_rate != 0) json["over_accept_rate"] = served.over_rate;
    json["time_outs"] = counts({{"idle", served.timed_out_idle},
                                {"head", served.timed_out_head},
                                {"send", served.timed_out_send},
                                {"yielded_idle", served.yielded_idle}});
}

ordered_json all_deviations(const RunResult& result) {
    ordered_json all = result.deviations;
    for (const auto& side : {result.client, result.server})
        if (const uint64_t yielded = side ? side->final[Counter::time_wait_yielded] : 0; yielded != 0)
            all.push_back(fmt::format(
                "TIME-WAIT shorter than 2MSL for {} connections: {}", yielded,
                result.command == Command::serve ? "raise --max-time-wait" : "its records were full"));
    return all;
}

ordered_json host(const RunResult& result) {
    ordered_json json = host_facts(result.report, result.tsc_hz);
    if (result.bench && result.bench->core_round_trip)
        json["core_round_trip_ns"] = {{"before", result.bench->core_round_trip->before_ns},
                                      {"after", result.bench->core_round_trip->after_ns}};
    return json;
}

/// Where received payload was wrong.
ordered_json corruptions(const std::vector<Corruption>& all) {
    ordered_json json = ordered_json::array();
    for (const Corruption& each : all) {
        ordered_json one = ordered_json::object();
        one["local"] = each.local.text();
        one["peer"] = each.peer.text();
        one["offset"] = each.offset;
        one["expected"] = each.expected;
        one["found"] = each.is_missing ? ordered_json() : ordered_json(each.found);
        json.push_back(std::move(one));
    }
    return json;
}

/// Adds the outcome of the requests, for commands that send requests.
void add_requests(ordered_json& json, const RunResult& result) {
    if (result.command == Command::serve) return;
    const LoadTally& tally = result.tally;
    json["requests"] = requests(tally);
    json["generator"] = generator(result);
    json["payload_bytes"] = counts({{"sent", tally.sent_bytes}, {"received", tally.received_bytes}});
    if (!result.corruptions.empty()) json["corrupt"] = corruptions(result.corruptions);
}

const char* name_of(Command command) {
    return command == Command::bench ? "bench" : command == Command::serve ? "serve" : "load";
}

}  // namespace

ordered_json drops(const Counters& counters, const DeviceStats& device) {
    ordered_json all = ordered_json::object();
    for (size_t i = 1; i < counters.drops.size(); ++i)
        if (counters.drops[i] != 0) all[name(static_cast<DropReason>(i))] = counters.drops[i];
    for (const auto& [key, n] : {std::pair<const char*, uint64_t>{"rx_missed", device.rx_missed},
                                 {"rx_errors", device.rx_errors},
                                 {"rx_no_buffer", device.rx_no_buffer},
                                 {"rx_runts", device.runts},
                                 {"rx_giants", device.giants},
                                 {"tx_errors", device.tx_errors},
                                 {name(DropReason::mailbox_full), device.mailbox_full},
                                 {name(DropReason::wire_loss), device.wire_loss}})
        if (n != 0) all[key] = n;
    // If the device strips VLAN tags, the port compares and counts them.
    const char* bad_vlan = name(DropReason::bad_vlan);
    if (const uint64_t n = counters[DropReason::bad_vlan] + device.bad_vlan; n != 0) all[bad_vlan] = n;
    return all;
}

ordered_json to_json(const RunResult& result) {
    Counters counters;
    if (result.client) counters += result.client->final;
    if (result.server) counters += result.server->final;
    // Steering happens below the engines: the device's ports count it.
    counters.add(Counter::steered, result.device.steered);
    counters.add(Counter::misdirected, result.device.misdirected);
    const LoadTimes none;

    ordered_json json;
    json["schema"] = "synfin.result/1";
    json["command"] = name_of(result.command);
    json["config"] = effective(result.config, result.command);
    json["host"] = host(result);
    json["build"] = build_json(build_facts());
    json["duration_s"] = rounded(result.duration_s, 6);
    add_verdict(json, result);
    json["connections"] = connections(result);
    json["statuses"] = statuses(result.tally);
    add_requests(json, result);
    json["rates"] = rates(result);
    json["packets_per_connection"] = packets_per_connection(result);
    json["latency_us"] = latencies(result.times != nullptr ? *result.times : none);
    if (!result.classes.empty()) json["classes"] = classes(result);
    json["tcp"] = tcp_counters(counters);
    json["drops"] = drops(counters, result.device);
    if (result.config.impair.any()) json["impair"] = impair(result.device);
    if (result.command != Command::bench) json["device"] = device(result.device);
    json["memory"] = memory(result);
    json["cycles_per_connection"] = cycles_per(result, lives(result.measured));
    if (const uint64_t requests = result.measured.responses; requests != 0)
        json["cycles_per_request"] = cycles_per(result, requests);
    json["cores"] = cores(result);
    if (result.bench) add_bench(json, *result.bench);
    if (result.served) add_served(json, result);
    if (result.time_wait_at) json["time_wait_at"] = name(*result.time_wait_at);
    json["deviations"] = all_deviations(result);
    if (!result.parts.empty()) json["phases"] = phases_json(result);
    if (result.config.bench.model)
        if (const auto model = WireModel::of(json)) json["model"] = to_json(*model);
    if (result.bench && !result.bench->ledgers.empty())
        json["ledger"] = ledger_json(result.bench->ledgers, result.tally.completed);
    if (result.command == Command::load) json["series"] = series_json(result);
    return json;
}

}  // namespace synfin::app
