/// @file
/// The grid: one bulk transfer over a bottleneck, for each path and for each of CUBIC and NewReno, with and
/// without SACK. docs/loss.md explains the table.
///
///   SYNFIN_LONG=1    all paths; else those of grid.txt
///   SYNFIN_UPDATE=1  writes the file
///   SYNFIN_CELL=text only the paths whose name contains the text, printed; SYNFIN_TRACE=1 with a trace
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "committed_table.hh"
#include "transfer.hh"

namespace synfin::simulation {
namespace {

constexpr uint32_t kSmss = 1448;  ///< with timestamps
constexpr uint32_t kPacket = 1500;

struct Faults {
    uint32_t loss_ppm;
    uint32_t burst_packets;
    bool reorders;
};
struct Rtt {
    const char* name;
    Duration duration;
};
constexpr Rtt kRtts[] = {{"0.1", 100us}, {"1", 1ms}, {"20", 20ms}, {"100", 100ms}};
constexpr uint32_t kRates[] = {10, 100, 1'000, 10'000};  // Mbit/s
constexpr uint32_t kBuffers[] = {10, 100, 200};          // hundredths of a BDP
constexpr uint32_t kLeastBuffer = 8 * kPacket;

std::vector<Faults> all_faults() {
    std::vector<Faults> out;
    for (const bool reorders : {false, true}) {
        out.push_back({0, 1, reorders});
        for (const uint32_t burst : {1u, 3u})
            for (const uint32_t loss : {100u, 1'000u, 10'000u, 30'000u})
                out.push_back({loss, burst, reorders});
    }
    return out;
}

struct Path {
    std::string name;
    PathConfig path;
    Duration rtt;
    uint64_t packets;
};

uint64_t bdp_bytes(Duration rtt, uint32_t mbit_s) {
    return static_cast<uint64_t>(rtt / 1us) * mbit_s / 8;
}

Path make_path(const Faults& faults, const Rtt& rtt, uint32_t mbit_s, uint32_t buffer, uint64_t packets) {
    Path p;
    p.rtt = rtt.duration;
    p.packets = packets;
    p.path.mbit_s = mbit_s;
    p.path.delay = rtt.duration / 2;
    p.path.queue_bytes = std::max<uint64_t>(kLeastBuffer, bdp_bytes(rtt.duration, mbit_s) * buffer / 100);
    p.path.loss_ppm = faults.loss_ppm;
    p.path.burst_packets = faults.burst_packets;
    p.path.reorder_ppm = faults.reorders ? 10'000 : 0;
    char text[120];
    std::snprintf(text, sizeof text, "%5s ms %5u Mbit/s %3.1f BDP  %4.2f %% %-6s %-7s", rtt.name, mbit_s,
                  buffer / 100.0, faults.loss_ppm / 10'000.0,
                  faults.loss_ppm == 0 ? "none" : (faults.burst_packets > 1 ? "bursts" : "random"),
                  faults.reorders ? "reorder" : "ordered");
    p.name = text;
    return p;
}

/// Whether a larger share of the BDP gives the same queue, so that the row would repeat another one.
bool repeats(Duration rtt, uint32_t mbit_s, size_t buffer) {
    return buffer != 0 && bdp_bytes(rtt, mbit_s) * kBuffers[buffer] / 100 <= kLeastBuffer;
}

/// Twenty BDPs, between 4,000 and 20,000 packets.
uint64_t packets_for(Duration rtt, uint32_t mbit_s) {
    return std::clamp<uint64_t>(20 * bdp_bytes(rtt, mbit_s) / kPacket, 4'000, 20'000);
}

std::vector<Path> whole_grid(const Rtt& rtt) {
    std::vector<Path> out;
    for (const uint32_t rate : kRates)
        for (size_t buffer = 0; buffer < std::size(kBuffers); ++buffer)
            for (const Faults& faults : all_faults())
                if (!repeats(rtt.duration, rate, buffer))
                    out.push_back(
                        make_path(faults, rtt, rate, kBuffers[buffer], packets_for(rtt.duration, rate)));
    return out;
}

/// Two paths for each kind of fault; RTT, rate and buffer vary from one to the next.
std::vector<Path> part_of_grid() {
    std::vector<Path> out;
    const std::vector<Faults> faults = all_faults();
    for (size_t f = 0; f < faults.size(); ++f) {
        for (size_t k = 0; k < 2; ++k) {
            const Rtt& rtt = kRtts[(f + 2 * k) % 4];
            const uint32_t rate = kRates[(f / 4 + f + 3 * k) % 4];
            const size_t buffer = (f + k) % 3;
            out.push_back(make_path(faults[f], rtt, rate,
                                    kBuffers[repeats(rtt.duration, rate, buffer) ? 0 : buffer],
                                    std::min<uint64_t>(packets_for(rtt.duration, rate), 8'000)));
        }
    }
    return out;
}

/// What the path permits, in Mbit/s of text.
double line_mbit(const Path& p) {
    return p.path.mbit_s * (static_cast<double>(kSmss) / kPacket);
}

/// The mean rate for the rate of loss events: Mathis et al. (RFC 9438 5.1, the AIMD formula for Reno), and
/// for CUBIC the larger one of equation 6 of RFC 9438 and Reno's. At most what the line permits.
double expected_mbit(const Path& p, CongestionControl control) {
    const double line = line_mbit(p);
    if (p.path.loss_ppm == 0) return line;
    const double events = p.path.loss_ppm / 1e6 / p.path.burst_packets;
    const double rtt = static_cast<double>(p.rtt / 1us) / 1e6;
    double window = std::sqrt(1.5 / events);
    if (control == CongestionControl::cubic) window = std::max(window, 1.054 * std::pow(rtt / events, 0.75));
    return std::min(line, window * kSmss * 8 / rtt / 1e6);
}

std::string variant(const Path& p, CongestionControl control, bool sack) {
    TransferConfig config;
    config.path = p.path;
    config.sack = sack;
    config.flows = {FlowConfig{control}};
    config.bytes = p.packets * kSmss;
    // More than cwnd can use, or everything.
    config.buffer_bytes = std::min<uint64_t>(
        config.bytes,
        std::max<uint64_t>(1 << 20, 4 * (bdp_bytes(p.rtt, p.path.mbit_s) + p.path.queue_bytes)));
    config.is_traced = is_set("SYNFIN_TRACE");
    const TransferResult r = transfer(config, 42);
    EXPECT_EQ(r.failure, "") << p.name << " " << name(control) << (sack ? " SACK" : " no SACK");
    const auto share = [&r](uint64_t n) {
        return 100.0 * static_cast<double>(n) / static_cast<double>(r.sent);
    };
    if (is_set("SYNFIN_TRACE"))
        std::printf(
            "sent %u lost %u overflowed %u refused %u recoveries %u undone %u timeouts %u undone %u\n",
            static_cast<unsigned>(r.sent), static_cast<unsigned>(r.lost), static_cast<unsigned>(r.overflowed),
            static_cast<unsigned>(r.refused), static_cast<unsigned>(r.recoveries),
            static_cast<unsigned>(r.undone), static_cast<unsigned>(r.timeouts),
            static_cast<unsigned>(r.spurious_timeouts));
    char text[80];
    std::snprintf(text, sizeof text, " | %7.2f %6.2f %5.2f %3u",
                  static_cast<double>(config.bytes) * 8 / r.seconds / 1e6, share(r.retransmitted),
                  share(r.spurious), static_cast<unsigned>(r.timeouts));
    return text;
}

std::string row(const Path& p) {
    char text[80];
    std::snprintf(text, sizeof text, " | %7.2f %7.2f", expected_mbit(p, CongestionControl::cubic),
                  expected_mbit(p, CongestionControl::newreno));
    std::string out = p.name + text;
    for (const CongestionControl control : {CongestionControl::cubic, CongestionControl::newreno})
        for (const bool sack : {true, false}) out += variant(p, control, sack);
    return out;
}

constexpr char kHead[] =
    "# Made by tests/simulation/grid_test.cc; docs/loss.md explains it. For each path: what the line and "
    "the\n"
    "# formula permit CUBIC and NewReno (Mbit/s); then CUBIC with SACK, CUBIC without, NewReno with SACK "
    "and\n"
    "# NewReno without: goodput in Mbit/s, retransmitted share in %, share in % that the receiver already\n"
    "# had, retransmission timeouts.\n"
    "#  RTT     bottleneck  buffer   loss                | CUBIC   NewReno | CUBIC SACK               | "
    "CUBIC       "
    "             | NewReno SACK             | NewReno\n";

/// Rows of all `stride`th paths.
std::string table(const std::vector<Path>& paths, size_t stride = 1) {
    const char* cell = std::getenv("SYNFIN_CELL");
    std::string out = cell == nullptr ? kHead : "";
    for (size_t i = 0; i < paths.size(); i += stride) {
        if (cell != nullptr && paths[i].name.find(cell) == std::string::npos) continue;
        const std::string line = row(paths[i]);
        if (cell != nullptr) std::printf("%s\n", line.c_str());
        out += line + "\n";
    }
    return out;
}

void check(const std::string& file, const std::vector<Path>& paths, size_t stride = 1) {
    const std::string now = table(paths, stride);
    if (std::getenv("SYNFIN_CELL") == nullptr)
        compare_with_committed(std::string(SYNFIN_RESULTS) + "/" + file, now, stride == 1);
}

TEST(Grid, IsWhatItWas) {
    check("grid.txt", part_of_grid(), SYNFIN_GRID_STRIDE);
}

class WholeGrid : public testing::TestWithParam<size_t> {};

TEST_P(WholeGrid, IsWhatItWas) {
    if (!is_set("SYNFIN_LONG")) GTEST_SKIP() << "SYNFIN_LONG=1 runs it";
    const Rtt& rtt = kRtts[GetParam()];
    check("grid_" + std::string(rtt.name) + "ms.txt", whole_grid(rtt));
}
INSTANTIATE_TEST_SUITE_P(Rtt, WholeGrid, testing::Range<size_t>(0, std::size(kRtts)));

}  // namespace
}  // namespace synfin::simulation
