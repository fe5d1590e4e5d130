#include "synfin/runtime.hh"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "api/address_check.hh"
#include "api/host_keys.hh"
#include "base/random.hh"
#include "port/core_threads.hh"
#include "port/device.hh"
#include "port/limits.hh"
#include "port/run_directory.hh"
#include "stack/queue_engine.hh"
#include "time/tsc_clock.hh"

namespace synfin {

namespace stack {
// The only file that instantiates the engine for DPDK's packets.
template class QueueEngine<port::DevicePort>;
}  // namespace stack

namespace {

using DeviceEngine = stack::QueueEngine<port::DevicePort>;

/// The most records that handles of the connection table can number.
constexpr uint64_t kMostRecords = uint64_t{1} << 30;

/// The secret for all keys that the engines of a process share.
HashKey shared_secret(const stack::StackConfig& config) {
    if (config.seed == 0) return fill_secret();
    Random random(config.seed);
    return {random.next(), random.next()};
}

/// Keys on a network: processes share those that determine what peers remember of a connection. Seeded runs
/// derive all keys from the seed.
stack::Keys network_keys(const stack::StackConfig& config, HashKey process,
                         std::vector<std::string>& warnings) {
    if (config.seed != 0) return process;
    HostKeys host = host_keys(port::run_directories(), host_boot_id());
    if (!host.warning.empty()) warnings.push_back(std::move(host.warning));
    return {process, host.isn, host.timestamps};
}

/// Checks the requested CPUs, or chooses the first usable one.
bool choose_cores(std::vector<unsigned>& cores, Refusal& refusal) {
    const std::vector<unsigned> allowed = port::allowed_cpus();
    if (cores.empty()) cores.push_back(allowed.front());
    for (const unsigned core : cores)
        if (!std::binary_search(allowed.begin(), allowed.end(), core))
            return refusal.because(Error::invalid,
                                   "CPU " + std::to_string(core) +
                                       " is not usable by this process; taskset -p $$ shows the usable CPUs");
    return true;
}

/// Refuses addresses that no engine can have, and more records than one engine can number.
bool can_run(const StackConfig& config, Refusal& refusal) {
    if (!check_addresses(config, refusal)) return false;
    const uint64_t sum = uint64_t{config.max_connections} + config.max_half_open + config.max_time_wait;
    if (sum > kMostRecords)
        return refusal.because(Error::invalid,
                               "max_connections, max_half_open and max_time_wait are " + std::to_string(sum) +
                                   " together, and one engine has at most " + std::to_string(kMostRecords) +
                                   "; lower them, or give more cores");
    if (config.max_timers > kMostRecords || config.max_posts > kMostRecords)
        return refusal.because(Error::invalid, "max_timers is " + std::to_string(config.max_timers) +
                                                   " and max_posts " + std::to_string(config.max_posts) +
                                                   "; each is at most " + std::to_string(kMostRecords));
    return true;
}

bool are_distinct(std::vector<unsigned> cores) {
    std::sort(cores.begin(), cores.end());
    return std::adjacent_find(cores.begin(), cores.end()) == cores.end();
}

/// @param cores the requested CPUs; on return the chosen ones
std::optional<port::DeviceConfig> device_config(const RuntimeConfig& config, std::vector<unsigned>& cores,
                                                Refusal& refusal) {
    port::DeviceConfig device;
    device.mtu = config.stack.mtu;
    device.vlan = config.stack.vlan;
    device.outer_vlan = config.stack.outer_vlan;
    for (const Cidr& each : config.stack.addresses)
        if (each.addr.is_v6()) device.addresses6.push_back(each.addr.v6);
    device.no_huge = config.no_huge;
    // A device would compute a right checksum over the wrong byte.
    device.no_offload = config.no_offload || config.impair.corrupts();
    device.impair = config.impair;
    device.verbose = config.verbose;
    device.packets = config.packets;
    device.key = shared_secret(config.stack);
    const auto spec = port::parse_device(config.device, refusal);
    if (!spec || !can_run(config.stack, refusal) || !choose_cores(cores, refusal)) return std::nullopt;
    if (!are_distinct(cores)) {
        refusal.because(Error::invalid, "cores: a CPU is given twice; give each CPU once");
        return std::nullopt;
    }
    device.spec = *spec;
    device.engines = static_cast<unsigned>(cores.size());
    return device;
}

/// Makes engines; refuses if there is no memory for their records.
template <typename Make>
bool with_memory(Make&& make, Refusal& refusal) {
    try {
        make();
        return true;
    } catch (const std::bad_alloc&) {
        return refusal.because(Error::no_memory, "not enough memory for the records of all connections: " +
                                                     port::memory_remedy());
    }
}

}  // namespace

struct Runtime::Impl {
    std::unique_ptr<port::Device> device;
    std::vector<std::unique_ptr<DeviceEngine>> engines;
    std::vector<Stack> stacks;
    std::vector<unsigned> core_of;                 ///< by stack
    std::vector<unsigned> cores;                   ///< each CPU once
    std::vector<std::vector<unsigned>> stacks_on;  ///< by position in `cores`
    IdlePolicy idle = IdlePolicy::yield;
    Duration drain = 1s;
    bool is_wire = false;  ///< in-memory wire: both ends of each connection are in this process
    TscClock clock;
    std::atomic<bool> is_stopping{false};
    Runtime::Body body;
    std::mutex mutex;  ///< protects `thrown`
    std::exception_ptr thrown;
    std::unique_ptr<Inspector> inspector;
    std::vector<std::string> warnings;
    port::CoreThreads threads;  ///< the last member: its destructor joins the threads before the members that
                                ///< they use are destroyed

