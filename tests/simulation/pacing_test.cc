/// @file
/// Pacing at a bottleneck with a small buffer, compared with bursts.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "transfer.hh"

namespace synfin::simulation {
namespace {

constexpr uint32_t kMbits = 50;

TransferResult run(Pacing pacing, CongestionControl control, Duration rtt) {
    TransferConfig config;
    config.path.mbit_s = kMbits;
    config.path.delay = rtt / 2;
    config.path.queue_bytes = static_cast<uint64_t>(rtt / 1us) * kMbits / 8 / 4;  // a quarter of the BDP
    config.flows = {FlowConfig{.control = control}};
    config.pacing = pacing;
    config.time = 20s;
    return transfer(config, 42);
}

double goodput(const TransferResult& r) {
    return static_cast<double>(r.flows[0].received) * 8 / r.seconds / 1e6;
}

// It does not lose less: in the first 2 s, which include slow start, two to five times as many packets
// overflow the buffer, and later about as many as without pacing.
TEST(Pacing, CostsNoGoodputAtABufferOfAQuarterOfTheBdp) {
    for (const Duration rtt : {20ms, 100ms}) {
        for (const CongestionControl control : {CongestionControl::cubic, CongestionControl::newreno}) {
            const TransferResult off = run(Pacing::off, control, rtt);
            const TransferResult on = run(Pacing::automatic, control, rtt);
            EXPECT_EQ(off.failure + on.failure, "");
            EXPECT_EQ(on.timeouts, 0u);
            EXPECT_GE(goodput(on), 0.95 * goodput(off));
            std::printf(
                "RTT %3d ms %-7s off: %6.2f Mbit/s %5u overflowed; auto: %6.2f Mbit/s %5u overflowed\n",
                static_cast<int>(rtt / 1ms), std::string(name(control)).c_str(), goodput(off),
                static_cast<unsigned>(off.overflowed), goodput(on), static_cast<unsigned>(on.overflowed));
        }
    }
}

}  // namespace
}  // namespace synfin::simulation
