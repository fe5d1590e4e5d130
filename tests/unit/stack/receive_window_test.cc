/// @file
/// Buffers that grow: the receive window with what the application reads, the send buffer with cwnd. And the
/// number of ACKs that a bulk transfer takes.

#include <gtest/gtest.h>

#include "fakes/two_ends.hh"

namespace synfin::stack {
namespace {

using fakes::TwoEnds;

constexpr uint16_t kPort = 80;
constexpr uint32_t kStart = 256 * 1024;

/// Sends as much as send() takes.
struct Source {
    static constexpr size_t kChunk = 1 << 16;
    uint64_t total = 0, sent = 0;
    uint32_t most_queued = 0;

    void fill(Connection c) {
        static const std::vector<uint8_t> kText(kChunk, 't');
        while (sent < total) {
            const auto n = static_cast<size_t>(std::min<uint64_t>(kChunk, total - sent));
            const auto taken = c.send(Bytes(kText).first(n));
            if (!taken || *taken == 0) break;
            sent += *taken;
        }
        if (const auto info = c.info())
            most_queued = std::max(most_queued, info->unsent_bytes + info->unacked_bytes);
    }
    void on_open(Connection c) { fill(c); }
    void on_data(Connection, RxView&) {}
    void on_writable(Connection c) { fill(c); }
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo&) {}
};

struct Sink {
    bool reads = true;
    uint64_t received = 0;
    Connection c;
    uint32_t highest_limit = 0, highest_window = 0;
    uint32_t right_edge = 0;  ///< relative to the first
    bool moved_left = false;

    void watch() {
        const auto info = c.info();
        if (!info || info->state != State::established) return;
        highest_limit = std::max(highest_limit, info->rcv_limit_bytes);
        highest_window = std::max(highest_window, info->rcv_wnd);
        const uint32_t edge = info->rcv_nxt + info->rcv_wnd;
        if (right_edge != 0 && static_cast<int32_t>(edge - right_edge) < 0) moved_left = true;
        right_edge = edge;
    }
    void on_open(Connection opened) { c = opened; }
    void on_data(Connection, RxView& view) {
        received += view.size();
        if (!reads) view.take(0);
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo&) {}
};

struct Transfer {
    explicit Transfer(Duration delay, StackConfig client = {}, StackConfig server = {}, Duration step = 1ms)
        : ends(delay, small(std::move(client)), small(std::move(server))) {
        ends.step_time = step;
        EXPECT_TRUE(ends.server().listen(kPort));
        ends.lose = [this](Bytes packet, bool to_server) {
            const size_t headers = fakes::ip_header_bytes() + 20u;
            const size_t options = 4u * (packet[fakes::ip_header_bytes() + 12u] >> 4) - 20u;
            const bool has_text = packet.size() > headers + options;
            if (to_server && has_text) ++segments;
            if (!to_server && !has_text) ++acks;
            return false;
        };
    }
    static StackConfig small(StackConfig c) {
        c.max_connections = 64;
        return c;
    }
    /// The time for `bytes`.
    Duration run(uint64_t bytes, Duration at_most) {
        source.total = bytes;
        EXPECT_TRUE(ends.client().connect({TwoEnds::kServer, kPort}));
        const Instant begin = ends.now();
        ends.run(
            at_most, [&](Stack& stack, Instant now) { stack.poll(source, now); },
            [&](Stack& stack, Instant now) {
                stack.poll(sink, now);
                sink.watch();
            },
            [&] { return sink.received >= bytes; });
        return ends.now() - begin;
    }

