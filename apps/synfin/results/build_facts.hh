#pragma once
/// @file
/// BuildFacts: the command's version and how it was compiled. Figures are comparable only within one build.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace synfin::app {

struct BuildFacts {
    std::string_view version;     ///< "0.1.0"
    bool profile_guided = false;  ///< built by scripts/build-profiled.sh
    std::string_view march;       ///< instruction set: "x86-64-v3", "znver3"
};

/// The facts of the running command.
const BuildFacts& build_facts() noexcept;

/// `build` of the result.
nlohmann::ordered_json build_json(const BuildFacts& facts);

}  // namespace synfin::app
