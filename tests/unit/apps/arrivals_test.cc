/// The arrivals of open loops: their texts, exact numbers over the engines, and seeds.
#include "traffic/arrivals.hh"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>

namespace synfin::app {
namespace {

constexpr Instant kStart = Instant::from_ns(1'000'000'000);
constexpr uint64_t kNoLimit = ~uint64_t{0};

ArrivalPattern pattern(std::string_view text) {
    const auto parsed = parse_arrivals(text);
    EXPECT_TRUE(parsed) << text << ": " << parsed.error;
    return parsed ? *parsed.value : ArrivalPattern{};
}
ArrivalPlan plan(std::string_view text, double rate, uint32_t engine = 0, uint32_t engines = 1) {
    ArrivalPlan of;
    of.pattern = pattern(text);
    of.rate = rate;
    of.engine = engine;
    of.engines = engines;
    return of;
}
std::vector<Duration> all_of(Arrivals arrivals) {
    std::vector<Duration> all;
    for (; !arrivals.is_over(); arrivals.take()) all.push_back(arrivals.next() - kStart);
    return all;
}
/// The arrivals of all engines together.
size_t number_of(std::string_view text, double rate, uint32_t engines, Duration time) {
    size_t sum = 0;
    for (uint32_t i = 0; i < engines; ++i)
        sum += all_of(Arrivals(plan(text, rate, i, engines), kStart, kNoLimit, time)).size();
    return sum;
}
std::string error_of(std::string_view text) {
    return parse_arrivals(text).error;
}

TEST(ArrivalPattern, Errors) {
    EXPECT_NE(error_of("poison").find("did you mean 'poisson'?"), std::string::npos) << error_of("poison");
    EXPECT_NE(error_of("bursts(0)").find("bursts of 1 to"), std::string::npos);
    EXPECT_NE(error_of("bursts").find("bursts(N)"), std::string::npos);
    EXPECT_NE(error_of("steps(10k)").find("RATE@TIME"), std::string::npos);
    EXPECT_NE(error_of("steps(10k@0)").find("longer than 0"), std::string::npos);
    EXPECT_NE(error_of("steps(0@1s)").find("rate 0"), std::string::npos);
    EXPECT_NE(error_of("trace(/nonexistent)").find("can't be read"), std::string::npos);
    EXPECT_FALSE(error_of("").empty());
}

TEST(Arrivals, EnginesTogetherOfferTheExactNumber) {
    for (const uint32_t engines : {1u, 2u, 3u, 7u}) {
        EXPECT_EQ(number_of("constant", 1'000, engines, 10s), 10'000u);
        EXPECT_EQ(number_of("constant", 3, engines, 500ms), 2u) << "at 0 and 333 ms";
        EXPECT_EQ(number_of("bursts(100)", 1'000, engines, 10s), 10'000u);
        EXPECT_EQ(number_of("bursts(100)", 1'000, engines, 10s + 1ms), 10'100u) << "one more burst begins";
        EXPECT_EQ(number_of("steps(1k@2s,0@1s,2k@1s)", 2'000, engines, 4s), 4'000u);
        EXPECT_EQ(number_of("steps(1k@2s,0@1s,2k@1s)", 2'000, engines, 2500ms), 2'000u);
        EXPECT_EQ(number_of("steps(1k@2s,0@1s,2k@1s)", 2'000, engines, 5s), 6'000u) << "the last goes on";
        // The standard deviation is 100.
        EXPECT_NEAR(static_cast<double>(number_of("poisson", 1'000, engines, 10s)), 10'000, 500);
    }
}

TEST(Arrivals, Bursts) {
    const auto all = all_of(Arrivals(plan("bursts(10)", 100), kStart, kNoLimit, 1s));
    ASSERT_EQ(all.size(), 100u);
    for (size_t i = 0; i < all.size(); ++i)
        EXPECT_NEAR(static_cast<double>(all[i].count()), static_cast<double>(i / 10) * 1e8, 2) << i;
}

TEST(Arrivals, StepsHaveTheirRates) {
    const auto all = all_of(Arrivals(plan("steps(100@1s,300@1s)", 300), kStart, kNoLimit, 2s));
    ASSERT_EQ(all.size(), 400u);
    EXPECT_LT(all[99], 1s);
    EXPECT_NEAR(static_cast<double>((all[51] - all[50]).count()), 1e9 / 100, 2);
    EXPECT_NEAR(static_cast<double>((all[251] - all[250]).count()), 1e9 / 300, 2);
}

TEST(Arrivals, PoissonGapsAreExponential) {
    const auto all = all_of(Arrivals(plan("poisson", 10'000), kStart, kNoLimit, 5s));
    double sum = 0, squares = 0;
    for (size_t i = 1; i < all.size(); ++i) {
        const double gap = static_cast<double>((all[i] - all[i - 1]).count()) / 1e5;  // of the mean
        sum += gap;
        squares += gap * gap;
    }
    const auto n = static_cast<double>(all.size() - 1);
    EXPECT_NEAR(sum / n, 1, 0.03);
    EXPECT_NEAR(std::sqrt(squares / n - sum * sum / n / n), 1, 0.05) << "the deviation is the mean";
}

TEST(Arrivals, TheSameSeedGivesTheSameTimes) {
    ArrivalPlan one = plan("poisson", 1'000);
    const auto first = all_of(Arrivals(one, kStart, kNoLimit, 1s));
    EXPECT_EQ(all_of(Arrivals(one, kStart, kNoLimit, 1s)), first);
    one.seed = 99;
    EXPECT_NE(all_of(Arrivals(one, kStart, kNoLimit, 1s)), first);
    one.seed = 1;
    one.engine = 1;
    EXPECT_NE(all_of(Arrivals(one, kStart, kNoLimit, 1s)), first) << "each engine has its own";
}

TEST(Arrivals, ATraceOfTwoClasses) {
    const std::string name = testing::TempDir() + "arrival_trace.csv";
    std::ofstream(name) << "# seconds, class\n0.5,web\n0.5\n1.25,held\n2,web\n";
    const ArrivalPattern read = pattern("trace(" + name + ")");
    ASSERT_TRUE(read.trace);
    EXPECT_EQ(read.trace->times_of("web"), (std::vector<Duration>{500ms, 500ms, 2s}));
    EXPECT_EQ(read.trace->times_of("held"), (std::vector<Duration>{500ms, 1250ms}));
    ArrivalPlan of = plan("trace(" + name + ")", 1);
    const std::vector<Duration> times = read.trace->times_of("web");
    of.times = times;
    EXPECT_EQ(all_of(Arrivals(of, kStart, kNoLimit, 0s)), times);
    EXPECT_EQ(all_of(Arrivals(of, kStart, kNoLimit, 2s)).size(), 2u) << "2 s is the end";
    EXPECT_EQ(all_of(Arrivals(of, kStart, 1, 0s)).size(), 1u);
    std::ofstream(name) << "1\n0.5\n";
    EXPECT_EQ(error_of("trace(" + name + ")"), name + ":2: expected times in order, found '0.5'");
    std::ofstream(name) << "x\n";
    EXPECT_EQ(error_of("trace(" + name + ")").rfind(name + ":1: expected a time", 0), 0u);
    std::ofstream(name) << "";
    EXPECT_NE(error_of("trace(" + name + ")").find("no times"), std::string::npos);
    std::remove(name.c_str());
}

TEST(Arrivals, TakesAllThatAreDueAsOneByOneWould) {
    for (const std::string_view text : {"constant", "bursts(7)", "steps(100@1s,0@1s,900@1s)", "poisson"})
        for (const uint32_t engines : {1u, 3u})
            for (uint32_t engine = 0; engine < engines; ++engine) {
                Arrivals by_one(plan(text, 1'000, engine, engines), kStart, 5'000, 4s), at_once = by_one;
                for (Duration after = 0s; after < 5s; after += 37ms) {
                    const Instant now = kStart + after;
                    uint64_t n = 0;
                    for (; by_one.next() <= now; by_one.take()) ++n;
                    ASSERT_EQ(at_once.take_until(now), n) << text << " " << after.count();
                    ASSERT_EQ(at_once.next(), by_one.next());
                }
                EXPECT_TRUE(by_one.is_over());
            }
}

TEST(Arrivals, ADayBehindIsFoundAtOnce) {
    // By counting, more than three minutes.
    Arrivals constant(plan("constant", 1e9), kStart, kNoLimit, 0s);
    EXPECT_NEAR(static_cast<double>(constant.take_until(kStart + 24h)), 86.4e12, 1e6);
    Arrivals poisson(plan("poisson", 1e9), kStart, kNoLimit, 24h);
    EXPECT_NEAR(static_cast<double>(poisson.take_until(kStart + 24h)), 86.4e12, 1e8);
    EXPECT_TRUE(poisson.is_over());
}

}  // namespace
}  // namespace synfin::app
