/// @file
/// Packets that a device cuts into segments (TSO), and tags that it inserts: the wire must see the same
/// packets as without the device's help.

#include <gtest/gtest.h>

#include "base/random.hh"
#include "buf/memory_port.hh"
#include "fakes/packet.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"
#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

const Cidr kClient = fakes::net_host(2), kServer = fakes::net_host(1);

/// The actions of both ends of a connection, the same in all runs.
struct Plan {
    explicit Plan(uint64_t seed) {
        Random random(seed);
        for (uint32_t left = 1 + random.below(6); left > 0; --left)
            pieces.push_back(1 + random.below(random.below(3) == 0 ? 40'000 : 4'000));
        no_delay = random.below(2) == 0;
        close_at_once = random.below(2) == 0;
        client_mss = static_cast<uint16_t>(200 + random.below(1261));
        client_buffer = 3'000 + random.below(100'000);
        timestamps = random.below(2) == 0;
        ip_checksum = random.below(2) == 0;
        large_frame = static_cast<uint16_t>(random.below(2) == 0 ? 15'872 : 1'600 + random.below(6'000));
        loss_ppm = random.below(2) == 0 ? 0 : 50'000;
    }
    std::vector<uint32_t> pieces;  ///< bytes of each send()
    bool no_delay, close_at_once, timestamps, ip_checksum;
    uint16_t client_mss, large_frame;
    uint32_t client_buffer, loss_ppm;
};

uint8_t byte_at(size_t i) {
    return static_cast<uint8_t>(i * 131 + (i >> 8));
}

/// Sends the plan's pieces one after the other, as the buffer takes them.
struct Sender {
    explicit Sender(const Plan& of) : plan(of) {}
    void on_open(Connection c) {
        connection = c;
        static_cast<void>(c.set_no_delay(plan.no_delay));
    }
    void on_data(Connection, RxView&) {}
    void on_writable(Connection) {}
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo&) {}
    /// Sends the next piece, or the rest of one.
    void go_on() {
        if (!connection || piece == plan.pieces.size()) return;
        std::vector<uint8_t> text(plan.pieces[piece] - done);
        for (size_t i = 0; i < text.size(); ++i) text[i] = byte_at(sent + i);
        const auto taken = connection.send(text);
        sent += *taken;
        done += *taken;
        if (done == plan.pieces[piece]) ++piece, done = 0;
        if (piece == plan.pieces.size() && plan.close_at_once) static_cast<void>(connection.shutdown());
    }
    const Plan& plan;
    Connection connection;
    size_t piece = 0, sent = 0;
    uint32_t done = 0;
};

struct Seen {
    std::vector<fakes::Packet> packets;  ///< packets on the sender's wire
    std::vector<uint8_t> text;           ///< text that the receiver read
    Counters counters;
    size_t wanted = 0;
};

/// A port whose pool of large packets is initially empty.
class LatePort : public buf::MemoryPort {
  public:
    using MemoryPort::MemoryPort;
    Packet* alloc_large() noexcept {
        if (refuse_large > 0) return --refuse_large, nullptr;
        return MemoryPort::alloc_large();
    }
    uint32_t refuse_large = 0;
};

