#pragma once
/// @file
/// The criteria that all tests of RFC 9411 share, by letter (chapter 7, "measurement criteria").

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/criteria.hh"

namespace synfin::app {

struct ProcedureJudgement {
    char id = 'a';
    std::string rule;
    std::optional<double> value;  ///< in percent
    double limit = 0;             ///< in percent
    Verdict verdict = Verdict::undecidable;
    std::string why;  ///< undecidable: what was missing
};

/// Judges the result of one trial.
/// - a: failed transactions below 0.001 % of those attempted; needs 100,000
/// - b: unexpected resets below 0.001 % of the connections opened; needs 100,000
/// - c: responses per second stay within 5 % of their mean, over the seconds of sustain
/// - d: concurrent connections stay within 10 % of their mean
/// - e: the rate of established connections is at least 99 % of `asked`
/// @param result of `load --json`; c and d need its `series`
/// @param letters "abcde" or some of them
/// @param from,to of the phase sustain, in seconds of the series' `t`
std::vector<ProcedureJudgement> judge_procedure(const nlohmann::ordered_json& result,
                                                std::string_view letters, double asked, double from,
                                                double to);

}  // namespace synfin::app
