#pragma once
/// @file
/// Opens the device of a configuration, and turns errors into messages.

#include <memory>
#include <string>

#include "config.hh"
#include "synfin/runtime.hh"

namespace synfin::app {

/// @param stack the engines' configuration, with pool sizes set.
/// Prints warnings on standard error; with -v it prints how the device was opened. Throws UserError: `usage`
/// for an impossible device or core list, `failed` when the host refuses.
std::unique_ptr<Runtime> open_device(const Config& config, const stack::StackConfig& stack, Command command);

/// Opens in-memory wires: stacks 2k are clients, stacks 2k+1 are servers.
std::unique_ptr<Runtime> open_wires(const Config& config, const stack::StackConfig& client,
                                    const stack::StackConfig& server, uint32_t wire_bytes);

/// Throws UserError(failed) when the device disappeared during the run. Call it after the result is written.
void refuse_if_gone(const Config& config, const DeviceStats& device);

/// The sentence about one of our IPv6 addresses that another host has; empty: none. Call it after the run.
std::string duplicate_of(Runtime& runtime);
/// Throws UserError(failed) with that sentence. Call it after the result is written.
void refuse_duplicate(Runtime& runtime);

/// Throws UserError(usage) when the runner could not use a core.
void refuse_unless_run(const Result<void>& ran);

/// Measures the TSC's frequency against the monotonic clock, from construction to hz().
class TscGauge {
  public:
    explicit TscGauge(const Runtime& runtime) : runtime_(runtime), at_(runtime.now()), cycles_(__rdtsc()) {}
    double hz() const noexcept {
        const auto ns = static_cast<double>((runtime_.now() - at_).count());
        return ns <= 0 ? 0 : static_cast<double>(__rdtsc() - cycles_) * 1e9 / ns;
    }

  private:
    const Runtime& runtime_;
    Instant at_;
    uint64_t cycles_;
};

}  // namespace synfin::app
