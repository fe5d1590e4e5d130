// The text of --impair.
#include "config/impair_text.hh"

#include <gtest/gtest.h>

using namespace synfin;
using namespace synfin::app;

namespace {

Impairments read(std::string_view text) {
    const auto parsed = parse_impairments(text);
    EXPECT_TRUE(parsed) << parsed.error;
    return parsed.value.value_or(Impairments{});
}

TEST(ImpairText, OneDirectionOrBoth) {
    const Impairments both = read("loss=1%,delay=10ms,rate=100M,seed=7");
    EXPECT_EQ(both.rx, both.tx);
    EXPECT_EQ(both.rx.loss_ppm, 10'000u);
    EXPECT_EQ(both.tx.delay, 10ms);
    EXPECT_EQ(both.tx.rate_bps, 100'000'000u);
    EXPECT_EQ(both.seed, 7u);
    const Impairments one = read("rx.loss=2%,tx.corrupt=0.1%,tx.reorder=1%,tx.reorder-delay=3ms");
    EXPECT_EQ(one.rx.loss_ppm, 20'000u);
    EXPECT_EQ(one.tx.loss_ppm, 0u);
    EXPECT_EQ(one.tx.reorder_delay, 3ms);
    EXPECT_TRUE(one.corrupts());
    EXPECT_FALSE(read("loss=0%").any());
}

TEST(ImpairText, IsReadBackAsTheSame) {
    for (const std::string_view text :
         {"loss=1%", "rx.loss=1%,tx.loss=2%", "delay=10ms,jitter=1ms,rate=5M,queue=20ms,seed=3",
          "duplicate=1%,corrupt=0.5%,reorder=10%,reorder-delay=2ms"})
        EXPECT_EQ(read(text_of(read(text))), read(text)) << text;
    EXPECT_EQ(text_of(read("loss=1%")), "loss=1%");
}

TEST(ImpairText, ErrorsNameTheKey) {
    const auto error = [](std::string_view text) { return parse_impairments(text).error; };
    EXPECT_EQ(
        error("los=1%"),
        "los: expected loss, duplicate, corrupt, reorder, delay, jitter, reorder-delay, rate, queue or seed, "
        "found 'los'; did you mean 'loss'?");
    EXPECT_EQ(error("loss"), "expected KEY=VALUE such as loss=1%, found 'loss'");
    EXPECT_EQ(error(""), "expected KEY=VALUE such as loss=1%, found nothing");
    EXPECT_EQ(error("loss=1%,rx.loss=2%"), "rx.loss: it occurs twice");
    EXPECT_EQ(error("seed=1,seed=2,loss=1%"), "seed: it occurs twice");
    EXPECT_NE(error("rx.seed=1"), "");
    EXPECT_NE(error("delay=61s"), "");
    EXPECT_EQ(error("queue=1ms"), "queue has no effect without rate");
    EXPECT_EQ(error("tx.reorder-delay=1ms,rx.reorder=1%"), "reorder-delay has no effect without reorder");
    EXPECT_NE(error("loss=101%"), "");
    EXPECT_NE(error("rate=0"), "");
}

}  // namespace
