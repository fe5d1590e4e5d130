/// @file
/// Recovery records of an engine: they are made for flights of several segments and freed when the connection
/// is idle, and losses are repaired even if the pool is empty.

#include <gtest/gtest.h>

#include <map>
#include <set>

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

/// The port of the client whose text a packet carries; 0: it carries none.
uint32_t port_of_text(Bytes packet) {
    const uint32_t tcp = fakes::ip_header_bytes(), most_headers = tcp + 60u;  // no Ethernet
    return packet.size() <= most_headers ? 0 : uint32_t{packet[tcp]} << 8 | packet[tcp + 1];
}

/// Eight peers die while text is in flight to them, and hold all records. The timer's second expiry makes
/// them yield, so that a live connection repairs its loss without a timeout.
TEST(RecoveryRecords, DeadPeersYieldTheirs) {
    constexpr uint32_t kDead = 8;
    Uploads uploads(kDead);
    uploads.rest();  // the clock runs: or the SYN's timer would expire at once, and cwnd be one segment
    std::set<uint32_t> dead;
    uploads.ends.lose = [&](Bytes packet, bool to_server) {
        const uint32_t port = to_server ? port_of_text(packet) : 0;
        if (port != 0) dead.insert(port);
        return port != 0;
    };
    EXPECT_FALSE(uploads.run(kDead, 300ms));
    ASSERT_EQ(dead.size(), kDead);
    EXPECT_EQ(uploads.most, kDead);
    uploads.rest();
    uploads.rest();
    EXPECT_LE(uploads.ends.client().occupancy().recovery_records, 6u) << "a quarter is free";
    LoseOne lose_one;
    uploads.ends.lose = [&](Bytes packet, bool to_server) {
        return (to_server && dead.count(port_of_text(packet)) != 0) || lose_one(packet, to_server);
    };
    EXPECT_TRUE(uploads.run(1, 5s));
    EXPECT_EQ(uploads[Counter::fast_retransmits], 1u);
}

/// Those that gave up their record send everything again when their peers come back.
TEST(RecoveryRecords, WhatYieldedIsSentAgain) {
    constexpr uint32_t kPeers = 8;
    Uploads uploads(kPeers);
    uploads.rest();
    uploads.ends.lose = [&](Bytes packet, bool to_server) { return to_server && port_of_text(packet) != 0; };
    EXPECT_FALSE(uploads.run(kPeers, 300ms));
    for (int i = 0; i < 3; ++i) uploads.rest();
    EXPECT_LE(uploads.ends.client().occupancy().recovery_records, 6u);
    uploads.ends.lose = nullptr;
    for (int i = 0; i < 10; ++i) uploads.rest();
    EXPECT_EQ(uploads.sink.received, uint64_t{kPeers} * kBytes);
    EXPECT_EQ(uploads.ends.client().occupancy().recovery_records, 0u);
}

}  // namespace
}  // namespace synfin::stack
