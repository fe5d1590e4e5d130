#include "content_rules.hh"

#include <fmt/format.h>

#include "step.hh"

namespace synfin::app {

namespace {

bool is_http(const TrafficConfig& traffic) {
    return traffic.targets.front().protocol == Target::Protocol::http;
}

Objection objection_to_steps(const TrafficConfig& traffic, const WasGiven& was_given) {
    if (is_http(traffic)) {
        if (!was_given("steps")) return {};  // an inherited key of the other protocol
        return {"load.steps applies only to tcp:// targets",
                "for http, --urls and --method choose the requests"};
    }
    const auto steps = parse_conversation(traffic.steps);
    if (!steps) return {fmt::format("load.steps: {}", steps.error), "docs/load-content.md lists the steps"};
    for (const std::string_view key : {"requests-per-connection", "request-size", "response-size",
                                       "connect-only", "hold", "heartbeat", "think", "request-rate"})
        if (was_given(key))
            return {fmt::format("load.steps and load.{}: the steps say what a connection does", key),
                    "remove one of them"};
    const Step::Kind last = steps.value->back().kind;
    if (traffic.close_by == CloseBy::server && (last == Step::Kind::close || last == Step::Kind::reset))
        return {
            fmt::format("--close-by server and the step '{}': the client ends these connections", name(last)),
            "remove one of them, or end the steps with expect-close"};
    return {};
}

Objection objection_to_verify(const TrafficConfig& traffic, const WasGiven& was_given) {
    if (!was_given("verify") || !traffic.steps.empty()) return {};
    return {"load.verify needs load.steps", "give steps that expect bytes"};
}

}  // namespace

Objection content_objection(const TrafficConfig& traffic, const WasGiven& was_given) {
    if (!traffic.steps.empty())
        if (Objection found = objection_to_steps(traffic, was_given); !found.why.empty()) return found;
    if (traffic.verify) return objection_to_verify(traffic, was_given);
    return {};
}

}  // namespace synfin::app
