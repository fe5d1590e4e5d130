#include "serve_result.hh"

#include "config/device_config.hh"
#include "config/fields.hh"
#include "host/host_facts.hh"

namespace synfin::app {

namespace {

/// Builds the tally of a server. `offered` counts the connections that arrived.
LoadTally tally_of(const ServerTally& server, const Counters& counters, uint64_t half_open) {
    LoadTally tally;
    tally.established = server.established;
    tally.completed = server.completed;
    uint64_t ended = 0;
    for (size_t i = 0; i < server.ended_by.size(); ++i) {
        ended += server.ended_by[i];
        if (static_cast<CloseReason>(i) != CloseReason::fin) tally.failed_by[i] += server.ended_by[i];
    }
    tally.failed_after = ended - server.completed;
    tally.unfinished = server.established - ended;
    tally.failed_before = counters[Counter::half_open_expired];
    tally.failed_by[static_cast<size_t>(CloseReason::syn_timed_out)] += tally.failed_before;
    tally.pending = half_open;
    tally.opened = tally.established + tally.failed_before + tally.pending;
    tally.skipped_by[static_cast<size_t>(Skip::no_memory)] = counters[DropReason::backlog_full];
    tally.offered = tally.opened + tally.skipped();
    tally.requests = tally.responses = server.requests;
    return tally;
}

}  // namespace

RunResult serve_result(const Config& config, Runtime& runtime, std::span<const ServedEngine> engines,
                       const ServeContext& context) {
    RunResult result;
    ServerTally tally;
    Side server;
    uint64_t half_open = 0;
    for (unsigned i = 0; i < engines.size(); ++i) {
        tally += engines[i].tally;
        server.final += runtime.stack(i).counters();
        server.cycles += engines[i].cycles;
        half_open += runtime.stack(i).records().half_open;
        result.cores.push_back({.core = runtime.core_of(i),
                                .role = "server",
                                .busy = engines[i].cycles.share(),
                                .established = engines[i].tally.established});
    }
    server.measured = server.final;
    result.command = Command::serve;
    result.config = config;
    result.report = runtime.report();
    result.tsc_hz = context.tsc_hz;
    result.duration_s = context.seconds;
    result.tally = result.measured = tally_of(tally, server.final, half_open);
    result.server = server;
    result.device = runtime.device_stats();
    result.resident_bytes = resident_bytes();
    const std::string duplicate = duplicate_of(runtime);
    result.interrupted = context.interrupted && duplicate.empty();
    if (!duplicate.empty()) result.invalid_because.push_back(duplicate);
    result.deviations = deviations(config, Command::serve);
    result.served = tally;
    return result;
}

}  // namespace synfin::app
