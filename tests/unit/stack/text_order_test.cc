/// @file
/// The application sees each byte once and in order, whatever the order of segments in a burst and however
/// much of each piece it takes.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/random.hh"
#include "fakes/burst_engine.hh"
#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

const Cidr kClient = fakes::net_host(2), kServer = fakes::net_host(1);

uint8_t byte_at(size_t i) {
    return static_cast<uint8_t>(i * 131 + (i >> 8));
}

struct Reader {
    Random random;
    std::vector<uint8_t> got;
    Connection connection;
    bool takes_all, fin = false;
    size_t got_at_fin = 0;

    void on_open(Connection c) { connection = c; }
    void on_data(Connection c, RxView& view) {
        // Reads some of the held text by receive(), and takes nothing of the view.
        if (std::array<uint8_t, 700> some; !takes_all && random.below(4) == 0) {
            if (const auto n = c.receive(some); n && *n != 0) {
                got.insert(got.end(), some.begin(), some.begin() + *n);
                return;
            }
        }
        if (!takes_all && random.below(3) == 0) view.take(random.below(view.size() + 1));
        got.insert(got.end(), view.bytes().begin(), view.bytes().begin() + view.taken());
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) { fin = true, got_at_fin = got.size(); }
    void on_close(Connection, const CloseInfo&) {}
};

struct Server : fakes::BurstEngine {
    Server(uint64_t seed, bool takes_all)
        : BurstEngine(small(kServer)), reader{Random(seed), {}, {}, takes_all} {
        EXPECT_TRUE(stack.listen(80));
    }
    void turn() { BurstEngine::turn(reader); }
    Reader reader;
};

void run(uint64_t seed, bool takes_all) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Server server(seed, takes_all);
    VirtualConfig config;
    config.address = kClient;
    config.stack.mtu = fakes::same_mtu(1500);
    config.stack.seed = 7;
    config.stack.max_connections = config.stack.max_half_open = config.stack.max_time_wait = 16;
    VirtualStack client(config);
    const auto exchange = [&] {
        while (const auto packet = client.output()) server.port.deliver(*packet);
        server.turn();
        while (const auto packet = server.port.take()) client.input(*packet);
    };
    auto c = client.connect({kServer.addr, 80});
    ASSERT_TRUE(c);
    for (int i = 0; i < 3; ++i) exchange();

    std::vector<uint8_t> text(10 * 1448);
    for (size_t i = 0; i < text.size(); ++i) text[i] = byte_at(i);
    ASSERT_EQ(*client.send(*c, text), text.size());
    ASSERT_TRUE(client.shutdown(*c));
    std::vector<std::vector<uint8_t>> packets;
    while (auto packet = client.output()) packets.push_back(std::move(*packet));
    ASSERT_GE(packets.size(), 10u);
    for (size_t i = packets.size() - 1; i > 0; --i)
        if (random.below(2) == 0) std::swap(packets[i], packets[random.below(static_cast<uint32_t>(i + 1))]);
    for (size_t i = 0; i < packets.size();) {
        for (size_t n = 1 + random.below(6); n > 0 && i < packets.size(); --n)
            server.port.deliver(packets[i++]);
        server.turn();
        if (random.below(2) == 0) static_cast<void>(server.reader.connection.resume());
    }
    for (int i = 0; i < 1000 && !server.reader.fin; ++i) {
        static_cast<void>(server.reader.connection.resume());
        exchange();
    }
    ASSERT_EQ(server.reader.got.size(), text.size());
    EXPECT_TRUE(server.reader.got == text);
    EXPECT_TRUE(server.reader.fin);
    EXPECT_EQ(server.reader.got_at_fin, text.size()) << "FIN is told after the last byte";
}

TEST(TextOrder, AnyMixOfSegmentsForWhoTakesAll) {
    for (uint64_t seed = 1; seed <= 150; ++seed) run(seed, true);
}
TEST(TextOrder, AnyMixOfSegmentsForWhoTakesParts) {
    for (uint64_t seed = 1; seed <= 150; ++seed) run(seed, false);
}

/// Answers whatever arrives with 60,000 bytes.
struct Answerer {
    void on_open(Connection) {}
    void on_data(Connection c, RxView&) {
        static const std::vector<uint8_t> kText(60'000, 't');
        EXPECT_TRUE(c.send_static(kText));
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo&) {}
};

/// Two connections may send a window of more than 40 segments each, in one turn. Neither sends more than 32
/// while the other one waits.
TEST(TextOrder, ConnectionsTakeTurns) {
    fakes::BurstEngine server(fakes::BurstEngine::small(kServer));
    ASSERT_TRUE(server.stack.listen(80));
    Answerer app;
    VirtualConfig config;
    config.address = kClient;
    config.stack.mtu = fakes::same_mtu(1500);
    config.stack.seed = 7;
    config.stack.max_connections = config.stack.max_half_open = config.stack.max_time_wait = 16;
    VirtualStack client(config);
    std::array<uint8_t, 65'536> room;
    const auto to_server = [&] {
        while (const auto packet = client.output()) server.port.deliver(*packet);
        server.turn(app);
    };
    const auto a = client.connect({kServer.addr, 80}), b = client.connect({kServer.addr, 80});
    ASSERT_TRUE(a && b);
    const auto exchange = [&] {
        to_server();
        while (const auto packet = server.port.take()) client.input(*packet);
        for (const auto& c : {*a, *b})
            while (const auto n = client.receive(c, room))
                if (*n == 0) break;
    };
    const std::vector<uint8_t> request(10, 'r');
    const auto ask = [&] {
        for (const auto& c : {*a, *b}) ASSERT_EQ(*client.send(c, request), request.size());
    };
    for (int i = 0; i < 3; ++i) exchange();
    ask();
    for (int i = 0; i < 50; ++i) exchange();  // cwnd grows
    ask();
    to_server();
    std::vector<uint16_t> ports;
    while (const auto packet = server.port.take()) {
        const size_t tcp = fakes::ip_header_bytes() + 2u;
        ports.push_back(static_cast<uint16_t>((*packet)[tcp] << 8 | (*packet)[tcp + 1]));
    }
    ASSERT_GE(ports.size(), 80u);
    EXPECT_EQ(std::count(ports.begin(), ports.begin() + 32, ports[0]), 32);
    EXPECT_EQ(std::count(ports.begin() + 32, ports.begin() + 64, ports[0]), 0);
    EXPECT_EQ(ports[64], ports[0]);
}

}  // namespace
}  // namespace synfin
