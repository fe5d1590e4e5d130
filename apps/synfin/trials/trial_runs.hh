#pragma once
/// @file
/// Runs the trials of a load: one, several equal ones (--repeat), or a search.

#include <optional>
#include <string>
#include <vector>

#include "repeats.hh"
#include "search.hh"
#include "test_bed.hh"
#include "trial_verdict.hh"

namespace synfin::app {

/// One trial of a search.
struct SearchTrial {
    SearchStep step;
    TrialVerdict verdict;
    bool is_valid = true, has_passed = true;  ///< by the trial's own result
    double duration_s = 0;
    Rest rest;  ///< before the trial
    std::vector<Figure> figures;
};

struct SearchReport {
    SearchConfig::Kind kind = SearchConfig::Kind::rate;
    SearchPlan plan;
    std::vector<std::string> until;
    std::vector<SearchTrial> trials;
    std::optional<uint64_t> found, lower_bound, upper_bound;
    SearchLimit limited_by = SearchLimit::none;
    std::string why;  ///< why there is no greater value, in a sentence
};

struct TrialRuns {
    /// The load's result: of the run with the median figure, or of the trial that confirmed the search's
    /// value, or of the last trial of a search that found none. Its verdict is that of all trials.
    Trial result;
    std::optional<SearchReport> search;
    std::optional<Repeats> repeats;
};

/// Runs what the configuration asks for, and reports the trials of searches and repeats on standard error.
/// @param config with resolved targets
TrialRuns run_trials(TestBed& bed, const Config& config);

}  // namespace synfin::app
