#pragma once
/// @file
/// The text of a result: objects indented for readers, and the long lists compact.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace synfin::app {

/// UTF-8; invalid bytes become U+FFFD. Objects are indented by 2. A list has one line per element if the
/// elements are objects, and one line in all otherwise, so that a histogram takes one line. Ends with a
/// newline.
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace synfin::app
