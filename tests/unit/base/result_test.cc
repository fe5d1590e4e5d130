#include "synfin/result.hh"

#include <gtest/gtest.h>

#include <memory>
#include <string>

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
    const Result<int, std::string> reason = std::string("why");
    EXPECT_DEATH(static_cast<void>(reason.value()), "broken invariant");
}

/// As Refusal: more than a code, and not trivial.
struct Reason {
    int code = 0;
    std::string why;
};

TEST(Result, MayHaveAReasonInsteadOfAnError) {
    Result<std::unique_ptr<int>, Reason> value = std::make_unique<int>(5);
    ASSERT_TRUE(value);
    EXPECT_EQ(**value, 5);
    EXPECT_EQ(value.error().code, 0);
    const std::unique_ptr<int> taken = *std::move(value);
    EXPECT_EQ(*taken, 5);
    const Result<std::unique_ptr<int>, Reason> refused = Reason{3, "because"};
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, 3);
    EXPECT_EQ(refused.error().why, "because");
    EXPECT_TRUE((Result<void, Reason>()));
    const Result<void, Reason> nothing = Reason{4, "no"};
    EXPECT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, 4);
}

TEST(Result, EveryErrorHasASentence) {
    for (uint8_t e = 0; e <= static_cast<uint8_t>(Error::device_failed); ++e)
        EXPECT_STRNE(describe(static_cast<Error>(e)), "unknown error") << int{e};
}

}  // namespace
}  // namespace synfin
