#pragma once
/// @file
/// TscClock: the processor's time stamp counter as a clock.

#include <x86intrin.h>

#include <cstdint>

#include "time/clock.hh"

namespace synfin {

/// Nanoseconds from the TSC by one multiplication and shift. The first use in a process finds the frequency:
/// from CPUID where processor or hypervisor tell it, else by 20 ms against CLOCK_MONOTONIC (error a few
/// parts per million). Origin and frequency are the same for all instances of the process.
/// Instant 0 is the host's boot (CLOCK_BOOTTIME, read at the first use): a process that starts after another
/// one reads later times, which initial sequence numbers and timestamps rely on (RFC 6528 3, RFC 7323 5.4).
/// @note cost of now(): rdtsc and 5 cycles. Needs an invariant TSC (see is_invariant()): every x86-64
/// processor that has AVX2 has one.
class TscClock {
  public:
    /// Calibrates if it is the first: not on the data path.
    TscClock() noexcept : calibration_(calibration()) {}

    Instant now() const noexcept { return calibration_.at(cycles()); }

    /// The raw counter: for busy time and cycles per connection.
    static uint64_t cycles() noexcept { return __rdtsc(); }
    /// Counter increments per second.
    static uint64_t hz() noexcept { return calibration().hz; }
    /// Whether the processor says that the counter runs at one rate in every power state.
    static bool is_invariant() noexcept;

  private:
    __extension__ using Wide = unsigned __int128;
    struct Calibration {
        uint64_t origin = 0;      ///< the counter at Instant 0, modulo 2^64
        uint64_t hz = 0;          ///< increments per second
        uint64_t ns_per_cycle{};  ///< fixed point, kShift fraction bits

        Instant at(uint64_t counter) const noexcept {
            const Wide product = static_cast<Wide>(counter - origin) * ns_per_cycle;
            return Instant::from_ns(static_cast<int64_t>(static_cast<uint64_t>(product >> kShift)));
        }
    };
    /// 40 bits: the rounding error stays below a millisecond in a decade, hz down to 1 MHz fits.
    static constexpr int kShift = 40;

    static const Calibration& calibration() noexcept;
    static Calibration calibrate() noexcept;

    Calibration calibration_;
};

static_assert(Clock<TscClock>);

}  // namespace synfin
