/// @file
/// RFC 9293 3.4: arithmetic modulo 2^32.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

TEST(Seq, ComparesAcrossTheWrap) {
    const Seq high{0xffff'ffff}, low{1};
    EXPECT_TRUE(before(high, low));
    EXPECT_TRUE(after(low, high));
    EXPECT_FALSE(before(low, high));
    EXPECT_TRUE(at_or_before(high, high));
    EXPECT_TRUE(at_or_after(high, high));
    EXPECT_FALSE(before(high, high));
    EXPECT_FALSE(after(high, high));
    EXPECT_EQ(later(high, low), low);
    EXPECT_EQ(later(low, high), low);
}

TEST(Seq, AddsAndSubtractsAcrossTheWrap) {
    Seq s{0xffff'fffe};
    EXPECT_EQ(s + 3u, Seq{1});
    EXPECT_EQ(Seq{1} - 3u, s);
    EXPECT_EQ(Seq{1} - s, 3);
    EXPECT_EQ(s - Seq{1}, -3);
    s += 2;
    EXPECT_EQ(s, Seq{0});
    EXPECT_EQ(distance(Seq{0xffff'fffe}, Seq{5}), 7u);
}

TEST(Seq, HalfTheSpaceIsTheHorizon) {
    const Seq s{100};
    EXPECT_TRUE(after(s + 0x7fff'ffffu, s));
    EXPECT_FALSE(after(s + 0x8000'0000u, s));
}

TEST(Seq, WindowIsHalfOpen) {
    const Seq first{0xffff'fff0};
    EXPECT_TRUE(in_window(first, first, 32));
    EXPECT_TRUE(in_window(first + 31u, first, 32));
    EXPECT_FALSE(in_window(first + 32u, first, 32));
    EXPECT_FALSE(in_window(first - 1u, first, 32));
    EXPECT_FALSE(in_window(first, first, 0));
}

}  // namespace
}  // namespace synfin::tcp
