#include "trial_runs.hh"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "config/quantity.hh"
#include "results/verdict.hh"
#include "scaled_load.hh"

namespace synfin::app {

namespace {

void say(const std::string& line) {
    std::fputs((line + "\n").c_str(), stderr);  // not fmt::print, which throws when the terminal has gone
}

/// Whether tuples or TIME-WAIT of earlier trials disturbed this one.
bool met_time_wait(const RunResult& result) {
    const uint64_t no_port = result.tally.skipped_by[static_cast<size_t>(Skip::no_port)];
    const uint64_t stale = result.client ? result.client->final[Counter::stale_syn] : 0;
    return no_port != 0 || result.tally.no_port_time > Duration::zero() ||
           static_cast<double>(stale) * 1e6 >
               static_cast<double>(result.config.validity.stale_syn * result.tally.opened);
}

std::string seconds_text(double seconds) {
    return fmt::format("{:.3g} s", seconds);
}

std::string amount_text(uint64_t value, SearchConfig::Kind kind) {
    return fmt::format("{} {}", value, unit_of(kind));
}

Judgement failed_criterion(std::string name, std::string limit, double value, std::string unit,
                           uint64_t samples, std::string why) {
    Judgement judged;
    judged.name = std::move(name);
    judged.limit = std::move(limit);
    judged.value = value;
    judged.unit = std::move(unit);
    judged.samples = samples;
    judged.verdict = Verdict::fail;
    judged.why = std::move(why);
    return judged;
}

/// Puts the verdict on all runs into the result of one.
void add_verdict(RunResult& result, const Repeats& repeats, size_t shown) {
    const auto& runs = repeats.runs();
    for (size_t i = 0; i < runs.size(); ++i) {
        if (i == shown || runs[i].is_valid) continue;
        result.invalid_because.push_back(
            fmt::format("run {} of {}: {}", i + 1, runs.size(),
                        runs[i].troubles.empty() ? "invalid" : runs[i].troubles.front()));
    }
    if (repeats.passed() == runs.size()) return;
    std::string why;
    for (size_t i = 0; i < runs.size(); ++i)
        if (!runs[i].has_passed)
            why += fmt::format("{}run {}: {}", why.empty() ? "" : "; ", i + 1,
                               runs[i].troubles.empty() ? "did not pass" : runs[i].troubles.back());
    result.criteria.push_back(failed_criterion("repeats", fmt::format("={}", runs.size()),
                                               static_cast<double>(repeats.passed()), "", runs.size(),
                                               std::move(why)));
}

/// Equal runs of one load, until there are as many as asked for.
class RepeatRuns {
  public:
    RepeatRuns(TestBed& bed, const Config& config) : bed_(bed), config_(config) {}

    /// @param first of the same load, if it has run already
    TrialRuns run(std::optional<Trial> first) {
        if (first) keep(*std::move(first));
        if (trials_.empty()) keep(bed_.run(config_));
        while (trials_.size() < config_.load.repeat && bed_.can_go_on()) {
            const Rest took = rest();
            if (bed_.can_go_on()) keep(bed_.run(config_), took);
        }
        if (trials_.size() == 1) return {.result = std::move(trials_.front()), .search = {}, .repeats = {}};
        const bool is_interrupted = bed_.is_interrupted();
        Repeats repeats(std::move(runs_), key_);
        // The run that a trouble ended shows it best; it is the last.
        const size_t shown = bed_.can_go_on() || is_interrupted ? repeats.median_run() : trials_.size() - 1;
        TrialRuns all{.result = std::move(trials_[shown]), .search = {}, .repeats = {}};
        all.result.result.interrupted = is_interrupted;
        add_verdict(all.result.result, repeats, shown);
        all.repeats.emplace(std::move(repeats));
        return all;
    }

  private:
    void keep(Trial trial, const Rest& rest = {}) {
        runs_.push_back(repeated_run(trial.result));
        runs_.back().rest_s = std::chrono::duration<double>(rest.took).count();
        runs_.back().time_wait_before = rest.time_wait;
        if (key_.empty()) key_ = key_figure(trial.result);
        const RepeatedRun& run = runs_.back();
        if (config_.load.repeat > 1)
            say(fmt::format("run {} of {}: {} {}/s in {}, {}{}", runs_.size(), config_.load.repeat,
                            count_text(run.value_of(key_)), key_ == "cps" ? "connections" : "requests",
                            seconds_text(run.duration_s),
                            !run.is_valid    ? "invalid"
                            : run.has_passed ? "passed"
                                             : "failed",
                            run.troubles.empty() ? "" : ": " + run.troubles.front()));
        trials_.push_back(std::move(trial));
    }
    Rest rest() {
        if (!met_time_wait(trials_.back().result)) return bed_.rest(config_.load.pause);
        say("waiting until TIME-WAIT of the runs before has ended");
        return bed_.rest_out(config_.load.pause);
    }

