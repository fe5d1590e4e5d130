/// @file
/// Two connections share a bottleneck: the share of each, and Jain's index. docs/loss.md explains the table.
/// SYNFIN_LONG=1 runs all rows, SYNFIN_UPDATE=1 writes the file.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "committed_table.hh"
#include "transfer.hh"

namespace synfin::simulation {
namespace {

struct Pair {
    const char* name;
    CongestionControl first, second;
    bool is_late;  ///< the second one starts after a quarter of the time
};
constexpr Pair kPairs[] = {
    {"CUBIC, CUBIC", CongestionControl::cubic, CongestionControl::cubic, false},
    {"NewReno, NewReno", CongestionControl::newreno, CongestionControl::newreno, false},
    {"CUBIC, NewReno", CongestionControl::cubic, CongestionControl::newreno, false},
    {"CUBIC, late CUBIC", CongestionControl::cubic, CongestionControl::cubic, true},
};

struct Shared {
    const char* name;
    uint32_t mbit_s;
    Duration rtt;
    Duration time;
};
constexpr Shared kLong[] = {
    {"1 ms", 10, 1ms, 60s},  {"20 ms", 10, 20ms, 60s},  {"100 ms", 10, 100ms, 120s},
    {"1 ms", 100, 1ms, 20s}, {"20 ms", 100, 20ms, 40s}, {"100 ms", 100, 100ms, 60s},
};
constexpr Shared kShort[] = {{"1 ms", 10, 1ms, 20s}, {"20 ms", 10, 20ms, 30s}, {"100 ms", 10, 100ms, 40s}};

std::string row(const Shared& shared, uint32_t buffer, const Pair& pair) {
    TransferConfig config;
    config.path.mbit_s = shared.mbit_s;
    config.path.delay = shared.rtt / 2;
    config.path.queue_bytes = std::max<uint64_t>(
        12'000, static_cast<uint64_t>(shared.rtt / 1us) * shared.mbit_s / 8 * buffer / 100);
    config.flows = {{pair.first, 0s}, {pair.second, pair.is_late ? shared.time / 4 : 0s}};
    config.time = shared.time;
    // Both are past their start.
    config.measured_from = shared.time / 2;
    config.buffer_bytes = 16 << 20;
    const TransferResult r = transfer(config, 42);
    const double seconds = static_cast<double>((shared.time - config.measured_from) / 1us) / 1e6;
    const double a = static_cast<double>(r.flows[0].measured_bytes) * 8 / seconds / 1e6;
    const double b = static_cast<double>(r.flows[1].measured_bytes) * 8 / seconds / 1e6;
    char text[160];
    std::snprintf(
        text, sizeof text, "%6s %4u Mbit/s %3.1f BDP  %-18s | %6.2f %6.2f | %6.2f %5.3f | %5.2f %3u\n",
        shared.name, shared.mbit_s, buffer / 100.0, pair.name, a, b,
        100 * (a + b) / (shared.mbit_s * (1448.0 / 1500)), (a + b) * (a + b) / (2 * (a * a + b * b)),
        100.0 * static_cast<double>(r.retransmitted) / static_cast<double>(r.sent),
        static_cast<unsigned>(r.timeouts));
    EXPECT_EQ(r.failure, "") << text;
    return text;
}

template <size_t n>
std::string table(const Shared (&paths)[n], const std::vector<uint32_t>& buffers) {
    std::string out =
        "# Made by tests/simulation/fairness_test.cc; docs/loss.md explains it. Two connections with SACK, "
        "measured\n"
        "# in the second half of the time: goodput of each in Mbit/s; share of the line in %, Jain's index;\n"
        "# retransmitted share in %, retransmission timeouts of both.\n";
    for (const Shared& shared : paths)
        for (const uint32_t buffer : buffers)
            for (const Pair& pair : kPairs) out += row(shared, buffer, pair);
    return out;
}

TEST(Fairness, IsWhatItWas) {
    compare_with_committed(SYNFIN_RESULTS "/fairness.txt", table(kShort, {100}));
}

TEST(Fairness, OfLongTransfersIsWhatItWas) {
    if (!is_set("SYNFIN_LONG")) GTEST_SKIP() << "SYNFIN_LONG=1 runs it";
    compare_with_committed(SYNFIN_RESULTS "/fairness_long.txt", table(kLong, {10, 100, 200}));
}

}  // namespace
}  // namespace synfin::simulation
