#include "load_result.hh"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/device_config.hh"
#include "config/fields.hh"
#include "host/host_facts.hh"
#include "verdict.hh"

namespace synfin::app {

namespace {

/// The causes if no connection completed or received an answer; else empty.
std::string nothing_worked(const Config& config, const LoadTally& tally) {
    if (tally.completed + tally.unfinished != tally.unanswered || tally.offered == 0) return {};
    std::string causes;
    const auto add = [&](uint64_t n, std::string_view what) {
        if (n != 0) causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", n, what);
    };
    for (size_t i = 0; i < tally.failed_by.size(); ++i) add(tally.failed_by[i], failure_name(i));
    for (size_t i = 0; i < tally.skipped_by.size(); ++i)
        add(tally.skipped_by[i], fmt::format("not opened ({})", name(static_cast<Skip>(i))));
    add(tally.pending, "without an answer to their SYN");
    add(tally.unfinished, "established, then without an answer");
    return fmt::format("{}: none of {} connections completed: {}",
                       config.load.traffic().front().targets.front().text(), tally.offered, causes);
}

std::string what_to_do(const LoadTally& tally) {
    const auto failed = [&](CloseReason reason) { return tally.failed_by[static_cast<size_t>(reason)] != 0; };
    if (failed(CloseReason::refused)) return "no server listens there: check the target's port";
    if (failed(CloseReason::unreachable))
        return fmt::format("the next hop does not answer: {}", kCheckNextHop);
    const bool timed_out = tally.failed_by[static_cast<size_t>(Failure::connect_timeout)] != 0;
    if (failed(CloseReason::syn_timed_out) || timed_out || tally.pending != 0)
        return "SYNs were sent, but no SYN-ACK came back: check packet filters on the path";
    return "the result's failed_by and skipped_by name the causes";
}

void fill_defaults(TrafficConfig& traffic) {
    traffic.connections = concurrency_of(traffic);
    if (traffic.targets.front().protocol == Target::Protocol::tcp && !traffic.connect_only) {
        if (!traffic.request_size) traffic.request_size = 64;
        if (!traffic.response_size) traffic.response_size = traffic.request_size;
    }
}

/// The configuration with defaults filled in.
Config in_force(const Config& config, const Runtime& runtime) {
    Config used = config;
    used.cores.assign(runtime.cores().begin(), runtime.cores().end());
    LoadConfig& load = used.load;
    load.duration = load.opening_time();
    const stack::StackConfig stack;
    if (!load.source_ports) load.source_ports = PortRange{stack.port_low, stack.port_high};
    if (load.criteria.empty()) load.criteria = {assumed_criterion("1%")};
    if (load.classes.empty())
        fill_defaults(load);
    else
        load.connections = load_concurrency(config);
    for (TrafficConfig& each : load.classes) fill_defaults(each);
    return used;
}

/// Adds one engine's part of each class.
void add_classes(RunResult& result, const ClientRun& run) {
    const auto& classes = result.config.load.classes;
    result.classes.resize(classes.size());
    for (size_t k = 0; k < classes.size(); ++k) {
        ClassResult& each = result.classes[k];
        each.name = classes[k].name;
        each.measured += run.measured(k);
        each.tally += run.generator(k).tally();
        each.lead += run.lead(k);
    }
}

/// The end that keeps TIME-WAIT; none if the classes differ in it, or steps decide.
std::optional<CloseBy> time_wait_at(const LoadConfig& load) {
    const auto all = load.traffic();
    const TrafficConfig& first = all.front();
    const bool is_common = std::all_of(all.begin(), all.end(), [&](const TrafficConfig& each) {
        return each.close == TrafficConfig::Close::fin && each.close_by == first.close_by &&
               each.steps.empty();
    });
    return is_common ? std::optional(first.close_by) : std::nullopt;
}

/// Sums the engines' runs.
void add_runs(RunResult& result, Runtime& runtime, const std::deque<ClientRun>& runs) {
    Side& client = result.client.emplace();
    for (unsigned i = 0; i < runs.size(); ++i) {
        const ClientRun& run = runs[i];
        result.measured += run.measured();
        result.tally += run.tally();
        for (size_t k = 0; k < run.classes(); ++k) {
            result.lead += run.lead(k);
            const auto kept = run.generator(k).corruptions().kept();
            result.corruptions.insert(result.corruptions.end(), kept.begin(), kept.end());
        }
        add_classes(result, run);
        client.measured += run.measured_counters();
        client.final += runtime.stack(i).counters() - run.counters_before();
        client.cycles += run.measured_cycles();
        result.duration_s =
            std::max(result.duration_s, std::chrono::duration<double>(run.duration()).count());
        result.lead_s =
            std::max(result.lead_s, std::chrono::duration<double>(run.opening() - run.duration()).count());
        const EngineSnapshot last = runtime.inspector().snapshot(i);
        result.cores.push_back({.core = runtime.core_of(i),
                                .role = "client",
                                .busy = run.measured_cycles().share(),
                                .lost = run.share_of(last.lost),
                                .longest_gap = last.longest_gap,
                                .established = run.tally().established});
    }
}

/// What the device counted since `before`.
DeviceStats since(const DeviceStats& before, DeviceStats now) {
    for (uint64_t DeviceStats::*const counter : {&DeviceStats::rx_packets,   &DeviceStats::rx_bytes,
                                                 &DeviceStats::tx_packets,   &DeviceStats::tx_bytes,
                                                 &DeviceStats::rx_missed,    &DeviceStats::rx_errors,
                                                 &DeviceStats::rx_no_buffer, &DeviceStats::tx_errors,
                                                 &DeviceStats::tx_refused,   &DeviceStats::steered,
                                                 &DeviceStats::misdirected,  &DeviceStats::mailbox_full,
                                                 &DeviceStats::wire_loss,    &DeviceStats::cut,
                                                 &DeviceStats::joined,       &DeviceStats::giants,
                                                 &DeviceStats::bad_vlan,     &DeviceStats::untaken_tags,
                                                 &DeviceStats::runts,        &DeviceStats::false_verdicts,
                                                 &DeviceStats::link_downs})
        now.*counter -= before.*counter;
    now.link_down_time -= before.link_down_time;
    return now;
}

}  // namespace

std::string nobody_answered(const Config& config, const std::deque<ClientRun>& runs) {
    if (!std::all_of(runs.begin(), runs.end(), [](const ClientRun& run) { return run.is_unreached(); }))
        return {};
    const Target& target = config.load.traffic().front().targets.front();
    const IpAddress& host = target.peer.addr;
    const Gateway* const gateway = gateway_of(config.gateways, host.family);
    const std::string_view answer = host.is_v4() ? "ARP reply" : "neighbour advertisement";
    if (is_on_link(config, host) || gateway == nullptr)
        return fmt::format("{}: no {} from {}", target.text(), answer, host.text());
    if (gateway->is_auto) return fmt::format("{}: no router advertisement", target.text());
    return fmt::format("{}: no {} from {}", target.text(), answer, gateway->addr().text());
}

RunResult load_result(const Config& config, Runtime& runtime, const std::deque<ClientRun>& runs,
                      const SeriesCollector& series, const LoadContext& context, LoadTimes& times) {
    RunResult result;
    result.command = Command::load;
    result.config = in_force(config, runtime);
    add_runs(result, runtime, runs);
    for (size_t k = 0; k < runs.front().classes(); ++k) {
        times += series.times(k);
        if (k < result.classes.size()) result.classes[k].times += series.times(k);
    }
    result.series = series.points();
    const Timeline time = config.load.timeline();
    if (time.is_windowed()) result.parts = series.parts();
    for (const TrafficConfig& each : config.load.traffic()) {
        result.open_loop |= each.rate != 0 || each.request_rate != 0 || each.heartbeat > Duration::zero();
        result.count += each.count;
    }
    // An open loop counts every connection that is due as offered, even if it can't be opened.
    if (result.open_loop) result.asked = result.tally.offered;
    result.report = runtime.report();
    result.tsc_hz = context.tsc_hz;
    result.times = &times;
    result.device = since(context.device_before, runtime.device_stats());
    // The loss of the device and a duplicate address set the same flag, but they are no interruption by the
    // user.
    const std::string duplicate = duplicate_of(runtime);
    result.interrupted = context.interrupted && !result.device.is_gone && duplicate.empty();
    result.resident_bytes = resident_bytes();
    result.time_wait_at = time_wait_at(config.load);
    result.deviations = deviations(config, Command::load);
    if (time.is_windowed() && result.duration_s <= 0 && result.tally.offered != 0)
        result.invalid_because.push_back("the run ended before its measured part began");
    reach_verdict(result, result.config.load.criteria, config.validity);
    if (!duplicate.empty())
        result.invalid_because.insert(result.invalid_because.begin(), duplicate);
    else if (std::string who = nobody_answered(config, runs); !who.empty())
        result.invalid_because.insert(result.invalid_because.begin(), std::move(who));
    if (const std::string why = nothing_worked(config, result.tally); !why.empty())
        result.warnings.push_back(fmt::format("{}; {}", why, what_to_do(result.tally)));
    return result;
}

}  // namespace synfin::app