    TwoEnds ends;
    Source source;
    Sink sink;
    uint32_t segments = 0, acks = 0;
};

/// 32 MiB in a round trip of 100 ms. With buffers of 256 KiB this takes 12.8 s.
TEST(ReceiveWindow, BuffersGrowWithTheProductOfBandwidthAndDelay) {
    Transfer t(50ms);
    const Duration took = t.run(32u << 20, 20s);
    EXPECT_EQ(t.sink.received, 32u << 20);
    EXPECT_LT(took, 3s);
    EXPECT_GT(t.sink.highest_limit, 2u << 20) << "the window";
    EXPECT_GT(t.source.most_queued, 2u << 20) << "the send buffer";
    EXPECT_FALSE(t.sink.moved_left);
    EXPECT_GE(t.sink.c.info().value_or(ConnectionInfo{}).rcv_rtt_us, 95'000u);
}

TEST(ReceiveWindow, EachBufferAloneLimitsTheTransfer) {
    StackConfig fixed;
    fixed.tcp.send_buffer_bytes = fixed.tcp.receive_buffer_bytes = kStart;
    Transfer by_sender(50ms, fixed);
    EXPECT_GT(by_sender.run(8u << 20, 20s), 3s);
    EXPECT_LE(by_sender.source.most_queued, kStart);
    Transfer by_receiver(50ms, {}, fixed);
    EXPECT_GT(by_receiver.run(8u << 20, 20s), 3s);
    EXPECT_EQ(by_receiver.sink.highest_limit, 65'535u << 2) << "256 KiB in units of the window scale";
}

/// A request of 1 KB for each answer: never two full-sized segments between two ACKs.
TEST(ReceiveWindow, AConversationCostsNoMemory) {
    struct Client {
        void on_open(Connection c) { ask(c); }
        void on_data(Connection c, RxView&) {
            if (++answers < 200) ask(c);
        }
        static void ask(Connection c) {
            static const std::vector<uint8_t> kRequest(1000, 'q');
            EXPECT_TRUE(c.send_static(kRequest));
        }
        void on_writable(Connection) {}
        void on_peer_fin(Connection) {}
        void on_close(Connection, const CloseInfo&) {}
        uint32_t answers = 0;
    } client;
    struct Server {
        void on_open(Connection opened) { c = opened; }
        void on_data(Connection, RxView&) { EXPECT_TRUE(c.send("answer")); }
        void on_writable(Connection) {}
        void on_peer_fin(Connection) {}
        void on_close(Connection, const CloseInfo&) {}
        Connection c;
    } server;
    Transfer t(1ms);
    EXPECT_TRUE(t.ends.client().connect({TwoEnds::kServer, kPort}));
    EXPECT_TRUE(t.ends.run(
        5s, [&](Stack& stack, Instant now) { stack.poll(client, now); },
        [&](Stack& stack, Instant now) { stack.poll(server, now); }, [&] { return client.answers == 200; }));
    const auto info = server.c.info();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->rcv_rtt_us, 0u) << "no record";
    EXPECT_EQ(info->rcv_limit_bytes, kStart);
}

TEST(ReceiveWindow, AnApplicationThatReadsNothingGetsNoMore) {
    Transfer t(10ms);
    t.sink.reads = false;
    t.run(8u << 20, 2s);
    EXPECT_EQ(t.sink.highest_limit, kStart);
    EXPECT_LE(t.ends.server().occupancy().send_blocks, kStart / 1000);
    EXPECT_FALSE(t.sink.moved_left);
}

/// Half of the blocks are held by a connection whose application does not read.
TEST(ReceiveWindow, WhileMemoryIsScarceWindowsStaySmall) {
    StackConfig server;
    server.max_text_bytes = 512 * 1024;
    Transfer t(10ms, {}, server);
    t.sink.reads = false;
    t.run(4u << 20, 2s);
    ASSERT_GE(t.ends.server().occupancy().send_blocks, 125u) << "half of the large blocks";
    Sink late;
    Source source;
    source.total = 8u << 20;
    ASSERT_TRUE(t.ends.server().listen(81));
    ASSERT_TRUE(t.ends.client().connect({TwoEnds::kServer, 81}));
    t.ends.run(
        2s, [&](Stack& stack, Instant now) { stack.poll(source, now); },
        [&](Stack& stack, Instant now) {
            stack.poll(late, now);
            late.watch();
        },
        [&] { return late.received >= source.total; });
    EXPECT_GT(late.received, 1u << 20) << "it works";
    EXPECT_LE(late.highest_window, 65'536u + 1'024u) << "with the window of its SYN";
    EXPECT_EQ(late.highest_limit, 65'535u);
}

/// RFC 5681 4.2 and RFC 9293 3.8.6.3: no more than one ACK for each second full-sized segment, once the quick
/// ACKs of the start are used. What arrives in one burst is answered by one ACK, so there may be fewer.
TEST(Acks, ABulkTransferTakesAtMostOneForTwoSegments) {
    Transfer t(5ms, {}, {}, 10us);
    t.run(4u << 20, 20s);
    ASSERT_GT(t.segments, 2'800u);
    EXPECT_LE(t.acks, t.segments / 2 + 20);
    EXPECT_GE(t.acks, 20u);
}

}  // namespace
}  // namespace synfin::stack
