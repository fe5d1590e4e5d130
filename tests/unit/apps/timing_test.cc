/// When requests are sent: at a rate, after a think time, as heartbeats of held connections. Two engines in
/// virtual time; counts are exact.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

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
}

GeneratorPlan tcp_plan(uint32_t connections, GeneratorPlan::Timing timing) {
    GeneratorPlan plan;
    plan.calls.push_back({kPeer, pattern_request(64), {}});
    plan.sources = {TwoEnds::kClient};
    plan.connections = connections;
    plan.requests_per_connection = 0;
    plan.timing = timing;
    plan.timeout = 10s;
    return plan;
}
GeneratorPlan paced_plan(uint32_t connections, double rate) {
    GeneratorPlan plan = tcp_plan(connections, GeneratorPlan::Timing::arrivals);
    plan.rate = rate;
    return plan;
}
Distribution times(std::string_view text) {
    return *parse_times(text).value;
}

/// A client run against a server, which a test can stall.
template <Server S = ReplyServer>
struct Play {
    template <typename... Arguments>
    Play(GeneratorPlan plan, Duration duration, Arguments... arguments)
        : client(std::move(plan), duration, stop), server(PortRange{kPort, kPort}, arguments...) {
        EXPECT_TRUE(server.listen(ends.server()));
    }
    void run(Duration at_most = 30s) {
        begun = ends.now();
        client.start(ends.now());
        const auto a = [&](Stack& stack, Instant now) { client.turn(stack, now); };
        const auto b = [&](Stack& stack, Instant now) {
            if (serves && !serves(now - begun)) return;
            server.turn(stack, now);
        };
        EXPECT_TRUE(ends.run(at_most, a, b, [&] { return client.over(); })) << "the run never ended";
        ends.run(1ms, a, b, [] { return false; });
        expect_balance(tally());
        EXPECT_EQ(tally().open_now(), 0u);
    }
    const LoadTally& tally() const { return client.generator().tally(); }
    const LoadTimes& latencies() const { return client.generator().times(); }

    TwoEnds ends;
    std::atomic<bool> stop{false};
    ClientRun client;
    ServerRun<S> server;
    std::function<bool(Duration)> serves;  ///< whether the server's engine runs now
    Instant begun{};
};

constexpr ReplyServer::Shape kReply{.request_size = 64, .response_size = 64};