    TestBed& bed_;
    const Config& config_;
    std::vector<Trial> trials_;
    std::vector<RepeatedRun> runs_;
    std::string key_;
};

/// The trials of a search.
class SearchRuns {
  public:
    SearchRuns(TestBed& bed, const Config& config)
        : bed_(bed), config_(config), search_(search_plan(config)) {
        report_.kind = config.load.search.kind;
        report_.plan = search_plan(config);
        for (const Criterion& each : config.load.search.until) report_.until.push_back(each.text());
    }

    TrialRuns run() {
        while (const auto step = search_.next()) {
            const Rest rest = rest_before();
            if ((last_ || best_) && !bed_.can_go_on()) {
                is_cut_ = true;
                break;
            }
            Trial trial = bed_.run(load_of(config_, *step));
            if (!bed_.can_go_on()) {
                is_cut_ = true;
                last_ = std::move(trial);
                break;
            }
            record(*step, rest, std::move(trial));
        }
        if (is_cut_) search_.stop();
        fill_report();
        return all();
    }

  private:
    Rest rest_before() {
        if (!last_ && !best_) return {};
        if (!is_time_wait_) return bed_.rest(config_.load.pause);
        say("search: waiting until TIME-WAIT of the trials before has ended");
        return bed_.rest_out(config_.load.pause);
    }

    void record(const SearchStep& step, const Rest& rest, Trial trial) {
        const RunResult& result = trial.result;
        SearchTrial kept{.step = step,
                         .verdict = judge_trial(result, task_of(config_, step.value)),
                         .is_valid = result.invalid_because.empty(),
                         .has_passed = has_passed(result),
                         .duration_s = result.duration_s,
                         .rest = rest,
                         .figures = figures_of(result)};
        search_.record(kept.verdict.outcome);
        is_time_wait_ = met_time_wait(result);
        say_trial(kept);
        const bool is_confirmed = step.is_full && kept.verdict.outcome == TrialOutcome::pass;
        (is_confirmed ? best_ : last_) = std::move(trial);
        report_.trials.push_back(std::move(kept));
    }

    void say_trial(const SearchTrial& trial) const {
        std::string line =
            fmt::format("search: trial {}: {}{} for {}: {}", report_.trials.size() + 1,
                        trial.step.is_full ? "confirming " : "", amount_text(trial.step.value, report_.kind),
                        seconds_text(trial.duration_s), name(trial.verdict.outcome));
        if (!trial.verdict.why.empty()) line += fmt::format(" ({})", trial.verdict.why);
        if (const auto next = search_.next())
            line += fmt::format("; next {}{}", next->value, next->is_full ? ", to confirm" : "");
        say(line);
    }

    void fill_report() {
        report_.found = search_.found();
        report_.lower_bound = search_.lower_bound();
        report_.upper_bound = search_.upper_bound();
        report_.limited_by = search_.limited_by();
        report_.why = why();
    }

    /// The reason of the trial that set the upper bound.
    std::string why() const {
        if (is_cut_) return "the search was ended early";
        if (search_.is_undecidable())
            return fmt::format(
                "the trial of {} was too small: {}; give a longer --duration, or relax --until",
                amount_text(report_.trials.back().step.value, report_.kind),
                report_.trials.back().verdict.why);
        if (search_.limited_by() == SearchLimit::ceiling)
            return fmt::format("the search goes no higher than {}; raise search.most",
                               amount_text(report_.plan.most, report_.kind));
        std::string text;
        for (const SearchTrial& each : report_.trials)
            if (each.step.value == search_.upper_bound() && !each.verdict.why.empty())
                text =
                    fmt::format("with {}: {}", amount_text(each.step.value, report_.kind), each.verdict.why);
        return text;
    }

    TrialRuns all() {
        if (report_.found && best_ && config_.load.repeat > 1 && !is_cut_) {
            const Config confirmed = load_of(config_, {*report_.found, report_.plan.full, true});
            TrialRuns runs = RepeatRuns(bed_, confirmed).run(std::move(best_));
            runs.search = std::move(report_);
            return runs;
        }
        TrialRuns runs{
            .result = report_.found ? *std::move(best_) : *std::move(last_), .search = {}, .repeats = {}};
        RunResult& result = runs.result.result;
        if (is_cut_) result.interrupted = bed_.is_interrupted();
        if (!report_.found)
            result.criteria.push_back(
                failed_criterion("search", ">=1", 0, "", report_.trials.size(),
                                 report_.why.empty() ? "no value met the criteria" : report_.why));
        runs.search = std::move(report_);
        return runs;
    }

    TestBed& bed_;
    const Config& config_;
    Search search_;
    SearchReport report_;
    std::optional<Trial> best_, last_;
    bool is_time_wait_ = false;  ///< the last trial met TIME-WAIT of earlier ones
    bool is_cut_ = false;
};

}  // namespace

TrialRuns run_trials(TestBed& bed, const Config& config) {
    if (config.load.search.kind != SearchConfig::Kind::none) return SearchRuns(bed, config).run();
    return RepeatRuns(bed, config).run(std::nullopt);
}

}  // namespace synfin::app
