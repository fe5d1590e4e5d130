/// @file
/// synfin load: the load generator.

#include "host/interrupt.hh"
#include "results/publish.hh"
#include "results/verdict.hh"
#include "scenarios/scenario_run.hh"
#include "subcommand.hh"
#include "traffic/load_plan.hh"
#include "trials/scaled_load.hh"
#include "trials/test_bed.hh"
#include "trials/trial_runs.hh"
#include "trials/trials_json.hh"

namespace synfin::app {

namespace {

Exit run(const Config& given) {
    if (!given.scenario.name.empty()) return run_scenario(given);
    validate_network(given);
    validate_load(given);
    validate_trials(given);
    const Config config = resolved(given);
    validate_load(config);
    check_json_path(config.json);
    check_report_path(config.report);
    catch_interrupts();
    TestBed bed(largest_load(config));
    const TrialRuns runs = run_trials(bed, config);
    publish_trials(runs, config.json);
    bed.refuse_troubles();
    return exit_of(runs.result.result);
}

}  // namespace

const Subcommand kLoadCommand{
    Command::load,
    "load",
    "generate connections against servers: closed loop (-c) or open loop (-R)",
    "  synfin load http://10.0.0.2:80/ --device af_packet:veth0 --address 10.0.0.1/24 -c 64 -d 10s\n"
    "  synfin load http://10.0.0.2:80/ --device pci:0000:3b:00.0 --address 10.0.0.1/24 -c 64k -R 1M -d 30s\n"
    "  synfin load 'http://[2001:db8::2]:80/' --device af_packet:veth0 --address 2001:db8::1/64\n"
    "  synfin load tcp://10.0.0.2:7 -f config/load-nic.yaml --request-size 1KiB -n 100k --json result.json\n"
    "  synfin load http://10.0.0.2/ -f config/load-nic.yaml -d 10s --repeat 5\n"
    "  synfin load http://10.0.0.2/ -f config/load-nic.yaml -d 30s --search rate --until 'failed<0.1%, "
    "connect.p99<5ms'\n"
    "  synfin load -f config/scenario-http-cps.yaml --device af_packet:sfA0\n",
    "TARGET",
    run};

}  // namespace synfin::app
