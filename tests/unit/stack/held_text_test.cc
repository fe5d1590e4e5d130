/// @file
/// Calls from within on_data while it reads held text (received out of order, or left earlier). They must
/// have the same effect as with text directly from a packet.

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "fakes/burst_engine.hh"
#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

const Cidr kClient = fakes::net_host(2), kServer = fakes::net_host(1);
constexpr uint32_t kSegment = 1448;

/// Gathers text, and calls `act` each time.
struct Reader {
    std::function<void(Connection, RxView&)> act = [](Connection, RxView&) {};
    std::vector<uint8_t> got{};
    Connection connection{};
    int opens = 0, fins = 0;
    std::vector<CloseReason> ends{};

    void on_open(Connection c) { connection = c, ++opens; }
    void on_data(Connection c, RxView& view) {
        got.insert(got.end(), view.bytes().begin(), view.bytes().end());
        act(c, view);
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) { ++fins; }
    void on_close(Connection, const CloseInfo& why) { ends.push_back(why.reason); }
};

/// A client that has sent `segments` full segments, of which the server has none yet.
struct Pair {
    explicit Pair(uint32_t segments) {
        EXPECT_TRUE(server.stack.listen(80));
        VirtualConfig config;
        config.address = kClient;
        config.stack.mtu = fakes::same_mtu(1500);
        config.stack.seed = 7;
        config.stack.max_connections = config.stack.max_half_open = config.stack.max_time_wait = 16;
        client.emplace(config);
        c = *client->connect({kServer.addr, 80});
        for (int i = 0; i < 3; ++i) exchange();
        EXPECT_EQ(reader.opens, 1);
        text.resize(size_t{segments} * kSegment);
        for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<uint8_t>(i * 131 + (i >> 8));
        EXPECT_EQ(*client->send(c, text), text.size());
        while (auto packet = client->output()) packets.push_back(std::move(*packet));
        EXPECT_EQ(packets.size(), segments);
    }
    void exchange() {
        while (const auto packet = client->output()) server.port.deliver(*packet);
        server.turn(reader);
        while (const auto packet = server.port.take()) client->input(*packet);
    }
    /// Each in a separate turn.
    void deliver(std::initializer_list<size_t> order) {
        for (const size_t i : order) {
            server.port.deliver(packets[i]);
            server.turn(reader);
        }
    }
    bool was_reset() {
        while (const auto packet = server.port.take()) client->input(*packet);
        const auto events = client->take_events();
        for (const Event& event : events)
            if (event.kind == Event::Kind::close && event.why.reason == CloseReason::reset_by_peer)
                return true;
        return false;
    }
    bool is_complete() const { return reader.got.size() == text.size(); }

    fakes::BurstEngine server{fakes::BurstEngine::small(kServer)};
    Reader reader;
    std::optional<VirtualStack> client;
    Connection c;
    std::vector<uint8_t> text;
    std::vector<std::vector<uint8_t>> packets;
};

TEST(HeldText, CloseAtTheLastByteOfSegmentsThatChangedPlacesSendsFin) {
    Pair p(3);
    p.reader.act = [&](Connection c, RxView&) {
        if (p.is_complete()) {
            EXPECT_TRUE(c.close());
        }
    };
    p.deliver({0, 2, 1});
    EXPECT_EQ(p.reader.got, p.text);
    EXPECT_EQ(p.reader.connection.state(), tcp::State::fin_wait_1);
    EXPECT_FALSE(p.was_reset());
    ASSERT_TRUE(p.client->shutdown(p.c));
    for (int i = 0; i < 3; ++i) p.exchange();
    EXPECT_EQ(p.reader.ends, std::vector{CloseReason::fin});
}

TEST(HeldText, AnAnswerAndCloseFromWithinOnDataArrive) {
    Pair p(2);
    const std::array<uint8_t, 100> answer{};
    p.reader.act = [&](Connection c, RxView&) {
        if (!p.is_complete()) return;
        EXPECT_EQ(*c.send(answer), answer.size());
        EXPECT_TRUE(c.close());
    };
    p.deliver({1, 0});
    EXPECT_FALSE(p.was_reset());
    std::array<uint8_t, 200> some;
    EXPECT_EQ(*p.client->receive(p.c, some), answer.size());
}

TEST(HeldText, CloseWhileMoreIsHeldThanIsShownResets) {  // RFC 9293 3.6.1, SHLD-3
    Pair p(6);
    p.reader.act = [&](Connection c, RxView&) {
        if (p.reader.got.size() > kSegment && c.state() == tcp::State::established) {
            EXPECT_TRUE(c.close());
        }
    };
    p.deliver({0, 5, 4, 3, 2, 1});
    EXPECT_FALSE(p.is_complete());
    EXPECT_TRUE(p.was_reset());
    EXPECT_EQ(p.reader.ends, std::vector{CloseReason::aborted});
}

