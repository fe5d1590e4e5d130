/// @file
/// Fields of what the connections of a class say and expect.

#include <nlohmann/json.hpp>

#include "field_table.hh"
#include "step.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

ordered_json as_text(const std::string& value) {
    return value;
}

/// Checks each text alone; content_rules.hh checks all together.
Codec<std::string> steps() {
    return {[](std::string_view text, const Range&) -> Parsed<std::string> {
                if (auto parsed = parse_steps(text); !parsed)
                    return Parsed<std::string>::refuse(parsed.error);
                return std::string(text);
            },
            as_text};
}

}  // namespace

void add_content_fields(FieldTable& table) {
    table.begin_of_class();
    table.list(
        "load.steps", "--steps", kLoad, "STEPS", steps(), AT(load.steps),
        "tcp: the steps of each connection, for example 'send \"PING\\r\\n\"; expect \"+PONG\\r\\n\"; repeat "
        "10'; one or more with ';' between them; repeatable");
    table.flag("load.verify", "--verify", kLoad, AT(load.verify),
               "compare received bytes with the pattern that is due; a wrong one makes its connection fail "
               "(corrupt)");
    table.end_of_class();
}

}  // namespace synfin::app
