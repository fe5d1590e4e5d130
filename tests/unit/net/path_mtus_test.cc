#include "net/path_mtus.hh"

#include <gtest/gtest.h>

namespace synfin::net {
namespace {

TEST(PathMtus, AreBelievedForTenMinutes) {
    PathMtus paths({1, 2});
    Instant now = Instant::from_ns(5'000'000'000);
    EXPECT_FALSE(paths.any());
    EXPECT_EQ(paths.find(Ipv4{1}, now), 0);
    paths.set(Ipv4{1}, 1200, now);
    EXPECT_TRUE(paths.any());
    EXPECT_EQ(paths.find(Ipv4{1}, now), 1200);
    EXPECT_EQ(paths.find(Ipv4{2}, now), 0);
    now += 5min;
    paths.set(Ipv4{1}, 1000, now);
    now += 10min - 1ns;
    paths.expire(now);
    EXPECT_TRUE(paths.any());
    EXPECT_EQ(paths.find(Ipv4{1}, now), 1000);
    now += 1ns;
    EXPECT_EQ(paths.find(Ipv4{1}, now), 0);
    paths.expire(now);
    EXPECT_FALSE(paths.any());
}

/// A million destinations: memory does not grow, the latest are known, and the hash spreads them.
TEST(PathMtus, AreBounded) {
    PathMtus paths({1, 2});
    Instant now = Instant::from_ns(5'000'000'000);
    constexpr uint32_t kDestinations = 1'000'000, kPlaces = PathMtus::kSets * PathMtus::kWays;
    for (uint32_t i = 1; i <= kDestinations; ++i) paths.set(Ipv4{i}, 1200, now += 1us);
    EXPECT_EQ(paths.find(Ipv4{kDestinations}, now), 1200);
    uint32_t known = 0;
    for (uint32_t i = 1; i <= kDestinations; ++i) known += paths.find(Ipv4{i}, now) != 0 ? 1 : 0;
    EXPECT_EQ(known, kPlaces);
}

}  // namespace
}  // namespace synfin::net
