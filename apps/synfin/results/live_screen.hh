#pragma once
/// @file
/// LiveScreen: shows a load while it runs: a line for each second, and on a terminal a bar for its parts.

#include <cstdio>
#include <string>

#include "config/config.hh"
#include "series.hh"

namespace synfin::app {

class LiveScreen {
  public:
    struct Setup {
        Timeline time{};
        bool is_terminal = false;
        bool has_colour = false;
        unsigned width = 80;  ///< columns

        /// What standard error is: a terminal, its width, and whether NO_COLOR forbids colour.
        static Setup of_stderr(const Timeline& time);
    };
    explicit LiveScreen(Setup setup) : setup_(setup) {}

    /// The text for a new point. On a terminal the bar follows, which the next text overwrites. Elsewhere,
    /// after the first minute, only every tenth line is shown.
    std::string text(const SeriesPoint& point);
    /// Removes the bar.
    std::string end() const;

    static std::string header();
    static std::string row(const SeriesPoint& point);
    /// "ramp-up [#####-----] 3 of 20 s"; empty for a run without a planned end.
    std::string bar(const SeriesPoint& point) const;

  private:
    Setup setup_;
    uint64_t rows_ = 0, points_ = 0;
};

}  // namespace synfin::app