TEST(RequestRate, IdleConnectionsSendTheExactNumber) {
    Play<> play(paced_plan(8, 2'000), 2s, kReply);
    play.run();
    const LoadTally& t = play.tally();
    EXPECT_EQ(t.requests_due, 4'000u);
    EXPECT_EQ(t.requests, 4'000u);
    EXPECT_EQ(t.responses, 4'000u);
    EXPECT_EQ(t.requests_skipped(), 0u);
    EXPECT_EQ(play.server.tally().requests, 4'000u);
    EXPECT_EQ(t.opened, 8u) << "the same connections all the time";
    EXPECT_EQ(t.completed, 8u);
    // The wire takes 50 us each way; the first requests wait for the handshake.
    EXPECT_LE(play.latencies().last_byte.quantile_us(0.99), 200);
    EXPECT_LE(play.latencies().slip.max_us(), 20);
    EXPECT_EQ(play.ends.client().occupancy().open, 0u);
    EXPECT_EQ(play.ends.server().occupancy().open, 0u);
}

TEST(RequestRate, LatencyCountsFromTheIntendedTimeWhenTheServerStalls) {
    Play<> play(paced_plan(10, 1'000), 3s, kReply);
    play.serves = [](Duration t) { return t < 1s || t >= 2s; };
    play.run();
    const LoadTally& t = play.tally();
    EXPECT_EQ(t.requests_due, 3'000u);
    EXPECT_EQ(t.responses, 3'000u) << "those that waited are sent later";
    EXPECT_GE(t.requests_waited, 950u);
    // A closed loop would show ten slow requests. A third of the requests were due in the stall, evenly.
    EXPECT_GE(play.latencies().last_byte.max_us(), 0.9e6);
    EXPECT_NEAR(play.latencies().last_byte.quantile_us(0.999), 1e6, 0.15e6);
    EXPECT_NEAR(play.latencies().last_byte.quantile_us(5.0 / 6), 0.5e6, 0.1e6);
    EXPECT_LE(play.latencies().slip.quantile_us(0.99), 100) << "the target was slow, not this end";
}

TEST(RequestRate, BusyConnectionsAreTheTargetsDoing) {
    // 4 connections with a round trip of 110 us or so can't carry 100,000 requests/s.
    Play<> play(paced_plan(4, 100'000), 500ms, kReply);
    play.run();
    const LoadTally& t = play.tally();
    EXPECT_EQ(t.requests_due, 50'000u);
    EXPECT_LE(t.requests_late, 20u);
    EXPECT_EQ(t.requests_due, t.requests + t.requests_skipped());
    EXPECT_GT(t.requests_busy, 10'000u);
    EXPECT_LE(play.latencies().slip.quantile_us(0.99), 100);
}

TEST(RequestRate, AnEngineThatIsAwayIsLate) {
    Play<> play(paced_plan(4, 1'000), 1s, kReply);
    play.client.start(play.ends.now());
    const auto b = [&](Stack& stack, Instant now) { play.server.turn(stack, now); };
    const Instant begun = play.ends.now();
    const auto a = [&](Stack& stack, Instant now) {
        if (now - begun < 800ms || now - begun >= 1100ms) play.client.turn(stack, now);
    };
    EXPECT_TRUE(play.ends.run(10s, a, b, [&] { return play.client.over(); }));
    const LoadTally& t = play.tally();
    EXPECT_EQ(t.requests_due, 1'000u);
    EXPECT_EQ(t.requests_due, t.requests + t.requests_skipped());
    EXPECT_EQ(t.requests_busy, 0u);
    EXPECT_NEAR(static_cast<double>(t.requests_late), 196, 3);
    expect_balance(t);
}

TEST(RequestRate, WhatFollowsFromAnEngineThatWasAwayIsItsDoing) {
    Play<> play(paced_plan(4, 1'000), 2s, kReply);
    play.client.start(play.ends.now());
    const auto b = [&](Stack& stack, Instant now) { play.server.turn(stack, now); };
    const Instant begun = play.ends.now();
    const auto a = [&](Stack& stack, Instant now) {
        if (now - begun < 800ms || now - begun >= 1100ms) play.client.turn(stack, now);
    };
    EXPECT_TRUE(play.ends.run(10s, a, b, [&] { return play.client.over(); }));
    EXPECT_EQ(play.tally().requests, 2'000u);
    // 300 of 2,000 requests were late, by up to 300 ms, and most of them waited for a connection.
    EXPECT_GE(play.latencies().slip.quantile_us(0.95), 150e3);
    EXPECT_LE(play.latencies().slip.quantile_us(0.8), 1e3);
}

TEST(RequestRate, LostConnectionsAreOpenedAgain) {
    GeneratorPlan plan = paced_plan(5, 1'000);
    plan.requests_per_connection = 10;
    Play<> play(std::move(plan), 1s, kReply);
    play.run();
    EXPECT_EQ(play.tally().responses, 1'000u);
    EXPECT_GE(play.tally().opened, 100u);
    EXPECT_LE(play.tally().opened, 105u);
    EXPECT_EQ(play.tally().completed, play.tally().opened);
}

TEST(RequestRate, HttpServerThatClosesIdleConnections) {
    GeneratorPlan plan = paced_plan(5, 10);
    plan.purpose = GeneratorPlan::Purpose::http;
    plan.calls[0] = {kPeer, http_request(kPeer.addr.text(), "/", false), {}};
    plan.idempotent = true;
    // The server closes after 200 ms without a request; each connection is used every 500 ms.
    Play<HttpServer> play(std::move(plan), 3s, uint64_t{2}, uint32_t{1'000});
    play.run();
    EXPECT_EQ(play.tally().requests_due, 30u);
    EXPECT_EQ(play.tally().responses, 30u);
    EXPECT_EQ(play.tally().resent, 0u) << "nothing was asked on a resting connection";
}

TEST(RequestRate, TheServerClosesFirst) {
    GeneratorPlan plan = paced_plan(5, 100);
    plan.purpose = GeneratorPlan::Purpose::http;
    plan.ending = GeneratorPlan::Ending::fin_by_peer;
    plan.calls[0] = {kPeer, http_request(kPeer.addr.text(), "/", false),
                     http_request(kPeer.addr.text(), "/", true)};
    Play<HttpServer> play(std::move(plan), 1s, uint64_t{2}, uint32_t{1'000});
    play.run();
    EXPECT_EQ(play.tally().requests_due, 100u);
    EXPECT_EQ(play.tally().responses, 105u) << "and one on each that asks for the end";
    EXPECT_EQ(play.tally().completed, 5u);
    EXPECT_EQ(play.ends.client().occupancy().time_wait, 0u);
}

TEST(RequestRate, EnginesTogetherSendTheExactNumber) {
    uint64_t sum = 0;
    for (uint32_t engine = 0; engine < 3; ++engine) {
        GeneratorPlan plan = paced_plan(4, 1'000);
        plan.engine = engine;
        plan.engines = 3;
        Play<> play(std::move(plan), 1s, kReply);
        play.run();
        EXPECT_EQ(play.tally().responses, play.tally().requests_due);
        sum += play.tally().requests_due;
    }
    EXPECT_EQ(sum, 1'000u);
}

TEST(RequestRate, PoissonArrivalsRepeatWithTheirSeed) {
    const auto due = [](uint64_t seed) {
        GeneratorPlan plan = paced_plan(50, 1'000);
        plan.pattern = *parse_arrivals("poisson").value;
        plan.seed = seed;
        Play<> play(std::move(plan), 1s, kReply);
        play.run();
        EXPECT_EQ(play.tally().responses, play.tally().requests_due);
        return std::pair(play.tally().requests_due, play.latencies().last_byte.mean_us());
    };
    const auto first = due(1);
    EXPECT_NEAR(static_cast<double>(first.first), 1'000, 160);
    EXPECT_EQ(due(1), first);
    EXPECT_NE(due(2), first);
}

TEST(Connections, ArriveInBursts) {
    GeneratorPlan plan = tcp_plan(1'000, GeneratorPlan::Timing::answers);
    plan.requests_per_connection = 1;
    plan.open_loop = true;
    plan.rate = 1'000;
    plan.pattern = *parse_arrivals("bursts(50)").value;
    Play<> play(std::move(plan), 1s, kReply);
    play.run();
    EXPECT_EQ(play.tally().offered, 1'000u);
    EXPECT_EQ(play.tally().completed, 1'000u);
}

TEST(Think, IsBetweenAResponseAndTheNextRequest) {
    GeneratorPlan plan = tcp_plan(100, GeneratorPlan::Timing::think);
    plan.requests_per_connection = 11;
    plan.limit = 100;
    plan.think = times("20ms-60ms");
    Play<> play(std::move(plan), 0s, kReply);
    play.run();
    EXPECT_EQ(play.tally().completed, 100u);
    EXPECT_EQ(play.tally().responses, 1'100u);
    // 10 thinks of 40 ms each on average, and 12 round trips.
    EXPECT_NEAR(play.latencies().life.mean_us(), 400e3, 15e3);
    EXPECT_GE(play.latencies().life.quantile_us(0), 200e3);
    EXPECT_LE(play.latencies().life.max_us(), 610e3);
    EXPECT_LE(play.latencies().last_byte.max_us(), 400) << "without the think time";
    EXPECT_EQ(play.tally().failed(), 0u);
}

TEST(Think, LongerThanTheTimeOutIsNoSilence) {
    GeneratorPlan plan = tcp_plan(3, GeneratorPlan::Timing::think);
    plan.requests_per_connection = 3;
    plan.limit = 3;
    plan.timeout = 100ms;
    plan.think = times("1s");
    Play<> play(std::move(plan), 0s, kReply);
    play.run();
    EXPECT_EQ(play.tally().completed, 3u);
    EXPECT_EQ(play.tally().responses, 9u);
    EXPECT_NEAR(play.latencies().life.mean_us(), 2e6, 1e4);
}

TEST(Think, AServerThatIsSilentAfterwardsIsFound) {
    GeneratorPlan plan = tcp_plan(3, GeneratorPlan::Timing::think);
    plan.timeout = 100ms;
    plan.think = times("300ms");
    plan.limit = 3;
    Play<> play(std::move(plan), 2s, kReply);
    play.serves = [](Duration t) { return t < 200ms; };
    play.run();
    EXPECT_EQ(play.tally().failed_by[static_cast<size_t>(Failure::response_timeout)], 3u);
}

TEST(Think, TheSameSeedGivesTheSameRun) {
    const auto life = [](uint64_t seed) {
        GeneratorPlan plan = tcp_plan(5, GeneratorPlan::Timing::think);
        plan.requests_per_connection = 5;
        plan.limit = 5;
        plan.think = times("exponential(20ms)");
        plan.seed = seed;
        Play<> play(std::move(plan), 0s, kReply);
        play.run();
        return play.latencies().life.mean_us();
    };
    EXPECT_EQ(life(1), life(1));
    EXPECT_NE(life(1), life(2));
}

GeneratorPlan held_plan(uint32_t connections, Duration heartbeat) {
    GeneratorPlan plan = tcp_plan(connections, GeneratorPlan::Timing::heartbeat);
    plan.heartbeat = heartbeat;
    return plan;
}

TEST(Heartbeat, BeatsOncePerIntervalEvenly) {
    Play<> play(held_plan(200, 500ms), 3s, kReply);
    std::vector<uint64_t> by_slice(60);  // requests that arrived in each 50 ms
    uint64_t before = 0;
    play.serves = [&](Duration t) {
        const auto slice = static_cast<size_t>(t / 50ms);
        const uint64_t n = play.server.tally().requests;
        if (slice < by_slice.size()) by_slice[slice] += n - before;
        before = n;
        return true;
    };
    play.run();
    const LoadTally& t = play.tally();
    EXPECT_NEAR(static_cast<double>(t.requests_due), 200 * 6, 10);
    EXPECT_EQ(t.responses, t.requests_due);
    EXPECT_EQ(t.requests_skipped(), 0u);
    EXPECT_EQ(t.opened, 200u);
    EXPECT_EQ(t.completed, 200u) << "with FIN at the end";
    for (size_t i = 2; i < 58; ++i) EXPECT_NEAR(static_cast<double>(by_slice[i]), 20, 3) << i;
    EXPECT_LE(play.latencies().slip.max_us(), 20);
    EXPECT_LE(play.latencies().last_byte.max_us(), 300);
    EXPECT_EQ(play.ends.client().occupancy().open, 0u);
}

TEST(Heartbeat, AStallIsCountedFromTheIntendedTimes) {
    Play<> play(held_plan(50, 100ms), 3s, kReply);
    play.serves = [](Duration t) { return t < 1s || t >= 1500ms; };
    play.run();
    const LoadTally& t = play.tally();
    EXPECT_NEAR(static_cast<double>(t.requests_due), 50 * 30, 5);
    EXPECT_EQ(t.responses, t.requests_due) << "the beats of the stall are made up for";
    EXPECT_GE(t.requests_waited, 50 * 4u);
    EXPECT_NEAR(play.latencies().last_byte.max_us(), 500e3, 20e3);
    EXPECT_LE(play.latencies().slip.quantile_us(0.99), 100);
}

TEST(Heartbeat, BeatsThatATargetPreventsAreCounted) {
    GeneratorPlan plan = held_plan(10, 100ms);
    Play<> play(std::move(plan), 2s, kReply);
    play.serves = [](Duration t) { return t < 1s; };
    play.run();
    const LoadTally& t = play.tally();
    EXPECT_NEAR(static_cast<double>(t.requests_due), 10 * 20, 2);
    EXPECT_NEAR(static_cast<double>(t.requests_busy), 10 * 9, 2);
    EXPECT_EQ(t.requests_due, t.requests + t.requests_skipped());
    EXPECT_EQ(t.unanswered, 10u);
}

TEST(Heartbeat, MemoryIsAFewBytesPerConnection) {
    Play<> play(held_plan(100, 500ms), 600ms, kReply);
    play.run();
    EXPECT_EQ(play.client.generator().memory_bytes(), 100 * (16u + 32u + 8u + 12u));
}

}  // namespace
}  // namespace synfin::app