    void add_engine(const stack::StackConfig& config, const stack::Keys& keys, unsigned core) {
        const auto index = static_cast<unsigned>(engines.size());
        engines.push_back(std::make_unique<DeviceEngine>(config, device->port(index), keys, clock.now()));
        stacks.emplace_back(*engines.back());
        core_of.push_back(core);
        const auto known = std::find(cores.begin(), cores.end(), core);
        const auto position = static_cast<size_t>(known - cores.begin());
        if (known == cores.end()) {
            cores.push_back(core);
            stacks_on.emplace_back();
        }
        stacks_on[position].push_back(index);
    }
    /// Runs one core's thread.
    void run_core(size_t i) noexcept {
        try {
            body(stacks_on[i], cores[i]);
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (!thrown) thrown = std::current_exception();
        }
        end(stacks_on[i], drain);
    }
    /// Drains these stacks, which no other thread uses.
    void end(std::span<const unsigned> of, Duration time) noexcept {
        const auto is_open = [&](unsigned i) { return stacks[i].records().any_peer(); };
        if (std::none_of(of.begin(), of.end(), is_open)) return;
        std::vector<Drain> drains(of.size());
        NoApplication nobody;
        for (bool is_over = false; !is_over;) {
            const Instant now = clock.now();
            is_over = true;
            for (size_t i = 0; i < of.size(); ++i) {
                Stack& stack = stacks[of[i]];
                drains[i].begin(stack, now, time);
                stack.poll(nobody, now);
                is_over &= drains[i].turn(stack, now);
            }
        }
    }
    void choose_idle(IdlePolicy asked, bool own_cores) {
        idle = asked != IdlePolicy::automatic ? asked : own_cores ? IdlePolicy::spin : IdlePolicy::yield;
    }
};

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
    impl_->inspector = std::make_unique<Inspector>(stacks());
}
Runtime::~Runtime() {
    stop();
    impl_->threads.join();
    if (impl_->is_wire) return;
    std::vector<unsigned> all;
    for (unsigned i = 0; i < stacks(); ++i) all.push_back(i);
    impl_->end(all, Duration::zero());
}

