#pragma once
/// @file
/// The result of a run: gathered here, written as `synfin.result/1` and printed for people from the same
/// object, so that both show the same numbers.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hh"
#include "criteria.hh"
#include "engine_watch.hh"
#include "floor.hh"
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

struct RunResult {
    Command command = Command::load;
    nlohmann::ordered_json config, host;
    double duration_s = 0;  ///< from the first open to the end of opening
    LoadTally measured{};   ///< at that moment
    LoadTally tally{};      ///< after the last connection
    const LoadTimes* times = nullptr;
    std::optional<Side> client, server;
    DeviceStats device{};
    std::vector<CoreShare> cores;
    nlohmann::ordered_json memory = nlohmann::ordered_json::object();
    std::optional<Floor> floor;
    bool open_loop = false;
    bool interrupted = false;         ///< ended by a signal: judged on the time that it had
    std::optional<uint64_t> asked{};  ///< open loop: connections due in that time
    uint64_t count = 0;               ///< closed loop: connections asked for (-n); 0: no limit
    std::vector<std::string> deviations;
    std::vector<std::string> invalid_because;  ///< empty: the generator did what it was asked to
    std::vector<std::string> warnings;         ///< what a reader should know and does not make it invalid
    std::vector<Judgement> criteria;           ///< the run passed when all of them did
    nlohmann::ordered_json extra = nlohmann::ordered_json::object();  ///< further keys of a subcommand's own
};

/// What was dropped, by reason: by the engines, the device and its port. Zeros are left out.
nlohmann::ordered_json drops(const Counters& counters, const DeviceStats& device);

/// Whether all criteria did.
bool has_passed(const RunResult& result) noexcept;

/// All keys of the contract, in its order.
nlohmann::ordered_json to_json(const RunResult& result);

/// The same for people.
std::string to_text(const nlohmann::ordered_json& result);

/// Throws UserError(failed) when the file of --json can't be written: before the run, not after it.
void check_json_path(const std::string& json_path);

/// Writes the JSON where --json says, and the text to standard output, or to standard error when the JSON
/// goes there. Throws UserError(failed) when the file or standard output can't be written: the other is.
void publish(const nlohmann::ordered_json& result, const std::string& json_path);
/// The same with the text for people given.
void publish(const nlohmann::ordered_json& result, const std::string& text, const std::string& json_path);

}  // namespace synfin::app
