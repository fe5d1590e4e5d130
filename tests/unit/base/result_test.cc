#include "synfin/result.hh"

#include <gtest/gtest.h>

namespace synfin {
namespace {

TEST(Result, IsAValueOrAnError) {
    const Result<int> value = 5, error = Error::no_port;
    EXPECT_TRUE(value);
    EXPECT_EQ(*value, 5);
    EXPECT_EQ(value.error(), Error::none);
    EXPECT_FALSE(error);
    EXPECT_EQ(error.error(), Error::no_port);
    EXPECT_EQ(error.value_or(7), 7);
    EXPECT_EQ(value.value_or(7), 5);
    EXPECT_TRUE(Result<void>());
    EXPECT_FALSE(Result<void>(Error::gone));
}

TEST(ResultDeathTest, ValueOfAnErrorIsABrokenInvariant) {
    const Result<int> error = Error::gone;
    EXPECT_DEATH(static_cast<void>(error.value()), "broken invariant");
    EXPECT_DEATH(static_cast<void>(Result<int>(Error::none)), "broken invariant");
}

TEST(Result, EveryErrorHasASentence) {
    for (uint8_t e = 0; e <= static_cast<uint8_t>(Error::device_failed); ++e)
        EXPECT_STRNE(describe(static_cast<Error>(e)), "unknown error") << int{e};
}

}  // namespace
}  // namespace synfin
