#pragma once
/// @file
/// Opens the device of a configuration, and words what goes wrong.

#include <memory>

#include "config.hh"
#include "synfin/runtime.hh"

namespace synfin::app {

/// @param stack the engines' configuration, pools sized.
/// Prints warnings on standard error; with -v what was opened, and how. Throws UserError: usage for a device
/// or cores that can't be meant, failed for what the host refuses.
std::unique_ptr<Runtime> open_device(const Config& config, const stack::StackConfig& stack, Command command);

/// In-memory wires: client stacks 2k, server stacks 2k+1.
std::unique_ptr<Runtime> open_wires(const Config& config, const stack::StackConfig& client,
                                    const stack::StackConfig& server, uint32_t wire_bytes);

/// Throws UserError(failed) when the device is not there any more: the run ended for that, its result is
/// written.
void refuse_if_gone(const Config& config, const DeviceStats& device);

/// Throws UserError(usage) when the runner could not have a core.
void refuse_unless_run(const Result<void>& ran);

/// Counts both of the processor's clocks from its making: what the TSC runs at.
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
