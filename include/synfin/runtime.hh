#pragma once
/// @file
/// Runtime: opens a device and runs one engine for each core on it.
///
/// @code
///   synfin::RuntimeConfig config;
///   config.device = "af_packet:veth0";
///   config.stack.addresses = {*synfin::Cidr::parse("10.0.0.2/24")};
///   std::string why;
///   synfin::Error error{};
///   auto runtime = synfin::Runtime::open(config, why, error);
///   if (!runtime) { std::cerr << why << '\n'; return 1; }
///   std::vector<Echo> echo(runtime->stacks());
///   for (unsigned i = 0; i < runtime->stacks(); ++i) (void)runtime->stack(i).listen(7);
///   synfin::serve(*runtime, echo, stop);
/// @endcode

#include <x86intrin.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "synfin/device_report.hh"
#include "synfin/drain.hh"
#include "synfin/result.hh"
#include "synfin/stack.hh"
#include "synfin/units.hh"

namespace synfin {

using port::DeviceReport;
using port::DeviceStats;

/// What a core does when it finds nothing to do, poll after poll.
enum class IdlePolicy : uint8_t {
    automatic,  ///< spin on a NIC whose core is its own; else yield
    spin,       ///< poll on, with a pause instruction
    yield,      ///< after a while give the core to who else wants it, between polls
    sleep,      ///< after longer, sleep 50 us at a time (timers have 1 ms): adds that and a wake-up to the
                ///< latency
};

struct RuntimeConfig {
    std::string device;           ///< DEV, as for --device: "pci:0000:3b:00.0", "af_packet:veth0", "ring"...
    stack::StackConfig stack;     ///< the same for every engine
    std::vector<unsigned> cores;  ///< CPU numbers, one engine each; empty: the first that we may run on
    bool no_huge = false;         ///< ordinary pages even where huge ones are free
    bool no_offload = false;      ///< checksums by the stack, whatever the device offers
    int verbose = 0;              ///< DPDK's own lines: 0 hidden, 1 shown, 2 with debugging
    uint32_t packets = 0;         ///< packet buffers of each engine; 0: a sensible number (see the report)
    uint32_t wire_bytes = 256 * 1024;  ///< "ring": bytes in flight in each direction; a power of two
    uint32_t wire_loss_ppm = 0;        ///< "ring": frames lost on purpose, of a million, in each direction
    uint64_t wire_loss_seed = 1;
    IdlePolicy idle = IdlePolicy::automatic;
    /// How long connections get to close when a run ends with some of them open; 0: they are reset at once.
    Duration drain = 1s;
};

class Runtime {
  public:
    /// @return null when it cannot be had: `why` is then a sentence with the mend, `error` its kind.
    static std::unique_ptr<Runtime> open(const RuntimeConfig& config, std::string& why, Error& error);

    /// In-memory wires, each with a client's stack on one end (index 2k) and a server's on the other (2k +
    /// 1). client.cores: one core: one pair, both on it; 2N cores: N pairs, the client of pair k on cores[2k]
    /// and its server on cores[2k + 1]. The rest is taken from `client` except server.stack.
    static std::unique_ptr<Runtime> open_ring(const RuntimeConfig& client, const RuntimeConfig& server,
                                              std::string& why, Error& error);

    /// Opens a device for as many engines as there are cores, and closes it again: what it is and offers.
    /// Errors: as open.
    static std::optional<DeviceReport> probe(const RuntimeConfig& config, std::string& why, Error& error);
    /// Resets what is still open on a device, as after stacks were polled without run(). A wire's two ends
    /// are both gone.
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    unsigned stacks() const noexcept;
    Stack& stack(unsigned index) noexcept;
    /// The CPU that the stack runs on.
    unsigned core_of(unsigned stack) const noexcept;
    /// The CPUs, each once, in the order of `cores`.
    std::span<const unsigned> cores() const noexcept;

    /// Calls body(its stacks, its CPU) on one pinned thread for each core, and returns when all have
    /// returned. Stacks are touched on these threads only, meanwhile. What a body leaves open when it returns
    /// or throws is drained (see Drain) on its thread, without an application; what the first body threw is
    /// thrown again when all have ended. Errors: invalid (a CPU that we may not use).
    Result<void> run(const std::function<void(std::span<const unsigned> stacks, unsigned core)>& body);

    const DeviceReport& report() const noexcept;
    /// What the user should know of a runtime that works, a sentence each with its remedy; mostly none.
    std::span<const std::string> warnings() const noexcept;
    /// Any thread, at any time.
    DeviceStats device_stats() const;
    /// The clock of all engines. @note cost: rdtsc and a multiplication.
    Instant now() const noexcept;
    /// What automatic came to.
    IdlePolicy idle_policy() const noexcept;
    /// The configuration's.
    Duration drain() const noexcept;

  private:
    struct Impl;
    explicit Runtime(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Paces one core's loop when there is nothing to do.
class Idle {
  public:
    explicit Idle(IdlePolicy policy) noexcept : policy_(policy) {}

    /// Call after each turn of the loop: goes on at once, pauses, yields or sleeps.
    void turn(bool busy) noexcept {
        if (busy) {
            empty_ = 0;
        } else if (++empty_ < kSpins || policy_ == IdlePolicy::spin) {
            _mm_pause();
        } else {
            rest();
        }
    }

  private:
    static constexpr uint32_t kSpins = 64;      ///< empty turns before yielding
    static constexpr uint32_t kYields = 1'000;  ///< empty turns before sleeping
    void rest() noexcept;

    IdlePolicy policy_;
    uint32_t empty_ = 0;
};

/// Serves until `stop`: every core polls its stacks, stack i with apps[i]. Then their connections are closed
/// or reset within RuntimeConfig::drain, and on_close is told of each. Errors: as Runtime::run.
template <Application App>
Result<void> serve(Runtime& runtime, std::vector<App>& apps, const std::atomic<bool>& stop) {
    std::vector<Drain> drains(apps.size());
    // What one core's queue brings may be for another core's engine: they leave together.
    std::atomic<size_t> left{runtime.cores().size()};
    return runtime.run([&](std::span<const unsigned> stacks, unsigned) {
        Idle idle(runtime.idle_policy());
        for (bool is_over = false; !is_over || left.load(std::memory_order_acquire) != 0;) {
            const Instant now = runtime.now();
            const bool is_stopped = stop.load(std::memory_order_relaxed);
            bool busy = false, all = true;
            for (const unsigned index : stacks) {
                Stack& stack = runtime.stack(index);
                if (is_stopped) drains[index].begin(stack, now, runtime.drain());
                busy |= stack.poll(apps[index], now);
                all &= drains[index].turn(stack, now);
            }
            if (all && !is_over) {
                is_over = true;
                left.fetch_sub(1, std::memory_order_acq_rel);
            }
            idle.turn(busy);
        }
    });
}

}  // namespace synfin
