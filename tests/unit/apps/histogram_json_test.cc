#include "results/histogram_json.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.hh"

namespace synfin::app {
namespace {

using nlohmann::ordered_json;

Histogram recorded(uint64_t seed, int count) {
    Random random(seed);
    Histogram histogram;
    for (int i = 0; i < count; ++i)
        histogram.record(Duration(static_cast<int64_t>(random.next() >> (24 + random.next() % 24))));
    return histogram;
}

TEST(HistogramJson, TheMergeOfTwoFilesIsTheHistogramOfBoth) {
    const Histogram a = recorded(1, 5'000), b = recorded(2, 3'000);
    Histogram both;
    both += a;
    both += b;
    Histogram merged;
    for (const Histogram* each : {&a, &b})
        EXPECT_EQ(add_from_json(merged, ordered_json::parse(to_json(*each).dump())), "");
    EXPECT_EQ(to_json(merged), to_json(both));
    EXPECT_EQ(merged.count(), 8'000u);
    EXPECT_EQ(merged.max_us(), both.max_us());
    EXPECT_EQ(merged.mean_us(), both.mean_us());
    for (const double share : {0.01, 0.5, 0.99, 1.0})
        EXPECT_EQ(merged.quantile_us(share), both.quantile_us(share)) << share;
}

TEST(HistogramJson, HasOnePairForEachBucketThatIsNotEmpty) {
    Histogram histogram;
    for (const int64_t ns : {int64_t{5}, int64_t{5}, int64_t{4'100}, int64_t{1} << 50})
        histogram.record(Duration(ns));
    const ordered_json json = to_json(histogram);
    EXPECT_EQ(json["buckets"].dump(), "[[5,2],[4103,1],[8796093022207,1]]");
    EXPECT_EQ(json["max_ns"], uint64_t{1} << 50);
    EXPECT_EQ(json["sum_ns"], 4'110 + (uint64_t{1} << 50));
    EXPECT_TRUE(to_json(Histogram())["buckets"].empty());
}

TEST(HistogramJson, RefusesWhatItDidNotWrite) {
    const ordered_json good = to_json(recorded(3, 10));
    const auto refusal = [&](const char* key, const ordered_json& value) {
        ordered_json json = good;
        json[key] = value;
        Histogram into;
        const std::string why = add_from_json(into, json);
        EXPECT_EQ(into.count(), 0u) << key;
        return why;
    };
    EXPECT_EQ(refusal("precision_bits", 7), "histogram: expected precision_bits 10");
    EXPECT_EQ(refusal("sum_ns", "x"), "histogram: expected the numbers sum_ns and max_ns");
    EXPECT_EQ(refusal("buckets", 1), "histogram: expected at most 34816 buckets");
    EXPECT_EQ(refusal("buckets", ordered_json::parse("[[5,1],[5,1]]")),
              "histogram: expected the buckets in ascending order");
    EXPECT_EQ(refusal("buckets", ordered_json::parse("[[4100,1]]")),
              "histogram: 4100 ns is not the last nanosecond of a bucket");
    EXPECT_EQ(refusal("buckets", ordered_json::parse("[[5,-1]]")),
              "histogram: expected buckets as pairs [last_ns, count]");
    EXPECT_EQ(refusal("buckets", ordered_json::parse("[[5,18446744073709551615]]")),
              "histogram: the counts are too large");
    Histogram into;
    EXPECT_EQ(add_from_json(into, ordered_json("x")), "histogram: expected an object");
}

}  // namespace
}  // namespace synfin::app
