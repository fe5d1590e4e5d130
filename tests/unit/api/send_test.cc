/// Gather send, and sends and receives of chars.

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "two_stacks.hh"

namespace synfin {
namespace {

struct Open : TwoStacks {
    explicit Open(const VirtualConfig& near_config = config(kNear)) : TwoStacks(near_config) {
        static_cast<void>(far.listen(80));
        client = connect(80);
        const auto accepted = far.accept();
        if (accepted) server = *accepted;
    }
    std::string received() {
        std::string out;
        std::array<char, 1000> part;
        for (;;) {
            exchange();
            const auto n = far.receive(server, part);
            if (!n || *n == 0) return out;
            out.append(part.data(), *n);
        }
    }
    Connection client, server;
};

TEST(Send, TakesCharsWithoutCasts) {
    Open open;
    EXPECT_EQ(*open.client.send("GET "), 4u) << "without the terminating zero";
    EXPECT_EQ(*open.client.send(std::string("/a ")), 3u);
    EXPECT_EQ(*open.client.send(std::string_view("HTTP")), 4u);
    EXPECT_EQ(*open.client.send(std::vector<char>{'/', '1'}), 2u);
    EXPECT_EQ(*open.client.send(std::array<std::byte, 1>{std::byte{'.'}}), 1u);
    EXPECT_EQ(*open.client.send(std::vector<uint8_t>{'1'}), 1u);
    EXPECT_EQ(*open.client.send_static("\r\n"), 2u);
    open.near.advance(open.near.now());
    EXPECT_EQ(open.received(), "GET /a HTTP/1.1\r\n");
}

TEST(Send, GathersPiecesAsOneText) {
    Open open;
    const std::string head = "head;", body(3'000, 'b'), tail = ";tail";
    const std::array<Bytes, 4> pieces{bytes_of(head), Bytes(), bytes_of(body), bytes_of(tail)};
    const auto sent = open.near.send(open.client, pieces);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, 3'010u);
    EXPECT_EQ(open.received(), head + body + tail);
}

TEST(Send, GatherTakesAPartWhenTheBufferIsFull) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kNear);
    config.stack.tcp.send_buffer_bytes = 4'096;
    Open open(config);
    const std::string first(3'000, '1'), second(3'000, '2'), third(100, '3');
    const std::array<Bytes, 3> pieces{bytes_of(first), bytes_of(second), bytes_of(third)};
    open.near.take_events();
    const auto sent = open.client.send(pieces);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, 4'096u);
    const auto full = open.client.send(pieces);
    ASSERT_TRUE(full);
    EXPECT_EQ(*full, 0u);
    open.near.advance(open.near.now());
    EXPECT_EQ(open.received(), first + second.substr(0, 1'096));
    EXPECT_EQ(take(open.near, Event::Kind::writable).size(), 1u);
}

TEST(Send, GatherThatEndsWithAPieceSaysSoToo) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kNear);
    config.stack.tcp.send_buffer_bytes = 4'096;
    Open open(config);
    const std::string first(4'096, '1'), second(1, '2');
    const std::array<Bytes, 2> pieces{bytes_of(first), bytes_of(second)};
    open.near.take_events();
    EXPECT_EQ(*open.client.send(pieces), 4'096u);
    open.near.advance(open.near.now());
    open.received();
    EXPECT_EQ(take(open.near, Event::Kind::writable).size(), 1u);
}

TEST(Send, GatherSaysWhyNothingWasTaken) {
    Open open;
    const std::array<Bytes, 1> pieces{bytes_of(std::string_view("x"))};
    EXPECT_EQ(*open.client.send(std::span<const Bytes>{}), 0u);
    ASSERT_TRUE(open.near.shutdown(open.client));
    EXPECT_EQ(open.client.send(pieces).error(), Error::closing);
    EXPECT_EQ(open.client.send(std::span<const Bytes>{}).error(), Error::closing);
    ASSERT_TRUE(open.near.abort(open.client));
    EXPECT_EQ(open.client.send(pieces).error(), Error::gone);
    EXPECT_EQ(Connection().send(pieces).error(), Error::gone);
}

}  // namespace
}  // namespace synfin
