/// A bulk transfer over a bottleneck: goodput, retransmissions and timeouts by controller, with and without
/// SACK. Every digit must equal bulk_results.txt, so that each change of behaviour is seen. SYNFIN_UPDATE=1
/// rewrites the file.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "bottleneck.hh"
#include "fakes/invariants.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::simulation {
namespace {

struct Cell {
    PathConfig path;
    CongestionControl control = CongestionControl::cubic;
    bool sack = true;
};

struct Result {
    std::string failure;
    double seconds = 0;
    uint64_t bytes = 0, data_packets = 0, retransmitted = 0, duplicates = 0, timeouts = 0, recoveries = 0,
             probes = 0;
};

constexpr size_t kPeriod = 251 * 256;
constexpr size_t kMostAtOnce = 32 * 1024;

/// Bytes of the stream from `offset` on, at most kMostAtOnce; it repeats after kPeriod.
Bytes stream(uint64_t offset, size_t n) {
    static const std::vector<uint8_t> kBytes = [] {
        std::vector<uint8_t> bytes(kPeriod + kMostAtOnce);
        for (size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<uint8_t>(i % kPeriod * 7 + i % kPeriod / 251 * 3);
        return bytes;
    }();
    return Bytes(kBytes.data() + offset % kPeriod, n);
}

/// Sends for `time`, then waits until all has arrived.
class Bulk {
  public:
    Bulk(const Cell& cell, uint64_t seed)
        : to_(cell.path, seed),
          back_({.delay = cell.path.delay}, seed + 1),
          client_(config("10.0.0.1/24", cell)),
          server_(config("10.0.0.2/24", cell)) {}

    Result run(Duration time) {
        EXPECT_TRUE(server_.listen(80));
        const auto opened = client_.connect({*Ipv4::parse("10.0.0.2"), 80});
        EXPECT_TRUE(opened);
        if (!opened) return {"connect was refused"};
        c_ = *opened;
        start_ = client_.now();
        const Instant end = start_ + time;
        Instant last_arrival = start_;
        while (result_.failure.empty()) {
            exchange();
            if (client_.now() < end) fill();
            exchange();
            const uint64_t before = received_;
            read();
            if (received_ != before) last_arrival = server_.now();
            if (client_.now() >= end && received_ == written_) break;
            if (!step()) result_.failure = "nothing is due, and text is missing";
            if (client_.now() > end + 600s) result_.failure = "the transfer does not end";
        }
        result_.seconds = static_cast<double>((last_arrival - start_) / 1us) / 1e6;
        result_.bytes = received_;
        const Counters& counters = client_.stack().counters();
        result_.data_packets = to_.sent();
        result_.retransmitted = counters[Counter::retransmitted];
        result_.duplicates = server_.stack().counters()[DropReason::duplicate_segment];
        result_.timeouts = counters[Counter::rto_expirations];
        result_.recoveries = counters[Counter::fast_retransmits];
        result_.probes = counters[Counter::tail_loss_probes];
        finish();
        return result_;
    }

  private:
    static VirtualConfig config(const char* address, const Cell& cell) {
        VirtualConfig c;
        c.address = *Cidr::parse(address);
        c.stack.max_connections = 16;
        c.stack.tcp.send_buffer_bytes = 8 << 20;
        c.stack.tcp.receive_buffer_bytes = 8 << 20;
        c.stack.tcp.congestion_control = cell.control;
        c.stack.tcp.sack_permitted = cell.sack;
        return c;
    }
    void exchange() {
        while (auto packet = client_.output()) to_.send(std::move(*packet), client_.now());
        while (auto packet = server_.output()) back_.send(std::move(*packet), server_.now());
    }
    void fill() {
        for (;;) {
            const auto taken = client_.send(c_, stream(written_, kMostAtOnce));
            if (!taken || *taken == 0) return;
            written_ += *taken;
        }
    }
    void read() {
        for (const Event& event : server_.take_events())
            if (event.kind == Event::Kind::open)
                if (const auto accepted = server_.accept()) s_ = *accepted, has_peer_ = true;
        client_.take_events();
        if (!has_peer_) return;
        for (;;) {
            const auto got = server_.receive(s_, into_);
            if (!got || *got == 0) return;
            if (!std::ranges::equal(std::span(into_).first(*got), stream(received_, *got)))
                result_.failure = "a wrong byte";
            received_ += *got;
        }
    }
    /// Advances to whatever is due first.
    bool step() {
        std::optional<Instant> next = to_.next();
        for (const auto& at : {back_.next(), client_.next_deadline(), server_.next_deadline()})
            if (at && (!next || *at < *next)) next = at;
        if (!next) return false;
        const Instant now = std::max(*next, client_.now());
        client_.advance(now);
        server_.advance(now);
        while (to_.next() && *to_.next() <= now) server_.input(to_.receive());
        while (back_.next() && *back_.next() <= now) client_.input(back_.receive());
        return true;
    }
    void finish() {
        if (!result_.failure.empty()) return;
        EXPECT_TRUE(client_.close(c_));
        EXPECT_TRUE(server_.close(s_));
        for (int i = 0; i < 10'000; ++i) {
            exchange();
            read();
            if (!step()) break;
        }
        const auto& client = client_.stack();
        const auto& server = server_.stack();
        const std::string left =
            fakes::in_use(client.occupancy(), false) + fakes::in_use(server.occupancy(), false);
        if (!left.empty()) result_.failure = "leaks " + left;
    }

    Bottleneck to_, back_;
    VirtualStack client_, server_;
    Connection c_{}, s_{};
    bool has_peer_ = false;
    Instant start_{};
    uint64_t written_ = 0, received_ = 0;
    std::vector<uint8_t> into_ = std::vector<uint8_t>(kMostAtOnce);
    Result result_;
};

std::string row(const Cell& cell) {
    const Duration time = 5s;
    const Result r = Bulk(cell, 42).run(time);
    EXPECT_EQ(r.failure, "");
    const double mbit = static_cast<double>(r.bytes) * 8 / r.seconds / 1e6;
    char line[200];
    std::snprintf(
        line, sizeof line,
        "  %-7s %-7s %8.2f Mbit/s %7.3f %% again %7.3f %% twice %4u recoveries %3u probes %3u timeouts\n",
        std::string(name(cell.control)).c_str(), cell.sack ? "SACK" : "no SACK", mbit,
        100.0 * static_cast<double>(r.retransmitted) / static_cast<double>(r.data_packets),
        100.0 * static_cast<double>(r.duplicates) / static_cast<double>(r.data_packets),
        static_cast<unsigned>(r.recoveries), static_cast<unsigned>(r.probes),
        static_cast<unsigned>(r.timeouts));
    return line;
}

std::string table() {
    std::ostringstream out;
    out << "# One connection sends for 5 s over a bottleneck of 20 Mbit/s. \"again\": segments "
           "retransmitted,\n"
           "# \"twice\": segments that the receiver already had. Made by tests/simulation/bulk_test.cc.\n";
    struct Path {
        const char* name;
        PathConfig path;
    };
    std::vector<Path> paths;
    static const struct {
        const char* name;
        Duration rtt;
    } kRtts[] = {{"RTT 1 ms", 1ms}, {"RTT 20 ms", 20ms}, {"RTT 100 ms", 100ms}};
    static const struct {
        const char* name;
        uint32_t loss, reorder;
    } kFaults[] = {{"", 0, 0},
                   {", loss 0.1 %", 1'000, 0},
                   {", loss 1 %", 10'000, 0},
                   {", loss 3 %", 30'000, 0},
                   {", reorder 1 %", 0, 10'000}};
    for (const auto& rtt : kRtts) {
        for (const auto& faults : kFaults) {
            PathConfig path;
            path.mbit_s = 20;
            path.delay = rtt.rtt / 2;
            // One bandwidth-delay product, at least 16 packets.
            path.queue_bytes =
                std::max(24'000u, static_cast<uint32_t>(20e6 / 8 * static_cast<double>(rtt.rtt / 1us) / 1e6));
            path.loss_ppm = faults.loss;
            path.reorder_ppm = faults.reorder;
            out << "\n" << rtt.name << faults.name << "\n";
            for (const CongestionControl control : {CongestionControl::cubic, CongestionControl::newreno})
                for (const bool sack : {true, false}) out << row({path, control, sack});
        }
    }
    return out.str();
}

TEST(BulkTable, IsWhatItWas) {
    const std::string now = table();
    const std::string path = SYNFIN_BULK_RESULTS_FILE;
    const char* update = std::getenv("SYNFIN_UPDATE");
    if (update != nullptr && std::string(update) == "1") {
        std::ofstream(path) << now;
        GTEST_SKIP() << "wrote " << path;
    }
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is missing; SYNFIN_UPDATE=1 writes it";
    std::ostringstream was;
    was << file.rdbuf();
    EXPECT_EQ(was.str(), now) << "if the change is wanted: SYNFIN_UPDATE=1 and commit the file";
}

}  // namespace
}  // namespace synfin::simulation
