#include "load_watch.hh"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace synfin::app {

LoadWatch::LoadWatch(const Config& config, const std::deque<ClientRun>& runs, SeriesFile& file, unsigned run)
    : names_(class_names(config.load)),
      ramps_(config.load.timeline().has_phases),
      file_(file),
      run_(run),
      screen_(LiveScreen::Setup::of_stderr(config.load.timeline())),
      series_(runs, !names_.empty(), config.load.timeline().is_windowed(),
              [this](const SeriesPoint& point) { show(point); }) {}

void LoadWatch::show(const SeriesPoint& point) {
    if (file_.is_open()) {
        nlohmann::ordered_json line = to_json(point, names_, ramps_);
        line["run"] = run_;
        file_.write(line);
    }
    std::fputs(screen_.text(point).c_str(),
               stderr);  // not fmt::print, which throws when the terminal has gone
}

void LoadWatch::finish() {
    series_.finish();
    std::fputs(screen_.end().c_str(), stderr);
}

}  // namespace synfin::app
