/// Engines that take no turn for days, because nothing is due.

#include <gtest/gtest.h>

#include "fakes/two_ends.hh"

namespace synfin::stack {
namespace {

using fakes::TwoEnds;

constexpr uint16_t kPort = 80;
const std::vector<uint8_t> kText(500, 't');

/// Counts what arrives, and answers it on the server's side.
struct End {
    void on_open(Connection opened) { c = opened; }
    void on_data(Connection from, RxView& view) {
        received += view.size();
        if (answers) {
            EXPECT_TRUE(from.send_static(kText));
        }
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo&) { ++closed; }

    bool answers;
    Connection c{};
    uint64_t received = 0;
    unsigned closed = 0;
};

/// Turns at the deadlines alone, as an engine that sleeps meanwhile.
void sleep_until(Stack& stack, End& end, Instant then) {
    for (unsigned turns = 0;; ++turns) {
        ASSERT_LT(turns, 1000u) << "the engine never sleeps";
        const auto due = stack.next_deadline();
        if (!due || *due >= then) return;
        stack.poll(end, *due);
    }
}

/// A client and a server with one connection. The client's user timeout keeps the Flow, so that the SYN-ACK
/// sets the timer of 24 days at once (RFC 7323 5.5), while the wheel still has the entry of the SYN's timer.
struct Idle {
    Idle() {
        ends.step_time = 1ms;
        run(1ms, [] { return false; });  // a first turn, which tells the time
        EXPECT_TRUE(ends.server().listen(kPort));
        auto opening = ends.client().connect({TwoEnds::kServer, kPort});
        EXPECT_TRUE(opening && opening->set_user_timeout(300s));
        EXPECT_TRUE(run(20ms, [&] { return client.c && server.c; }));
    }
    template <typename Done>
    bool run(Duration at_most, Done&& done) {
        return ends.run(
            at_most, [&](Stack& stack, Instant now) { stack.poll(client, now); },
            [&](Stack& stack, Instant now) { stack.poll(server, now); }, done);
    }
    /// No turns but at deadlines. Then the client sends, and what it sends arrives in the server's first
    /// turn.
    void sleep_and_send(Duration time) {
        const auto nothing = [](Stack&, Instant) {};
        ends.step_time = time;
        ends.step(nothing, nothing);
        const Instant later = ends.now();
        sleep_until(ends.client(), client, later);
        sleep_until(ends.server(), server, later);
        ends.step_time = 1ms;
        ends.step(
            [&](Stack& stack, Instant now) {
                stack.poll(client, now);
                EXPECT_TRUE(client.c.send_static(kText));
                stack.poll(client, now);
            },
            nothing);
    }

    TwoEnds ends;
    End client{.answers = false}, server{.answers = true};
};

class LongSilence : public testing::TestWithParam<int> {};  // of so many hours
INSTANTIATE_TEST_SUITE_P(Stack, LongSilence,
                         testing::Values(1, 2 * 24, 23 * 24 + 12, 24 * 24, 26 * 24, 30 * 24, 51 * 24));

// The answer to the segment is lost.
TEST_P(LongSilence, BeforeASegmentAndARetransmission) {
    Idle idle;
    TwoEnds& ends = idle.ends;
    End &client = idle.client, &server = idle.server;
    std::vector<Instant> requests, answers;  // as sent
    ends.lose = [&](Bytes packet, bool to_server) {
        if (packet.size() > kText.size()) (to_server ? requests : answers).push_back(ends.now());
        return !to_server;
    };
    idle.sleep_and_send(std::chrono::hours(GetParam()));
    idle.run(500ms, [] { return false; });
    EXPECT_EQ(server.received, kText.size());
    for (const auto* sent : {&requests, &answers}) {
        ASSERT_GE(sent->size(), 2u) << (sent == &requests ? "requests" : "answers");
        EXPECT_LE(sent->size(), 3u) << "a tail loss probe and an RTO at most";
        EXPECT_GE(sent->back() - sent->front(), 10ms);
    }
    ends.lose = nullptr;
    EXPECT_TRUE(idle.run(2s, [&] { return client.received == kText.size(); }));
    EXPECT_EQ(client.closed + server.closed, 0u);
    idle.run(3s, [] { return false; });
    for (Stack* stack : {&ends.client(), &ends.server()}) {
        const auto due = stack->next_deadline();
        EXPECT_TRUE(!due || *due > ends.now() + 1h) << "idle again";
    }
}

}  // namespace
}  // namespace synfin::stack
