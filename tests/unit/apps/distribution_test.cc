/// Distributions of times and sizes: their texts, and what is drawn of them.
#include "config/distribution.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <vector>

#include "traffic/sampler.hh"

namespace synfin::app {
namespace {

using Kind = Distribution::Kind;
constexpr double kMs = 1e6;

Distribution times(std::string_view text) {
    const auto parsed = parse_times(text);
    EXPECT_TRUE(parsed) << text << ": " << parsed.error;
    return parsed ? *parsed.value : Distribution{};
}
std::vector<double> draws(std::string_view text, size_t n = 20'000, uint64_t seed = 7) {
    const Sampler sampler(times(text));
    Random random(seed);
    std::vector<double> all(n);
    for (double& each : all) each = static_cast<double>(sampler.draw(random, ~uint64_t{0}));
    return all;
}
double mean_of(const std::vector<double>& all) {
    double sum = 0;
    for (const double each : all) sum += each;
    return sum / static_cast<double>(all.size());
}

TEST(Distribution, Texts) {
    EXPECT_EQ(times("50ms").kind, Kind::fixed);
    EXPECT_EQ(times("50ms").a, 50 * kMs);
    EXPECT_EQ(times("50ms-2s").kind, Kind::uniform);
    EXPECT_EQ(times("50ms-2s").b, 2'000 * kMs);
    EXPECT_EQ(times("50ms-2s").text, "50ms-2s");
    EXPECT_EQ(times("exponential(1s)").kind, Kind::exponential);
    EXPECT_EQ(times("lognormal(50ms, 1.5)").b, 1.5);
    EXPECT_EQ(times("empirical(10ms:3, 50ms:1, 1s)").points.size(), 3u);
    EXPECT_EQ(times("empirical(10ms:3, 50ms:1)").mean(), 20 * kMs);
    EXPECT_EQ(times("exponential(1s)").mean(), 1'000 * kMs);
    EXPECT_EQ(parse_sizes("1kB-64KiB").value->b, 65'536);
}

TEST(Distribution, ErrorsSayWhatWasExpected) {
    const auto why = [](std::string_view text) { return parse_times(text).error; };
    EXPECT_NE(why("2s-50ms").find("smaller to the larger"), std::string::npos) << why("2s-50ms");
    EXPECT_NE(why("exponentail(1s)").find("did you mean 'exponential'?"), std::string::npos);
    EXPECT_NE(why("lognormal(1s)").find("lognormal(MEDIAN, SIGMA)"), std::string::npos);
    EXPECT_NE(why("lognormal(1s, -1)").find("standard deviation"), std::string::npos);
    EXPECT_NE(why("exponential(1s").find("closing"), std::string::npos);
    EXPECT_NE(why("empirical(1s:0)").find("weight above 0"), std::string::npos);
    EXPECT_NE(why("empirical(/nonexistent)").find("can't be read"), std::string::npos);
    EXPECT_FALSE(why("5q").empty());
    EXPECT_FALSE(why("").empty());
    EXPECT_FALSE(why("empirical()").empty());
}

TEST(Distribution, AFileOfValuesAndWeights) {
    const std::string name = testing::TempDir() + "distribution_values";
    std::ofstream(name) << "# think times\n10ms 3\n50ms,1\n\n1s\n";
    const Distribution of = times("empirical(" + name + ")");
    ASSERT_EQ(of.points.size(), 3u);
    EXPECT_EQ(of.points[0], (Distribution::Point{10 * kMs, 3}));
    EXPECT_EQ(of.points[1], (Distribution::Point{50 * kMs, 1}));
    EXPECT_EQ(of.points[2], (Distribution::Point{1'000 * kMs, 1}));
    std::ofstream(name) << "10ms\nxx\n";
    const std::string why = parse_times("empirical(" + name + ")").error;
    EXPECT_EQ(why.rfind(name + ":2: ", 0), 0u) << why;
    std::remove(name.c_str());
}

TEST(Sampler, DrawsHaveTheMeanAndTheBounds) {
    for (const double each : draws("50ms", 10)) EXPECT_EQ(each, 50 * kMs);
    const auto uniform = draws("50ms-2s");
    const auto [least, most] = std::minmax_element(uniform.begin(), uniform.end());
    EXPECT_GE(*least, 50 * kMs);
    EXPECT_LE(*most, 2'000 * kMs);
    EXPECT_NEAR(mean_of(uniform), 1'025 * kMs, 20 * kMs);
    EXPECT_NEAR(mean_of(draws("exponential(100ms)")), 100 * kMs, 3 * kMs);
    auto lognormal = draws("lognormal(100ms, 0.5)");
    EXPECT_NEAR(mean_of(lognormal), 100 * std::exp(0.125) * kMs, 3 * kMs);
    std::nth_element(lognormal.begin(), lognormal.begin() + 10'000, lognormal.end());
    EXPECT_NEAR(lognormal[10'000], 100 * kMs, 3 * kMs) << "the median";
    const auto empirical = draws("empirical(10ms:3, 50ms:1)");
    EXPECT_NEAR(static_cast<double>(std::count(empirical.begin(), empirical.end(), 10 * kMs)), 15'000, 300);
    EXPECT_EQ(std::count(empirical.begin(), empirical.end(), 10 * kMs) +
                  std::count(empirical.begin(), empirical.end(), 50 * kMs),
              20'000);
}

TEST(Sampler, TheSameSeedGivesTheSameValues) {
    EXPECT_EQ(draws("exponential(1s)", 100, 3), draws("exponential(1s)", 100, 3));
    EXPECT_NE(draws("exponential(1s)", 100, 3), draws("exponential(1s)", 100, 4));
    const Sampler sampler(times("exponential(1s)"));
    Random random(1);
    for (int i = 0; i < 1'000; ++i) EXPECT_LE(sampler.draw(random, 1'000), 1'000u) << "the caller's limit";
}

}  // namespace
}  // namespace synfin::app
