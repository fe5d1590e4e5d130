#include "results/criteria.hh"

#include <gtest/gtest.h>

namespace synfin::app {
namespace {

Criterion one(std::string_view text) {
    auto parsed = parse_criteria(text);
    EXPECT_TRUE(parsed) << parsed.error;
    if (!parsed) return {};
    EXPECT_EQ(parsed.value->size(), 1u);
    return parsed.value->front();
}
std::string error(std::string_view text) {
    const auto parsed = parse_criteria(text);
    EXPECT_FALSE(parsed) << text;
    return parsed.error;
}
Verdict verdict(std::string_view criterion, const Measures& run) {
    return judge(one(criterion), run).verdict;
}
/// So many samples of 1 ms, after so many of 10 ms.
Histogram samples(int slow, int fast) {
    Histogram histogram;
    for (int i = 0; i < slow; ++i) histogram.record(10ms);
    for (int i = 0; i < fast; ++i) histogram.record(1ms);
    return histogram;
}

TEST(Criteria, TheListOfTheContract) {
    const auto parsed = parse_criteria("failed<0.1%, connect.p99<5ms, cps>=100k, status(5xx)=0");
    ASSERT_TRUE(parsed) << parsed.error;
    const auto& all = *parsed.value;
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0].name, "failed");
    EXPECT_EQ(all[0].limit, "<0.1%");
    EXPECT_EQ(all[0].unit, Criterion::Unit::percent);
    EXPECT_DOUBLE_EQ(all[0].value, 0.1);
    EXPECT_EQ(all[1].name, "connect.p99");
    EXPECT_EQ(all[1].figure, Criterion::Figure::connect);
    EXPECT_EQ(all[1].statistic, Criterion::Statistic::p99);
    EXPECT_DOUBLE_EQ(all[1].value, 5'000);
    EXPECT_EQ(all[2].op, Criterion::Op::at_least);
    EXPECT_DOUBLE_EQ(all[2].value, 100'000);
    EXPECT_EQ(all[3].name, "status(5xx)");
    EXPECT_EQ(all[3].status_first, 500u);
    EXPECT_EQ(all[3].status_last, 599u);
    EXPECT_EQ(all[3].op, Criterion::Op::equal);
}

TEST(Criteria, EveryName) {
    for (const std::string figure : {"connect", "first_byte", "last_byte", "life"})
        for (const std::string statistic : {"p50", "p90", "p99", "p999", "max", "mean"})
            EXPECT_EQ(one(figure + "." + statistic + " <= 250us").name, figure + "." + statistic);
    EXPECT_EQ(one("requests_per_s > 1M").limit, ">1M");
    EXPECT_EQ(one("failed=0").unit, Criterion::Unit::count);
    EXPECT_EQ(one("status(404)<1%").status_last, 404u);
}

TEST(Criteria, AnErrorHasItsColumnAndTheNearestWord) {
    EXPECT_EQ(
        error("failed<1%, conect.p99<5ms"),
        "column 12: expected failed, cps, requests_per_s, status(5xx), or connect, first_byte, last_byte, "
        "life with .p50, .p90, .p99, .p999, .max or .mean, found 'conect.p99<5ms'; did you mean 'connect'?");
    EXPECT_EQ(error("connect.p99.9<5ms"),
              "column 9: expected p50, p90, p99, p999, max or mean, found 'p99.9<5ms'; did you mean 'p999'?");
    EXPECT_EQ(error("connect<5ms"), "column 8: expected a statistic such as connect.p99, found 'connect'");
    EXPECT_EQ(error("failed 1%"), "column 8: expected <, <=, >, >= or =, found '1%'");
    EXPECT_EQ(error("cps>=fast"), "column 6: " + parse_count("fast").error);
    EXPECT_EQ(error("connect.p99<soon"), "column 13: " + parse_duration("soon").error);
    EXPECT_EQ(error("failed<1% cps>5"),
              "column 11: expected a comma before the next criterion, found 'cps>5'");
    EXPECT_EQ(error("status(50)=0"), "column 7: expected a status such as (404) or (5xx), found '(50)=0'");
    EXPECT_NE(error("").find("found nothing"), std::string::npos);
    EXPECT_NE(error("failed<1%,").find("column 11:"), std::string::npos);
    EXPECT_EQ(error("failed<101%"), "column 8: " + parse_percent("101%").error);
}

/// Whatever stands there: criteria, or an error with its column.
TEST(Criteria, AnyTextIsTakenOrRefusedWithAColumn) {
    const std::string letters = "failed<0.1%, connect.p99<=5ms,cps>=100k, status(5xx)=0 web.\t\xff";
    uint32_t random = 1;
    for (int n = 0; n < 20'000; ++n) {
        std::string text = letters.substr(random % letters.size());
        for (int change = n % 4; change > 0; --change) {
            random = random * 1'664'525 + 1'013'904'223;
            text[(random >> 8) % text.size()] = letters[(random >> 16) % letters.size()];
        }
        random = random * 1'664'525 + 1'013'904'223;
        text.resize((random >> 8) % (text.size() + 1));
        const auto parsed = parse_criteria(text);
        if (parsed) {
            for (const Criterion& each : *parsed.value)
                ASSERT_EQ(judge(each, {}).verdict, Verdict::undecidable) << text;
        } else {
            ASSERT_TRUE(parsed.error.starts_with("column ")) << text << ": " << parsed.error;
        }
    }
}

TEST(Criteria, AClassIsNamedInFront) {
    const auto parsed = parse_criteria("web.connect.p99<5ms, bulk-2.status(5xx)=0, cps>=1");
    ASSERT_TRUE(parsed) << parsed.error;
    EXPECT_EQ((*parsed.value)[0].of_class, "web");
    EXPECT_EQ((*parsed.value)[0].name, "web.connect.p99");
    EXPECT_EQ((*parsed.value)[1].of_class, "bulk-2");
    EXPECT_EQ((*parsed.value)[2].of_class, "");
}

TEST(Criteria, AWrongFigureIsNoClass) {
    EXPECT_NE(error("conect.p99<5ms").find("did you mean 'connect'?"), std::string::npos)
        << error("conect.p99<5ms");
}

TEST(Judge, AShareNeedsAsManyAsWouldShowOneFailure) {
    Measures run;
    run.opened = 999;
    EXPECT_EQ(verdict("failed<0.1%", run), Verdict::undecidable);
    run.opened = 1'000;
    EXPECT_EQ(verdict("failed<0.1%", run), Verdict::pass);
    run.failed = 1;
    EXPECT_EQ(verdict("failed<0.1%", run), Verdict::fail) << "0.1 % is not below 0.1 %";
    EXPECT_EQ(verdict("failed<=0.1%", run), Verdict::pass);
    run.opened = 100;
    EXPECT_EQ(verdict("failed<0.1%", run), Verdict::fail) << "1 of 100: too few to pass, enough to fail";
    run = {};
    EXPECT_EQ(verdict("failed<1%", run), Verdict::undecidable);
    run.opened = 100;
    EXPECT_EQ(judge(one("failed<0.1%"), run).why, "needs 1000 connections, there were 100");
}

TEST(Judge, TheAssumedCriterionPassesASmallRunWithoutFailures) {
    Measures run;
    EXPECT_EQ(judge(assumed_criterion("1%"), run).verdict, Verdict::undecidable) << "nothing was tried";
    run.opened = 5;
    EXPECT_EQ(judge(assumed_criterion("1%"), run).verdict, Verdict::pass);
    run.failed = 1;
    const Judgement failed = judge(assumed_criterion("1%"), run);
    EXPECT_EQ(failed.verdict, Verdict::fail);
    EXPECT_EQ(failed.name + failed.limit, "failed<1%");
    EXPECT_EQ(failed.value, 20.0);
    EXPECT_EQ(failed.unit, "%");
}

TEST(Judge, AQuantileNeedsASampleBeyondIt) {
    const Histogram fifty = samples(0, 50), hundred = samples(0, 100), slow = samples(2, 98);
    Measures run;
    run.connect = &fifty;
    EXPECT_EQ(verdict("connect.p999<5ms", run), Verdict::undecidable);
    EXPECT_EQ(verdict("connect.p999<5us", run), Verdict::undecidable);
    EXPECT_EQ(verdict("connect.p99<5ms", run), Verdict::undecidable);
    EXPECT_EQ(verdict("connect.p90<5ms", run), Verdict::pass);
    EXPECT_EQ(verdict("connect.max<5ms", run), Verdict::pass);
    EXPECT_EQ(verdict("connect.mean<1ms", run), Verdict::fail);
    EXPECT_EQ(verdict("life.p50<5ms", run), Verdict::undecidable) << "no sample at all";
    run.connect = &hundred;
    EXPECT_EQ(verdict("connect.p99<5ms", run), Verdict::pass);
    run.connect = &slow;
    const Judgement missed = judge(one("connect.p99<5ms"), run);
    EXPECT_EQ(missed.verdict, Verdict::fail);
    EXPECT_NEAR(missed.value.value_or(0), 10'000, 10);
    EXPECT_EQ(missed.samples, 100u);
    EXPECT_EQ(verdict("connect.p50<5ms", run), Verdict::pass);
}

TEST(Judge, ARateNeedsTimeForTenEvents) {
    Measures run;
    run.seconds = 2;
    run.completed = 200'000;
    EXPECT_EQ(verdict("cps>=100k", run), Verdict::pass);
    EXPECT_EQ(verdict("cps>100k", run), Verdict::fail);
    EXPECT_EQ(verdict("requests_per_s>=100k", run), Verdict::fail) << "no response";
    run.completed = 100;
    EXPECT_EQ(verdict("cps>=5", run), Verdict::pass);
    EXPECT_EQ(judge(one("cps>=4"), run).why, "needs 2.5 s, there were 2 s");
    EXPECT_EQ(verdict("cps>=4", run), Verdict::undecidable);
}

TEST(Judge, StatusesByClassAndAlone) {
    Measures run;
    run.answered = 1'000;
    run.statuses = {{200, 905}, {404, 45}, {500, 45}, {503, 5}};
    EXPECT_EQ(judge(one("status(5xx)=0"), run).value, 50.0);
    EXPECT_EQ(verdict("status(5xx)=0", run), Verdict::fail);
    EXPECT_EQ(verdict("status(503)<1%", run), Verdict::pass);
    EXPECT_EQ(verdict("status(3xx)=0", run), Verdict::pass);
    EXPECT_EQ(judge(one("status(4xx)<5%"), run).value, 4.5);
    run.answered = 0;
    EXPECT_EQ(verdict("status(5xx)=0", run), Verdict::undecidable);
}

}  // namespace
}  // namespace synfin::app
