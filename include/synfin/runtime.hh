#pragma once
/// @file
/// Runtime: opens a device and runs one engine on each core.
///
/// @code
///   synfin::RuntimeConfig config;
///   config.device = "af_packet:veth0";
///   config.stack.addresses = {*synfin::Cidr::parse("10.0.0.2/24")};
///   auto opened = synfin::Runtime::open(config);
///   if (!opened) { std::cerr << opened.error().why << '\n'; return 1; }
///   synfin::Runtime& runtime = **opened;
///   std::vector<Echo> echo(runtime.stacks());
///   for (unsigned i = 0; i < runtime.stacks(); ++i) (void)runtime.stack(i).listen(7);
///   synfin::serve(runtime, echo);   // until another thread calls runtime.stop()
/// @endcode

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "synfin/device_report.hh"
#include "synfin/idle.hh"  // IWYU pragma: export
#include "synfin/impairment.hh"
#include "synfin/inspector.hh"  // IWYU pragma: export
#include "synfin/refusal.hh"
#include "synfin/result.hh"
#include "synfin/runner.hh"  // IWYU pragma: export
#include "synfin/stack.hh"
#include "synfin/units.hh"

namespace synfin {

struct RuntimeConfig {
    std::string device;  ///< DEV, as for --device: "pci:0000:3b:00.0", "af_packet:veth0", "ring"...
    StackConfig stack;   ///< the same for every engine
    std::vector<unsigned>
        cores;                ///< CPU numbers, one engine each; empty: the first CPU that the process may use
    bool no_huge = false;     ///< use ordinary pages even where huge pages are free
    bool no_offload = false;  ///< the stack computes checksums and segments, whatever the device offers
    int verbose = 0;          ///< DPDK's own lines: 0 hidden, 1 shown, 2 with debugging
    uint32_t packets = 0;     ///< packet buffers of each engine; 0: chosen for the device (see the report)
    uint32_t wire_bytes = 256 * 1024;  ///< "ring": bytes in flight in each direction; a power of two
    uint32_t wire_loss_ppm = 0;        ///< "ring": frames lost on purpose per million, in each direction
    uint64_t wire_loss_seed = 1;
    /// Faults on purpose; "ring": of the client's ends. With corrupt_ppm, the stack computes all checksums.
    Impairments impair{};
    IdlePolicy idle = IdlePolicy::automatic;
    /// How long connections that are open when a run ends get to close; 0: they are reset at once.
    Duration drain = 1s;
};

class Runtime {
  public:
    /// Opens the device and makes an engine for each core. The refusal's sentence names the problem and the
    /// remedy. Errors: invalid (device, addresses, cores, or more than 2^30 records of connections for one
    /// engine), not_supported, no_memory, no_device, no_permission, device_failed.
    /// @note cost: 10 ms to seconds, in which links come up.
    static Result<std::unique_ptr<Runtime>, Refusal> open(const RuntimeConfig& config);

    /// In-memory wires, each with a client's stack on one end (index 2k) and a server's on the other (2k +
    /// 1). client.cores: one core: one pair, both on it; 2N cores: N pairs, the client of pair k on cores[2k]
    /// and its server on cores[2k + 1]. All other settings come from `client`, except server.stack. Errors:
    /// as open.
    static Result<std::unique_ptr<Runtime>, Refusal> open_ring(const RuntimeConfig& client,
                                                               const RuntimeConfig& server);

    /// Opens a device for one engine per core, reports its settings and capabilities, and closes it again.
    /// Errors: as open.
    static Result<DeviceReport, Refusal> probe(const RuntimeConfig& config);
    /// Calls stop() and join() if bodies run. Then resets connections that are still open on a device, for
    /// example when stacks were polled without run(). On an in-memory wire no peer is left to reset.
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    unsigned stacks() const noexcept;
    Stack& stack(unsigned index) noexcept;
    /// The CPU that the stack runs on.
    unsigned core_of(unsigned stack) const noexcept;
    /// The CPUs in use, each once, in the order of RuntimeConfig::cores.
    std::span<const unsigned> cores() const noexcept;

    /// The function that each core runs: `stacks` are the indices of the core's engines, `core` is its CPU
    /// number.
    using Body = std::function<void(std::span<const unsigned> stacks, unsigned core)>;

    /// Calls body(stacks, core) on one pinned thread for each core, and returns once all threads are pinned.
    /// Until join() has returned, use each stack on its core's thread only. When a body returns or throws,
    /// its thread drains the connections that are still open (see Drain), without an application. Errors:
    /// invalid (a CPU that the process may not use: no body runs), in_use (bodies run already).
    Result<void, Refusal> start(Body body);
    /// Returns when all bodies have returned; at once when none runs. Rethrows the first exception of a body.
    void join();
    /// start() and join(). Errors: as start.
    Result<void> run(const Body& body);
    /// Asks serve(), and every loop that reads stopping(), to end. Any thread or signal handler may call it.
    /// A stopped runtime cannot serve again.
    void stop() noexcept;
    /// True from stop() on. It lives as long as the runtime.
    const std::atomic<bool>& stopping() const noexcept;

    /// Stack::post() to the engine with index `stack`, below stacks(). Any thread. Errors: no_memory (full;
    /// counted).
    Result<void> post(unsigned stack, uint64_t tag, uint64_t value = 0) noexcept;

    const DeviceReport& report() const noexcept;
    /// Problems that do not stop the runtime from working, a sentence each with its remedy; mostly none.
    std::span<const std::string> warnings() const noexcept;
    /// Any thread, at any time.
    DeviceStats device_stats() const;
    /// The clock of all engines. @note cost: rdtsc and a multiplication.
    Instant now() const noexcept;
    /// Lets any thread look into the engines that a Runner or serve() drives.
    Inspector& inspector() noexcept;
    /// The policy in use: never automatic, which open() resolves.
    IdlePolicy idle_policy() const noexcept;
    /// RuntimeConfig::drain.
    Duration drain() const noexcept;

  private:
    struct Impl;
    explicit Runtime(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Serves until `stop` is true: every core polls its stacks, stack i with apps[i]. Then it closes or resets
/// their connections within RuntimeConfig::drain and calls on_close for each. Runtime::inspector() works
/// meanwhile. Errors: as Runtime::run.
template <Application App>
Result<void> serve(Runtime& runtime, std::vector<App>& apps, const std::atomic<bool>& stop) {
    ServerWork<App> work(apps, stop, runtime.drain());
    return Runner(runtime, work).run();
}
/// The same until Runtime::stop().
template <Application App>
Result<void> serve(Runtime& runtime, std::vector<App>& apps) {
    return serve(runtime, apps, runtime.stopping());
}

}  // namespace synfin
