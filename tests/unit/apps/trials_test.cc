/// @file
/// The verdict on one trial, the loads that a search tries, and the spread of repeats.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "config/user_error.hh"
#include "config/yaml_config.hh"
#include "results/verdict.hh"
#include "trials/repeats.hh"
#include "trials/scaled_load.hh"
#include "trials/trial_verdict.hh"
#include "trials/trials_json.hh"

namespace synfin::app {
namespace {

/// A trial at 1,000 connections/s for 3 s that passed.
struct Sample {
    Sample() {
        result.open_loop = true;
        result.duration_s = 3;
        result.times = &times;
        LoadTally& tally = result.tally;
        tally.offered = tally.opened = tally.established = tally.completed = 3'000;
        result.measured = tally;
        for (int i = 0; i < 3'000; ++i) {
            times.connect.record(100us);
            times.life.record(1ms);
        }
        result.cores.push_back({.core = 1, .role = "client"});
    }
    TrialVerdict judge(TrialTask task = {.value = 1'000}) {
        result.asked = result.tally.offered;
        reach_verdict(result, *parse_criteria("failed<0.1%, connect.p99<5ms").value, {});
        return judge_trial(result, task);
    }
    LoadTimes times;
    RunResult result;
};

TEST(TrialVerdict, PassesWhatMetTheCriteria) {
    const TrialVerdict verdict = Sample().judge();
    EXPECT_EQ(verdict.outcome, TrialOutcome::pass);
    EXPECT_EQ(verdict.why, "");
}

TEST(TrialVerdict, AMissedCriterionIsAFailure) {
    Sample sample;
    sample.result.tally.failed_after = 30;
    sample.result.tally.completed -= 30;
    const TrialVerdict verdict = sample.judge();
    EXPECT_EQ(verdict.outcome, TrialOutcome::fail);
    EXPECT_NE(verdict.why.find("failed<0.1% (1 %)"), std::string::npos) << verdict.why;
}

TEST(TrialVerdict, TheGeneratorsOwnSkipsAreNoFailureOfTheTarget) {
    Sample sample;
    sample.result.tally.opened -= 9;
    sample.result.tally.skipped_by[static_cast<size_t>(Skip::no_port)] = 9;
    const TrialVerdict verdict = sample.judge();
    EXPECT_EQ(verdict.outcome, TrialOutcome::invalid);
    EXPECT_NE(verdict.why.find("no_port 9"), std::string::npos) << verdict.why;
}

TEST(TrialVerdict, ALateGeneratorMakesATrialInvalidEvenIfACriterionWasMissed) {
    Sample sample;
    sample.result.tally.failed_after = 30;
    for (int i = 0; i < 3'000; ++i) sample.times.slip.record(100ms);
    EXPECT_EQ(sample.judge().outcome, TrialOutcome::invalid);
}

TEST(TrialVerdict, ABacklogThatGrowsIsAFailureAlthoughNothingFailed) {
    Sample sample;
    sample.result.measured.completed -= 300;  // 300 are open, and a steady state has 1
    const TrialVerdict verdict = sample.judge();
    EXPECT_EQ(verdict.outcome, TrialOutcome::fail);
    EXPECT_NE(verdict.why.find("fell behind"), std::string::npos) << verdict.why;
}

TEST(TrialVerdict, HeldConnectionsAreNoBacklog) {
    Sample sample;
    sample.result.measured.completed = 0;
    EXPECT_EQ(sample.judge({.value = 1'000, .is_short_lived = false}).outcome, TrialOutcome::pass);
    sample.result.criteria.clear();
    sample.result.measured.established -= 300;
    EXPECT_EQ(sample.judge({.value = 1'000, .is_short_lived = false}).outcome, TrialOutcome::fail);
}

TEST(TrialVerdict, TheLimitOfConcurrentConnectionsIsTheTargetsFaultOnlyIfItMissesACriterion) {
    Sample sample;
    sample.result.tally.opened -= 900;
    sample.result.tally.skipped_by[static_cast<size_t>(Skip::concurrency_limit)] = 900;
    EXPECT_EQ(sample.judge().outcome, TrialOutcome::invalid);
    Sample slow;
    slow.result.tally.opened -= 900;
    slow.result.tally.skipped_by[static_cast<size_t>(Skip::concurrency_limit)] = 900;
    for (int i = 0; i < 3'000; ++i) slow.times.connect.record(2s);
    EXPECT_EQ(slow.judge().outcome, TrialOutcome::fail);
}

TEST(TrialVerdict, RequestsThatWaitForTheTargetAreAFailureAndLateOnesAreNot) {
    const TrialTask task{.kind = SearchConfig::Kind::request_rate, .value = 1'000};
    Sample busy;
    busy.result.tally.requests_due = 3'000;
    busy.result.tally.requests_busy = 10;
    EXPECT_EQ(busy.judge(task).outcome, TrialOutcome::pass);
    busy.result.tally.requests_busy = 100;
    EXPECT_EQ(busy.judge(task).outcome, TrialOutcome::fail);
    Sample late;
    late.result.tally.requests_due = 3'000;
    late.result.tally.requests_late = 10;
    EXPECT_EQ(late.judge(task).outcome, TrialOutcome::invalid);
}

TEST(TrialVerdict, UnansweredConnectionsAreAFailure) {
    Sample sample;
    sample.result.tally.pending = sample.result.tally.unanswered = 30;
    EXPECT_EQ(sample.judge({.kind = SearchConfig::Kind::connections, .value = 3'000}).outcome,
              TrialOutcome::fail);
}

TEST(TrialVerdict, ALostCoreExcusesAFailureInAClosedLoop) {
    Sample sample;
    sample.result.open_loop = false;
    sample.result.tally.failed_after = 30;
    sample.result.cores.front().lost = 0.2;
    EXPECT_EQ(sample.judge().outcome, TrialOutcome::invalid);
}

TEST(TrialVerdict, TooFewConnectionsForACriterionAreUndecidable) {
    Sample sample;
    sample.result.tally.offered = sample.result.tally.opened = 500;
    EXPECT_EQ(sample.judge().outcome, TrialOutcome::undecidable);
}

Config of_yaml(const std::string& text) {
    Config config;
    read_yaml(config, text, "test.yaml");
    return config;
}

TEST(ScaledLoad, ClassesDivideTheValueByTheirShares) {
    const Config config = of_yaml(
        "load:\n  search: {kind: rate, until: ['failed<1%']}\n  classes:\n"
        "    - {name: a, target: 'http://10.0.0.1/', share: 75%}\n"
        "    - {name: b, target: 'http://10.0.0.1/'}\n"
        "    - {name: held, target: 'tcp://10.0.0.1:7', connections: 500}\n");
    const Config scaled = scaled_load(config, 4'000);
    EXPECT_EQ(scaled.load.classes[0].rate, 3'000u);
    EXPECT_EQ(scaled.load.classes[1].rate, 1'000u);
    EXPECT_EQ(scaled.load.classes[2].rate, 0u);
    EXPECT_EQ(scaled.load.classes[2].connections, 500u);
    const SearchPlan plan = search_plan(config);
    for (const TrafficConfig& each : scaled_load(config, plan.least).load.classes)
        EXPECT_TRUE(each.rate > 0 || each.name == "held");
}

TEST(ScaledLoad, AStepHasItsDurationAndTheCriteriaOfBoth) {
    Config config = of_yaml(
        "load:\n  target: 'http://10.0.0.1/'\n  rate: 500\n  duration: 60s\n  criteria: ['cps>10']\n"
        "  search: {kind: rate, until: ['failed<1%'], trial: 2s}\n");
    const SearchPlan plan = search_plan(config);
    EXPECT_EQ(plan.first, 500u);
    EXPECT_EQ(plan.full, 60s);
    const Config step = load_of(config, {.value = 700, .duration = 2s});
    EXPECT_EQ(step.load.rate, 700u);
    EXPECT_EQ(step.load.duration, 2s);
    ASSERT_EQ(step.load.criteria.size(), 2u);
    EXPECT_EQ(step.load.criteria[0].text(), "failed<1%");
    EXPECT_EQ(load_of(config, {.value = 700, .duration = 60s, .is_full = true}).load.duration, 60s);
}

std::string refusal(const std::string& load) {
    const Config config = of_yaml("load: {target: 'http://10.0.0.1/', " + load + "}");
    try {
        validate_trials(config);
    } catch (const UserError& error) {
        return error.what();
    }
    return "";
}

TEST(ScaledLoad, RefusesSearchesThatCannotRun) {
    EXPECT_NE(refusal("search: {kind: rate}").find("a good trial"), std::string::npos);
    EXPECT_NE(refusal("search: {until: ['failed<1%']}").find("without a search"), std::string::npos);
    EXPECT_NE(refusal("count: 10, search: {kind: rate, until: ['failed<1%']}").find("--count"),
              std::string::npos);
    EXPECT_NE(refusal("rate: 10, search: {kind: connections, until: ['failed<1%']}").find("--rate"),
              std::string::npos);
    EXPECT_NE(refusal("rate: 10, search: {kind: rate, most: 5, until: ['failed<1%']}").find("search.most"),
              std::string::npos);
    EXPECT_EQ(refusal("rate: 10, search: {kind: rate, until: ['failed<1%']}"), "");
}

RepeatedRun with_cps(double cps, std::vector<std::string> causes = {}) {
    RepeatedRun run;
    run.figures = {{"cps", "/s", cps}};
    run.causes = std::move(causes);
    return run;
}

TEST(Repeats, SpreadIsTheWidthRelativeToTheMedian) {
    const Spread odd = spread_of({103, 98, 100});
    EXPECT_EQ(odd.median, 100);
    EXPECT_EQ(odd.least, 98);
    EXPECT_EQ(odd.most, 103);
    EXPECT_DOUBLE_EQ(odd.relative(), 0.05);
    EXPECT_EQ(spread_of({4, 1, 2, 3}).median, 2.5);
    EXPECT_EQ(spread_of({0, 0}).relative(), 0);
}

TEST(Repeats, AgreeWithinTwoPercent) {
    const Repeats close({with_cps(1'000), with_cps(1'010), with_cps(991)}, "cps");
    EXPECT_TRUE(close.agree());
    EXPECT_TRUE(close.why_not().empty());
    EXPECT_EQ(close.median_run(), 0u);
    const Repeats apart(
        {with_cps(1'000), with_cps(900, {"core 1 was away for 9.0 % of the time"}), with_cps(1'001)}, "cps");
    EXPECT_FALSE(apart.agree());
    const auto why = apart.why_not();
    ASSERT_EQ(why.size(), 1u);
    EXPECT_EQ(why.front(), "run 2: cps -10.0 % from the median: core 1 was away for 9.0 % of the time");
}

TEST(Repeats, SayThatTheTesterShowsNoCause) {
    const Repeats apart({with_cps(1'000), with_cps(900), with_cps(1'001)}, "cps");
    EXPECT_NE(apart.why_not().back().find("the target or the path varied"), std::string::npos);
}

TEST(Repeats, TheMedianRunOfAnEvenNumberIsTheLowerOfTwo) {
    EXPECT_EQ(Repeats({with_cps(4), with_cps(1), with_cps(3), with_cps(2)}, "cps").median_run(), 3u);
}

TEST(Repeats, CausesAreWhatTheRunHasToShow) {
    Sample sample;
    sample.result.cores.front().lost = 0.031;
    sample.result.tally.failed_after = 30;
    const RepeatedRun run = repeated_run(sample.result);
    EXPECT_EQ(run.causes,
              (std::vector<std::string>{"core 1 was away for 3.1 % of the time", "30 connections failed"}));
    EXPECT_EQ(run.value_of("cps"), 1'000);
    EXPECT_EQ(run.value_of("nothing"), 0);
}

TEST(TrialsJson, ASearchWithoutAResultSaysSo) {
    SearchReport report;
    report.trials.push_back(
        {.step = {.value = 1, .duration = 3s}, .verdict = {TrialOutcome::fail, "failed<1% (9 %)"}});
    report.trials.back().figures = {{"established_per_s", "/s", 1}};
    report.upper_bound = 1;
    report.limited_by = SearchLimit::target;
    const auto json = to_json(report);
    EXPECT_TRUE(json["found"].is_null());
    EXPECT_EQ(json["limited_by"], "target");
    EXPECT_EQ(json["trials"][0]["outcome"], "fail");
    const std::string text = trials_text({{"search", json}});
    EXPECT_NE(text.find("found no rate that meets the criteria, limited by the target"), std::string::npos)
        << text;
}

}  // namespace
}  // namespace synfin::app
