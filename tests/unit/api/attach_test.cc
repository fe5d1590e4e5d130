/// An application on a VirtualStack: its handlers are called as on a device.

#include <gtest/gtest.h>

#include <array>

#include "synfin/virtual_stack.hh"
#include "two_stacks.hh"

namespace synfin {
namespace {

/// Takes three bytes at a time and writes down what it was told.
struct Taker {
    void on_open(Connection, uint64_t token) { log += "open " + std::to_string(token) + ";"; }
    void on_data(Connection c, RxView& data) {
        log += "data " + std::to_string(data.size()) + ";";
        data.take(3);
        connection = c;
    }
    void on_writable(Connection) { log += "writable;"; }
    void on_peer_fin(Connection c) {
        log += "fin;";
        (void)c.close();
    }
    void on_close(Connection, const CloseInfo&) { log += "close;"; }
    void on_timer(uint64_t tag) { log += "timer " + std::to_string(tag) + ";"; }
    void on_post(const Message& message) { log += "post " + std::to_string(message.tag) + ";"; }
    std::string log;
    Connection connection;
};

/// Sends everything back by the calls of the VirtualStack, from within its handlers.
struct Returner {
    void on_open(Connection) {}
    void on_data(Connection c, RxView& data) {
        const std::string before(data.bytes().begin(), data.bytes().end());
        EXPECT_EQ(stack->send(c, data.bytes()).value(), data.size());
        stack->advance(stack->now() + 1s);
        EXPECT_EQ(std::string(data.bytes().begin(), data.bytes().end()), before);
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection c) { EXPECT_TRUE(stack->close(c)); }
    void on_close(Connection, const CloseInfo&) {}
    VirtualStack* stack;
};

struct Attach : ::testing::Test {
    std::string taken_log() { return std::exchange(app.log, {}); }
    TwoStacks wire;
    Taker app;
};

TEST_F(Attach, handlers_are_called_and_text_that_is_left_stays) {
    wire.far.attach(app);
    ASSERT_TRUE(wire.far.stack().listen(7, {.token = 42}));
    const Connection c = wire.connect(7);
    EXPECT_EQ(taken_log(), "open 42;");
    EXPECT_EQ(wire.near.send(c, std::string_view("abcdefg")).value(), 7u);
    EXPECT_TRUE(wire.near.shutdown(c));
    wire.exchange();
    EXPECT_EQ(taken_log(), "data 7;");
    ASSERT_TRUE(app.connection.resume());
    wire.advance(1ms);
    EXPECT_EQ(taken_log(), "data 4;");
    ASSERT_TRUE(app.connection.resume());
    wire.advance(1ms);
    EXPECT_EQ(taken_log(), "data 1;fin;close;");
}

TEST_F(Attach, handlers_may_call_the_virtual_stack) {
    Returner returner{&wire.far};
    wire.far.attach(returner);
    ASSERT_TRUE(wire.far.listen(7));
    const Connection c = wire.connect(7);
    std::array<char, 16> into{};
    for (int i = 0; i < 3000; ++i) {  // more than there are packets
        const std::string text = "text " + std::to_string(i);
        ASSERT_EQ(wire.near.send(c, text).value(), text.size());
        wire.exchange();
        ASSERT_EQ(wire.near.receive(c, into).value_or(0), text.size()) << i;
        ASSERT_EQ(std::string(into.data(), text.size()), text);
    }
    ASSERT_TRUE(wire.near.close(c));
    wire.exchange();
    EXPECT_FALSE(wire.far.stack().records().any());
    EXPECT_EQ(wire.far.stack().occupancy().held_packets, 0u);
}

TEST_F(Attach, nothing_is_kept_for_take_events_and_accept) {
    wire.far.attach(app);
    ASSERT_TRUE(wire.far.listen(7));
    wire.connect(7);
    EXPECT_TRUE(wire.far.take_events().empty());
    EXPECT_EQ(wire.far.accept().error(), Error::would_block);
}

TEST_F(Attach, timers_and_posts_come_in_virtual_time) {
    wire.far.attach(app);
    ASSERT_TRUE(wire.far.stack().after(5s, 1));
    ASSERT_TRUE(wire.far.stack().post(2));
    wire.advance(1ms);
    EXPECT_EQ(taken_log(), "post 2;");
    wire.advance(4s);
    EXPECT_EQ(taken_log(), "");
    wire.advance(1s);
    EXPECT_EQ(taken_log(), "timer 1;");
}

}  // namespace
}  // namespace synfin
