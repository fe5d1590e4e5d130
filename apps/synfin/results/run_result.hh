#pragma once
/// @file
/// RunResult: what a run of bench, load or serve measured, as plain data. result_json.hh makes the file of
/// it, result_text.hh the screen.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hh"
#include "criteria.hh"
#include "floor.hh"
#include "ledger_report.hh"
#include "servers/server.hh"
#include "synfin/core_time.hh"
#include "synfin/runtime.hh"
#include "traffic/load_tally.hh"

namespace synfin::app {

/// One side of a run: the sums over its engines.
struct Side {
    Counters measured{};  ///< at the end of the measured time
    Counters final{};     ///< after the last connection
    BusyCycles cycles{};  ///< of the measured time
};

struct CoreShare {
    unsigned core = 0;
    std::string role;  ///< "client", "server", "both"
    double busy = 0;   ///< 0..1
    double lost = 0;   ///< 0..1 of the measured time: its loop was away while work was due
    Duration longest_gap{};
    std::optional<uint64_t>
        established{};  ///< connections of its engine, where an engine has a core to itself
};

/// Nanoseconds for a cache line to go to the other core and back, before and after the run.
struct CoreRoundTrip {
    double before_ns = 0, after_ns = 0;
};

/// Bytes that one end of a bench keeps for connections: the engines' and the application's.
struct EndMemory {
    MemoryUse engine;
    size_t application = 0;
    size_t total() const noexcept { return engine.total() + application; }
};

/// Records that a bench found after TIME-WAIT, where none should be.
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

/// What only a bench measures.
struct BenchFigures {
    EndMemory client_memory, server_memory;           ///< at the end of the measured time
    std::optional<uint64_t> bytes_per_connection;     ///< idle: of each end, what the engines keep
    std::optional<uint64_t> resident_per_connection;  ///< idle: of each end, what the process grew by
    struct Idle {
        double filled_s = 0, emptied_s = 0;
    };
    std::optional<Idle> idle;         ///< how long opening and closing all connections took
    std::optional<LoadTally> beside;  ///< the idle connections beside the profile's
    uint32_t sources = 0, server_ports = 0;
    struct Left {
        LeftRecords client, server;
    };
    std::optional<Left> left;       ///< with --await-time-wait
    std::vector<LedgerOf> ledgers;  ///< with --ledger: client, server, client, server...
    std::optional<CoreRoundTrip> core_round_trip;
    std::optional<Floor> floor;
};

struct RunResult {
    Command command = Command::load;
    Config config;  ///< in force: with what was left to us filled in
    DeviceReport report;
    double tsc_hz = 0;
    double duration_s = 0;  ///< from the first open to the end of opening
    LoadTally measured{};   ///< at that moment
    LoadTally tally{};      ///< after the last connection
    const LoadTimes* times = nullptr;
    std::optional<Side> client, server;
    DeviceStats device{};
    std::vector<CoreShare> cores;
    uint64_t resident_bytes = 0;  ///< of the process
    std::optional<CloseBy>
        time_wait_at{};  ///< the end that keeps TIME-WAIT; none where connections are reset
    std::optional<BenchFigures> bench{};
    std::optional<ServerTally> served{};  ///< serve
    bool open_loop = false;
    bool interrupted = false;         ///< ended by a signal: judged on the time that it had
    std::optional<uint64_t> asked{};  ///< open loop: connections due in that time
    uint64_t count = 0;               ///< closed loop: connections asked for (-n); 0: no limit
    std::vector<std::string> deviations;
    std::vector<std::string> invalid_because;  ///< empty: the generator did what it was asked to
    std::vector<std::string> warnings;         ///< what a reader should know and does not make it invalid
    std::vector<Judgement> criteria;           ///< the run passed when all of them did
};

}  // namespace synfin::app
