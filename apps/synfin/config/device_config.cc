#include "config/device_config.hh"

#include <fmt/format.h>

#include <cstdio>

#include "host/interrupt.hh"
#include "host/kernel_addresses.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

/// Returns the runtime, or throws the refusal as a UserError.
std::unique_ptr<Runtime> opened(Result<std::unique_ptr<Runtime>, Refusal> runtime) {
    if (runtime) return *std::move(runtime);
    const Error error = runtime.error().error;
    const bool usage = error == Error::invalid || error == Error::not_supported;
    throw UserError(usage ? Exit::usage : Exit::failed, runtime.error().why);
}

void warn(const std::string& line) {
    std::fputs(fmt::format("synfin: warning: {}\n", line).c_str(), stderr);
}

}  // namespace

std::unique_ptr<Runtime> open_device(const Config& config, const stack::StackConfig& stack, Command command) {
    validate_limits(stack, command);
    RuntimeConfig runtime;
    runtime.device = config.device;
    runtime.stack = stack;
    runtime.cores = config.cores;
    runtime.no_huge = config.no_huge;
    runtime.no_offload = config.no_offload;
    runtime.impair = config.impair;
    runtime.verbose = config.verbose ? 1 : 0;
    auto open = opened([&] {
        const Opening limit;
        return Runtime::open(runtime);
    }());
    const DeviceReport& report = open->report();
    if (config.verbose)
        for (const std::string& line : report.lines()) std::fputs((line + "\n").c_str(), stderr);
    else
        for (const std::string& line : report.warnings) warn(line);
    for (const std::string& line : shared_addresses(config.device, config.addresses, kernel_addresses()))
        warn(line);
    for (const std::string& line : open->warnings()) warn(line);
    return open;
}

std::unique_ptr<Runtime> open_wires(const Config& config, const stack::StackConfig& client,
                                    const stack::StackConfig& server, uint32_t wire_bytes) {
    validate_limits(client, Command::bench);
    validate_limits(server, Command::bench);
    RuntimeConfig near, far;
    near.device = far.device = "ring";
    near.stack = client;
    far.stack = server;
    near.cores = config.cores;
    near.no_huge = config.no_huge;
    near.verbose = config.verbose ? 1 : 0;
    near.wire_bytes = wire_bytes;
    near.wire_loss_ppm = static_cast<uint32_t>(config.bench.loss_ppm);
    near.wire_loss_seed = config.bench.loss_seed;
    near.impair = config.impair;
    const Opening limit;
    return opened(Runtime::open_ring(near, far));
}

void refuse_if_gone(const Config& config, const DeviceStats& device) {
    if (device.is_gone)
        throw run_error(
            fmt::format("{}: the interface was deleted, or moved to another namespace, while it was in use",
                        config.device),
            "the result covers the time until then; synfin devices lists the interfaces");
}

std::string duplicate_of(Runtime& runtime) {
    for (unsigned i = 0; i < runtime.stacks(); ++i)
        if (const auto& duplicate = runtime.stack(i).duplicate_address()) return duplicate->text();
    return {};
}

void refuse_duplicate(Runtime& runtime) {
    if (const std::string why = duplicate_of(runtime); !why.empty())
        throw run_error(why, "give --address another address, or take this one from the other host");
}

void refuse_unless_run(const Result<void>& ran) {
    if (!ran)
        throw usage_error(fmt::format("the cores can't be used: {}", describe(ran.error())),
                          "give --cores that this process may run on (taskset -p $$ shows them)");
}

}  // namespace synfin::app
