#include "trial_verdict.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace synfin::app {

namespace {

/// The share of connections that the generator may fail to open, and that may stay unanswered.
constexpr double kTolerance = 0.001;

uint64_t skipped(const RunResult& result, Skip reason) {
    return result.tally.skipped_by[static_cast<size_t>(reason)];
}

bool is_more_than(uint64_t part, uint64_t whole) {
    return static_cast<double>(part) > kTolerance * static_cast<double>(whole);
}

/// The generator opened fewer connections than were due, and not because the target kept too many open.
std::string short_of_offers(const RunResult& result) {
    const LoadTally& tally = result.tally;
    const uint64_t at_limit = skipped(result, Skip::concurrency_limit);
    const uint64_t own = tally.skipped() - at_limit;
    if (is_more_than(tally.requests_late, tally.requests_due))
        return fmt::format("{} of {} requests that were due were not sent, because the generator was late",
                           tally.requests_late, tally.requests_due);
    if (!is_more_than(own, tally.offered)) return {};
    std::string why = fmt::format("{} of {} connections that were due were not opened", own, tally.offered);
    for (size_t i = 0; i < tally.skipped_by.size(); ++i)
        if (const auto reason = static_cast<Skip>(i);
            tally.skipped_by[i] != 0 && reason != Skip::concurrency_limit)
            why += fmt::format("; {} {}: {}", name(reason), tally.skipped_by[i], remedy(reason));
    return why;
}

/// The first cause for which the trial says nothing about the target; empty: none. Connections skipped at the
/// limit of concurrent ones are judged later, because an overloaded target causes them.
std::string tester_failed(const RunResult& result) {
    if (std::string why = short_of_offers(result); !why.empty()) return why;
    const auto& whys = result.invalid_because;
    const auto other = std::find_if(whys.begin(), whys.end(),
                                    [&](const std::string& why) { return why != result.too_few_opened; });
    return other == whys.end() ? std::string() : *other;
}

std::string value_text(const Judgement& judged) {
    if (!judged.value) return "no sample";
    if (judged.unit == "us") return fmt::format("{:.4g} ms", *judged.value / 1e3);
    return fmt::format("{:.4g} {}", *judged.value, judged.unit);
}

std::string missed(const RunResult& result, Verdict verdict) {
    std::string why;
    for (const Judgement& each : result.criteria) {
        if (each.verdict != verdict) continue;
        why += fmt::format("{}{}{} ({}{}{})", why.empty() ? "" : ", ", each.name, each.limit,
                           value_text(each), each.why.empty() ? "" : ", ", each.why);
    }
    return why;
}

std::string unanswered(const RunResult& result) {
    const LoadTally& tally = result.tally;
    if (!is_more_than(tally.unanswered, tally.opened)) return {};
    return fmt::format("{} of {} connections had no answer at the end", tally.unanswered, tally.opened);
}

/// Half of the resolution: how far the target may fall behind, as a share of what was offered.
double slack(const TrialTask& task) {
    return static_cast<double>(task.resolution_ppm) / 2e6;
}

/// Requests that were due and found all connections waiting for the target.
std::string left_requests(const RunResult& result, const TrialTask& task) {
    constexpr double kFew = 5;
    const LoadTally& tally = result.tally;
    const double allowed = std::max(slack(task) * static_cast<double>(tally.requests_due), kFew);
    if (static_cast<double>(tally.requests_busy) <= allowed) return {};
    return fmt::format(
        "the target fell behind: at the end of the trial {} of {} requests that were due waited for a "
        "connection; if the target can do more, raise -c",
        tally.requests_busy, tally.requests_due);
}

/// In a steady state, as many connections are open as the rate times their mean duration (Little's law), and
/// as many handshakes are in flight as the rate times the mean time to establish. Where the target is too
/// slow, more are, because the backlog grows all the time. Their durations then grow as well, so the mean
/// counts up to a third of the trial: whatever the overload, the backlog at the end exceeds that.
std::string fell_behind(const RunResult& result, const TrialTask& task) {
    if (task.kind == SearchConfig::Kind::request_rate) return left_requests(result, task);
    if (task.kind != SearchConfig::Kind::rate || result.times == nullptr) return {};
    const LoadTally& at_end = result.measured;
    const uint64_t open = task.is_short_lived ? at_end.open_now() : at_end.pending_now();
    const Histogram& lasts = task.is_short_lived ? result.times->life : result.times->connect;
    const double mean_s = std::min(lasts.mean_us() / 1e6, result.duration_s / 3);
    const double steady = static_cast<double>(task.value) * mean_s;
    constexpr double kSigmas = 3, kFew = 5;
    const double noise =
        std::max(slack(task) * static_cast<double>(at_end.offered), kSigmas * std::sqrt(steady) + kFew);
    if (static_cast<double>(open) <= steady + noise) return {};
    return fmt::format(
        "the target fell behind: {} of {} connections were {} at the end of the trial, where "
        "a steady state has {:.0f}",
        open, at_end.opened, task.is_short_lived ? "open" : "not established", steady);
}

std::string at_concurrency_limit(const RunResult& result) {
    const uint64_t n = skipped(result, Skip::concurrency_limit);
    if (!is_more_than(n, result.tally.offered)) return {};
    return fmt::format("{} of {} connections were not opened: as many as -c allows were open; raise -c", n,
                       result.tally.offered);
}

/// A core that was away too long, in loads for which that is only a warning.
std::string lost_core(const RunResult& result) {
    const double limit = static_cast<double>(result.config.validity.lost) / 1e6;
    const auto worst = std::max_element(result.cores.begin(), result.cores.end(),
                                        [](const auto& a, const auto& b) { return a.lost < b.lost; });
    if (worst == result.cores.end() || worst->lost <= limit) return {};
    return fmt::format("core {} was away for {:.1f} % of the trial", worst->core, 100 * worst->lost);
}

}  // namespace

TrialVerdict judge_trial(const RunResult& result, const TrialTask& task) {
    if (std::string why = tester_failed(result); !why.empty()) return {TrialOutcome::invalid, std::move(why)};
    std::string target = missed(result, Verdict::fail);
    if (target.empty()) target = unanswered(result);
    if (target.empty()) target = fell_behind(result, task);
    if (!target.empty()) {
        if (const std::string lost = lost_core(result); !lost.empty())
            return {TrialOutcome::invalid, fmt::format("{}, but {}", target, lost)};
        return {TrialOutcome::fail, std::move(target)};
    }
    if (std::string why = at_concurrency_limit(result); !why.empty())
        return {TrialOutcome::invalid, std::move(why)};
    if (std::string why = missed(result, Verdict::undecidable); !why.empty())
        return {TrialOutcome::undecidable, std::move(why)};
    return {};
}

}  // namespace synfin::app
