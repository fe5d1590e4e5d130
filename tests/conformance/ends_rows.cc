/// Rows 85 and 87, and a part of 18: silent peers, and the end of the process.
#include "fakes/world.hh"
#include "servers/timed_server.hh"
#include "synfin/drain.hh"

namespace synfin::fakes {
namespace {

using app::ConnectionTimers;
using app::TimedServer;
using app::TimeOuts;

constexpr TimeOuts kLimits{.idle = 60s, .head = 10s, .send = 60s};

/// The timeouts of `synfin serve`, turn by turn, with a connection that nothing else closes.
struct Watched {
    explicit Watched(World& world) : w(world), server(&timers) {
        server.turn(w.stack().now());
        server.on_open(w.main().c);
    }
    void pass(Duration time) {
        for (const Instant end = w.stack().now() + time; w.stack().now() < end;) {
            w.advance(std::min<Duration>(100ms, end - w.stack().now()));
            const Instant now = w.stack().now();
            server.turn(now);
            timers.turn(now, [&](Connection c, uint8_t wait) { server.on_timer(c, wait); });
            w.pump();
        }
    }
    World& w;
    ConnectionTimers timers{w.config().stack.max_connections, kLimits};
    TimedServer server;
};

TEST(Row85, AnIdlePeerGetsFin) {
    ROW(85, "project choice", "app::ConnectionTimers::turn");
    World w;
    w.open();
    Watched watched(w);
    watched.pass(59s);
    SILENT(w);
    watched.pass(2s);
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 0});
    STATE(w, fin_wait_1);
    EXPECT_EQ(watched.server.tally().timed_out_idle, 1u);
}

TEST(Row85, APeerThatShutsItsWindowIsResetThoughItAnswersEveryProbe) {
    ROW(85, "project choice", "app::ConnectionTimers::progress");
    World w;
    w.main().wnd = 1'000;
    w.open();
    Watched watched(w);
    w.send(5'000);
    watched.timers.arm(w.main().c, ConnectionTimers::send, w.stack().now());
    w.discard();
    w.in({.ack = 1'001, .wnd = 0});
    Duration passed{};
    for (; passed < 59s; passed += 1s) {
        watched.pass(1s);
        w.discard();
        w.in({.ack = 1'001, .wnd = 0});
        STATE(w, established);
    }
    for (; passed < 70s && w.state() == State::established; passed += 1s) watched.pass(1s);
    CLOSED(w, aborted);
    EXPECT_EQ(watched.server.tally().timed_out_send, 1u);
    std::optional<Packet> last;
    while (auto packet = w.out()) last = packet;
    REQUIRE(last && (last->flags & kRst) != 0);
    EXPECT_EQ(last->seq - w.main().stack_isn, 1'001u)
        << "what the peer expects, although a probe is beyond it";
}

TEST(Row85, APeerThatAcknowledgesALittleAtATimeLives) {
    ROW(85, "project choice", "app::ConnectionTimers::progress");
    World w;
    w.open();
    Watched watched(w);
    w.send(5'000);
    watched.timers.arm(w.main().c, ConnectionTimers::send, w.stack().now());
    for (uint32_t i = 1; i <= 5; ++i) {
        watched.pass(55s);
        w.discard();
        w.in({.ack = 1 + i * 100});
        STATE(w, established);
    }
}

TEST(Row18, AbortBehindAClosedWindowIsAccepted) {
    ROW(18, "9293-3.10.5, 3.10.7.4", "tcp::abort");
    World w;
    w.main().wnd = 1'000;
    w.open();
    w.send(5'000);
    w.discard();
    w.in({.ack = 1'001, .wnd = 0});
    REQUIRE(w.advance_to_packet(10s));  // a probe: SND.NXT is beyond the window
    w.discard();
    w.main().abort();
    RECV(w, {.seq = 1'001, .len = 0, .has = kRst});
    SILENT(w);
}

/// Runs turns of a stack in virtual time until it is done.
void drain(World& w, Duration time) {
    Drain drain;
    drain.begin(w.stack().stack(), w.stack().now(), time);
    for (int i = 0; i < 100'000 && !drain.turn(w.stack().stack(), w.stack().now()); ++i) w.advance(1ms);
    EXPECT_TRUE(drain.is_over());
}

TEST(Row87, EveryConnectionIsClosedAndThenReset) {
    ROW(87, "project choice", "api::Drain");
    World w;
    w.open();
    auto& half = w.flow(40001);
    half.in({.seq = 0, .flags = kSyn});
    RECV(half, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    drain(w, 2s);
    RECV(half, {.seq = 1, .ack = 1, .flags = kRst | kAck, .len = 0});
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 0});
    std::optional<Packet> last;
    while (auto packet = w.out()) last = packet;
    REQUIRE(last && (last->flags & kRst) != 0);  // the peer never answered
    EXPECT_EQ(w.occupancy().open + w.occupancy().half_open, 0u);
}

TEST(Row87, APeerThatAnswersIsNotReset) {
    ROW(87, "project choice", "api::Drain");
    World w;
    w.open();
    Drain drain;
    drain.begin(w.stack().stack(), w.stack().now(), 2s);
    w.advance(1ms);
    drain.turn(w.stack().stack(), w.stack().now());
    w.advance(1ms);
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 0});
    EXPECT_FALSE(drain.turn(w.stack().stack(), w.stack().now()));
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    RECV(w, {.seq = 2, .ack = 2, .flags = kAck, .len = 0});
    EXPECT_TRUE(drain.turn(w.stack().stack(), w.stack().now()));
    SILENT(w);
    STATE(w, time_wait);
}

TEST(Row87, WithoutTimeEveryPeerIsResetAtOnce) {
    ROW(87, "project choice", "api::Drain");
    World w;
    for (uint16_t port = 40'000; port < 40'200; ++port) {
        w.flow(port).open(Side::passive);
        w.discard();
    }
    const Instant before = w.stack().now();
    drain(w, 0s);
    EXPECT_LE(w.stack().now() - before, 20ms);
    size_t resets = 0;
    while (auto packet = w.out()) resets += (packet->flags & kRst) != 0;
    EXPECT_EQ(resets, 200u);
    EXPECT_EQ(w.occupancy().open, 0u);
}

}  // namespace
}  // namespace synfin::fakes
