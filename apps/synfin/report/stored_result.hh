#pragma once
/// @file
/// StoredResult: a result file of an earlier run. Files are input like any other: reading is bounded, and
/// the accessors accept every shape.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace synfin::app {

/// The bounds of a result file. The largest result of a run has about a tenth of them.
struct FileLimits {
    static constexpr size_t kBytes = size_t{64} << 20;
    static constexpr int kDepth = 32;
    static constexpr size_t kKeys = 2'000;  ///< of one object: lookups are linear
    static constexpr size_t kValues = 4'000'000;
};

/// The value at a path of keys; null: there is none. Never throws.
const nlohmann::ordered_json* find_at(const nlohmann::ordered_json& in,
                                      std::initializer_list<std::string_view> path);
/// The number at a path; none if there is no number, or it is not finite.
std::optional<double> number_at(const nlohmann::ordered_json& in,
                                std::initializer_list<std::string_view> path);
/// The number at a path, or `otherwise`.
double number_or(const nlohmann::ordered_json& in, std::initializer_list<std::string_view> path,
                 double otherwise);
/// The text at a path: a string as it is, other scalars as JSON; empty if there is none.
std::string text_at(const nlohmann::ordered_json& in, std::initializer_list<std::string_view> path);
bool bool_at(const nlohmann::ordered_json& in, std::initializer_list<std::string_view> path);
/// The strings of the array at a path.
std::vector<std::string> texts_at(const nlohmann::ordered_json& in,
                                  std::initializer_list<std::string_view> path);
/// The object or array at a path, or an empty one.
const nlohmann::ordered_json& items_at(const nlohmann::ordered_json& in,
                                       std::initializer_list<std::string_view> path);

struct StoredResult {
    std::string path;   ///< as given
    std::string label;  ///< the file's name without directory and extension
    nlohmann::ordered_json json;

    std::string command() const { return text_at(json, {"command"}); }
};

/// Reads and checks a result. `-` is standard input. Throws UserError(usage): unreadable, not JSON, beyond
/// FileLimits, or not a result.
StoredResult read_result(const std::string& path);
/// The same from a text; `path` is for messages.
StoredResult parse_result(const std::string& text, const std::string& path);

}  // namespace synfin::app
