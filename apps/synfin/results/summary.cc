#include "summary.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "command/user_error.hh"
#include "config/quantity.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

/// More digits than a run can repeat only hide the ones that count.
double rounded(double value, int digits = 3) {
    const double scale = std::pow(10.0, digits);
    return std::round(value * scale) / scale;
}

ordered_json latency(const Histogram& histogram) {
    return {{"p50", rounded(histogram.quantile_us(0.5))},
            {"p90", rounded(histogram.quantile_us(0.9))},
            {"p99", rounded(histogram.quantile_us(0.99))},
            {"p999", rounded(histogram.quantile_us(0.999))},
            {"max", rounded(histogram.max_us())},
            {"mean", rounded(histogram.mean_us())},
            {"count", histogram.count()}};
}

ordered_json connections(const LoadTally& tally) {
    ordered_json failed_by = ordered_json::object(), skipped_by = ordered_json::object();
    for (size_t i = 0; i < tally.failed_by.size(); ++i)
        if (tally.failed_by[i] != 0) failed_by[std::string(failure_name(i))] = tally.failed_by[i];
    for (size_t i = 0; i < tally.skipped_by.size(); ++i)
        if (tally.skipped_by[i] != 0)
            skipped_by[std::string(name(static_cast<Skip>(i)))] = tally.skipped_by[i];
    return {{"offered", tally.offered},         {"opened", tally.opened},
            {"established", tally.established}, {"completed", tally.completed},
            {"failed", tally.failed()},         {"failed_before", tally.failed_before},
            {"failed_by", failed_by},           {"skipped", tally.skipped()},
            {"skipped_by", skipped_by},         {"pending", tally.pending},
            {"unfinished", tally.unfinished},   {"unanswered", tally.unanswered}};
}

/// The verdict: whether the figures stand, and whether the target met the criteria.
void add_verdict(ordered_json& json, const RunResult& result) {
    json["interrupted"] = result.interrupted;
    json["valid"] = result.invalid_because.empty();
    json["invalid_because"] = result.invalid_because;
    json["passed"] = has_passed(result);
    auto& criteria = json["criteria"] = ordered_json::array();
    for (const Judgement& each : result.criteria) {
        criteria.push_back({{"name", each.name},
                            {"limit", each.limit},
                            {"value", each.value ? ordered_json(rounded(*each.value, 4)) : ordered_json()},
                            {"unit", each.unit},
                            {"samples", each.samples},
                            {"verdict", name(each.verdict)}});
        if (!each.why.empty()) criteria.back()["why"] = each.why;
    }
    json["warnings"] = result.warnings;
}

/// How well the generator kept to its task.
ordered_json generator(const RunResult& result) {
    const auto waited = [&](Skip reason) {
        return rounded(std::chrono::duration<double>(result.tally.waited(reason)).count());
    };
    return {{"asked", result.asked ? ordered_json(*result.asked) : ordered_json()},
            {"waited_s", {{"no_port", waited(Skip::no_port)}, {"no_memory", waited(Skip::no_memory)}}}};
}

ordered_json statuses(const LoadTally& tally) {
    ordered_json all = ordered_json::object();
    for (size_t i = 0; i < tally.statuses.size(); ++i)
        if (tally.statuses[i] != 0) all[std::to_string(LoadTally::kLeastStatus + i)] = tally.statuses[i];
    return all;
}

ordered_json ratio(uint64_t sum, uint64_t count) {
    if (count == 0) return nullptr;
    return rounded(static_cast<double>(sum) / static_cast<double>(count));
}

uint64_t packets(const Counters& counters) {
    return counters[Counter::rx_packets] + counters[Counter::tx_packets];
}

/// What connections are divided by: completed ones, or established ones where none was meant to complete.
uint64_t lives(const LoadTally& tally) {
    return tally.completed != 0 ? tally.completed : tally.established;
}

/// What the device and its port did beside carrying packets.
ordered_json device(const DeviceStats& stats) {
    return {{"link_up", stats.link_up},
            {"gone", stats.is_gone},
            {"link_downs", stats.link_downs},
            {"link_down_s", rounded(std::chrono::duration<double>(stats.link_down_time).count())},
            {"tx_refused", stats.tx_refused},
            {"joined", stats.joined},
            {"false_verdicts", stats.false_verdicts},
            {"untaken_tags", stats.untaken_tags}};
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
    // Where the device takes tags off, the port compares them.
    const char* bad_vlan = name(DropReason::bad_vlan);
    if (const uint64_t n = counters[DropReason::bad_vlan] + device.bad_vlan; n != 0) all[bad_vlan] = n;
    return all;
}

