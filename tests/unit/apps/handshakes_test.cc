#include "traffic/handshakes.hh"

#include <gtest/gtest.h>

#include <deque>

#include "base/random.hh"

namespace synfin::app {
namespace {

TEST(Handshakes, WhatIsNotAnsweredInTimeIsNotCounted) {
    Handshakes handshakes;
    handshakes.advance(1'000);
    handshakes.opened();
    handshakes.opened();
    handshakes.ended(1'000);
    EXPECT_EQ(handshakes.under_way(), 1u);
    handshakes.advance(1'000 + Handshakes::kWindow - 1);
    EXPECT_EQ(handshakes.under_way(), 1u);
    handshakes.advance(1'000 + Handshakes::kWindow);
    EXPECT_EQ(handshakes.under_way(), 0u) << "its SYN must have been lost";
    handshakes.ended(1'000);  // the answer to the second SYN
    EXPECT_EQ(handshakes.under_way(), 0u);
}

/// Against a list as the model: any order of opens, answers and time, past the end of 32 bits too.
TEST(Handshakes, AgreesWithAList) {
    Random random(0x4a5);
    Handshakes handshakes;
    uint32_t now = ~uint32_t{0} - 5'000;
    handshakes.advance(now);
    std::deque<uint32_t> open;  // ticks
    uint64_t counted = 0;
    for (int step = 0; step < 100'000; ++step) {
        switch (random.below(4)) {
            case 0: handshakes.advance(now += random.below(100) == 0 ? 50 : random.below(2)); break;
            case 1:
                if (open.empty()) break;
                std::swap(open.front(), open[random.below(static_cast<uint32_t>(open.size()))]);
                handshakes.ended(open.front());
                open.pop_front();
                break;
            default:
                if (open.size() > 200) break;
                handshakes.opened();
                open.push_back(now);
        }
        uint32_t young = 0;
        for (const uint32_t tick : open) young += now - tick < Handshakes::kWindow ? 1 : 0;
        ASSERT_EQ(handshakes.under_way(), young) << "step " << step;
        counted += young;
    }
    EXPECT_GT(counted, 100'000u);
}

}  // namespace
}  // namespace synfin::app
