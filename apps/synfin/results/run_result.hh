#pragma once
/// @file
/// RunResult: the measurements of a run of bench, load or serve, as plain data. result_json.hh turns it into
/// JSON, result_text.hh into text.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hh"
#include "criteria.hh"
#include "floor.hh"
#include "ledger_report.hh"
#include "series_collector.hh"
#include "servers/server.hh"
#include "synfin/core_time.hh"
#include "synfin/runtime.hh"
#include "traffic/corruption.hh"
#include "traffic/load_tally.hh"

namespace synfin::app {

/// One side of a run: the sums over its engines.
struct Side {
    Counters measured{};  ///< values at the end of the measured time
    Counters final{};     ///< values after the last connection
    BusyCycles cycles{};  ///< of the measured time
};

struct CoreShare {
    unsigned core = 0;
    std::string role;  ///< "client", "server", "both"
    double busy = 0;   ///< 0..1
    double lost = 0;   ///< 0..1: share of the measured time that its loop was away with work due
    Duration longest_gap{};
    std::optional<uint64_t>
        established{};  ///< connections of its engine, if the engine has a core of its own
};

/// Time in ns for a cache line to go to the other core and back, before and after the run.
struct CoreRoundTrip {
    double before_ns = 0, after_ns = 0;
};

/// Memory in bytes that one end of a bench uses for connections, by engines and by the application.
struct EndMemory {
    MemoryUse engine;
    size_t application = 0;
    size_t total() const noexcept { return engine.total() + application; }
};

/// Records that were left after TIME-WAIT; a valid bench has none.
struct LeftRecords {
    uint64_t open = 0, half_open = 0, time_wait = 0, flow_lines = 0, text_blocks = 0;
    LeftRecords& operator+=(const Occupancy& now) noexcept {
        open += now.open;
        half_open += now.half_open;
        time_wait += now.time_wait;
        flow_lines += now.flow_lines;
        text_blocks += now.send_blocks;
        return *this;
    }
    uint64_t sum() const noexcept { return open + half_open + time_wait + flow_lines + text_blocks; }
};

/// The time that opening and closing all idle connections took.
struct IdleTimes {
    double filled_s = 0, emptied_s = 0;
};

/// The records that are left at both ends.
struct LeftOver {
    LeftRecords client, server;
};

/// The measurements that only a bench takes.
struct BenchFigures {
    EndMemory client_memory, server_memory;        ///< values at the end of the measured time
    std::optional<uint64_t> bytes_per_connection;  ///< idle: per end, memory of the engines and applications
    std::optional<uint64_t>
        resident_per_connection;  ///< idle: per end, growth of the process's resident memory
    std::optional<IdleTimes> idle;
    std::optional<LoadTally> beside;  ///< the background connections
    uint32_t sources = 0, server_ports = 0;
    std::optional<LeftOver> left;   ///< with --await-time-wait
    std::vector<LedgerOf> ledgers;  ///< with --ledger: client, server, client, server...
    std::optional<CoreRoundTrip> core_round_trip;
    std::optional<Floor> floor;
};

/// One class of a load.
struct ClassResult {
    std::string name;
    LoadTally measured{};  ///< counted in the measured time
    LoadTally tally{};     ///< values after the last connection
    LoadTally lead{};      ///< counted before
    LoadTimes times;
};

struct RunResult {
    Command command = Command::load;
    Config config;  ///< with defaults filled in
    DeviceReport report;
    double tsc_hz = 0;
    double duration_s = 0;  ///< the measured time: the opening, or its part `sustain`
    LoadTally measured{};   ///< counted in the measured time
    double lead_s = 0;      ///< the time before it: ramp-up or warm-up
    LoadTally lead{};       ///< counted in that time
    LoadTally tally{};      ///< values after the last connection
    const LoadTimes* times = nullptr;
    std::vector<ClassResult> classes;     ///< load with classes
    std::vector<SeriesPoint> series;      ///< load
    std::vector<RunPartCounts> parts;     ///< load of which only a part is measured
    std::vector<Corruption> corruptions;  ///< --verify: the first ones of each engine and class
    std::optional<Side> client, server;
    DeviceStats device{};
    std::vector<CoreShare> cores;
    uint64_t resident_bytes = 0;            ///< of the process
    std::optional<CloseBy> time_wait_at{};  ///< the end that keeps TIME-WAIT; none if connections are reset
    std::optional<BenchFigures> bench{};
    std::optional<ServerTally> served{};  ///< serve
    bool open_loop = false;
    bool interrupted = false;         ///< ended by a signal; the verdict covers the time until then
    std::optional<uint64_t> asked{};  ///< open loop: connections due in `duration_s`
    uint64_t count = 0;               ///< closed loop: requested connections (-n); 0: no limit
    std::vector<std::string> deviations;
    std::vector<std::string> invalid_because;  ///< empty: the run is valid
    std::string too_few_opened{};       ///< which of them says that connections were not opened; empty: none
    std::vector<std::string> warnings;  ///< conditions that do not make the run invalid
    std::vector<Judgement> criteria;    ///< the run passed if all of them did
};

}  // namespace synfin::app
