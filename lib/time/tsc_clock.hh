#pragma once
/// @file
/// TscClock: the processor's time stamp counter as a clock.

#include <x86intrin.h>

#include <cstdint>

#include "time/clock.hh"

namespace synfin {

/// Converts the TSC to nanoseconds by one multiplication and one shift. The first use in a process determines
/// the frequency: from CPUID where the processor or hypervisor states it, otherwise by measuring 20 ms
/// against CLOCK_BOOTTIME (error a few parts per million). All instances of the process share origin and
/// frequency. Instant 0 is the host's boot (CLOCK_BOOTTIME, read at the first use). A process that starts
/// later therefore reads later times, which initial sequence numbers and timestamps need (RFC 6528 3, RFC
/// 7323 5.4).
/// @note cost of now(): rdtsc and 5 cycles. Needs an invariant TSC (see is_invariant()): every x86-64
///       processor that has AVX2 has one.
class TscClock {
  public:
    /// The first constructor call of a process calibrates: do not make it on the data path.
    TscClock() noexcept : calibration_(calibration()) {}

    Instant now() const noexcept { return calibration_.at(cycles()); }

    /// The raw counter, for busy time and cycles per connection.
    static uint64_t cycles() noexcept { return __rdtsc(); }
    /// Counter increments per second.
    static uint64_t hz() noexcept { return calibration().hz; }
    /// Whether CPUID states that the counter runs at a constant rate in every power state.
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
    /// 40 bits: the rounding error stays below a millisecond in a decade, and hz may be as low as 1 MHz.
    static constexpr int kShift = 40;

    static const Calibration& calibration() noexcept;
    static Calibration calibrate() noexcept;

    Calibration calibration_;
};

static_assert(Clock<TscClock>);

}  // namespace synfin
