#pragma once
/// @file
/// Comparison: what changed between two results, and whether more than their noise.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "figures.hh"
#include "resampling.hh"
#include "stored_result.hh"

namespace synfin::app {

enum class Change : uint8_t { better, worse, undecidable };
std::string_view name(Change change) noexcept;

/// One figure of both sides.
struct FigureChange {
    /// How the noise was found, the best that the results offer.
    enum class Method : uint8_t {
        none,     ///< one value of each: nothing tells its noise
        repeats,  ///< runs against runs: Mann-Whitney U, and the bootstrap of the median over runs
        series,   ///< seconds against seconds of one run each: block bootstrap
        samples   ///< the samples of one run each: order statistics of the histogram, or shares
    };
    FigureKind kind;
    double a = 0, b = 0;  ///< medians of the runs, or the values of the single runs
    size_t runs_a = 1, runs_b = 1;
    double change = 0;                   ///< b / a - 1; of `failed`: b - a, in percent points
    std::optional<Interval95> interval;  ///< of `change`
    std::optional<double> noise;         ///< repeats: greatest of (most - least) / median of both sides
    std::optional<double> p;             ///< repeats
    Method method = Method::none;
    Change verdict = Change::undecidable;
    std::string why;  ///< undecidable: the reason
};
std::string_view name(FigureChange::Method method) noexcept;

struct Comparison {
    std::string a, b;  ///< as the user named them
    double margin = 0;
    std::vector<std::string> warnings;  ///< differences of configuration, host and build; invalid runs
    std::vector<FigureChange> figures;
};

/// What two runs of the same configuration are assumed to differ by when the results have no repeats.
inline constexpr double kDefaultMargin = 0.05;

/// Compares two sides, each of one result or of several that repeat the same run.
/// @param margin share: single runs that differ by less are undecidable, because one run says nothing about
///        the noise between runs
/// Throws UserError(usage) when the results are not comparable: of different commands.
Comparison compare(const std::vector<StoredResult>& a, const std::vector<StoredResult>& b, double margin);

/// `synfin.comparison/1`
nlohmann::ordered_json to_json(const Comparison& comparison);
/// The table for the screen.
std::string to_text(const Comparison& comparison);

}  // namespace synfin::app
