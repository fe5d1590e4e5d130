/// The generator against the servers, on two engines in virtual time: every connection is accounted for.
#include "traffic/generator.hh"

#include <gtest/gtest.h>

#include <atomic>

#include "servers/discard_server.hh"
#include "servers/http_server.hh"
#include "servers/reply_server.hh"
#include "servers/server_run.hh"
#include "traffic/client_run.hh"
#include "two_ends.hh"

namespace synfin::app {
namespace {

constexpr uint16_t kPort = 80;
const Endpoint kPeer{TwoEnds::kServer, kPort};

void expect_balance(const LoadTally& t) {
    EXPECT_EQ(t.offered, t.opened + t.skipped());
    EXPECT_EQ(t.opened, t.established + t.failed_before + t.pending);
    EXPECT_EQ(t.established, t.completed + t.failed_after + t.unfinished);
    uint64_t by_cause = 0;
    for (const uint64_t n : t.failed_by) by_cause += n;
    EXPECT_EQ(t.failed(), by_cause);
}
uint64_t failed_by(const LoadTally& t, CloseReason reason) {
    return t.failed_by[static_cast<size_t>(reason)];
}
uint64_t failed_by(const LoadTally& t, Failure failure) {
    return t.failed_by[static_cast<size_t>(failure)];
}

GeneratorPlan tcp_plan(uint32_t connections, uint64_t limit) {
    GeneratorPlan plan;
    plan.calls.push_back({kPeer, pattern_request(64), {}});
    plan.sources = {TwoEnds::kClient};
    plan.connections = connections;
    if (limit != 0) plan.limit = limit;
    return plan;
}
GeneratorPlan http_plan(uint32_t connections, uint64_t limit, uint64_t requests = 1) {
    GeneratorPlan plan = tcp_plan(connections, limit);
    plan.calls[0] = {kPeer, http_request(kPeer.addr.text(), "/", false),
                     http_request(kPeer.addr.text(), "/", true)};
    plan.purpose = GeneratorPlan::Purpose::http;
    plan.requests_per_connection = requests;
    return plan;
}

/// One client run against one server, to its end.
template <Server S, typename... Arguments>
struct Play {
    explicit Play(GeneratorPlan plan, Duration duration, Arguments... arguments)
        : Play(ClientRun::Plan{.load = {std::move(plan)}, .duration = duration}, arguments...) {}
    explicit Play(ClientRun::Plan plan, Arguments... arguments)
        : client(std::move(plan), stop), server(PortRange{kPort, kPort}, arguments...) {
        EXPECT_TRUE(server.listen(ends.server()));
    }
    /// Runs until the client is over; then a moment more for the last ACKs.
    void run(Duration at_most = 20s) {
        client.start(ends.now());
        const auto a = [&](Stack& stack, Instant now) { client.turn(stack, now); };
        const auto b = [&](Stack& stack, Instant now) { server.turn(stack, now); };
        EXPECT_TRUE(ends.run(at_most, a, b, [&] { return client.over(); })) << "the run never ended";
        ends.run(1ms, a, b, [] { return false; });
        expect_balance(tally());
        EXPECT_EQ(tally().open_now(), 0u);
    }
    const LoadTally& tally() const { return client.generator().tally(); }

