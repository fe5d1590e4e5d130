#pragma once
/// @file
/// LoadWatch: follows a load while it runs: its series, the lines of the screen and of the file of --series.

#include <deque>
#include <string>
#include <vector>

#include "config/config.hh"
#include "live_screen.hh"
#include "series_collector.hh"
#include "series_json.hh"

namespace synfin::app {

class LoadWatch {
  public:
    /// @param run the number of this load, from 1 on, for the lines of the file
    /// The runs and the file outlive it.
    LoadWatch(const Config& config, const std::deque<ClientRun>& runs, SeriesFile& file, unsigned run = 1);

    /// Call it several times per second while the load runs, in one thread.
    void look() { series_.collect(); }
    /// Call it once when the load has ended and no other thread calls look().
    void finish();

    const SeriesCollector& series() const noexcept { return series_; }

  private:
    void show(const SeriesPoint& point);

    const std::vector<std::string> names_;
    const bool ramps_;
    SeriesFile& file_;
    const unsigned run_;
    LiveScreen screen_;
    SeriesCollector series_;
};

}  // namespace synfin::app
