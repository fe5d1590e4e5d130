/// Row 41: sequence numbers that wrap at every point of a connection's life. In addition, the whole suite
/// runs with the ISNs of both sides just below 2^32, at 2^31 and at 0; see meson.build.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

/// A whole connection: data in both directions, out of order and lost. Every number is checked.
void live(World& w, Side side, bool stack_closes) {
    w.open(side);
    w.send(20);
    RECV(w, {.seq = 1, .ack = 1, .len = 20});
    w.in({.seq = 11, .ack = 1, .len = 10});
    RECV(w, {.seq = 21, .ack = 1, .len = 0});
    w.in({.seq = 1, .ack = 21, .len = 10});
    RECV(w, {.seq = 21, .ack = 21, .len = 0});
    EXPECT_EQ(w.read_all(), 20u);
    w.send(10);
    RECV(w, {.seq = 21, .ack = 21, .len = 10});
    RECV_IN(w, 100ms, 4s, {.seq = 21, .len = 10});
    w.in({.seq = 21, .ack = 25});
    w.in({.seq = 21, .ack = 31});
    EXPECT_EQ(w.main().rel_una(), 31u);
    w.in({.seq = 20, .ack = 31});
    RECV(w, {.seq = 31, .ack = 21});
    w.in({.seq = 21, .ack = 32});
    RECV(w, {.seq = 31, .ack = 21});
    w.in({.seq = 22, .flags = kRst});
    RECV(w, {.seq = 31, .ack = 21});
    if (stack_closes) {
        w.close();
        RECV(w, {.seq = 31, .ack = 21, .flags = kFin | kAck});
        w.in({.seq = 21, .ack = 32});
        STATE(w, fin_wait_2);
        w.in({.seq = 21, .ack = 32, .flags = kFin | kAck});
        RECV(w, {.seq = 32, .ack = 22});
        STATE(w, time_wait);
        w.in({.seq = 21, .ack = 32, .flags = kFin | kAck});
        RECV(w, {.seq = 32, .ack = 22});
    } else {
        w.in({.seq = 21, .ack = 31, .flags = kFin | kAck});
        RECV(w, {.seq = 31, .ack = 22});
        w.close();
        RECV(w, {.seq = 31, .ack = 22, .flags = kFin | kAck});
        w.in({.seq = 22, .ack = 32});
        STATE(w, closed);
    }
    CLOSED(w, fin);
    w.advance(61s);
    SILENT(w);
    IDLE(w);
}

class Row41 : public testing::TestWithParam<uint32_t> {};

TEST_P(Row41, ALifeWhoseNumbersWrapHere) {
    ROW(41, "9293-3.4", "tcp::Seq");
    for (const uint32_t base : {0u, 0x80000000u})
        for (const Side side : {Side::passive, Side::active})
            for (const bool stack_closes : {false, true}) {
                World w([&](WorldConfig& c) {
                    c.stack_isn = base - GetParam();
                    c.peer_isn = base - GetParam() * 2 / 3;
                });
                live(w, side, stack_closes);
                EXPECT_EQ(w.main().stack_isn, base - GetParam());
            }
}

INSTANTIATE_TEST_SUITE_P(, Row41, testing::Range(0u, 36u));

/// The clock belongs to the process: an engine may be made at any tick.
TEST(Row41Clock, AnEngineMayBeginAtAnyTick) {
    ROW(41, "9293-3.8.1", "time::TimerWheel");
    constexpr int64_t kHalf = int64_t{1} << 31;
    for (const int64_t tick : {kHalf - 1000, kHalf, kHalf + 1, 3 * kHalf / 2, 2 * kHalf - 1000, 3 * kHalf}) {
        VirtualStack stack({.address = net_host(1), .start = Instant::from_ns(tick * 1'000'000)});
        ASSERT_TRUE(stack.connect({host(2), 80}));
        ASSERT_TRUE(stack.output());
        // Not advance(): it would wait for a timer that never fires.
        const Instant before = stack.now();
        stack.stack().begin(before + 1100ms);
        stack.stack().end();
        EXPECT_EQ(stack.stack().counters()[Counter::syn_retransmitted], 1u) << tick;
    }
}

TEST(Row41Window, TheWindowSpansTheWrap) {
    ROW(41, "9293-3.4", "tcp::Seq");
    for (const uint32_t before : {1u, 1000u, 32768u, 65535u}) {
        World w([&](WorldConfig& c) { c.stack_isn = c.peer_isn = 0u - before; });
        w.open();
        w.send(60000);
        w.main().c.set_no_delay(true).error();
        for (int i = 0; i < 60 && w.main().rel_una() < 60001; ++i) {
            w.discard();
            w.in({.ack = w.main().rcv_nxt});
            w.advance(1ms);
        }
        EXPECT_EQ(w.main().rel_una(), 60001u);
        for (int i = 0; i < 60; ++i) {
            w.in({.len = 1000});
            EXPECT_EQ(w.read_all(), 1000u);
        }
    }
}

}  // namespace
}  // namespace synfin::fakes
