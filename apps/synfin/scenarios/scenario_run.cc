#include "scenario_run.hh"

#include <nlohmann/json.hpp>

#include "host/interrupt.hh"
#include "procedure.hh"
#include "report/page.hh"
#include "results/publish.hh"
#include "results/result_json.hh"
#include "results/result_text.hh"
#include "scenario.hh"
#include "traffic/load_plan.hh"
#include "trials/scaled_load.hh"
#include "trials/test_bed.hh"

namespace synfin::app {

using nlohmann::ordered_json;

Exit run_scenario(const Config& given) {
    validate_scenario(given);
    const Scenario& scenario = *find_scenario(given.scenario.name);
    const Config config = resolved(scenario_base(given));
    validate_network(config);
    const Config largest = scenario_load(config, scenario, objects_of(scenario, config.scenario).front(),
                                         config.scenario.target);
    validate_load(largest);
    check_json_path(config.json);
    check_report_path(config.report);
    catch_interrupts();
    TestBed bed(largest_load(largest));
    ordered_json result;
    const auto run = [&](const Config& load) {
        if (!result.is_null()) bed.rest(load.load.pause);
        result = to_json(bed.run(load).result);
        return result;
    };
    ordered_json procedure = run_procedure(config, run, [&] { return bed.can_go_on(); });
    const bool has_passed = procedure["passed"].get<bool>();
    if (!result.is_null()) {
        const std::string text = procedure_text(procedure) + "\nthe last trial:\n" + to_text(result);
        result["passed"] = has_passed;
        result["procedure"] = std::move(procedure);
        publish(result, text, config.json);
        write_report(result, config.report);
    }
    bed.refuse_troubles();
    return has_passed ? Exit::done : Exit::invalid;
}

}  // namespace synfin::app
