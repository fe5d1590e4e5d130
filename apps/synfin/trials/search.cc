#include "search.hh"

#include <algorithm>
#include <cmath>

namespace synfin::app {

namespace {
constexpr uint64_t kGrowth = 2;
}  // namespace

std::string_view name(TrialOutcome outcome) noexcept {
    switch (outcome) {
        case TrialOutcome::pass: return "pass";
        case TrialOutcome::fail: return "fail";
        case TrialOutcome::invalid: return "invalid";
        case TrialOutcome::undecidable: return "undecidable";
    }
    return "";
}

std::string_view name(SearchLimit limit) noexcept {
    switch (limit) {
        case SearchLimit::none: return "none";
        case SearchLimit::target: return "target";
        case SearchLimit::tester: return "tester";
        case SearchLimit::ceiling: return "ceiling";
    }
    return "";
}

Search::Search(const SearchPlan& plan) : plan_(plan) {
    plan_.least = std::max<uint64_t>(1, plan_.least);
    plan_.most = std::max(plan_.least, plan_.most);
    plan_.full = std::max(plan_.full, plan_.trial);
    value_ = std::clamp(plan_.first, plan_.least, plan_.most);
}

std::optional<SearchStep> Search::next() const noexcept {
    if (is_over_) return std::nullopt;
    const bool is_full = stage_ >= Stage::confirming;
    return SearchStep{value_, is_full ? plan_.full : plan_.trial, is_full};
}

void Search::record(TrialOutcome outcome) noexcept {
    if (is_over_) return;
    ++steps_;
    if (outcome == TrialOutcome::invalid && !is_repeated_) {
        is_repeated_ = true;
        if (steps_ >= kMostSteps) end();
        return;
    }
    is_repeated_ = false;
    switch (outcome) {
        case TrialOutcome::undecidable:
            // A longer trial may decide it, but there is none longer than a full one.
            if (stage_ >= Stage::confirming) {
                is_undecidable_ = true;
                return end();
            }
            passed();
            break;
        case TrialOutcome::pass: passed(); break;
        case TrialOutcome::fail: refused(SearchLimit::target); break;
        case TrialOutcome::invalid: refused(SearchLimit::tester); break;
    }
    if (steps_ >= kMostSteps) end();
    if (!is_over_) choose();
}

void Search::passed() noexcept {
    if (stage_ < Stage::confirming) {
        lower_ = value_;
        return;
    }
    confirmed_ = value_;
    if (stage_ == Stage::confirming)
        end();
    else
        stage_ = Stage::narrowing;
}

void Search::refused(SearchLimit by) noexcept {
    upper_ = value_;
    upper_by_ = by;
    if (stage_ == Stage::confirming) {
        stage_ = Stage::lowering;
        step_ = 0;
    }
    if (lower_ >= upper_) lower_ = 0;
    if (value_ <= plan_.least) end();
}

void Search::choose() noexcept {
    switch (stage_) {
        case Stage::bracketing: return bracket();
        case Stage::bisecting:
            if (are_close(lower_, upper_)) {
                stage_ = Stage::confirming;
                value_ = lower_;
            } else {
                value_ = between(lower_, upper_);
            }
            return;
        case Stage::confirming: return;
        case Stage::lowering: return lower_further();
        case Stage::narrowing:
            if (are_close(confirmed_, upper_)) return end();
            value_ = between(confirmed_, upper_);
            return;
    }
}

/// Looks for one value that passes and one that fails.
void Search::bracket() noexcept {
    if (lower_ != 0 && upper_ != 0) {
        stage_ = Stage::bisecting;
        choose();
    } else if (upper_ != 0) {
        value_ = std::max(plan_.least, upper_ / kGrowth);
    } else if (lower_ < plan_.most) {
        value_ = lower_ > plan_.most / kGrowth ? plan_.most : lower_ * kGrowth;
    } else {
        stage_ = Stage::confirming;
        value_ = plan_.most;
    }
}

/// A value that passed a short trial failed the full one. The short trials below it prove nothing either, so
/// full trials go down from it, by steps that double, to half of it at most.
void Search::lower_further() noexcept {
    const auto least = static_cast<double>(plan_.resolution_ppm) / 1e6 * static_cast<double>(upper_);
    step_ = step_ == 0 ? std::max<uint64_t>(1, static_cast<uint64_t>(least)) : step_ * kGrowth;
    value_ = std::max(plan_.least, upper_ - std::min(step_, upper_ / kGrowth));
}

bool Search::are_close(uint64_t low, uint64_t high) const noexcept {
    const auto width = static_cast<double>(high - low);
    return high - low <= 1 ||
           width <= static_cast<double>(plan_.resolution_ppm) / 1e6 * static_cast<double>(high);
}

/// The geometric mean, so that both halves need as many further trials.
uint64_t Search::between(uint64_t low, uint64_t high) const noexcept {
    const auto mean =
        static_cast<uint64_t>(std::llround(std::sqrt(static_cast<double>(low) * static_cast<double>(high))));
    return std::clamp(mean, low + 1, high - 1);
}

SearchLimit Search::limited_by() const noexcept {
    if (upper_ != 0) return upper_by_;
    return confirmed_ != 0 && confirmed_ == plan_.most ? SearchLimit::ceiling : SearchLimit::none;
}

}  // namespace synfin::app
