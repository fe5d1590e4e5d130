#include "wire/frame_pattern.hh"

#include <gtest/gtest.h>

#include "base/random.hh"

namespace synfin::wire {
namespace {

TEST(FramePattern, NothingIsAskedAtFirst) {
    const std::array<uint8_t, FramePattern::kBytes> frame{1, 2, 3};
    EXPECT_TRUE(FramePattern().matches(frame.data()));
}

TEST(FramePattern, EveryBitThatIsAskedForDecidesAndNoOther) {
    Random random(1);
    std::array<uint8_t, FramePattern::kBytes> frame{}, mask{};
    for (auto& byte : frame) byte = static_cast<uint8_t>(random.next());
    FramePattern pattern;
    for (uint32_t at = 0; at < FramePattern::kBytes; ++at) {
        mask[at] = random.below(3) == 0 ? uint8_t{0} : static_cast<uint8_t>(random.next());
        if (mask[at] != 0) pattern.expect(at, frame[at], mask[at]);
    }
    EXPECT_TRUE(pattern.matches(frame.data()));
    for (uint32_t at = 0; at < FramePattern::kBytes; ++at)
        for (uint32_t bit = 0; bit < 8; ++bit) {
            auto other = frame;
            other[at] ^= static_cast<uint8_t>(1u << bit);
            EXPECT_EQ(pattern.matches(other.data()), (mask[at] >> bit & 1) == 0) << at << " " << bit;
        }
}

}  // namespace
}  // namespace synfin::wire