bool has_passed(const RunResult& result) noexcept {
    return std::all_of(result.criteria.begin(), result.criteria.end(),
                       [](const Judgement& each) { return each.verdict == Verdict::pass; });
}

ordered_json to_json(const RunResult& result) {
    Counters counters;
    if (result.client) counters += result.client->final;
    if (result.server) counters += result.server->final;
    // What crossed the wire, seen from the client where there is one.
    const Side wire = result.client ? *result.client : result.server.value_or(Side{});
    const double seconds = result.duration_s > 0 ? result.duration_s : 1;
    const auto per_second = [&](uint64_t n) { return rounded(static_cast<double>(n) / seconds, 1); };

    ordered_json json;
    json["schema"] = "synfin.result/1";
    json["command"] = result.command == Command::bench   ? "bench"
                      : result.command == Command::serve ? "serve"
                                                         : "load";
    json["config"] = result.config;
    json["host"] = result.host;
    json["duration_s"] = rounded(result.duration_s, 6);
    add_verdict(json, result);
    json["connections"] = connections(result.tally);
    json["connections"]["stale_syn"] = result.client ? result.client->final[Counter::stale_syn] : 0;
    json["statuses"] = statuses(result.tally);
    if (result.command != Command::serve)
        json["requests"] = {{"sent", result.tally.requests},
                            {"answered", result.tally.responses},
                            {"resent", result.tally.resent}};
    if (result.command != Command::serve) {
        json["generator"] = generator(result);
        json["payload_bytes"] = {{"sent", result.tally.sent_bytes},
                                 {"received", result.tally.received_bytes}};
    }
    json["rates"] = {{"cps", per_second(result.measured.completed)},
                     {"established_per_s", per_second(result.measured.established)},
                     {"requests_per_s", per_second(result.measured.responses)},
                     {"rx_pps", per_second(wire.measured[Counter::rx_packets])},
                     {"tx_pps", per_second(wire.measured[Counter::tx_packets])},
                     {"rx_bps", per_second(8 * wire.measured[Counter::rx_bytes])},
                     {"tx_bps", per_second(8 * wire.measured[Counter::tx_bytes])}};
    const auto side_packets = [&](const std::optional<Side>& side) {
        return side ? ratio(packets(side->final), lives(result.tally)) : ordered_json();
    };
    json["packets_per_connection"] = {{"client", side_packets(result.client)},
                                      {"server", side_packets(result.server)}};
    const LoadTimes none;
    const LoadTimes& times = result.times != nullptr ? *result.times : none;
    json["latency_us"] = {{"connect", latency(times.connect)},
                          {"first_byte", latency(times.first_byte)},
                          {"last_byte", latency(times.last_byte)},
                          {"life", latency(times.life)}};
    if (times.slip.count() != 0) json["latency_us"]["slip"] = latency(times.slip);
    // Steering is below the engines: the device's ports count it.
    counters.add(Counter::steered, result.device.steered);
    counters.add(Counter::misdirected, result.device.misdirected);
    auto& tcp = json["tcp"] = ordered_json::object();
    for (size_t i = 0; i < counters.events.size(); ++i)
        tcp[name(static_cast<Counter>(i))] = counters.events[i];
    json["drops"] = drops(counters, result.device);
    if (result.command != Command::bench) json["device"] = device(result.device);
    json["memory"] = result.memory;
    const auto cycles = [&](const std::optional<Side>& side) {
        return side ? ratio(side->cycles.busy, lives(result.measured)) : ordered_json();
    };
    const uint64_t both =
        (result.client ? result.client->cycles.busy : 0) + (result.server ? result.server->cycles.busy : 0);
    json["cycles_per_connection"] = {{"client", cycles(result.client)},
                                     {"server", cycles(result.server)},
                                     {"both", ratio(both, lives(result.measured))}};
    if (const uint64_t requests = result.measured.responses; requests != 0) {
        const auto of = [&](const std::optional<Side>& side) {
            return side ? ratio(side->cycles.busy, requests) : ordered_json();
        };
        json["cycles_per_request"] = {
            {"client", of(result.client)}, {"server", of(result.server)}, {"both", ratio(both, requests)}};
    }
    auto& cores = json["cores"] = ordered_json::array();
    for (const CoreShare& core : result.cores) {
        cores.push_back({{"core", core.core}, {"role", core.role}, {"busy", rounded(core.busy)}});
        if (result.command != Command::serve) {
            cores.back()["lost"] = rounded(core.lost, 4);
            cores.back()["longest_gap_us"] =
                rounded(std::chrono::duration<double, std::micro>(core.longest_gap).count(), 1);
        }
        if (core.established) cores.back()["established"] = *core.established;
    }
    if (result.floor) {
        const Floor& floor = *result.floor;
        json["floor"] = {{"cps", rounded(floor.cps, 1)},
                         {"cycles_per_connection",
                          {{"client", rounded(floor.client_cycles, 1)},
                           {"server", rounded(floor.server_cycles, 1)},
                           {"both", rounded(floor.client_cycles + floor.server_cycles, 1)}}}};
    }
    for (const auto& [key, value] : result.extra.items()) json[key] = value;
    json["deviations"] = result.deviations;
    for (const auto& side : {result.client, result.server})
        if (const uint64_t yielded = side ? side->final[Counter::time_wait_yielded] : 0; yielded != 0)
            json["deviations"].push_back(fmt::format(
                "TIME-WAIT shorter than 2MSL for {} connections: {}", yielded,
                result.command == Command::serve ? "raise --max-time-wait" : "its records were full"));
    return json;
}

