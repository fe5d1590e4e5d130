#pragma once
/// @file
/// Scenario: a standard's procedure by name (`rfc9411/http-cps`): the load of each of its steps, what it
/// reports, and where a run here departs from the standard.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hh"

namespace synfin::app {

struct Scenario {
    /// What the target value counts.
    enum class Unit : uint8_t { connections_per_s, connections, bits_per_s };
    enum class Traffic : uint8_t {
        request_each,  ///< one GET on each connection
        ten_requests,  ///< ten GETs on each connection
        spread_over,   ///< connections stay open; each has a GET after each tenth of the time
        teardown,      ///< connections without data
        beside_held    ///< the same, beside held connections with a heartbeat
    };

    std::string_view name, section, title;
    Unit unit = Unit::connections_per_s;
    Traffic traffic = Traffic::request_each;
    std::string_view criteria;         ///< letters, see procedure_criteria.hh
    std::vector<uint64_t> objects;     ///< bytes of a body, one row each; empty: one row without a body
    uint64_t percent_of_target = 100;  ///< latency tests run at half of it
    bool is_searched = true;           ///< whether a missed target begins a search (step 3)
};

/// All scenarios, in the order of their names.
const std::vector<Scenario>& scenarios();
/// Null: there is none of this name.
const Scenario* find_scenario(std::string_view name);
/// "connections/s", "connections", "bit/s".
std::string_view text_of(Scenario::Unit unit) noexcept;

/// The objects of a run: those of the configuration, or the standard's; {0}: one row without a body.
std::vector<uint64_t> objects_of(const Scenario& scenario, const ScenarioConfig& config);
/// The length of each phase: what the configuration gives, else 5 s, 30 s, 300 s and 30 s, or 1, 2, 5 and 2 s
/// with `short`.
PhasesConfig phases_of(const Config& config);

/// Throws UserError(usage): an unknown name, no target value, no addresses.
void validate_scenario(const Config& config);
/// For serve: listens on the servers' addresses and has a route for each object. Without a scenario, returns
/// the configuration as it is.
Config scenario_serve(Config config);
/// For load: its addresses, and targets. The amounts are absent; see scenario_load().
Config scenario_base(Config config);
/// The load that offers `value` for one object.
Config scenario_load(const Config& base, const Scenario& scenario, uint64_t object, uint64_t value);

/// Where the run departs from the standard, one sentence each.
std::vector<std::string> departures(const Scenario& scenario, const Config& config);

}  // namespace synfin::app
