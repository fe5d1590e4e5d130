/// The pattern of verified payload: every kind of damage shows at its offset.
#include "traffic/payload_pattern.hh"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace synfin::app {
namespace {

constexpr uint64_t kStart = 1'000'000'007;

std::vector<uint8_t> payload(uint64_t offset, size_t size) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < size; ++i) bytes.push_back(PayloadPattern::byte_at(offset + i));
    return bytes;
}

TEST(PayloadPattern, view_and_bytes_agree_at_every_offset_of_the_period) {
    const PayloadPattern& pattern = PayloadPattern::instance();
    for (uint64_t offset = 0; offset < 2 * PayloadPattern::kPeriod; ++offset)
        ASSERT_EQ(pattern.view(offset, 1)[0], PayloadPattern::byte_at(offset)) << offset;
    for (const uint64_t offset : {uint64_t{0}, uint64_t{65'536}, kStart}) {
        const Bytes view = pattern.view(offset, 1u << 20);
        EXPECT_EQ(view.size(), PayloadPattern::kMostInView);
        EXPECT_EQ(std::vector<uint8_t>(view.begin(), view.end()), payload(offset, view.size()));
    }
}

TEST(PayloadPattern, damage_shows_at_its_offset) {
    const PayloadPattern& pattern = PayloadPattern::instance();
    const std::vector<uint8_t> whole = payload(kStart, 200'000);
    EXPECT_FALSE(pattern.first_difference(whole, kStart));
    EXPECT_FALSE(pattern.first_difference({}, kStart));

    for (const size_t at : {size_t{0}, size_t{65'535}, size_t{65'536}, size_t{199'999}}) {
        auto flipped = whole;
        flipped[at] ^= 1;
        EXPECT_EQ(pattern.first_difference(flipped, kStart), at);
    }
    // A lost, repeated or swapped block differs at once, or a few bytes later if bytes are equal by chance.
    for (const size_t size : {size_t{1}, size_t{536}, size_t{1'448}, size_t{4'096}, size_t{65'536}}) {
        auto lost = whole;
        lost.erase(lost.begin() + 10'000, lost.begin() + 10'000 + static_cast<int64_t>(size));
        EXPECT_NEAR(static_cast<double>(pattern.first_difference(lost, kStart).value_or(0)), 10'002, 2)
            << size;
        auto repeated = whole;
        repeated.insert(repeated.begin() + 70'000, whole.begin(), whole.begin() + static_cast<int64_t>(size));
        EXPECT_NEAR(static_cast<double>(pattern.first_difference(repeated, kStart).value_or(0)), 70'002, 2)
            << size;
    }
    auto swapped = whole;
    std::swap(swapped[777], swapped[778]);
    ASSERT_NE(whole[777], whole[778]);
    EXPECT_EQ(pattern.first_difference(swapped, kStart), 777u);
}

}  // namespace
}  // namespace synfin::app
