#include "stored_result.hh"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "config/user_error.hh"

namespace synfin::app {

using nlohmann::ordered_json;
using Path = std::initializer_list<std::string_view>;

namespace {

constexpr std::string_view kHowToMake = "a result is what synfin bench, load or serve write with --json FILE";

UserError wrong(const std::string& path, const std::string& why) {
    return usage_error(fmt::format("{}: {}", path, why), std::string(kHowToMake));
}

std::string contents(const std::string& path) {
    const bool is_input = path == "-";
    const auto close = [](std::FILE* file) {
        if (file != stdin) std::fclose(file);
    };
    const std::unique_ptr<std::FILE, decltype(close)> file(is_input ? stdin : std::fopen(path.c_str(), "re"),
                                                           close);
    if (!file) throw wrong(path, fmt::format("can't be read: {}", std::strerror(errno)));
    std::string text;
    char block[65'536];
    while (const size_t got = std::fread(block, 1, sizeof block, file.get())) {
        text.append(block, got);
        if (text.size() > FileLimits::kBytes)
            throw wrong(path, fmt::format("larger than {} MiB", FileLimits::kBytes >> 20));
    }
    if (std::ferror(file.get()) != 0)
        throw wrong(path, fmt::format("can't be read: {}", std::strerror(errno)));
    return text;
}

/// Counts what the parser meets, and refuses more than FileLimits allow before it is stored.
class Meter {
  public:
    explicit Meter(const std::string& path) : path_(path) {}

    bool operator()(int depth, ordered_json::parse_event_t event, ordered_json& /*parsed*/) {
        using Event = ordered_json::parse_event_t;
        if (depth > FileLimits::kDepth)
            throw wrong(path_, fmt::format("nested deeper than {} levels", FileLimits::kDepth));
        if (++values_ > 2 * FileLimits::kValues)
            throw wrong(path_, fmt::format("more than {} values", FileLimits::kValues));
        if (event == Event::object_start) keys_.push_back(0);
        if (event == Event::object_end && !keys_.empty()) keys_.pop_back();
        if (event == Event::key && !keys_.empty() && ++keys_.back() > FileLimits::kKeys)
            throw wrong(path_, fmt::format("an object with more than {} keys", FileLimits::kKeys));
        return true;
    }

  private:
    const std::string& path_;
    std::vector<size_t> keys_;
    size_t values_ = 0;
};

void check(const StoredResult& result) {
    const ordered_json& json = result.json;
    const auto trouble = [&](const std::string& why) { throw wrong(result.path, "not a result: " + why); };
    if (!json.is_object()) trouble("expected an object");
    if (const std::string schema = text_at(json, {"schema"}); schema != "synfin.result/1")
        trouble(fmt::format("expected schema synfin.result/1, found {}",
                            schema.empty() ? "none" : "'" + schema.substr(0, 40) + "'"));
    const std::string command = result.command();
    if (command != "bench" && command != "load" && command != "serve")
        trouble("expected command bench, load or serve");
    for (const char* key : {"config", "connections", "rates", "latency_us"})
        if (const auto* at = find_at(json, {key}); at == nullptr || !at->is_object())
            trouble(fmt::format("{} is missing", key));
}

}  // namespace

const ordered_json* find_at(const ordered_json& in, Path path) {
    const ordered_json* at = &in;
    for (const std::string_view key : path) {
        if (!at->is_object()) return nullptr;
        const auto found = at->find(std::string(key));
        if (found == at->end()) return nullptr;
        at = &*found;
    }
    return at;
}

std::optional<double> number_at(const ordered_json& in, Path path) {
    const ordered_json* at = find_at(in, path);
    if (at == nullptr || !at->is_number()) return std::nullopt;
    const double value = at->get<double>();
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

double number_or(const ordered_json& in, Path path, double otherwise) {
    return number_at(in, path).value_or(otherwise);
}

std::string text_at(const ordered_json& in, Path path) {
    const ordered_json* at = find_at(in, path);
    if (at == nullptr || at->is_null()) return {};
    if (at->is_string()) return at->get<std::string>();
    return at->dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool bool_at(const ordered_json& in, Path path) {
    const ordered_json* at = find_at(in, path);
    return at != nullptr && at->is_boolean() && at->get<bool>();
}

std::vector<std::string> texts_at(const ordered_json& in, Path path) {
    std::vector<std::string> all;
    for (const ordered_json& each : items_at(in, path))
        if (each.is_string()) all.push_back(each.get<std::string>());
    return all;
}

const ordered_json& items_at(const ordered_json& in, Path path) {
    static const ordered_json kNothing = ordered_json::object();
    const ordered_json* at = find_at(in, path);
    return at != nullptr && at->is_structured() ? *at : kNothing;
}

StoredResult parse_result(const std::string& text, const std::string& path) {
    StoredResult result;
    result.path = path;
    result.label = path == "-" ? "stdin" : std::filesystem::path(path).stem().string();
    try {
        result.json = ordered_json::parse(text, Meter(path));
    } catch (const ordered_json::parse_error& error) {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
        const std::string_view what = error.what();
        const size_t from = what.find("line ");
        throw wrong(path, fmt::format("not JSON: {}", from == what.npos ? what : what.substr(from, 120)));
    }
    check(result);
    return result;
}

StoredResult read_result(const std::string& path) {
    return parse_result(contents(path), path);
}

}  // namespace synfin::app
