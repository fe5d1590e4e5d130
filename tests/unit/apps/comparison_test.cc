#include "report/comparison.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "config/user_error.hh"
#include "stored_samples.hh"

namespace synfin::app {
namespace {

using nlohmann::ordered_json;
using Method = FigureChange::Method;

const FigureChange& figure(const Comparison& comparison, std::string_view name) {
    const auto found = std::find_if(comparison.figures.begin(), comparison.figures.end(),
                                    [&](const FigureChange& each) { return each.kind.name == name; });
    if (found == comparison.figures.end()) throw std::runtime_error("no figure " + std::string(name));
    return *found;
}

StoredResult repeated(const std::vector<double>& cps) {
    StoredResult result = stored_load("repeated", cps.front(), 100);
    for (const double each : cps)
        result.json["repeats"]["runs"].push_back({{"figures", {{"cps", each}, {"connect.p99", 1e6 / each}}}});
    return result;
}

TEST(RankTest, AgreesWithTables) {
    const std::vector<double> low = {1, 2, 3, 4, 5}, high = {6, 7, 8, 9, 10};
    EXPECT_NEAR(rank_test(low, high), 2.0 / 252, 1e-12);
    EXPECT_NEAR(rank_test(high, low), 2.0 / 252, 1e-12);
    EXPECT_NEAR(rank_test(std::vector<double>{1, 2, 3}, std::vector<double>{4, 5, 6}), 0.1, 1e-12);
    EXPECT_NEAR(rank_test(std::vector<double>{1, 2, 4}, std::vector<double>{3, 5, 6}), 0.2, 1e-12);
    EXPECT_EQ(rank_test(low, low), 1);
    EXPECT_EQ(rank_test(std::vector<double>{7, 7}, std::vector<double>{7, 7, 7}), 1);
    EXPECT_EQ(rank_test(low, {}), 1);
    // Larger samples: the approximation is near the exact value.
    std::vector<double> a, b;
    for (int i = 0; i < 25; ++i) a.push_back(i), b.push_back(i + 7.5);
    EXPECT_NEAR(rank_test(a, b), 0.0042, 0.003);
}

TEST(Bootstrap, HoldsTheChangeAndKeepsDependence) {
    std::vector<double> a, b;
    for (int i = 0; i < 100; ++i) a.push_back(100 + i % 5), b.push_back(110 + i % 7);
    const Interval95 interval = bootstrap_change(a, b, 1, mean_of);
    EXPECT_GT(interval.low, 0.09);
    EXPECT_LT(interval.high, 0.13);
    EXPECT_LT(interval.high - interval.low, 0.02);
    // Two levels that last 25 s each: independent seconds would hide how few levels there were.
    std::vector<double> slow;
    for (int i = 0; i < 100; ++i) slow.push_back(i / 25 % 2 == 0 ? 100 : 120);
    const Interval95 by_value = bootstrap_change(slow, slow, 1, mean_of),
                     by_block = bootstrap_change(slow, slow, 25, mean_of);
    EXPECT_GT(by_block.high - by_block.low, 1.5 * (by_value.high - by_value.low));
}

TEST(ShareDifference, AgreesWithNewcombe) {
    // Newcombe (1998), table II, method 10: 56/70 and 48/80.
    const Interval95 interval = share_difference(48, 80, 56, 70);
    EXPECT_NEAR(interval.low, 0.0524, 1e-4);
    EXPECT_NEAR(interval.high, 0.3339, 1e-4);
}

TEST(QuantileInterval, NarrowsWithTheSample) {
    Histogram few, many;
    for (int i = 0; i < 100; ++i) few.record(Duration(1'000 * (i + 1)));
    for (int i = 0; i < 10'000; ++i) many.record(Duration(1'000 * (i % 100 + 1)));
    const Interval95 wide = quantile_interval(few, 0.5), narrow = quantile_interval(many, 0.5);
    EXPECT_LT(wide.low, 45);
    EXPECT_GT(wide.high, 55);
    EXPECT_GE(narrow.low, 48);
    EXPECT_LE(narrow.high, 52);
}

TEST(Compare, RepeatsAreJudgedByRanks) {
    const auto before = repeated({100, 101, 102, 103, 104}), after = repeated({110, 111, 112, 113, 114});
    const Comparison comparison = compare({before}, {after}, kDefaultMargin);
    const FigureChange& cps = figure(comparison, "cps");
    EXPECT_EQ(cps.method, Method::repeats);
    EXPECT_EQ(cps.verdict, Change::better);
    EXPECT_NEAR(cps.change, 112.0 / 102 - 1, 1e-9);
    EXPECT_NEAR(*cps.p, 2.0 / 252, 1e-9);
    EXPECT_NEAR(*cps.noise, 4.0 / 102, 1e-9);
    EXPECT_GT(cps.interval->low, 0.05);
    EXPECT_EQ(figure(comparison, "connect.p99").verdict, Change::better) << "lower is better";
    EXPECT_EQ(figure(compare({after}, {before}, kDefaultMargin), "cps").verdict, Change::worse);
}

TEST(Compare, RepeatsThatOverlapOrAreFewAreUndecidable) {
    const auto overlapping =
        compare({repeated({100, 104, 108, 112, 116})}, {repeated({102, 106, 110, 114, 118})}, 0.05);
    EXPECT_EQ(figure(overlapping, "cps").verdict, Change::undecidable);
    const auto few = compare({repeated({100, 101, 102})}, {repeated({200, 201, 202})}, 0.05);
    EXPECT_EQ(figure(few, "cps").verdict, Change::undecidable);
    EXPECT_EQ(figure(few, "cps").why, "3 and 3 runs are too few: 4 of each can show a difference");
}

TEST(Compare, FilesOfOneSideAreRepeats) {
    std::vector<StoredResult> a, b;
    for (const int i : {0, 1, 2, 3}) {
        a.push_back(stored_load("a", 1'000 + i, 100));
        b.push_back(stored_load("b", 900 + i, 100));
    }
    const Comparison comparison = compare(a, b, kDefaultMargin);
    const FigureChange& cps = figure(comparison, "cps");
    EXPECT_EQ(cps.method, Method::repeats);
    EXPECT_EQ(cps.verdict, Change::worse);
    EXPECT_EQ(cps.runs_a, 4u);
}

TEST(Compare, SingleRunsNeedMoreThanTheMargin) {
    const auto before = stored_load("a", 1'000, 100, 30, 1);
    const Comparison large = compare({before}, {stored_load("b", 1'200, 150, 30, 2)}, kDefaultMargin);
    EXPECT_EQ(figure(large, "cps").method, Method::series);
    EXPECT_EQ(figure(large, "cps").verdict, Change::better);
    EXPECT_EQ(figure(large, "life.p50").method, Method::samples);
    EXPECT_EQ(figure(large, "life.p50").verdict, Change::worse);
    EXPECT_EQ(figure(large, "connect.p50").method, Method::series);
    EXPECT_EQ(figure(large, "connect.p50").verdict, Change::worse);
    const Comparison small = compare({before}, {stored_load("b", 1'030, 100, 30, 2)}, kDefaultMargin);
    EXPECT_EQ(figure(small, "cps").verdict, Change::undecidable);
    EXPECT_EQ(figure(small, "cps").why, "below 5 %, which two single runs may differ by");
    EXPECT_EQ(figure(compare({before}, {stored_load("b", 1'030, 100, 30, 2)}, 0.01), "cps").verdict,
              Change::better);
    EXPECT_EQ(figure(compare({before}, {before}, 0), "cps").verdict, Change::undecidable);
}

TEST(Compare, DriftWithinARunIsNoise) {
    // Half of each run is slow; the runs differ by less than their halves.
    auto before = stored_load("a", 1'000, 100, 60, 1), after = stored_load("b", 1'100, 100, 60, 2);
    for (auto* result : {&before, &after})
        for (size_t t = 0; t < 30; ++t) {
            auto& completed = result->json["series"][t]["completed"];
            completed = completed.get<double>() / 2;
        }
    const Comparison comparison = compare({before}, {after}, kDefaultMargin);
    EXPECT_EQ(figure(comparison, "cps").verdict, Change::undecidable);
    EXPECT_EQ(figure(comparison, "cps").why, "within the noise of the run");
    EXPECT_EQ(figure(comparison, "established_per_s").verdict, Change::better) << "it does not drift";
}

TEST(Compare, OneValueOfEachIsUndecidable) {
    auto before = stored_load("a", 1'000, 100), after = stored_load("b", 1'000, 100);
    before.json["cycles_per_connection"]["both"] = 5'000;
    after.json["cycles_per_connection"]["both"] = 9'000;
    const Comparison comparison = compare({before}, {after}, kDefaultMargin);
    const FigureChange& cycles = figure(comparison, "cycles_per_connection");
    EXPECT_EQ(cycles.method, Method::none);
    EXPECT_EQ(cycles.verdict, Change::undecidable);
    EXPECT_EQ(cycles.why, "one value of each tells no noise");
}

TEST(Compare, WarnsOfDifferentConditions) {
    auto before = stored_load("a", 1'000, 100), after = stored_load("b", 1'000, 100);
    after.json["config"]["load"]["connections"] = 128;
    after.json["config"]["json"] = "elsewhere.json";
    after.json["host"]["cpu"] = "Another CPU";
    after.json["valid"] = false;
    const auto warnings = compare({before}, {after}, kDefaultMargin).warnings;
    const std::vector<std::string> expected = {
        "b.json: the run is not valid, so its figures may be the generator's", "load.connections: 64 and 128",
        "host.cpu: A CPU and Another CPU"};
    EXPECT_EQ(warnings, expected);
    after.json["command"] = "bench";
    EXPECT_THROW(compare({before}, {after}, kDefaultMargin), UserError);
}

TEST(Compare, JsonAndTextSayTheSame) {
    const Comparison comparison =
        compare({stored_load("a", 1'000, 100)}, {stored_load("b", 1'200, 100)}, kDefaultMargin);
    const ordered_json json = to_json(comparison);
    EXPECT_EQ(json["schema"], "synfin.comparison/1");
    EXPECT_EQ(json["figures"][0]["name"], "cps");
    EXPECT_EQ(json["figures"][0]["verdict"], "better");
    EXPECT_EQ(json["figures"][0]["method"], "series");
    const std::string text = to_text(comparison);
    EXPECT_NE(text.find("+20.0 %"), text.npos);
    EXPECT_NE(text.find("block bootstrap"), text.npos);
}

}  // namespace
}  // namespace synfin::app