    TwoEnds ends;
    std::atomic<bool> stop{false};
    ClientRun client;
    ServerRun<S> server;
};

using ReplyPlay = Play<ReplyServer, ReplyServer::Shape>;
using HttpPlay = Play<HttpServer, uint64_t, uint32_t>;

TEST(Generator, RequestAndResponseOnEachConnection) {
    ReplyPlay play(tcp_plan(20, 200), 0s, {.request_size = 64, .response_size = 64});
    play.run();
    EXPECT_EQ(play.tally().completed, 200u);
    EXPECT_EQ(play.tally().responses, 200u);
    EXPECT_EQ(play.server.tally().completed, 200u);
    EXPECT_EQ(play.server.tally().requests, 200u);
    const LoadTimes& times = play.client.generator().times();
    EXPECT_EQ(times.connect.count(), 200u);
    EXPECT_EQ(times.first_byte.count(), 200u);
    EXPECT_EQ(times.life.count(), 200u);
    // The wire takes 50 us each way.
    EXPECT_GE(times.connect.quantile_us(0), 100);
    EXPECT_LE(times.connect.max_us(), 200);
    EXPECT_GE(times.first_byte.quantile_us(0), 200);
    EXPECT_EQ(play.ends.client().occupancy().open, 0u);
    EXPECT_EQ(play.ends.server().occupancy().open, 0u);
}

TEST(Generator, ServerClosesFirst) {
    GeneratorPlan plan = tcp_plan(10, 50);
    plan.ending = GeneratorPlan::Ending::fin_by_peer;
    ReplyPlay play(std::move(plan), 0s, {.request_size = 64, .response_size = 64, .close_after_reply = true});
    play.run();
    EXPECT_EQ(play.tally().completed, 50u);
    EXPECT_EQ(play.ends.client().occupancy().time_wait, 0u);
    EXPECT_EQ(play.ends.server().occupancy().time_wait, 50u);
}

TEST(Generator, ConnectOnlyAndRst) {
    GeneratorPlan plan = tcp_plan(10, 50);
    plan.purpose = GeneratorPlan::Purpose::nothing;
    ReplyPlay connect(plan, 0s, {});
    connect.run();
    EXPECT_EQ(connect.tally().completed, 50u);
    EXPECT_EQ(connect.tally().requests, 0u);
    plan.purpose = GeneratorPlan::Purpose::tcp;
    plan.ending = GeneratorPlan::Ending::rst;
    ReplyPlay reset(plan, 0s, {});
    reset.run();
    EXPECT_EQ(reset.tally().completed, 50u);
    EXPECT_EQ(reset.ends.client().occupancy().time_wait, 0u);
    EXPECT_EQ(reset.server.tally().ended_by[static_cast<size_t>(CloseReason::reset_by_peer)], 50u);
}

TEST(Generator, HttpWithManyRequestsPerConnection) {
    GeneratorPlan plan = http_plan(5, 20, 10);
    plan.ending = GeneratorPlan::Ending::fin_by_peer;
    HttpPlay play(std::move(plan), 0s, 1'000, 10'000);
    play.run();
    EXPECT_EQ(play.tally().completed, 20u);
    EXPECT_EQ(play.tally().responses, 200u);
    EXPECT_EQ(play.server.tally().requests, 200u);
    EXPECT_EQ(play.ends.server().occupancy().time_wait, 20u)
        << "the last request says close, so the server does first";
}

TEST(Generator, WhatIsKeptForAConnection) {
    GeneratorPlan hold = tcp_plan(100, 0);
    hold.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay held(hold, 50ms, {});
    held.run();
    EXPECT_EQ(held.client.generator().memory_bytes(), 100 * 16u);
    EXPECT_EQ(held.server.memory_bytes(), 0u);

    ReplyPlay asked(tcp_plan(10, 50), 0s, {});
    asked.run();
    EXPECT_GT(asked.client.generator().memory_bytes(), 10 * 16u) << "and what it says";
    EXPECT_LE(asked.client.generator().memory_bytes(), 10 * 64u);

    HttpPlay play(http_plan(10, 50), 0s, 100, 10'000);
    play.run();
    EXPECT_GT(play.client.generator().memory_bytes(), asked.client.generator().memory_bytes());
    EXPECT_GT(play.server.memory_bytes(), 0u);
}

TEST(Generator, BodiesLargerThanEveryBuffer) {
    HttpPlay play(http_plan(2, 2), 0s, 3'000'000, 10'000);
    play.run(60s);
    EXPECT_EQ(play.tally().completed, 2u);
    EXPECT_EQ(play.tally().failed(), 0u);
}

TEST(Generator, OpenLoopKeepsItsSchedule) {
    GeneratorPlan plan = tcp_plan(1'000, 0);
    plan.open_loop = true;
    plan.rate = 10'000;
    ReplyPlay play(std::move(plan), 500ms, {});
    play.run();
    EXPECT_EQ(play.tally().offered, 5'000u);
    EXPECT_EQ(play.tally().skipped(), 0u);
    EXPECT_EQ(play.tally().completed, play.tally().offered);
    EXPECT_NEAR(std::chrono::duration<double>(play.client.duration()).count(), 0.5, 0.001);
    EXPECT_LE(play.client.generator().times().slip.quantile_us(0.5), 20);
}

TEST(Generator, OpenLoopOpensWhatWasDueAtItsEndThoughLate) {
    for (const Duration away : {Duration{2ms}, Duration{15ms}}) {
        GeneratorPlan plan = tcp_plan(10'000, 0);
        plan.open_loop = true;
        plan.rate = 100'000;
        ReplyPlay play(std::move(plan), 100ms, {});
        play.client.start(play.ends.now());
        const Instant start = play.ends.now();
        ASSERT_TRUE(play.ends.run(
            5s,
            [&](Stack& s, Instant now) {  // a turn opens 32, and 100 were due in each ms
                if (now - start < 99ms || now - start > 99ms + away) play.client.turn(s, now);
            },
            [&](Stack& s, Instant now) { play.server.turn(s, now); }, [&] { return play.client.over(); }));
        expect_balance(play.tally());
        EXPECT_EQ(play.tally().offered, 10'000u);
        const uint64_t late = play.tally().skipped_by[static_cast<size_t>(Skip::late)];
        if (away == 2ms)
            EXPECT_EQ(late, 0u);
        else
            EXPECT_GT(late, 0u) << "later than 10 ms after the end nothing is opened";
    }
}

TEST(Generator, OpenLoopCountsFromTheIntendedTimeWhenTheServerStalls) {
    GeneratorPlan plan = tcp_plan(10'000, 0);
    plan.open_loop = true;
    plan.rate = 10'000;
    ReplyPlay play(std::move(plan), 300ms, {});
    // For 100 ms the generator itself is held up: nothing is opened, and what was due then is late, not
    // forgotten.
    play.client.start(play.ends.now());
    const Instant start = play.ends.now();
    const auto a = [&](Stack& stack, Instant now) {
        if (now - start < 100ms || now - start > 200ms) play.client.turn(stack, now);
    };
    const auto b = [&](Stack& stack, Instant now) { play.server.turn(stack, now); };
    ASSERT_TRUE(play.ends.run(20s, a, b, [&] { return play.client.over(); }));
    expect_balance(play.tally());
    EXPECT_EQ(play.tally().offered, 3'000u);
    EXPECT_GE(play.client.generator().times().slip.quantile_us(0.99), 90'000);
    EXPECT_GE(play.client.generator().times().connect.quantile_us(0.99), 90'000) << "no coordinated omission";
}

TEST(Generator, SkipsAreCountedByReason) {
    GeneratorPlan plan = tcp_plan(10, 0);  // 10 at once is far too few for the rate
    plan.open_loop = true;
    plan.rate = 100'000;
    ReplyPlay play(std::move(plan), 100ms, {});
    play.run();
    EXPECT_EQ(play.tally().offered, 10'000u);
    EXPECT_GT(play.tally().skipped_by[static_cast<size_t>(Skip::concurrency_limit)], 1'000u);
    EXPECT_GT(play.tally().completed, 0u);
}

TEST(Generator, EnginesShareOneSchedule) {
    for (const uint32_t engine : {0u, 1u, 2u}) {
        GeneratorPlan plan = tcp_plan(100, 0);
        plan.open_loop = true;
        plan.rate = 3'010;
        plan.engine = engine;
        plan.engines = 3;
        ReplyPlay play(std::move(plan), 100ms, {});
        play.run();
        EXPECT_EQ(play.tally().offered, engine == 0 ? 101u : 100u) << "301 in all";
    }
}

TEST(Generator, AnOpenLoopThatIsStoppedOffersWhatWasDueByThen) {
    GeneratorPlan plan = tcp_plan(1'000, 0);
    plan.open_loop = true;
    plan.rate = 10'000;
    ReplyPlay play(std::move(plan), 500ms, {});
    play.client.start(play.ends.now());
    const Instant start = play.ends.now();
    ASSERT_TRUE(play.ends.run(
        5s,
        [&](Stack& s, Instant now) {
            if (now - start >= 200ms) play.stop = true;
            play.client.turn(s, now);
        },
        [&](Stack& s, Instant now) { play.server.turn(s, now); }, [&] { return play.client.over(); }));
    expect_balance(play.tally());
    EXPECT_NEAR(static_cast<double>(play.tally().offered), 2'000, 1);
}

TEST(Generator, RefusedAndUnanswered) {
    ReplyPlay refused(tcp_plan(5, 20), 0s, {});
    ASSERT_TRUE(refused.ends.server().unlisten(kPort));
    refused.run();
    EXPECT_EQ(failed_by(refused.tally(), CloseReason::refused), 20u);
    EXPECT_EQ(refused.tally().failed_before, 20u);

    ReplyPlay silent(tcp_plan(5, 0), 600ms, {});  // beyond the slow start
    silent.ends.lose = [](Bytes, bool to_server) { return to_server; };
    silent.run();
    EXPECT_EQ(silent.tally().pending, 5u);
    EXPECT_EQ(silent.tally().unanswered, 5u);
    EXPECT_EQ(silent.tally().failed(), 0u);
    EXPECT_EQ(silent.ends.client().occupancy().open, 0u) << "cut connections leave nothing";
}

TEST(Generator, ResponsesOfTheWrongSize) {
    ReplyPlay longer(tcp_plan(2, 4), 0s, {.request_size = 64, .response_size = 65});
    longer.run();
    EXPECT_EQ(failed_by(longer.tally(), Failure::bad_response), 4u);
    GeneratorPlan plan = tcp_plan(2, 4);
    plan.response_size = 100;
    ReplyPlay shorter(std::move(plan), 0s,
                      {.request_size = 64, .response_size = 64, .close_after_reply = true});
    shorter.run();
    EXPECT_EQ(failed_by(shorter.tally(), Failure::short_response), 4u);
}

TEST(Generator, HttpThatIsNone) {
    ReplyPlay play(http_plan(2, 4), 0s, {.request_size = 10, .response_size = 30});  // answers "rrrr..."
    play.run();
    EXPECT_EQ(failed_by(play.tally(), Failure::bad_response), 4u);
}

TEST(Generator, HoldAndStreamEndWithTheRun) {
    GeneratorPlan hold = tcp_plan(300, 0);
    hold.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay held(hold, 100ms, {});
    held.run();
    EXPECT_EQ(held.client.measured().open_now(), 300u);
    EXPECT_EQ(held.tally().completed, 300u);

    GeneratorPlan stream = tcp_plan(2, 0);
    stream.purpose = GeneratorPlan::Purpose::stream;
    stream.calls[0].request = pattern_request(64 * 1024);
    Play<DiscardServer> streamed(stream, 100ms);
    streamed.run();
    EXPECT_EQ(streamed.tally().completed, 2u);
    EXPECT_GT(streamed.ends.server().counters()[Counter::rx_bytes], 1u << 20);
}

/// A client with ten ports.
struct FewPorts {
    explicit FewPorts(GeneratorPlan plan, Duration duration, Duration msl = 30s)
        : ends(50us, ten_ports(msl)),
          client(std::move(plan), duration, stop),
          server(PortRange{kPort, kPort}, ReplyServer::Shape{}) {
        EXPECT_TRUE(server.listen(ends.server()));
    }
    static stack::StackConfig ten_ports(Duration msl) {
        stack::StackConfig few;
        few.port_low = 40'000;
        few.port_high = 40'009;
        few.tcp.msl = msl;
        few.tcp.time_wait_reuse = false;
        return few;
    }
    void run() {
        client.start(ends.now());
        EXPECT_TRUE(ends.run(
            30s, [&](Stack& s, Instant now) { client.turn(s, now); },
            [&](Stack& s, Instant now) { server.turn(s, now); }, [&] { return client.over(); }));
        expect_balance(tally());
    }
    const LoadTally& tally() const { return client.generator().tally(); }

    TwoEnds ends;
    std::atomic<bool> stop{false};
    ClientRun client;
    ServerRun<ReplyServer> server;
};

TEST(Generator, AClosedLoopWaitsForAPortAndKeepsItsCount) {
    GeneratorPlan plan = tcp_plan(4, 40);
    FewPorts play(std::move(plan), 0s, 100ms);
    play.run();
    EXPECT_EQ(play.tally().completed, 40u) << "none of the count was used up by a refusal";
    EXPECT_EQ(play.tally().skipped(), 0u);
    // Ten ports at a time, each in TIME-WAIT for 200 ms: three times all of them were waited for.
    EXPECT_GE(play.tally().no_port_time, 590ms);
    EXPECT_LE(play.tally().no_port_time, play.client.duration());
}

TEST(Generator, WaitingForAPortIsTimedToTheEndOfTheRun) {
    GeneratorPlan plan = tcp_plan(100, 0);
    plan.purpose = GeneratorPlan::Purpose::hold;
    FewPorts play(std::move(plan), 700ms);
    play.run();
    EXPECT_EQ(play.tally().established, 10u);
    EXPECT_EQ(play.tally().offered, 10u);
    EXPECT_GE(play.tally().no_port_time, 690ms);
    EXPECT_LE(play.tally().no_port_time, 700ms);
}

TEST(Generator, AnOpenLoopSkipsWhatFindsNoPort) {
    GeneratorPlan plan = tcp_plan(100, 0);
    plan.purpose = GeneratorPlan::Purpose::hold;
    plan.open_loop = true;
    plan.rate = 1'000;
    FewPorts play(std::move(plan), 100ms);
    play.run();
    EXPECT_EQ(play.tally().offered, 100u);
    EXPECT_EQ(play.tally().opened, 10u);
    EXPECT_EQ(play.tally().skipped_by[static_cast<size_t>(Skip::no_port)], 90u);
    EXPECT_EQ(play.tally().no_port_time, 0ms);
}

TEST(Generator, TransfersThatTheTimeCutsAreUnfinishedAndTheirBytesCounted) {
    HttpPlay play({.load = {http_plan(2, 0)}, .duration = 20ms, .drain = 20ms}, uint64_t{1} << 40, 10'000);
    play.run(60s);
    EXPECT_EQ(play.tally().unfinished, 2u);
    EXPECT_EQ(play.tally().failed(), 0u);
    EXPECT_EQ(play.tally().unanswered, 0u) << "the server was still sending";
    EXPECT_GT(play.tally().received_bytes, 1'000'000u);
    EXPECT_GT(play.tally().sent_bytes, 0u);
}

TEST(Generator, ATargetThatFallsSilentIsToldFromOneThatIsSlow) {
    for (const bool falls_silent : {true, false}) {
        ReplyPlay play(tcp_plan(8, 0), 1s, {});
        play.client.start(play.ends.now());
        const Instant start = play.ends.now();
        // Slow: it takes its turns for 1 ms in each 500 ms.
        const auto answers = [&](Instant now) {
            return falls_silent ? now - start < 600ms : (now - start).count() / 1'000'000 % 500 == 0;
        };
        ASSERT_TRUE(play.ends.run(
            10s, [&](Stack& s, Instant now) { play.client.turn(s, now); },
            [&](Stack& s, Instant now) {
                if (answers(now)) play.server.turn(s, now);
            },
            [&] { return play.client.over(); }));
        expect_balance(play.tally());
        EXPECT_EQ(play.tally().unanswered, falls_silent ? 8u : 0u);
    }
}

TEST(Generator, InterruptEndsCleanly) {
    ReplyPlay play(tcp_plan(20, 0), 0s, {});
    int steps = 0;
    play.client.start(play.ends.now());
    ASSERT_TRUE(play.ends.run(
        5s,
        [&](Stack& s, Instant now) {
            if (++steps == 1'000) play.stop = true;
            play.client.turn(s, now);
        },
        [&](Stack& s, Instant now) { play.server.turn(s, now); }, [&] { return play.client.over(); }));
    expect_balance(play.tally());
    EXPECT_GT(play.tally().completed, 100u);
    EXPECT_EQ(play.tally().unfinished + play.tally().pending, 0u);
}

TEST(ClientRun, HoldsAllThatItOpenedForThatTime) {
    GeneratorPlan hold = tcp_plan(300, 0);
    hold.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay play({.load = {hold}, .hold = 50ms}, {});
    play.run();
    EXPECT_EQ(play.client.measured().open_now(), 300u);
    EXPECT_GT(play.client.filled_in(), 0ms);
    const Duration kept = play.client.duration() - play.client.filled_in();
    EXPECT_GE(kept, 50ms);
    EXPECT_LE(kept, 51ms);
    EXPECT_EQ(play.tally().completed, 300u);
    EXPECT_GT(play.client.emptied_in(), 0ms);
    // 2 x 30 s later there is nothing.
    play.ends.run(
        61s, [&](Stack& s, Instant now) { play.client.turn(s, now); },
        [&](Stack& s, Instant now) { play.server.turn(s, now); },
        [&] { return !play.ends.client().records().any() && !play.ends.server().records().any(); });
    EXPECT_FALSE(play.ends.client().records().any());
    EXPECT_FALSE(play.ends.server().records().any());
    EXPECT_EQ(play.ends.client().occupancy().flow_lines, 0u);
}

TEST(ClientRun, HoldsFewerThanAtOnceWhenNoMoreAreToBeOpened) {
    GeneratorPlan hold = tcp_plan(300, 100);
    hold.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay play({.load = {hold}, .hold = 50ms}, {});
    play.run();
    EXPECT_EQ(play.tally().completed, 100u);
    EXPECT_GE(play.client.duration() - play.client.filled_in(), 50ms);
}

TEST(ClientRun, ClosingManyRepeatsNothing) {
    GeneratorPlan hold = tcp_plan(5'000, 0);
    hold.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay play({.load = {hold}, .hold = 1ms}, {});
    // The server takes a packet each 10 us or so: 32 FINs of the client's turn would wait longer and longer.
    uint32_t most = 0;
    play.client.start(play.ends.now());
    ASSERT_TRUE(play.ends.run(
        60s, [&](Stack& s, Instant now) { play.client.turn(s, now); },
        [&](Stack& s, Instant now) {
            if (now.ns() / 10'000 % 20 == 0) play.server.turn(s, now);
            const Occupancy occupancy = play.ends.client().occupancy();
            most = std::max(most, occupancy.by_state[static_cast<size_t>(State::fin_wait_1)]);
        },
        [&] { return play.client.over(); }));
    EXPECT_EQ(play.tally().completed, 5'000u);
    EXPECT_LE(most, 600u) << "no more are closed at once than the peer answers soon";
    EXPECT_EQ(play.ends.client().counters()[Counter::retransmitted], 0u);
}

TEST(ClientRun, IdleConnectionsBesideAreThereBeforeAndAfter) {
    GeneratorPlan idle = tcp_plan(200, 0);
    idle.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay play({.load = {tcp_plan(10, 50)}, .background = idle}, {});
    uint64_t least = ~uint64_t{0};
    play.client.start(play.ends.now());
    ASSERT_TRUE(play.ends.run(
        20s,
        [&](Stack& s, Instant now) {
            play.client.turn(s, now);
            if (play.tally().opened != 0 && play.client.phase() < ClientRun::Phase::emptying)
                least = std::min(least, play.client.background()->tally().open_now());
        },
        [&](Stack& s, Instant now) { play.server.turn(s, now); }, [&] { return play.client.over(); }));
    expect_balance(play.tally());
    EXPECT_EQ(play.tally().opened, 50u);
    EXPECT_EQ(play.tally().completed, 50u);
    EXPECT_EQ(play.client.generator().times().connect.count(), 50u) << "only its own are timed";
    EXPECT_EQ(least, 200u) << "all of them, all the time";
    expect_balance(play.client.background()->tally());
    EXPECT_EQ(play.client.background()->tally().completed, 200u);
    EXPECT_LT(play.client.duration(), 100ms) << "their opening is not measured";
    EXPECT_EQ(play.client.measured_counters()[Counter::active_opens], 50u);
    EXPECT_EQ(play.client.counters()[Counter::active_opens], 50u);
    EXPECT_EQ(play.ends.client().records().open, 0u);
}

TEST(ClientRun, ClassesRunSideBySideEachWithItsOwnCounts) {
    GeneratorPlan closed = tcp_plan(10, 50), open = tcp_plan(20, GeneratorPlan::kUnlimited);
    open.open_loop = true;
    open.rate = 1'000;
    open.requests_per_connection = 3;
    ReplyPlay play({.load = {closed, open}, .duration = 100ms}, {});
    play.run();
    ASSERT_EQ(play.client.classes(), 2u);
    const LoadTally &a = play.client.generator(0).tally(), &b = play.client.generator(1).tally();
    expect_balance(a);
    expect_balance(b);
    EXPECT_EQ(a.completed, 50u);
    EXPECT_EQ(a.responses, 50u);
    EXPECT_EQ(b.completed, 100u);
    EXPECT_EQ(b.responses, 300u);
    EXPECT_EQ(play.client.tally().completed, 150u);
    EXPECT_EQ(play.client.generator(1).times().connect.count(), 100u) << "times are each class's own";
    EXPECT_EQ(play.server.tally().completed, 150u);
}

TEST(ClientRun, StoppedBeforeItStartsOpensNothing) {
    for (const bool with_others : {false, true}) {
        ClientRun::Plan plan{.load = {tcp_plan(20, 0)}};
        if (with_others) plan.background = tcp_plan(30, 0);
        ReplyPlay play(std::move(plan), {});
        play.stop = true;
        play.run();
        EXPECT_EQ(play.tally().offered, 0u);
        EXPECT_EQ(play.ends.client().counters()[Counter::tx_packets], 0u);
    }
}

TEST(ClientRun, WhatIsLostHoldsNobodyUp) {
    GeneratorPlan plan = tcp_plan(1'000, 0);
    plan.handshakes = 10;
    ReplyPlay play({.load = {plan}, .duration = 900ms, .drain = 10s}, {});
    uint64_t syns = 0;  // each of the first 200 after the slow start: twenty times what may be under way
    play.ends.lose = [&](Bytes packet, bool to_server) {
        const bool syn = to_server && (packet[33] & 0x02) != 0;
        if (!syn || play.tally().opened < 500) return false;
        return ++syns <= 200;
    };
    play.run();
    EXPECT_EQ(play.tally().completed, play.tally().opened);
    EXPECT_GT(play.tally().opened, 5'000u);
    EXPECT_EQ(play.ends.client().counters()[Counter::syn_retransmitted], 200u);
}

TEST(ServerRun, EndClosesWhatIsOpen) {
    GeneratorPlan hold = tcp_plan(50, 0);
    hold.purpose = GeneratorPlan::Purpose::hold;
    ReplyPlay play(hold, 10s, {});
    int steps = 0;
    play.client.start(play.ends.now());
    ASSERT_TRUE(play.ends.run(
        9s, [&](Stack& s, Instant now) { play.client.turn(s, now); },
        [&](Stack& s, Instant now) {
            if (++steps == 1'000) play.server.end(s, now);
            play.server.turn(s, now);
        },
        [&] { return play.server.over(); }));
    EXPECT_EQ(play.server.tally().completed, 50u);
    play.ends.run(
        1ms, [&](Stack& s, Instant now) { play.client.turn(s, now); }, [](Stack&, Instant) {},
        [] { return false; });
    EXPECT_EQ(failed_by(play.tally(), Failure::closed_by_peer), 50u);
}

}  // namespace
}  // namespace synfin::app
