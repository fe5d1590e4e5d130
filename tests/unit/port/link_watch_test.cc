#include <gtest/gtest.h>

#include <atomic>

#include "port/link_watch.hh"

namespace synfin::port {
namespace {

Instant at(Duration since_start) {
    return Instant::from_ns(0) + since_start;
}

constexpr Link kUp{true, 1000}, kDown{false, 0};

TEST(LinkLog, CountsDownsAndTheirTime) {
    LinkLog log(kUp, at(0s));
    log.see(kUp, at(1s));
    EXPECT_EQ(log.history(at(2s)).downs, 0u);
    log.see(kDown, at(3s));
    log.see(kDown, at(4s));
    EXPECT_EQ(log.history(at(5s)).downs, 1u);
    EXPECT_EQ(log.history(at(5s)).down_time, 2s) << "the present one counts as far as it has come";
    log.see(kUp, at(6s));
    log.see(kDown, at(10s));
    log.see(kUp, at(11s));
    const LinkHistory history = log.history(at(20s));
    EXPECT_EQ(history.downs, 2u);
    EXPECT_EQ(history.down_time, 4s);
    EXPECT_TRUE(history.now.up);
    EXPECT_EQ(history.now.mbps, 1000u);
}

TEST(LinkLog, ALinkThatWasNeverUpHasNotGoneDown) {
    LinkLog log(kDown, at(0s));
    log.see(kUp, at(5s));
    EXPECT_EQ(log.history(at(9s)).downs, 0u);
    EXPECT_EQ(log.history(at(9s)).down_time, 5s);
}

TEST(LinkWatch, AsksAndEndsAtOnce) {
    std::atomic<int> asked{0};
    {
        LinkWatch watch(kUp, [&] {
            ++asked;
            return kDown;
        });
        while (watch.history().downs == 0) std::this_thread::yield();
    }
    const int after = asked;
    EXPECT_GE(after, 1);
    EXPECT_EQ(asked, after) << "its thread is gone";
}

}  // namespace
}  // namespace synfin::port