Result<std::unique_ptr<Runtime>, Refusal> Runtime::open(const RuntimeConfig& config) {
    Refusal refusal;
    std::vector<unsigned> cores = config.cores;
    const auto device = device_config(config, cores, refusal);
    auto impl = std::make_unique<Impl>();
    if (device) impl->device = port::Device::open(*device, refusal);
    if (!impl->device) return refusal;
    const stack::Keys keys = network_keys(config.stack, device->key, impl->warnings);
    const auto add_engines = [&] {
        for (const unsigned core : cores) impl->add_engine(config.stack, keys, core);
    };
    if (!with_memory(add_engines, refusal)) return refusal;
    impl->choose_idle(config.idle, device->spec.kind == port::DeviceKind::pci);
    impl->drain = config.drain;
    return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

Result<DeviceReport, Refusal> Runtime::probe(const RuntimeConfig& config) {
    Refusal refusal;
    std::vector<unsigned> cores = config.cores;
    const auto wanted = device_config(config, cores, refusal);
    const auto device = wanted ? port::Device::open(*wanted, refusal) : nullptr;
    if (!device) return refusal;
    return device->report();
}

Result<std::unique_ptr<Runtime>, Refusal> Runtime::open_ring(const RuntimeConfig& client,
                                                             const RuntimeConfig& server) {
    Refusal refusal;
    std::vector<unsigned> cores = client.cores;
    if (!can_run(client.stack, refusal) || !can_run(server.stack, refusal) || !choose_cores(cores, refusal))
        return refusal;
    if (cores.size() == 1) cores.push_back(cores.front());
    if (cores.size() % 2 != 0) {
        refusal.because(Error::invalid,
                        std::to_string(cores.size()) +
                            " cores for in-memory wires: expected 1 (both ends on it), or an even "
                            "number (client, server, client, server...)");
        return refusal;
    }
    port::WireConfig wires;
    wires.wires = static_cast<unsigned>(cores.size() / 2);
    wires.mtu = client.stack.mtu;
    wires.no_huge = client.no_huge;
    wires.verbose = client.verbose;
    wires.packets = client.packets;
    wires.bytes = client.wire_bytes;
    wires.loss = {client.wire_loss_ppm, client.wire_loss_seed};
    wires.impair = client.impair;

    auto impl = std::make_unique<Impl>();
    impl->device = port::Device::open_wires(wires, refusal);
    if (!impl->device) return refusal;
    const HashKey client_key = shared_secret(client.stack), server_key = shared_secret(server.stack);
    const auto add_engines = [&] {
        for (size_t i = 0; i < cores.size(); ++i)
            impl->add_engine(i % 2 == 0 ? client.stack : server.stack, i % 2 == 0 ? client_key : server_key,
                             cores[i]);
    };
    if (!with_memory(add_engines, refusal)) return refusal;
    impl->choose_idle(client.idle, false);
    impl->drain = client.drain;
    impl->is_wire = true;
    return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

unsigned Runtime::stacks() const noexcept {
    return static_cast<unsigned>(impl_->stacks.size());
}
Stack& Runtime::stack(unsigned index) noexcept {
    return impl_->stacks[index];
}
unsigned Runtime::core_of(unsigned stack) const noexcept {
    return impl_->core_of[stack];
}
std::span<const unsigned> Runtime::cores() const noexcept {
    return impl_->cores;
}

Result<void, Refusal> Runtime::start(Body body) {
    Refusal refusal;
    if (impl_->threads.is_running()) {
        refusal.because(Error::in_use, "the cores run already; call join() first");
        return refusal;
    }
    impl_->body = std::move(body);
    if (!impl_->threads.start(
            impl_->cores, [this](size_t i) { impl_->run_core(i); }, refusal))
        return refusal;
    return {};
}

void Runtime::join() {
    impl_->threads.join();
    if (auto thrown = std::exchange(impl_->thrown, nullptr)) std::rethrow_exception(thrown);
}

Result<void> Runtime::run(const Body& body) {
    if (const auto started = start(body); !started) return started.error().error;
    join();
    return {};
}

void Runtime::stop() noexcept {
    impl_->is_stopping.store(true, std::memory_order_relaxed);
}
const std::atomic<bool>& Runtime::stopping() const noexcept {
    return impl_->is_stopping;
}
Result<void> Runtime::post(unsigned stack, uint64_t tag, uint64_t value) noexcept {
    return impl_->stacks[stack].post(tag, value);
}

Duration Runtime::drain() const noexcept {
    return impl_->drain;
}

const DeviceReport& Runtime::report() const noexcept {
    return impl_->device->report();
}
std::span<const std::string> Runtime::warnings() const noexcept {
    return impl_->warnings;
}
DeviceStats Runtime::device_stats() const {
    return impl_->device->stats();
}
Instant Runtime::now() const noexcept {
    return impl_->clock.now();
}
Inspector& Runtime::inspector() noexcept {
    return *impl_->inspector;
}
IdlePolicy Runtime::idle_policy() const noexcept {
    return impl_->idle;
}

}  // namespace synfin
