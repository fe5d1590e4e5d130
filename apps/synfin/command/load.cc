/// @file
/// synfin load: the load generator.

#include <algorithm>

#include "config/device_config.hh"
#include "host/address_lock.hh"
#include "host/interrupt.hh"
#include "results/load_result.hh"
#include "results/monitor.hh"
#include "results/publish.hh"
#include "results/verdict.hh"
#include "subcommand.hh"
#include "traffic/load_plan.hh"
#include "traffic/load_work.hh"

namespace synfin::app {

namespace {

/// Runs all engines until their last connection has ended.
void run_load(const Config& config, Runtime& runtime, LoadWork& work) {
    const Monitor monitor({.command = "load",
                           .device_name = config.device,
                           .control = config.control,
                           .show_progress = true,
                           .on_begin = {},
                           .device = [&runtime] { return runtime.device_stats(); }},
                          runtime.inspector(), work.board());
    work.start(runtime.now());
    refuse_unless_run(Runner(runtime, work, {.gap = config.validity.gap}).run());
}

Exit run(const Config& given) {
    validate_network(given);
    validate_load(given);
    const Config config = resolved(given);
    validate_load(config);
    check_json_path(config.json);
    catch_interrupts();
    const unsigned engines = std::max<unsigned>(1, static_cast<unsigned>(config.cores.size()));
    const AddressLock lock(config.device, config.addresses);
    const auto runtime = open_device(config, load_stack(config, engines), Command::load);
    const TscGauge gauge(*runtime);
    LoadWork work(runtime->stacks());
    for (unsigned i = 0; i < runtime->stacks(); ++i)
        work.add(load_plans(config, i, runtime->stacks()), config.load.opening_time(), interrupted());
    run_load(config, *runtime, work);
    LoadTimes times;
    const RunResult result = load_result(config, *runtime, work.runs(), gauge.hz(),
                                         interrupted().load(std::memory_order_relaxed), times);
    publish(result, config.json);
    refuse_if_gone(config, result.device);
    refuse_duplicate(*runtime);
    if (const std::string who = nobody_answered(config, work.runs()); !who.empty())
        throw run_error(who, std::string(kCheckNextHop));
    return exit_of(result);
}

}  // namespace

const Subcommand kLoadCommand{
    Command::load,
    "load",
    "generate connections against servers: closed loop (-c) or open loop (-R)",
    "  synfin load http://10.0.0.2:80/ --device af_packet:veth0 --address 10.0.0.1/24 -c 64 -d 10s\n"
    "  synfin load http://10.0.0.2:80/ --device pci:0000:3b:00.0 --address 10.0.0.1/24 -c 64k -R 1M -d 30s\n"
    "  synfin load 'http://[2001:db8::2]:80/' --device af_packet:veth0 --address 2001:db8::1/64\n"
    "  synfin load tcp://10.0.0.2:7 -f config/load-nic.yaml --request-size 1KiB -n 100k --json result.json\n",
    "TARGET",
    run};

}  // namespace synfin::app