TEST(HeldText, CloseThatLeavesSomeOfWhatIsShownResets) {
    Pair p(3);
    p.reader.act = [&](Connection c, RxView& view) {
        if (!p.is_complete()) return;
        EXPECT_TRUE(c.close());
        view.take(view.size() - 1);
    };
    p.deliver({0, 2, 1});
    EXPECT_TRUE(p.was_reset());
    EXPECT_EQ(p.reader.ends, std::vector{CloseReason::aborted});
}

TEST(HeldText, AfterReceiveWhatItLeftIsUnread) {
    for (const bool all : {false, true}) {
        Pair p(3);
        p.reader.act = [&](Connection c, RxView& view) {
            if (!p.is_complete()) return;
            std::array<uint8_t, 4096> into;
            const uint32_t n = view.size() - (all ? 0 : 1);
            EXPECT_EQ(*c.receive(MutableBytes(into.data(), n)), n);
            EXPECT_TRUE(c.close());
        };
        p.deliver({0, 2, 1});
        EXPECT_EQ(p.was_reset(), !all);
    }
}

TEST(HeldText, WhatReceiveLeavesAfterCloseResets) {
    for (const bool all : {false, true}) {
        Pair p(3);
        p.reader.act = [&](Connection c, RxView& view) {
            if (!p.is_complete()) return;
            EXPECT_TRUE(c.close());
            std::array<uint8_t, 4096> into;
            const uint32_t n = view.size() - (all ? 0 : 1);
            EXPECT_EQ(*c.receive(MutableBytes(into.data(), n)), n);
        };
        p.deliver({0, 2, 1});
        EXPECT_EQ(p.was_reset(), !all);
    }
}

TEST(HeldText, ReceiveOfNothingLeavesItAsItIs) {
    Pair p(3);
    p.reader.act = [&](Connection c, RxView&) {
        static_cast<void>(c.receive({}));
        if (p.is_complete()) {
            EXPECT_TRUE(c.close());
        }
    };
    p.deliver({0, 2, 1});
    EXPECT_FALSE(p.was_reset());
    EXPECT_EQ(p.reader.got, p.text);
}

TEST(HeldText, CloseAfterTextThatWasLeftAndResumedSendsFin) {
    Pair p(1);
    bool first = true;
    p.reader.act = [&](Connection c, RxView& view) {
        if (first) {
            first = false;
            view.take(0);
        } else {
            EXPECT_TRUE(c.close());
        }
    };
    p.deliver({0});
    EXPECT_TRUE(p.reader.connection.resume());
    p.server.turn(p.reader);
    EXPECT_EQ(p.reader.connection.state(), tcp::State::fin_wait_1);
    EXPECT_FALSE(p.was_reset());
}

TEST(HeldText, ShutdownAndResumeKeepTheRest) {
    Pair p(3);
    p.reader.act = [&](Connection c, RxView& view) {
        if (!p.is_complete()) return;
        EXPECT_TRUE(c.shutdown());
        EXPECT_TRUE(c.resume());
        view.take(view.size() - 10);
    };
    p.deliver({0, 2, 1});
    EXPECT_EQ(p.reader.connection.state(), tcp::State::fin_wait_1);
    EXPECT_EQ(p.reader.connection.info()->unread_bytes, 10u);
    EXPECT_FALSE(p.was_reset());
}

TEST(HeldText, AbortTellsTheEndOnce) {
    Pair p(3);
    p.reader.act = [&](Connection c, RxView& view) {
        if (!p.is_complete()) return;
        EXPECT_TRUE(c.abort());
        view.take(1);
    };
    p.deliver({0, 2, 1});
    EXPECT_TRUE(p.was_reset());
    EXPECT_EQ(p.reader.ends, std::vector{CloseReason::aborted});
}

/// The peer's FIN arrived with the held text.
TEST(HeldText, CloseBehindTheFinOfThePeerEndsInOrder) {
    Pair p(3);
    ASSERT_TRUE(p.client->shutdown(p.c));
    while (auto packet = p.client->output()) p.packets.push_back(std::move(*packet));
    ASSERT_EQ(p.packets.size(), 4u);
    p.reader.act = [&](Connection c, RxView&) {
        if (p.is_complete()) {
            EXPECT_TRUE(c.close());
        }
    };
    p.deliver({0, 3, 2, 1});
    EXPECT_EQ(p.reader.fins, 0) << "nobody is there any more";
    EXPECT_FALSE(p.was_reset());
    for (int i = 0; i < 3; ++i) p.exchange();
    EXPECT_EQ(p.reader.ends, std::vector{CloseReason::fin});
    EXPECT_EQ(p.server.stack.occupancy().open, 0u);
    EXPECT_EQ(p.server.stack.occupancy().send_blocks, 0u);
}

}  // namespace
}  // namespace synfin
