#include "report/stored_result.hh"

#include <gtest/gtest.h>

#include "config/user_error.hh"

namespace synfin::app {
namespace {

using nlohmann::ordered_json;

constexpr const char* kLeast =
    R"({"schema": "synfin.result/1", "command": "load", "config": {}, "connections": {}, "rates": {}, "latency_us": {}})";

std::string refusal(const std::string& text) {
    try {
        parse_result(text, "x.json");
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

TEST(StoredResult, TakesResultsOnly) {
    EXPECT_EQ(refusal(kLeast), "");
    EXPECT_EQ(refusal("[]"), "x.json: not a result: expected an object");
    EXPECT_EQ(refusal("{}"), "x.json: not a result: expected schema synfin.result/1, found none");
    EXPECT_EQ(refusal(R"({"schema": "other/1"})"),
              "x.json: not a result: expected schema synfin.result/1, found 'other/1'");
    EXPECT_EQ(refusal(R"({"schema": "synfin.result/1", "command": "rm"})"),
              "x.json: not a result: expected command bench, load or serve");
    EXPECT_EQ(refusal(R"({"schema": "synfin.result/1", "command": "load", "config": 1})"),
              "x.json: not a result: config is missing");
    EXPECT_TRUE(refusal("{\n  oops").starts_with("x.json: not JSON: line 2, column 3"))
        << refusal("{\n  oops");
    EXPECT_TRUE(refusal("").starts_with("x.json: not JSON: line 1"));
}

TEST(StoredResult, RefusesWhatWouldTakeLong) {
    EXPECT_EQ(refusal(std::string(100'000, '[')), "x.json: nested deeper than 32 levels");
    std::string keys = "{\"0\":0";
    for (int i = 1; i <= 2'000; ++i) keys += ",\"" + std::to_string(i) + "\":0";
    EXPECT_EQ(refusal(keys + "}"), "x.json: an object with more than 2000 keys");
    std::string values = "[0";
    for (int i = 0; i < 8'000'000; ++i) values += ",0";
    EXPECT_EQ(refusal(values + "]"), "x.json: more than 4000000 values");
}

TEST(StoredResult, ReadsTheNameOfTheFile) {
    EXPECT_EQ(parse_result(kLeast, "runs/before.json").label, "before");
    try {
        read_result("/nowhere/x.json");
        ADD_FAILURE();
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        EXPECT_STREQ(error.what(), "/nowhere/x.json: can't be read: No such file or directory");
    }
}

TEST(StoredResult, AccessorsTakeEveryShape) {
    const ordered_json json =
        ordered_json::parse(R"({"a": {"b": 3, "c": "x", "d": [1, "y", null], "e": true}, "f": []})");
    EXPECT_EQ(number_at(json, {"a", "b"}), 3);
    EXPECT_EQ(number_at(json, {"a", "c"}), std::nullopt);
    EXPECT_EQ(number_at(json, {"a", "b", "c"}), std::nullopt);
    EXPECT_EQ(number_or(json, {"f", "a"}, 7), 7);
    EXPECT_EQ(text_at(json, {"a", "c"}), "x");
    EXPECT_EQ(text_at(json, {"a", "b"}), "3");
    EXPECT_EQ(text_at(json, {"z"}), "");
    EXPECT_TRUE(bool_at(json, {"a", "e"}));
    EXPECT_FALSE(bool_at(json, {"a", "b"}));
    EXPECT_EQ(texts_at(json, {"a", "d"}), std::vector<std::string>{"y"});
    EXPECT_TRUE(items_at(json, {"a", "b"}).empty());
    EXPECT_EQ(items_at(json, {"a"}).size(), 4u);
}

}  // namespace
}  // namespace synfin::app
