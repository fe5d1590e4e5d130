#include "json_text.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

std::string compact(const ordered_json& json) {
    // Names of files and devices need not be UTF-8.
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// @note recursion: as deep as the objects of our results are nested
void append(std::string& text, const ordered_json& json, size_t indent) {
    const bool has_objects =
        std::any_of(json.begin(), json.end(), [](const ordered_json& each) { return each.is_object(); });
    const bool is_open = !json.empty() && (json.is_object() || (json.is_array() && has_objects));
    if (!is_open) {
        text += compact(json);
        return;
    }
    text += json.is_object() ? '{' : '[';
    const char* separator = "\n";
    for (const auto& [key, value] : json.items()) {
        text += separator;
        separator = ",\n";
        text.append(indent + 2, ' ');
        if (json.is_object()) {
            text += compact(key) + ": ";
            append(text, value, indent + 2);
        } else {
            text += compact(value);
        }
    }
    text += '\n';
    text.append(indent, ' ');
    text += json.is_object() ? '}' : ']';
}

}  // namespace

std::string json_text(const ordered_json& json) {
    std::string text;
    append(text, json, 0);
    return text + '\n';
}

}  // namespace synfin::app
