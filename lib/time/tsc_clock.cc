#include "time/tsc_clock.hh"

#include <cpuid.h>
#include <time.h>

#include <limits>
#include <optional>

#include "synfin/check.hh"

namespace synfin {

namespace {

struct CpuidLeaf {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(uint32_t leaf) noexcept {
    CpuidLeaf r;
    __cpuid(leaf, r.eax, r.ebx, r.ecx, r.edx);
    return r;
}

/// Intel SDM, CPUID leaf 15H: TSC = crystal (ecx, Hz) * ebx / eax. A register is zero where the processor
/// does not state the value, as on AMD.
std::optional<uint64_t> hz_from_processor() noexcept {
    if (cpuid(0).eax < 0x15) return std::nullopt;
    const CpuidLeaf r = cpuid(0x15);
    if (r.eax == 0 || r.ebx == 0 || r.ecx == 0) return std::nullopt;
    return uint64_t{r.ecx} * r.ebx / r.eax;
}

/// The timing leaf that VMware defined and QEMU also offers: eax is the TSC frequency in kHz.
std::optional<uint64_t> hz_from_hypervisor() noexcept {
    constexpr uint32_t kHypervisorPresent = 1u << 31;  // leaf 1, ecx
    constexpr uint32_t kTimingLeaf = 0x40000010;
    if ((cpuid(1).ecx & kHypervisorPresent) == 0) return std::nullopt;
    const uint32_t last_leaf = cpuid(0x40000000).eax;
    if (last_leaf < kTimingLeaf || last_leaf > 0x4000ffff) return std::nullopt;
    const uint32_t khz = cpuid(kTimingLeaf).eax;
    if (khz == 0) return std::nullopt;
    return uint64_t{khz} * 1000;
}

/// Nanoseconds since the host's boot, suspended time included. It never goes back from one process to the
/// next.
int64_t boot_ns() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

struct Sample {
    uint64_t counter = 0;
    int64_t ns = 0;
};

/// Reads both clocks at one moment. Of several readings it takes the shortest, so that an interrupt between
/// the two does not matter.
Sample sample() noexcept {
    Sample best;
    uint64_t least = std::numeric_limits<uint64_t>::max();
    for (int i = 0; i < 16; ++i) {
        const uint64_t before = __rdtsc();
        const int64_t ns = boot_ns();
        const uint64_t took = __rdtsc() - before;
        if (took < least) {
            least = took;
            best = {before + took / 2, ns};
        }
    }
    return best;
}

uint64_t hz_by_measuring() noexcept {
    const Sample begin = sample();
    timespec pause{};
    pause.tv_nsec = 20'000'000;
    ::nanosleep(&pause, nullptr);  // a signal may shorten the pause: the result is still correct
    Sample end = sample();
    while (end.ns - begin.ns < 1'000'000) end = sample();
    return static_cast<uint64_t>(static_cast<double>(end.counter - begin.counter) * 1e9 /
                                 static_cast<double>(end.ns - begin.ns));
}

}  // namespace

bool TscClock::is_invariant() noexcept {
    return cpuid(0x80000000).eax >= 0x80000007 && (cpuid(0x80000007).edx & (1u << 8)) != 0;
}

TscClock::Calibration TscClock::calibrate() noexcept {
    std::optional<uint64_t> hz = hz_from_processor();
    if (!hz) hz = hz_from_hypervisor();
    if (!hz) hz = hz_by_measuring();
    SYNFIN_CHECK(*hz >= 1'000'000);
    Calibration c;
    c.hz = *hz;
    c.ns_per_cycle =
        static_cast<uint64_t>(1e9 * static_cast<double>(uint64_t{1} << kShift) / static_cast<double>(c.hz));
    // The counter's origin is arbitrary, and its rate is known to a few parts per million only, which is
    // minutes in a year. So Instant 0 follows from CLOCK_BOOTTIME now, not from the counter's value.
    const Sample now = sample();
    const Wide counts = (static_cast<Wide>(now.ns) << kShift) / c.ns_per_cycle;
    c.origin = now.counter - static_cast<uint64_t>(counts);
    return c;
}

const TscClock::Calibration& TscClock::calibration() noexcept {
    static const Calibration once = calibrate();
    return once;
}

}  // namespace synfin