/// @param path_mtu of a router on the path, which reports longer packets; 0: no router
Seen transfer(uint64_t seed, const Plan& plan, bool large, bool lossy, uint32_t refuse_large = 0,
              uint16_t path_mtu = 0) {
    buf::QueueCaps caps{.ethernet = false,
                        .tx_ip_checksum = plan.ip_checksum,
                        .tx_tcp_checksum = true,
                        .max_frame = fakes::same_mtu(1500)};
    if (large) caps.large_frame = plan.large_frame;
    stack::StackConfig config;
    config.addresses = {kServer};
    config.mtu = fakes::same_mtu(1500);
    config.max_connections = config.max_half_open = config.max_time_wait = 16;
    config.seed = 1;
    LatePort port(caps, 512);
    port.refuse_large = refuse_large;
    stack::QueueEngine<LatePort> engine(config, port, HashKey{1, 2});
    Stack stack(engine);
    EXPECT_TRUE(stack.listen(80));

    VirtualConfig of_client;
    of_client.address = kClient;
    of_client.stack.mtu = fakes::same_mtu(1500);
    of_client.stack.seed = 7;
    of_client.stack.max_connections = of_client.stack.max_half_open = of_client.stack.max_time_wait = 16;
    of_client.stack.tcp.mss_limit = plan.client_mss;
    of_client.stack.tcp.receive_buffer_bytes = plan.client_buffer;
    of_client.stack.tcp.timestamps = plan.timestamps;
    VirtualStack client(of_client);

    Seen out;
    Random loss(seed);
    Sender sender(plan);
    Instant now = client.now();
    const auto c = client.connect({kServer.addr, 80});
    bool closed = false;
    std::vector<uint8_t> some(65'536);
    for (int turn = 0; turn < 4'000 && out.text.size() < 400'000; ++turn) {
        now += 5ms;
        client.advance(now);
        while (const auto packet = client.output()) port.deliver(*packet);
        stack.begin(now);
        while (const Event* event = stack.next_event()) stack.dispatch(sender, *event);
        sender.go_on();
        if (!closed && sender.piece == plan.pieces.size() && turn > 300) {
            static_cast<void>(sender.connection.shutdown());
            closed = true;
        }
        stack.end();
        while (const auto bytes = port.take()) {
            std::string complaint;
            out.packets.push_back(fakes::parse(*bytes, complaint));
            EXPECT_EQ(complaint, "");
            if (path_mtu != 0 && bytes->size() > path_mtu) {
                const bool six = fakes::is_ipv6();
                port.deliver(fakes::icmp_error(fakes::host(254), kServer.addr, six ? 2 : 3, six ? 0 : 4,
                                               *bytes, path_mtu));
                continue;
            }
            if (!lossy || !loss.chance_ppm(plan.loss_ppm)) client.input(*bytes);
        }
        const auto got = client.receive(*c, some);
        if (got) out.text.insert(out.text.end(), some.begin(), some.begin() + *got);
        if (got && *got == 0) break;  // FIN
    }
    while (stack.begin(now)) {  // what arrived last
        while (stack.next_event() != nullptr) {
        }
        stack.end();
    }
    while (port.take()) {
    }
    out.counters = stack.counters();
    out.wanted = sender.sent;
    engine.release_packets();
    EXPECT_EQ(port.in_use(), port.sent()) << "packets leaked";
    return out;
}

class LargePacket : public testing::TestWithParam<uint64_t> {};

TEST_P(LargePacket, LeavesAsTheSegmentsThatWouldHaveBeenSent) {
    const Plan plan(GetParam());
    const Seen with = transfer(GetParam(), plan, true, false),
               without = transfer(GetParam(), plan, false, false);
    ASSERT_EQ(with.packets.size(), without.packets.size());
    for (size_t i = 0; i < with.packets.size(); ++i) {
        const fakes::Packet &a = with.packets[i], &b = without.packets[i];
        ASSERT_EQ(std::tuple(a.seq, a.ack, a.flags, a.wnd, a.ts, a.tos, a.ttl, a.df),
                  std::tuple(b.seq, b.ack, b.flags, b.wnd, b.ts, b.tos, b.ttl, b.df))
            << "packet " << i;
        ASSERT_EQ(a.payload, b.payload) << "packet " << i;
    }
    EXPECT_EQ(without.counters[Counter::tx_large], 0u);
    EXPECT_EQ(with.counters[Counter::tx_packets], with.packets.size()) << "those on the wire";
    EXPECT_EQ(with.counters[Counter::tx_bytes], without.counters[Counter::tx_bytes]);
    EXPECT_EQ(with.text.size(), with.wanted);
    for (size_t i = 0; i < with.text.size(); ++i) ASSERT_EQ(with.text[i], byte_at(i)) << i;
}

TEST_P(LargePacket, WhatIsLostOfItIsSentAgain) {
    const Plan plan(GetParam());
    const Seen lossy = transfer(GetParam(), plan, true, true);
    EXPECT_EQ(lossy.text.size(), lossy.wanted);
    for (size_t i = 0; i < lossy.text.size(); ++i) ASSERT_EQ(lossy.text[i], byte_at(i)) << i;
}

/// Segments that the device cuts follow the path MTU, too.
TEST_P(LargePacket, IsCutAsThePathMtuSays) {
    Plan plan(GetParam());
    const uint16_t path_mtu = fakes::is_ipv6() ? 1280 : 700;
    plan.client_mss = std::max<uint16_t>(plan.client_mss, path_mtu + 80);
    const Seen narrow = transfer(GetParam(), plan, true, false, 0, path_mtu);
    EXPECT_EQ(narrow.text.size(), narrow.wanted);
    for (size_t i = 0; i < narrow.text.size(); ++i) ASSERT_EQ(narrow.text[i], byte_at(i)) << i;
    const auto too_long = std::count_if(narrow.packets.begin(), narrow.packets.end(),
                                        [&](const fakes::Packet& p) { return p.bytes.size() > path_mtu; });
    EXPECT_EQ(narrow.counters[Counter::icmp_too_big_accepted], too_long != 0 ? 1u : 0u);
    EXPECT_LE(too_long, 11) << "the first flight, and none after that";
    EXPECT_EQ(narrow.counters[Counter::rto_expirations], 0u);
}

INSTANTIATE_TEST_SUITE_P(, LargePacket, testing::Range(uint64_t{1}, uint64_t{61}));

/// 64 KB to a peer with a large window: the text that the window permits leaves in a few packets.
TEST(LargePacketUse, IsMadeWhereverMoreThanOneSegmentMayLeave) {
    Plan plan(1);
    plan.pieces = {64'000};
    plan.client_mss = 1460;
    plan.client_buffer = 200'000;
    plan.large_frame = 15'872;
    const Seen made = transfer(1, plan, true, false);
    EXPECT_GE(made.counters[Counter::tx_large], 64'000u / 15'872);
    EXPECT_LE(made.counters[Counter::tx_large], 12u) << "10, 20 and 14 segments, at most 10 in a packet";
    EXPECT_EQ(made.text.size(), 64'000u);
}

TEST(LargePacketUse, NoneIsMadeWhenThePoolIsEmpty) {
    Plan plan(1);
    plan.pieces = {64'000};
    const Seen none = transfer(1, plan, true, false, UINT32_MAX);
    EXPECT_EQ(none.counters[Counter::tx_large], 0u);
    EXPECT_EQ(none.text.size(), 64'000u);
    plan.pieces.assign(4, 64'000);
    EXPECT_GT(transfer(1, plan, true, false, 5).counters[Counter::tx_large], 0u) << "and asked for again";
}

TEST(LargePacketUse, SmallSegmentsAreCutByTheCore) {
    Plan plan(1);
    plan.pieces = {20'000};
    plan.timestamps = false;
    for (const uint16_t mss : {uint16_t{255}, uint16_t{256}}) {
        plan.client_mss = mss;
        const Seen made = transfer(1, plan, true, false);
        EXPECT_EQ(made.counters[Counter::tx_large] != 0, mss == 256);
        EXPECT_EQ(made.text.size(), 20'000u);
    }
}

}  // namespace
}  // namespace synfin
