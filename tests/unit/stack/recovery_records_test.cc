/// @file
/// Recovery records of an engine: they are made for flights of several segments and freed when the connection
/// is idle, and losses are repaired even if the pool is empty.

#include <gtest/gtest.h>

#include <map>

#include "fakes/two_ends.hh"

namespace synfin::stack {
namespace {

using fakes::TwoEnds;

constexpr uint16_t kPort = 80;
constexpr uint32_t kBytes = 50'000;

/// A client whose connections send kBytes each, to a server that counts them.
struct Uploads {
    struct Sender {
        void on_open(Connection c) {
            static const std::vector<uint8_t> kText(kBytes, 't');
            EXPECT_TRUE(c.send_static(kText));
        }
        void on_data(Connection, RxView&) {}
        void on_writable(Connection) {}
        void on_peer_fin(Connection) {}
        void on_close(Connection, const CloseInfo&) {}
    };
    struct Sink {
        void on_open(Connection) {}
        void on_data(Connection, RxView& view) { received += view.size(); }
        void on_writable(Connection) {}
        void on_peer_fin(Connection) {}
        void on_close(Connection, const CloseInfo&) {}
        uint64_t received = 0;
    };

    static StackConfig with_recoveries(uint32_t n) {
        StackConfig c;
        c.max_recoveries = n;
        return c;
    }
    explicit Uploads(uint32_t recoveries) : ends(50us, with_recoveries(recoveries)) {
        EXPECT_TRUE(ends.server().listen(kPort));
    }
    /// Runs until all `n` uploads have arrived.
    bool run(uint32_t n, Duration at_most) {
        for (uint32_t i = 0; i < n; ++i) EXPECT_TRUE(ends.client().connect({TwoEnds::kServer, kPort}));
        return ends.run(
            at_most,
            [&](Stack& stack, Instant now) {
                stack.poll(sender, now);
                most = std::max(most, stack.occupancy().recovery_records);
            },
            [&](Stack& stack, Instant now) { stack.poll(sink, now); },
            [&] { return sink.received == uint64_t{n} * kBytes; });
    }
    /// Lets the idle timers expire.
    void rest() {
        ends.run(
            1s, [&](Stack& stack, Instant now) { stack.poll(sender, now); },
            [&](Stack& stack, Instant now) { stack.poll(sink, now); }, [] { return false; });
    }
    uint64_t operator[](Counter c) { return ends.client().counters()[c]; }

    TwoEnds ends;
    Sender sender;
    Sink sink;
    uint32_t most = 0;
};

/// Loses the third segment of each connection's text, once.
struct LoseOne {
    bool operator()(Bytes packet, bool to_server) {
        const uint32_t tcp = fakes::ip_header_bytes(), headers = tcp + 32u;  // no Ethernet; timestamps
        if (!to_server || packet.size() <= headers) return false;
        const uint32_t port = uint32_t{packet[tcp]} << 8 | packet[tcp + 1];
        return ++seen[port] == 3;
    }
    std::map<uint32_t, int> seen;
};

TEST(RecoveryRecords, OneForEachConnectionThatRepairsALoss) {
    Uploads uploads(65'536);
    uploads.ends.lose = LoseOne{};
    EXPECT_TRUE(uploads.run(4, 5s));
    EXPECT_EQ(uploads.most, 4u);
    EXPECT_EQ(uploads[Counter::fast_retransmits], 4u);
    EXPECT_EQ(uploads[Counter::rto_expirations], 0u);
    EXPECT_EQ(uploads[Counter::no_recovery_record], 0u);
    uploads.rest();
    EXPECT_EQ(uploads.ends.client().occupancy().recovery_records, 0u);
}

TEST(RecoveryRecords, WhenThereIsNoneTheTimerRepairs) {
    Uploads uploads(1);
    uploads.ends.lose = LoseOne{};
    EXPECT_TRUE(uploads.run(4, 5s));
    EXPECT_EQ(uploads.most, 1u);
    EXPECT_EQ(uploads[Counter::fast_retransmits], 1u);
    EXPECT_EQ(uploads[Counter::rto_expirations], 3u);
    EXPECT_GT(uploads[Counter::no_recovery_record], 3u) << "each duplicate ACK, and each time-out";
    uploads.rest();
    EXPECT_EQ(uploads.ends.client().occupancy().recovery_records, 0u);
}

}  // namespace
}  // namespace synfin::stack
