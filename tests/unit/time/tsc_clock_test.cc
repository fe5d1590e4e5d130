#include "time/tsc_clock.hh"

#include <gtest/gtest.h>
#include <time.h>

#include "fakes/fake_clock.hh"

namespace synfin {
namespace {

TEST(TscClock, NeverGoesBack) {
    const TscClock clock;
    Instant last = clock.now();
    EXPECT_GT(last.ns(), 0);
    for (int i = 0; i < 1'000'000; ++i) {
        const Instant now = clock.now();
        ASSERT_LE(last, now);
        last = now;
    }
}

TEST(TscClock, InstancesShareTheirOrigin) {
    const TscClock first;
    const TscClock second;
    const Instant a = first.now();
    const Instant b = second.now();
    const Instant c = first.now();
    EXPECT_LE(a, b);
    EXPECT_LE(b, c);
}

// A process that starts later reads later times, and none does so before the host's boot: initial sequence
// numbers and timestamps go on where those of the process before ended. The counter's rate is known to 100
// parts per million at worst.
TEST(TscClock, CountsFromTheHostsBoot) {
    const auto since_boot = [] {
        timespec t{};
        clock_gettime(CLOCK_BOOTTIME, &t);
        return Instant() + std::chrono::seconds(t.tv_sec) + Duration(t.tv_nsec);
    };
    const TscClock clock;
    const Instant before = since_boot();
    const Instant now = clock.now();
    const Instant after = since_boot();
    EXPECT_GE(now, before - 20ms);
    EXPECT_LE(now, after + 20ms);
}

// Whatever passed between two readings, the counter and the clock must agree on it.
TEST(TscClock, NanosecondsFollowFromTheCounterAndItsFrequency) {
    ASSERT_GT(TscClock::hz(), 100'000'000u);
    ASSERT_LT(TscClock::hz(), 20'000'000'000u);
    const TscClock clock;
    const uint64_t cycles_before = TscClock::cycles();
    const Instant before = clock.now();
    const Instant after_inner = [&] {
        Instant t = before;
        while (TscClock::cycles() - cycles_before < TscClock::hz() / 1000) t = clock.now();
        return t;
    }();
    const uint64_t cycles = TscClock::cycles() - cycles_before;
    const auto outer_ns =
        static_cast<int64_t>(static_cast<double>(cycles) * 1e9 / static_cast<double>(TscClock::hz()));
    EXPECT_LE((after_inner - before).count(), outer_ns + 1);
}

TEST(FakeClock, MovesOnlyWhenTold) {
    FakeClock clock(Instant::from_ns(7));
    EXPECT_EQ(clock.now().ns(), 7);
    clock.advance(3us);
    EXPECT_EQ(clock.now().ns(), 3007);
    clock.set(Instant::from_ns(4000));
    EXPECT_EQ(clock.now().ns(), 4000);
    EXPECT_DEATH(clock.set(Instant::from_ns(3999)), "broken invariant");
}

}  // namespace
}  // namespace synfin
