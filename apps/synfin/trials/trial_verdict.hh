#pragma once
/// @file
/// What a trial of a search says about the value that it tried.

#include <string>

#include "results/run_result.hh"
#include "search.hh"

namespace synfin::app {

/// What the trial was to do.
struct TrialTask {
    SearchConfig::Kind kind = SearchConfig::Kind::rate;
    uint64_t value = 0;                ///< connections or requests per second, or connections at once
    uint64_t resolution_ppm = 10'000;  ///< how far the target may fall behind: half of it
    /// Whether each connection ends by itself soon after its requests, as opposed to those that are held.
    bool is_short_lived = true;
};

struct TrialVerdict {
    TrialOutcome outcome = TrialOutcome::pass;
    std::string why;  ///< empty for a pass
};

/// In this order:
/// - invalid: the result says so, or the generator opened over 0.1 % fewer connections than were due;
/// - fail: a criterion was missed, over 0.1 % of the connections were not answered, or the target fell behind
///   the rate (more connections were open at the end than their durations explain; a trial has to be three
///   times as long as its connections);
/// - invalid: the limit of concurrent connections kept the generator from opening some;
/// - undecidable: a criterion was.
/// A core that was away (LostTime) makes a failed trial invalid, even where it would only be a warning.
/// @pre `result` has its verdict: see reach_verdict()
TrialVerdict judge_trial(const RunResult& result, const TrialTask& task);

}  // namespace synfin::app
