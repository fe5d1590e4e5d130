/// What makes a run invalid, each at its limit and beyond it, and what the exit status says.
#include "results/verdict.hh"

#include <gtest/gtest.h>

namespace synfin::app {
namespace {

/// A run at which there is nothing to complain about: 10,000 connections, 60,000 packets.
RunResult clean(bool open_loop) {
    RunResult result;
    result.command = Command::load;
    result.duration_s = 10;
    result.open_loop = open_loop;
    LoadTally& t = result.tally;
    t.offered = t.opened = t.established = t.completed = 10'000;
    if (open_loop) result.asked = 10'000;
    result.measured = t;
    Side client;
    client.final.add(Counter::rx_packets, 30'000);
    client.final.add(Counter::tx_packets, 30'000);
    result.client = client;
    result.cores.push_back({.core = 3, .role = "client", .busy = 1});
    return result;
}
/// The reasons; what is warned of goes into the result.
std::vector<std::string> reasons(RunResult& result, const ValidityConfig& limits = {}) {
    result.invalid_because.clear();
    result.warnings.clear();
    result.criteria.clear();
    reach_verdict(result, {assumed_criterion("1%")}, limits);
    return result.invalid_because;
}
using Reasons = std::vector<std::string>;

TEST(Validity, ACleanRunIsValidHoweverBusyTheCore) {
    for (const bool open_loop : {false, true}) {
        RunResult result = clean(open_loop);
        EXPECT_EQ(reasons(result), Reasons{});
        EXPECT_EQ(result.warnings, Reasons{});
        EXPECT_EQ(exit_of(result), Exit::done);
    }
}

TEST(Validity, ALateGeneratorIsAboveBothLimits) {
    LoadTimes times;
    RunResult result = clean(true);
    result.times = &times;
    for (int i = 0; i < 1'000; ++i) times.connect.record(50ms);
    for (int i = 0; i < 1'000; ++i) times.slip.record(10ms);
    EXPECT_EQ(reasons(result), Reasons{});
    for (int i = 0; i < 20; ++i) times.slip.record(20ms);
    ASSERT_EQ(reasons(result).size(), 1u);
    EXPECT_EQ(
        result.invalid_because[0],
        "the generator was late: slip p99 20.0 ms, above 10ms and above 10% of the connect p99 of 50.0 ms; "
        "lower the rate or give more --cores");
    EXPECT_EQ(exit_of(result), Exit::invalid);
    EXPECT_EQ(reasons(result, {.slip = 30ms}), Reasons{});
    for (int i = 0; i < 1'000; ++i) times.connect.record(300ms);
    EXPECT_EQ(reasons(result), Reasons{}) << "20 ms are less than a tenth of what a connect took";
}

TEST(Validity, ASharedCoreMakesAPacedRunInvalidAndIsAWarningOtherwise) {
    const std::string why =
        "core 3 was shared: its loop was away for 5.1 % of the run while work was due (limit 5%; gaps above "
        "1ms, the "
        "longest 12.0 ms); give it a free core with --cores";
    for (const bool open_loop : {false, true}) {
        RunResult result = clean(open_loop);
        result.cores[0].lost = 0.05;
        result.cores[0].longest_gap = 12ms;
        EXPECT_EQ(reasons(result), Reasons{});
        result.cores[0].lost = 0.051;
        EXPECT_EQ(reasons(result), open_loop ? Reasons{why} : Reasons{});
        EXPECT_EQ(result.warnings, open_loop ? Reasons{} : Reasons{why});
        EXPECT_EQ(reasons(result, {.lost = 1'000'000}), Reasons{});
    }
    RunResult bench = clean(false);
    bench.command = Command::bench;
    bench.cores[0].lost = 0.2;
    EXPECT_EQ(reasons(bench).size(), 1u);
}

TEST(Validity, FewerThanAskedForNamesTheOptionThatLiftsTheLimit) {
    RunResult result = clean(true);
    LoadTally& t = result.tally;
    t.opened = t.established = t.completed = 9'900;
    t.skipped_by[static_cast<size_t>(Skip::concurrency_limit)] = 100;
    EXPECT_EQ(reasons(result), Reasons{}) << "1 %";
    t.opened = t.established = t.completed = 9'890;
    t.skipped_by[static_cast<size_t>(Skip::late)] = 10;
    EXPECT_EQ(reasons(result),
              Reasons{"9890 of 10000 connections that were asked for were opened (1.1 % fewer, limit 1%); "
                      "concurrency_limit 100: raise -c; late 10: lower -R or give more --cores"});
    EXPECT_EQ(reasons(result, {.offered = 20'000}), Reasons{});
}

TEST(Validity, ACountThatPortsCutShort) {
    RunResult paced = clean(true);
    paced.count = 10'000;
    paced.tally.opened = paced.tally.established = paced.tally.completed = 9'999;
    paced.tally.skipped_by[static_cast<size_t>(Skip::no_port)] = 1;
    ASSERT_EQ(reasons(paced).size(), 1u) << "one is enough: as many as that were asked for";
    EXPECT_NE(paced.invalid_because[0].find("no_port 1: widen --source-ports"), std::string::npos);

    RunResult closed = clean(false);
    closed.count = 20'000;
    EXPECT_EQ(reasons(closed), Reasons{}) << "the time was over";
    closed.tally.no_port_time = 8s;
    EXPECT_EQ(reasons(closed),
              Reasons{"10000 of 20000 connections (-n) were opened: the generator waited for a free source "
                      "port for 80.0 "
                      "% of the run (8.00 s, limit 1%); widen --source-ports or give more --address"});
}

TEST(Validity, WaitingForPortsOrRecordsMeasuresThem) {
    RunResult result = clean(false);
    result.tally.no_port_time = 100ms;
    EXPECT_EQ(reasons(result), Reasons{}) << "1 %";
    result.tally.no_port_time = 110ms;
    EXPECT_EQ(reasons(result).size(), 1u);
    result.tally.no_memory_time = 5s;
    EXPECT_EQ(reasons(result).size(), 2u);
    EXPECT_EQ(reasons(result, {.waited = 1'000'000}), Reasons{});
}

TEST(Validity, ALinkThatWentDown) {
    RunResult result = clean(false);
    result.device.link_downs = 1;
    result.device.link_down_time = 1500ms;
    EXPECT_EQ(reasons(result), Reasons{"the link went down once, for 1.5 s together"});
}

TEST(Validity, DropsOnThisSideAboveAThousandth) {
    RunResult result = clean(false);
    result.client->final.drop(DropReason::tx_full, 30);
    result.device.rx_missed = 30;
    EXPECT_EQ(reasons(result), Reasons{}) << "60 of 60,060";
    result.device.rx_missed = 31;
    EXPECT_EQ(reasons(result),
              Reasons{"this end dropped 61 of 60061 packets (0.10 %, limit 0.1%): tx_full 30, "
                      "rx_missed 31; lower the load or give more --cores"});
    result.client->final.drop(DropReason::duplicate_segment, 10'000);
    EXPECT_EQ(reasons(result, {.drops = 20'000}), Reasons{}) << "what the peer repeats is no drop of ours";
}

TEST(Validity, MoreThanOneSynInAThousandRefusedByTimeWait) {
    RunResult result = clean(false);
    result.client->final.add(Counter::stale_syn, 10);
    EXPECT_EQ(reasons(result), Reasons{}) << "10 of 10,000";
    result.client->final.add(Counter::stale_syn);
    EXPECT_EQ(
        reasons(result),
        Reasons{"targets refused 11 of 10000 SYNs at first (0.11 %, limit 0.1%): they hold TIME-WAIT of the "
                "same addresses and ports from another host, user or boot; wait until it ends (60 s), use "
                "other source addresses, or run as a user who can write /run/synfin or "
                "$XDG_RUNTIME_DIR/synfin"});
    EXPECT_EQ(exit_of(result), Exit::invalid);
    EXPECT_EQ(reasons(result, {.stale_syn = 2'000}), Reasons{});
}

TEST(Passing, FailuresAndTooSmallASampleDoNotPass) {
    RunResult result = clean(false);
    result.tally.completed = 9'900;
    result.tally.failed_after = 100;
    EXPECT_EQ(reasons(result), Reasons{}) << "valid: the generator did its part";
    ASSERT_EQ(result.criteria.size(), 1u);
    EXPECT_EQ(result.criteria[0].verdict, Verdict::fail);
    EXPECT_FALSE(has_passed(result));
    EXPECT_EQ(exit_of(result), Exit::invalid);
    result.criteria[0].verdict = Verdict::undecidable;
    EXPECT_FALSE(has_passed(result));
}

TEST(Passing, MostlyServerErrorsAreNoPass) {
    RunResult result = clean(false);
    result.tally.offered = result.tally.opened = result.tally.established = 100;
    result.tally.completed = 5;
    result.tally.failed_after = 95;
    result.tally.failed_by[static_cast<size_t>(Failure::http_status)] = 95;
    result.tally.statuses[200 - LoadTally::kLeastStatus] = 5;
    result.tally.statuses[500 - LoadTally::kLeastStatus] = 94;
    result.tally.statuses[503 - LoadTally::kLeastStatus] = 1;
    reach_verdict(result, *parse_criteria("failed<1%, status(5xx)<=95, status(503)<=0.9%").value, {});
    EXPECT_EQ(result.criteria[0].value, 95.0);
    EXPECT_EQ(result.criteria[0].verdict, Verdict::fail);
    EXPECT_EQ(result.criteria[1].verdict, Verdict::pass);
    EXPECT_EQ(result.criteria[2].value, 1.0);
    EXPECT_EQ(result.criteria[2].verdict, Verdict::fail);
    EXPECT_EQ(exit_of(result), Exit::invalid);
}

TEST(Passing, EveryLatencyIsJudged) {
    LoadTimes times;
    RunResult result = clean(false);
    result.times = &times;
    times.connect.record(1ms);
    times.first_byte.record(2ms);
    times.last_byte.record(3ms);
    times.life.record(4ms);
    reach_verdict(result,
                  *parse_criteria("connect.max<1s, first_byte.max<1s, last_byte.max<1s, life.max<1s").value,
                  {});
    ASSERT_EQ(result.criteria.size(), 4u);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(result.criteria[i].value, 1'000.0 * static_cast<double>(i + 1));
    EXPECT_TRUE(has_passed(result));
}

TEST(Passing, NothingOpenedIsNoPass) {
    RunResult result = clean(false);
    result.tally = {};
    result.interrupted = true;
    EXPECT_EQ(reasons(result), Reasons{}) << "it was stopped before it began";
    EXPECT_FALSE(has_passed(result));
    result.interrupted = false;
    EXPECT_EQ(reasons(result), Reasons{"no connection was opened"});
}

TEST(Passing, TransfersThatTheTimeCutAreNoFailure) {
    RunResult result = clean(false);
    result.tally = {};
    result.tally.offered = result.tally.opened = result.tally.established = result.tally.unfinished = 4;
    result.measured = result.tally;
    result.measured.unfinished = 0;
    EXPECT_EQ(reasons(result), Reasons{});
    EXPECT_EQ(exit_of(result), Exit::done);
}

TEST(Passing, ATargetThatFellSilentDoesNotPassThoughFewConnectionsFailed) {
    RunResult result = clean(false);
    result.measured = result.tally;
    result.measured.opened += 64;  // open when the opening ended
    result.tally.offered = result.tally.opened = 10'064;
    result.tally.pending = 31;
    result.tally.unfinished = 33;
    result.tally.established += 33;
    result.tally.unanswered = 31;
    EXPECT_EQ(reasons(result), Reasons{});
    EXPECT_TRUE(has_passed(result)) << "others were being answered";
    result.tally.unanswered = 32;
    EXPECT_EQ(reasons(result), Reasons{});
    EXPECT_FALSE(has_passed(result));
    ASSERT_EQ(result.criteria.size(), 2u);
    EXPECT_EQ(result.criteria[1].name, "unanswered");
    EXPECT_EQ(result.criteria[1].value, 50.0);
}

}  // namespace
}  // namespace synfin::app
