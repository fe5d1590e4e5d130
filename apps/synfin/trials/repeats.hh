#pragma once
/// @file
/// Repeats: how much the figures of equal runs differ.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "results/run_result.hh"

namespace synfin::app {

/// One figure of a run, by the name that criteria use: "cps", "connect.p99".
struct Figure {
    std::string name;
    std::string unit;  ///< "/s", "us" or "%"
    double value = 0;
};

/// The figures that repeats and searches report: rates, the share of failed connections, and p50 and p99 of
/// each latency that has samples.
std::vector<Figure> figures_of(const RunResult& result);

/// One figure over all runs.
struct Spread {
    double median = 0, least = 0, most = 0;
    /// most - least as a share of the median; 0 if the median is 0.
    double relative() const noexcept { return median == 0 ? 0 : (most - least) / median; }
};
/// @param values at least one. The median of an even number is the mean of the middle two.
Spread spread_of(std::vector<double> values);

/// The figures of one run.
struct RepeatedRun {
    bool is_valid = true, has_passed = true, is_interrupted = false;
    std::vector<std::string> troubles;  ///< why it is invalid, and the criteria that it missed
    std::vector<std::string> causes;    ///< what in it may have moved its figures
    double duration_s = 0;
    double rest_s = 0;              ///< the wait before it, until both ends were empty
    uint64_t time_wait_before = 0;  ///< our TIME-WAIT records at its beginning
    std::vector<Figure> figures;

    /// 0 if it has no such figure.
    double value_of(std::string_view figure) const noexcept;
};
RepeatedRun repeated_run(const RunResult& result);

/// Runs that differ by at most this share give "the same figure twice".
inline constexpr double kAgreement = 0.02;

class Repeats {
  public:
    struct FigureSpread {
        std::string name, unit;
        Spread spread;
    };

    /// @param runs at least one
    /// @param key the figure that ranks the runs and decides whether they agree: "cps" or "requests_per_s"
    Repeats(std::vector<RepeatedRun> runs, std::string key);

    const std::vector<RepeatedRun>& runs() const noexcept { return runs_; }
    const std::string& key() const noexcept { return key_; }
    /// Of the figures that all runs have.
    std::vector<FigureSpread> spreads() const;
    Spread key_spread() const;
    /// Place of the run whose key figure is the median; with an even number of runs the lower of the two.
    size_t median_run() const;
    bool agree() const { return key_spread().relative() <= kAgreement; }
    /// If the runs do not agree: what their figures were and what the outliers have to show for it, a
    /// sentence each. Else empty.
    std::vector<std::string> why_not() const;
    uint64_t valid() const noexcept;
    uint64_t passed() const noexcept;

  private:
    std::vector<double> values_of(std::string_view figure) const;

    std::vector<RepeatedRun> runs_;
    std::string key_;
};

/// "requests_per_s" if connections have several requests each, else "cps".
std::string key_figure(const RunResult& result);

}  // namespace synfin::app
