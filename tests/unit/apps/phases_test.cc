// Phases, warm-up and the series: virtual time, exact figures.
#include <gtest/gtest.h>

#include <memory>

#include "config/user_error.hh"
#include "config/yaml_config.hh"
#include "results/live_screen.hh"
#include "results/series_collector.hh"
#include "servers/reply_server.hh"
#include "servers/server_run.hh"
#include "traffic/client_run.hh"
#include "two_ends.hh"

using namespace synfin;
using namespace synfin::app;

namespace {

constexpr uint16_t kPort = 80;
const Endpoint kPeer{TwoEnds::kServer, kPort};

GeneratorPlan rate_plan(double rate) {
    GeneratorPlan plan;
    plan.calls.push_back({kPeer, pattern_request(64), {}});
    plan.sources = {TwoEnds::kClient};
    plan.connections = 2'000;
    plan.open_loop = true;
    plan.rate = rate;
    return plan;
}

GeneratorPlan held_plan(uint32_t connections) {
    GeneratorPlan plan = rate_plan(1);
    plan.purpose = GeneratorPlan::Purpose::hold;
    plan.open_loop = false;
    plan.connections = connections;
    return plan;
}

/// A run of one engine, and the reader of its intervals.
struct Play {
    explicit Play(ClientRun::Plan plan, bool is_windowed, bool has_classes = false)
        : server(PortRange{kPort, kPort}, ReplyServer::Shape{.request_size = 64, .response_size = 64}) {
        plan.has_intervals = true;
        runs.emplace_back(std::move(plan), stop);
        series = std::make_unique<SeriesCollector>(runs, has_classes, is_windowed, nullptr);
        EXPECT_TRUE(server.listen(ends.server()));
        ends.step_time = 50us;
    }
    ClientRun& run() { return runs.front(); }
    /// @param read_every the reader looks this often
    void play(Duration read_every = 20ms, Duration at_most = 30s) {
        run().start(ends.now());
        Instant look_at = ends.now() + read_every;
        const auto client = [&](Stack& stack, Instant now) {
            run().turn(stack, now);
            if (now < look_at) return;
            series->collect();
            look_at = now + read_every;
        };
        const auto peer = [&](Stack& stack, Instant now) { server.turn(stack, now); };
        EXPECT_TRUE(ends.run(at_most, client, peer, [&] { return run().over(); }));
        series->finish();
    }
    LoadTally tally() { return run().tally(); }