namespace {

std::string number(const ordered_json& value) {
    if (value.is_null()) return "-";
    if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// "a 1  b 2", leaving out what is zero.
std::string pairs(const ordered_json& object) {
    std::string text;
    for (const auto& [key, value] : object.items())
        if (value != 0) text += fmt::format("{}{} {}", text.empty() ? "" : "  ", key, number(value));
    return text.empty() ? "none" : text;
}

/// What the run was about, in a few words.
std::string subject(const ordered_json& result) {
    const auto& config = result["config"];
    if (config.contains("bench"))
        return fmt::format("{}, {} connections at once per pair of engines",
                           number(config["bench"]["profile"]), number(config["bench"]["connections"]));
    if (config.contains("serve"))
        return fmt::format("{} on {}", number(config["serve"]["app"]), number(config["device"]));
    if (!config.contains("load")) return "";
    std::string targets;
    for (const auto& target : config["load"]["target"])
        targets += (targets.empty() ? "" : " ") + number(target);
    const bool open_loop = config["load"]["rate"] != 0;
    return fmt::format(
        "{}, {}", targets,
        open_loop ? fmt::format("open loop at {} connections/s", number(config["load"]["rate"]))
                  : fmt::format("closed loop of {} connections", number(config["load"]["connections"])));
}

std::string rate(const ordered_json& value, std::string_view unit) {
    return fmt::format("{} {}", count_text(value.get<double>()), unit);
}

/// "no_port 10 (widen --source-ports or give more --address)": each with the option that lifts it.
std::string skips(const ordered_json& skipped_by) {
    std::string text;
    for (size_t i = 0; i < static_cast<size_t>(Skip::kCount); ++i) {
        const auto reason = static_cast<Skip>(i);
        if (const auto found = skipped_by.find(name(reason)); found != skipped_by.end())
            text += fmt::format("{}{} {} ({})", text.empty() ? "" : "  ", name(reason), number(*found),
                                remedy(reason));
    }
    return text;
}

/// "failed<1% (0 %)", and what follows from it where it did not pass.
std::string criterion_text(const ordered_json& criterion) {
    const std::string unit = criterion["unit"].get<std::string>();
    std::string value = "no sample";
    if (!criterion["value"].is_null())
        value = unit == "us" ? fmt::format("{:.4g} ms", criterion["value"].get<double>() / 1e3)
                             : fmt::format("{:.4g} {}", criterion["value"].get<double>(), unit);
    std::string text = fmt::format("{}{} ({})", number(criterion["name"]), number(criterion["limit"]), value);
    if (criterion["verdict"] != name(Verdict::pass)) text += ": " + number(criterion["verdict"]);
    if (criterion.contains("why")) text += ", " + number(criterion["why"]);
    return text;
}

/// The first lines: whether the figures stand, whether the target passed, and why not.
std::string verdict_text(const ordered_json& result) {
    std::string text;
    const auto block = [&](std::string_view label, std::string_view word,
                           const std::vector<std::string>& lines) {
        if (lines.empty()) text += fmt::format("{:<13}{}\n", label, word);
        for (const std::string& line : lines)
            text += fmt::format("{:<13}{:<5}{}\n", std::exchange(label, ""), std::exchange(word, ""), line);
    };
    const auto yes_or_no = [&](const char* key) { return result[key].get<bool>() ? "yes" : "NO"; };
    block("valid", yes_or_no("valid"), result["invalid_because"].get<std::vector<std::string>>());
    std::vector<std::string> criteria;
    for (const auto& each : result["criteria"]) criteria.push_back(criterion_text(each));
    if (!criteria.empty()) block("passed", yes_or_no("passed"), criteria);
    if (!result["warnings"].empty()) block("warning", "", result["warnings"].get<std::vector<std::string>>());
    return text;
}

}  // namespace

std::string to_text(const ordered_json& result) {
    std::string text;
    const auto line = [&](std::string_view label, const std::string& value) {
        text += fmt::format("{:<13}{}\n", label, value);
    };
    const auto& connections = result["connections"];
    const auto& rates = result["rates"];
    text += verdict_text(result);
    line(fmt::format("synfin {}", number(result["command"])),
         fmt::format("{}, {:.2f} s{}", subject(result), result["duration_s"].get<double>(),
                     result["interrupted"].get<bool>() ? ", interrupted" : ""));
    line("connections",
         fmt::format("offered {}  opened {}  established {}  completed {}  failed {}  skipped {}",
                     number(connections["offered"]), number(connections["opened"]),
                     number(connections["established"]), number(connections["completed"]),
                     number(connections["failed"]), number(connections["skipped"])));
    if (!connections["failed_by"].empty()) line("  failed by", pairs(connections["failed_by"]));
    if (!connections["skipped_by"].empty()) line("  skipped by", skips(connections["skipped_by"]));
    if (connections["pending"] != 0 || connections["unfinished"] != 0)
        line("  at the end",
             fmt::format("pending {}  unfinished {}  of these unanswered {}", number(connections["pending"]),
                         number(connections["unfinished"]), number(connections["unanswered"])));
    if (result.contains("payload_bytes"))
        line("payload",
             fmt::format("sent {}  received {}", bytes_text(result["payload_bytes"]["sent"].get<double>()),
                         bytes_text(result["payload_bytes"]["received"].get<double>())));
    if (result.contains("requests") && result["requests"]["sent"] != 0)
        line("requests",
             fmt::format("sent {}  answered {}  sent again {}", number(result["requests"]["sent"]),
                         number(result["requests"]["answered"]), number(result["requests"]["resent"])));
    if (!result["statuses"].empty()) line("statuses", pairs(result["statuses"]));
    line("rates", fmt::format("{}  {}  {}", rate(rates["cps"], "connections/s (CPS)"),
                              rate(rates["established_per_s"], "established/s"),
                              rate(rates["requests_per_s"], "requests/s")));
    line("", fmt::format("rx {}, {}   tx {}, {}", rate(rates["rx_pps"], "packets/s"),
                         rate(rates["rx_bps"], "bit/s"), rate(rates["tx_pps"], "packets/s"),
                         rate(rates["tx_bps"], "bit/s")));
    const auto& latencies = result["latency_us"];
    if (latencies["connect"]["count"] != 0) {
        text += fmt::format("{:<13}{:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>12}\n", "latency (us)", "p50",
                            "p90", "p99", "p99.9", "max", "mean", "count");
        for (const auto& [phase, l] : latencies.items())
            if (l["count"] != 0)
                text += fmt::format("  {:<11}{:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>12}\n", phase,
                                    number(l["p50"]), number(l["p90"]), number(l["p99"]), number(l["p999"]),
                                    number(l["max"]), number(l["mean"]), number(l["count"]));
    }
    const auto& tcp = result["tcp"];
    ordered_json trouble = ordered_json::object();
    for (const char* key :
         {"retransmitted", "rto_expirations", "syn_retransmitted", "stale_syn", "fast_retransmits",
          "out_of_order", "duplicate_acks", "challenge_acks", "zero_window_probes", "resets_sent",
          "resets_received", "time_wait_entered", "time_wait_reused", "time_wait_reused_active"})
        trouble[key] = tcp[key];
    line("tcp", pairs(trouble));
    line("drops", pairs(result["drops"]));
    if (result.contains("device") && result["device"]["link_downs"] != 0)
        line("link",
             fmt::format("went down {} times, for {:.1f} s together", number(result["device"]["link_downs"]),
                         result["device"]["link_down_s"].get<double>()));
    std::string cores;
    for (const auto& core : result["cores"])
        cores += fmt::format(
            "{}core {} {} {:.0f} % busy{}{}", cores.empty() ? "" : "  ", number(core["core"]),
            core["role"].get<std::string>(), 100 * core["busy"].get<double>(),
            core.contains("lost") ? fmt::format(", {:.1f} % lost", 100 * core["lost"].get<double>()) : "",
            result["cores"].size() > 1 && core.contains("established")
                ? fmt::format(" {} connections", number(core["established"]))
                : "");
    line("cores", cores);
    const auto& each = result["packets_per_connection"];
    line("packets", fmt::format("per connection (rx+tx): client {}  server {}", number(each["client"]),
                                number(each["server"])));
    const auto& cycles = result["cycles_per_connection"];
    line("cycles", fmt::format("per connection: client {}  server {}  both {}", number(cycles["client"]),
                               number(cycles["server"]), number(cycles["both"])));
    if (const auto& requests = result["rates"]["requests_per_s"];
        requests.get<double>() > 2 * rates["cps"].get<double>())
        line("", fmt::format("per request: client {}  server {}  both {}",
                             number(result["cycles_per_request"]["client"]),
                             number(result["cycles_per_request"]["server"]),
                             number(result["cycles_per_request"]["both"])));
    if (result.contains("floor")) {
        const auto& floor = result["floor"];
        const auto& floor_cycles = floor["cycles_per_connection"];
        const double floor_both = floor_cycles["both"].get<double>();
        line("floor", fmt::format("the same packets without TCP: {}; cycles: client {}  server {}  both {}",
                                  rate(floor["cps"], "connections/s"), number(floor_cycles["client"]),
                                  number(floor_cycles["server"]), number(floor_cycles["both"])));
        if (floor_both > 0 && !cycles["both"].is_null())
            line("", fmt::format("TCP costs {:.2f} times the floor's cycles",
                                 cycles["both"].get<double>() / floor_both));
    }
    if (result["memory"].contains("bytes_per_connection") &&
        !result["memory"]["bytes_per_connection"].is_null())
        line("memory", fmt::format("{} bytes per open connection and end",
                                   number(result["memory"]["bytes_per_connection"])));
    if (result.contains("time_wait_at"))
        line("time-wait", fmt::format("at the {}", number(result["time_wait_at"])));
    for (const auto& deviation : result["deviations"]) line("deviation", deviation.get<std::string>());
    return text;
}

void check_json_path(const std::string& json_path) {
    if (json_path.empty() || json_path == "-") return;
    if (!std::ofstream(json_path, std::ios::app))
        throw run_error(fmt::format("{}: the result can't be written there", json_path),
                        "choose another file for --json");
}

void publish(const ordered_json& result, const std::string& json_path) {
    publish(result, to_text(result), json_path);
}

void publish(const ordered_json& result, const std::string& text, const std::string& json_path) {
    const bool to_stdout = json_path == "-";
    // Names of files and devices may be no UTF-8, which JSON is.
    const std::string json = result.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
    if (to_stdout) std::fputs(text.c_str(), stderr);
    const std::string& said = to_stdout ? json : text;
    const int trouble = std::fputs(said.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : errno;
    if (!json_path.empty() && !to_stdout) {
        std::ofstream file(json_path);
        if (!(file << json) || !file.flush())
            throw run_error(fmt::format("{}: the result can't be written", json_path),
                            "choose another file for --json");
    }
    if (trouble != 0)
        throw run_error(
            fmt::format("standard output: the result can't be written: {}", std::strerror(trouble)));
}

}  // namespace synfin::app
