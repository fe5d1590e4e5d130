#pragma once
/// @file
/// Search: looks for the greatest load that a target carries. It says which trial comes next and learns from
/// the outcome of each; it runs nothing itself. docs/search.md describes the procedure.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

struct SearchPlan {
    uint64_t first = 1'000;            ///< value of the first trial, from least to most
    uint64_t least = 1;                ///< the least value to try
    uint64_t most = 1'000'000'000;     ///< the ceiling: the greatest value to try
    uint64_t resolution_ppm = 10'000;  ///< the search ends when the bounds are this close
    Duration trial = 3s;               ///< of a short trial
    Duration full = 10s;               ///< of the trial that confirms a value; at least `trial`
};

/// The outcome of a trial.
enum class TrialOutcome : uint8_t {
    pass,        ///< the criteria were met
    fail,        ///< the target missed a criterion, or did not keep up
    invalid,     ///< the tester itself did not keep to its task: says nothing about the target
    undecidable  ///< no criterion was missed, but the trial was too small for one of them
};
/// "pass", "fail", "invalid", "undecidable".
std::string_view name(TrialOutcome outcome) noexcept;

/// What keeps the value found from being greater.
enum class SearchLimit : uint8_t {
    none,    ///< not known: the search was stopped, or the trials were too small
    target,  ///< a trial above it failed
    tester,  ///< a trial above it was invalid, twice
    ceiling  ///< it is the greatest value that the plan allows
};
/// "none", "target", "tester", "ceiling".
std::string_view name(SearchLimit limit) noexcept;

/// A value, and how long to try it.
struct SearchStep {
    uint64_t value = 0;
    Duration duration{};
    bool is_full = false;  ///< confirms a value
};

/// Geometric growth from the first value until a trial fails (or the other way until one passes), then
/// bisection. These trials are short, and trusted one way only: a value that failed is too great, but one
/// that passed has to pass again for the full duration. If it does not, full trials look for a lower one.
///
/// An invalid trial is repeated once. If the repetition is invalid as well, the value is above the tester's
/// limit, and the search goes on below it.
class Search {
  public:
    /// No search has more steps, whatever the outcomes.
    static constexpr unsigned kMostSteps = 100;

    explicit Search(const SearchPlan& plan);

    /// The next step; none when the search is over. Repeated calls return the same step.
    std::optional<SearchStep> next() const noexcept;
    /// The outcome of next(), which must not be none.
    void record(TrialOutcome outcome) noexcept;
    /// Ends the search now; the value found so far, if any, is the result.
    void stop() noexcept { is_over_ = true; }

    /// The greatest value that passed for the full duration.
    std::optional<uint64_t> found() const noexcept { return or_none(confirmed_); }
    /// The same, or the greatest that passed a short trial if none was confirmed.
    std::optional<uint64_t> lower_bound() const noexcept {
        return or_none(confirmed_ != 0 ? confirmed_ : lower_);
    }
    /// The least value that failed or was invalid.
    std::optional<uint64_t> upper_bound() const noexcept { return or_none(upper_); }
    SearchLimit limited_by() const noexcept;
    /// Whether the search ended because the full trial of a value was too small for the criteria.
    bool is_undecidable() const noexcept { return is_undecidable_; }

  private:
    enum class Stage : uint8_t { bracketing, bisecting, confirming, lowering, narrowing };

    static std::optional<uint64_t> or_none(uint64_t value) noexcept {
        return value == 0 ? std::nullopt : std::optional(value);
    }
    void passed() noexcept;
    void refused(SearchLimit by) noexcept;
    void choose() noexcept;
    void bracket() noexcept;
    void lower_further() noexcept;
    bool are_close(uint64_t low, uint64_t high) const noexcept;
    uint64_t between(uint64_t low, uint64_t high) const noexcept;
    void end() noexcept { is_over_ = true; }

    SearchPlan plan_;
    Stage stage_ = Stage::bracketing;
    uint64_t value_;          ///< of the next step
    uint64_t lower_ = 0;      ///< greatest that passed a short trial
    uint64_t confirmed_ = 0;  ///< greatest that passed a full trial
    uint64_t upper_ = 0;      ///< least that was refused
    uint64_t step_ = 0;       ///< lowering: how far below the upper bound the next value lies
    SearchLimit upper_by_ = SearchLimit::none;
    unsigned steps_ = 0;
    bool is_repeated_ = false;  ///< the value was invalid once
    bool is_undecidable_ = false;
    bool is_over_ = false;
};

}  // namespace synfin::app
