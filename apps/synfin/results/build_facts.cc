#include "build_facts.hh"

#include <nlohmann/json.hpp>

#include "build_options.hh"

namespace synfin::app {

const BuildFacts& build_facts() noexcept {
    static constexpr BuildFacts kFacts{
        .version = kBuiltVersion, .profile_guided = kBuiltByProfile, .march = kBuiltMarch};
    return kFacts;
}

nlohmann::ordered_json build_json(const BuildFacts& facts) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    json["version"] = facts.version;
    json["profile_guided"] = facts.profile_guided;
    json["march"] = facts.march;
    return json;
}

}  // namespace synfin::app
