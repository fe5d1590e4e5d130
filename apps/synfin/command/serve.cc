/// @file
/// synfin serve: a server on a device.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "config/device_config.hh"
#include "host/address_lock.hh"
#include "host/interrupt.hh"
#include "results/monitor.hh"
#include "results/publish.hh"
#include "results/serve_result.hh"
#include "scenarios/scenario.hh"
#include "servers/accept_limit.hh"
#include "servers/serve_site.hh"
#include "servers/serve_work.hh"
#include "subcommand.hh"

namespace synfin::app {

namespace {

void say_listening(const Config& config) {
    std::string lines;
    const auto host = [](const IpAddress& addr) {
        return addr.is_v6() ? "[" + addr.text() + "]" : addr.text();
    };
    for (const auto& [ports, app] : config.serve.listeners())
        for (const AddressRange& range : config.addresses)
            lines += fmt::format("listening on {}{}:{}\n", host(range.first.addr),
                                 range.size() == 1 ? "" : "-" + host(range.last),
                                 ports.size() == 1 ? fmt::format("{}", ports.first)
                                                   : fmt::format("{}-{}", ports.first, ports.last));
    std::fputs(lines.c_str(), stdout);
    std::fflush(stdout);
}

Exit run(const Config& given) {
    const Config config = scenario_serve(given);
    validate_network(config);
    validate_serve(config);
    check_json_path(config.json);
    check_report_path(config.report);
    catch_interrupts();
    const auto site = site_of(config.serve);
    const AddressLock lock(config.device, config.addresses);
    stack::StackConfig stack = stack_config(config);
    stack.max_connections = static_cast<uint32_t>(config.serve.max_connections);
    stack.max_half_open = static_cast<uint32_t>(config.serve.backlog);
    stack.max_time_wait = static_cast<uint32_t>(config.serve.max_time_wait);
    const auto runtime = open_device(config, stack, Command::serve);
    const TscGauge gauge(*runtime);

    const auto listeners = config.serve.listeners();
    std::vector<PortRange> ports;
    for (const ServeConfig::Listen& each : listeners) ports.push_back(each.ports);
    ServeWork work(runtime->stacks(), {.after = config.serve.duration, .drain = config.serve.drain},
                   interrupted());
    for (unsigned i = 0; i < runtime->stacks(); ++i) {
        const uint64_t rate = AcceptLimit::share(config.serve.accept_rate, i, runtime->stacks());
        const auto done = work.add(runtime->stack(i), ports, listeners, config.serve.time_outs, site,
                                   stack.max_connections, rate);
        if (!done)
            throw run_error(fmt::format("listen: {}", describe(done.error())),
                            "choose other ports with --listen");
    }
    const Instant start = runtime->now();
    {
        const Monitor monitor({.command = "serve",
                               .device_name = config.device,
                               .control = config.control,
                               .show_progress = true,
                               .on_begin = [&config] { say_listening(config); },
                               .device = [&runtime] { return runtime->device_stats(); }},
                              runtime->inspector(), work.board());
        work.start(start);
        refuse_unless_run(Runner(*runtime, work).run());
    }
    const std::chrono::duration<double> seconds = runtime->now() - start;
    const RunResult result = serve_result(config, *runtime, work.engines(),
                                          {.tsc_hz = gauge.hz(),
                                           .seconds = seconds.count(),
                                           .interrupted = interrupted().load(std::memory_order_relaxed)});
    publish(result, config.json);
    refuse_if_gone(config, result.device);
    refuse_duplicate(*runtime);
    return Exit::done;
}

}  // namespace

const Subcommand kServeCommand{
    Command::serve,
    "serve",
    "serve echo, discard, chargen or http on a device",
    "  synfin serve --device af_packet:veth0 --address 10.0.0.2/24 --app http --response-size 1KiB\n"
    "  synfin serve --device pci:0000:3b:00.0 --address 10.0.0.2/24 --app echo --listen 7000-7099 --cores "
    "0-3\n"
    "  synfin serve --device tap:syn0 --address 10.0.0.2/24 --listen 80=http --listen 7=echo --root ./site\n"
    "  synfin serve --device tap:syn0 --address 10.0.0.2/24 --address 2001:db8::2/64\n"
    "  synfin serve --device tap:syn0 --address 10.0.0.2/24 --route /slow=200,1KiB,250ms --route /gone=410\n"
    "  synfin serve --device tap:syn0 --address 10.0.0.2/24 --close-by server    # curl 10.0.0.2/size/64KiB\n"
    "  synfin serve -f config/serve-http.yaml --set tcp.msl=1s\n",
    "",
    run};

}  // namespace synfin::app