    TwoEnds ends;
    std::atomic<bool> stop{false};
    std::deque<ClientRun> runs;
    ServerRun<ReplyServer> server;
    std::unique_ptr<SeriesCollector> series;
};

/// The sum of the points equals the counts of the run.
void expect_sums(Play& play) {
    SeriesRow sum;
    Duration end{};
    for (const SeriesPoint& each : play.series->points()) {
        EXPECT_EQ(each.begin, end) << "no gap";
        end = each.end;
        sum.join(each.total);
    }
    const LoadTally all = play.tally();
    EXPECT_EQ(sum.offered, all.offered);
    EXPECT_EQ(sum.opened, all.opened);
    EXPECT_EQ(sum.established, all.established);
    EXPECT_EQ(sum.completed, all.completed);
    EXPECT_EQ(sum.failed, all.failed());
    EXPECT_EQ(sum.requests, all.responses);
    EXPECT_EQ(sum.open, 0u) << "at the end none is open";
    EXPECT_EQ(sum.latency[0].count, all.established);
    EXPECT_EQ(sum.latency[3].count, all.completed);
}

ClientRun::Plan phased(double rate) {
    ClientRun::Plan plan{.load = {rate_plan(rate)}, .duration = 5s};
    plan.load[0].ramp = 2s;
    plan.init = 500ms;
    plan.lead = 2s;
    plan.ramp_down = 1s;
    return plan;
}

TEST(Phases, FiguresAreThoseOfTheSustainedPart) {
    Play play(phased(1'000), true);
    const Instant came = play.ends.now();
    play.play();
    const ClientRun& run = play.run();
    EXPECT_EQ(run.duration(), 3s);
    EXPECT_EQ(run.opening(), 5s);
    // The ramp from 0 to 1,000 per second brings 1,000 in 2 s, the sustained part 3,000 in 3 s.
    EXPECT_EQ(play.tally().offered, 4'000u);
    EXPECT_EQ(run.lead(0).offered, 1'000u);
    EXPECT_EQ(run.measured().offered, 3'000u);
    EXPECT_NEAR(static_cast<double>(run.measured().completed), 3'000, 2);
    EXPECT_EQ(run.measured_counters()[Counter::active_opens], 3'000u);
    // Latencies: those of the sustained part, without the ones before and after.
    EXPECT_EQ(play.series->times(0).connect.count(), run.measured().established);
    EXPECT_EQ(play.series->times(0).last_byte.count(), run.measured().responses);
    EXPECT_EQ(play.series->times(0).life.count(), run.measured().completed);
    expect_sums(play);
    const auto parts = play.series->parts();
    ASSERT_EQ(parts.size(), 3u) << "the connections ended within the ramp-down";
    EXPECT_EQ(parts[0].part, RunPart::lead);
    EXPECT_EQ(parts[0].end, 2s);
    EXPECT_EQ(parts[1].part, RunPart::sustain);
    EXPECT_EQ(parts[1].end, 5s);
    EXPECT_EQ(parts[1].counts.offered, 3'000u);
    EXPECT_EQ(parts[2].part, RunPart::ramp_down);
    EXPECT_GE(play.ends.now() - came, 5s + 500ms) << "nothing is opened in the phase init";
}

TEST(Phases, TheSeriesHasAPointForEachSecond) {
    Play play(phased(1'000), true);
    play.play();
    const auto& points = play.series->points();
    ASSERT_GE(points.size(), 5u);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(points[i].end, (i + 1) * 1s);
    EXPECT_EQ(points[0].total.offered, 250u);
    EXPECT_EQ(points[1].total.offered, 750u);
    EXPECT_EQ(points[1].part, RunPart::lead);
    for (size_t i = 2; i < 5; ++i) {
        EXPECT_EQ(points[i].part, RunPart::sustain);
        EXPECT_EQ(points[i].total.offered, 1'000u);
        EXPECT_NEAR(points[i].total.latency[0].p50, 100, 60) << "two times 50 us on the wire";
    }
}

TEST(Phases, AWarmUpThatEndsWithinASecondIsCutOffExactly) {
    ClientRun::Plan plan{.load = {rate_plan(1'000)}, .duration = 3s};
    plan.lead = 1'250ms;
    Play play(std::move(plan), true);
    play.play();
    EXPECT_EQ(play.run().duration(), 1'750ms);
    EXPECT_EQ(play.run().measured().offered, 1'750u);
    EXPECT_EQ(play.series->times(0).connect.count(), play.run().measured().established);
    expect_sums(play);
}

TEST(Phases, NothingIsLostWhenTheReaderIsLate) {
    Play late(phased(1'000), true);
    late.play(2'700ms);
    expect_sums(late);
    // The parts of the run stay apart.
    EXPECT_EQ(late.series->times(0).connect.count(), late.run().measured().established);
    EXPECT_EQ(late.series->parts().at(1).counts.offered, 3'000u);
    Play never(phased(1'000), true);
    never.play(1h);
    expect_sums(never);
    EXPECT_EQ(never.series->times(0).connect.count(), never.run().measured().established);
    EXPECT_LT(never.series->points().size(), late.series->points().size());
}

TEST(Phases, WithoutPhasesAllOfTheOpeningIsMeasured) {
    Play play(ClientRun::Plan{.load = {rate_plan(1'000)}, .duration = 1'500ms}, false);
    play.play();
    EXPECT_EQ(play.run().duration(), 1'500ms);
    EXPECT_EQ(play.run().measured().offered, 1'500u);
    EXPECT_EQ(play.series->times(0).connect.count(), 1'500u) << "with those that end after it";
    EXPECT_EQ(play.series->times(0).life.count(), 1'500u);
    expect_sums(play);
}

TEST(Phases, HeldConnectionsEndEvenlyInTheRampDown) {
    ClientRun::Plan plan{.load = {held_plan(400)}, .duration = 2s};
    plan.lead = 1s;
    plan.ramp_down = 4s;
    Play play(std::move(plan), true);
    play.play();
    EXPECT_EQ(play.tally().completed, 400u);
    const auto& points = play.series->points();
    ASSERT_GE(points.size(), 6u);
    EXPECT_EQ(points[1].total.open, 400u);
    for (size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(static_cast<double>(points[2 + i].total.completed), 100, 3) << i;
    expect_sums(play);
}

TEST(Phases, ConnectionsWithoutALastRequestEndEvenlyToo) {
    GeneratorPlan unlimited = rate_plan(1);
    unlimited.open_loop = false;
    unlimited.connections = 40;
    unlimited.requests_per_connection = 0;
    ClientRun::Plan plan{.load = {std::move(unlimited)}, .duration = 1s};
    plan.ramp_down = 2s;
    Play play(std::move(plan), true);
    play.play();
    EXPECT_EQ(play.tally().completed, 40u);
    const auto& points = play.series->points();
    ASSERT_GE(points.size(), 3u);
    EXPECT_NEAR(static_cast<double>(points[1].total.completed), 20, 1);
    EXPECT_NEAR(static_cast<double>(points[2].total.completed), 20, 2);
}

TEST(Phases, ASignalEndsTheRunWithoutRampDown) {
    ClientRun::Plan plan{.load = {held_plan(100)}, .duration = 2s};
    plan.ramp_down = 20s;
    Play play(std::move(plan), true);
    play.run().start(play.ends.now());
    const Instant begin = play.ends.now();
    const auto client = [&](Stack& stack, Instant now) {
        play.run().turn(stack, now);
        if (now - begin >= 3s) play.stop = true;
    };
    const auto peer = [&](Stack& stack, Instant now) { play.server.turn(stack, now); };
    EXPECT_TRUE(play.ends.run(4s, client, peer, [&] { return play.run().over(); }));
    play.series->finish();
    EXPECT_EQ(play.tally().completed, 100u);
    EXPECT_EQ(play.run().duration(), 2s);
    expect_sums(play);
}

TEST(Phases, ARunThatEndsInItsWarmUpHasMeasuredNothing) {
    ClientRun::Plan plan{.load = {rate_plan(1'000)}, .duration = 3s};
    plan.load[0].limit = 100;
    plan.lead = 2s;
    Play play(std::move(plan), true);
    play.play();
    EXPECT_EQ(play.tally().completed, 100u);
    EXPECT_EQ(play.run().measured().offered, 0u);
    EXPECT_EQ(play.run().duration(), Duration::zero());
    expect_sums(play);
}

TEST(Phases, EachClassHasRowsOfItsOwn) {
    ClientRun::Plan plan{.load = {rate_plan(1'000), rate_plan(300)}, .duration = 2s};
    Play play(std::move(plan), false, true);
    play.play();
    const auto& points = play.series->points();
    ASSERT_GE(points.size(), 2u);
    ASSERT_EQ(points[1].classes.size(), 2u);
    EXPECT_EQ(points[1].classes[0].offered, 1'000u);
    EXPECT_EQ(points[1].classes[1].offered, 300u);
    EXPECT_EQ(points[1].total.offered, 1'300u);
    EXPECT_EQ(points[1].total.latency[0].count,
              points[1].classes[0].latency[0].count + points[1].classes[1].latency[0].count);
    expect_sums(play);
}

TEST(StartLine, EnginesBeginTogether) {
    StartLine line(2);
    line.ready(Instant::from_ns(900));
    EXPECT_FALSE(line.begin());
    line.ready(Instant::from_ns(700));
    ASSERT_TRUE(line.begin());
    EXPECT_EQ(line.begin()->ns(), 900);
}

SeriesPoint point(int second, uint64_t opened, float p99, RunPart part = RunPart::sustain) {
    SeriesPoint out{.begin = second * 1s, .end = (second + 1) * 1s, .part = part, .total = {}, .classes = {}};
    out.total.opened = opened;
    out.total.open = opened;
    out.total.statuses = {{200, opened}};
    out.total.latency[0] = {.p99 = p99, .count = opened};
    return out;
}

TEST(SeriesPoints, AFullListJoinsNeighbours) {
    SeriesPoints points(8);
    for (int i = 0; i < 1'000; ++i)
        points.add(point(i, static_cast<uint64_t>(i), static_cast<float>(i % 7),
                         i < 3 ? RunPart::lead : RunPart::sustain));
    ASSERT_LE(points.all().size(), 8u);
    uint64_t opened = 0, status = 0, samples = 0;
    Duration end{};
    for (const SeriesPoint& each : points.all()) {
        EXPECT_EQ(each.begin, end);
        end = each.end;
        opened += each.total.opened;
        samples += each.total.latency[0].count;
        status += each.total.statuses.at(0).second;
    }
    EXPECT_EQ(end, 1'000s);
    EXPECT_EQ(opened, 999u * 1'000 / 2);
    EXPECT_EQ(status, opened);
    EXPECT_EQ(samples, opened);
    EXPECT_EQ(points.all().front().part, RunPart::lead) << "parts of the run stay apart";
    EXPECT_EQ(points.all().front().end, 3s);
    EXPECT_EQ(points.all().back().total.latency[0].p99, 6) << "the greatest of its seconds";
    EXPECT_EQ(points.all().back().total.open, 999u) << "at its end";
}

Config load(const std::string& text) {
    Config config;
    read_yaml(config, "load:\n  target: tcp://10.0.0.2:7\n" + text, "f.yaml");
    return config;
}
std::string refusal(const std::string& text) {
    try {
        validate_times(load(text).load);
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

TEST(Timeline, PhasesShareTheDuration) {
    const auto at = [](const std::string& text) { return load(text).load.timeline(); };
    Timeline time = at("  duration: 30s\n  phases: {init: 1s, ramp-up: 5s, sustain: 20s}\n");
    EXPECT_EQ(time.init, 1s);
    EXPECT_EQ(time.ramp, 5s);
    EXPECT_EQ(time.lead, 5s);
    EXPECT_EQ(time.opening, 25s);
    EXPECT_EQ(time.ramp_down, 4s) << "the rest of the duration";
    time = at("  duration: 30s\n  phases: {ramp-up: 5s, ramp-down: 5s}\n");
    EXPECT_EQ(time.opening, 25s) << "sustain gets the rest";
    EXPECT_TRUE(time.is_windowed());
    time = at("  duration: 30s\n  warmup: 3s\n");
    EXPECT_EQ(time.lead, 3s);
    EXPECT_EQ(time.ramp, 0s);
    EXPECT_EQ(time.opening, 30s);
    EXPECT_TRUE(time.is_windowed());
    EXPECT_FALSE(at("  duration: 30s\n  ramp: 3s\n").is_windowed());
}

TEST(Timeline, WhatDoesNotFitIsRefused) {
    EXPECT_EQ(refusal("  duration: 30s\n  phases: {ramp-up: 5s, sustain: 20s, ramp-down: 5s}\n"), "");
    EXPECT_NE(
        refusal("  duration: 20s\n  phases: {ramp-up: 5s, sustain: 20s}\n").find("together they last 25s"),
        std::string::npos);
    EXPECT_NE(refusal("  phases: {ramp-up: 5s}\n").find("sustain has no length"), std::string::npos);
    EXPECT_NE(refusal("  warmup: 1s\n  phases: {sustain: 5s}\n").find("--warmup and load.phases"),
              std::string::npos);
    EXPECT_NE(refusal("  ramp: 1s\n  phases: {sustain: 5s}\n").find("--ramp and load.phases"),
              std::string::npos);
    EXPECT_NE(refusal("  warmup: 10s\n").find("--warmup 10s leaves nothing"), std::string::npos);
}

TEST(LiveScreen, ALineForEachSecond) {
    SeriesPoint at = point(11, 20'000, 1'234);
    at.total.established = 20'000;
    at.total.requests = 40'000;
    at.total.open = 64;
    at.total.failed = 3;
    const std::string row = LiveScreen::row(at);
    EXPECT_NE(row.find("12 s"), std::string::npos);
    EXPECT_NE(row.find("1.234 ms"), std::string::npos);
    EXPECT_LE(row.size(), 81u);
    at.end += 500ms;
    EXPECT_NE(LiveScreen::row(at).find(" 12.5 s"), std::string::npos);
    at.end -= 500ms;
    EXPECT_EQ(row.size(), LiveScreen::header().size());
    LiveScreen screen({.time = {}});
    EXPECT_EQ(screen.text(at), LiveScreen::header() + row) << "no escape sequences in a file";
    EXPECT_EQ(screen.text(at), row);
    std::string rest;
    for (int i = 2; i < 120; ++i) rest += screen.text(at);
    EXPECT_EQ(rest.size(), (58 + 6) * row.size()) << "after a minute, every tenth";
    EXPECT_EQ(screen.end(), "");
}

TEST(LiveScreen, ATerminalHasABar) {
    Timeline time;
    time.lead = time.ramp = 5s;
    time.opening = 25s;
    time.ramp_down = 5s;
    time.has_phases = true;
    LiveScreen screen({.time = time, .is_terminal = true, .has_colour = false, .width = 60});
    SeriesPoint at = point(14, 1, 1);
    const std::string bar = screen.bar(at);
    EXPECT_EQ(bar.substr(0, 9), "sustain [");
    EXPECT_NE(bar.find("] 15 of 30 s"), std::string::npos);
    EXPECT_LT(bar.size(), 60u);
    EXPECT_EQ(std::count(bar.begin(), bar.end(), '#'), std::count(bar.begin(), bar.end(), '-')) << bar;
    EXPECT_EQ(screen.text(at).find("\033[3"), std::string::npos) << "no colour";
    EXPECT_EQ(LiveScreen({.time = time, .is_terminal = true, .width = 15}).bar(at), "sustain 15 of 30 s");
    at.total.failed = 1;
    LiveScreen coloured({.time = time, .is_terminal = true, .has_colour = true});
    EXPECT_NE(coloured.text(at).find("\033[31m"), std::string::npos);
}

}  // namespace
