#pragma once
/// @file
/// SeriesCollector: takes the intervals that the engines of a load hand over, and adds them up.

#include <array>
#include <deque>
#include <functional>
#include <vector>

#include "series.hh"
#include "traffic/client_run.hh"

namespace synfin::app {

/// Counts of one part of the run.
struct RunPartCounts {
    RunPart part = RunPart::sustain;
    Duration begin{}, end{};  ///< from the first connection
    LoadTally counts;
    uint64_t open = 0;  ///< at its end
};

/// A point of the series ends where all engines made a cut. An engine that was late, or was read late, has
/// no cut there; its next interval covers both, and the point becomes longer. Nothing is lost.
/// @note cost: a millisecond per second, class and engine, in the calling thread; 1.4 MB for each class twice
class SeriesCollector {
  public:
    using Listener = std::function<void(const SeriesPoint&)>;

    /// @param runs one for each engine; their plans have intervals. They must outlive this object.
    /// @param has_classes the load has classes
    /// @param is_windowed only the part `sustain` is measured
    /// @param on_point called with each point, by the thread that calls collect() or finish()
    SeriesCollector(const std::deque<ClientRun>& runs, bool has_classes, bool is_windowed, Listener on_point);

    /// Takes what the engines have handed over. One thread at a time; call it several times per second.
    void collect();
    /// Takes the rest, after the run.
    void finish();

    const std::vector<SeriesPoint>& points() const noexcept { return points_.all(); }
    /// The latencies that count for the class: of the part `sustain`, or of the whole run.
    const LoadTimes& times(size_t of_class) const noexcept { return classes_[of_class].measured; }
    /// The parts of the run, in order; after finish().
    std::vector<RunPartCounts> parts() const;

  private:
    /// A generator: one engine's part of one class.
    struct Source {
        const ClientRun* run;
        size_t of_class;
        Duration end{};  ///< of the last interval
        LoadTally seen;  ///< until then
        Source(const ClientRun* from, size_t index) : run(from), of_class(index) {}
    };
    struct Class {
        LoadTally counts;  ///< of the present point
        LoadTimes times;
        LoadTimes measured;
    };

    bool take_some();
    void add(Source& source, Duration end, RunPart part, const LoadTally& tally, const LoadTimes& times);
    void close(Duration end);
    uint64_t open_now(size_t of_class) const noexcept;

    std::vector<Source> sources_;
    std::vector<Class> classes_;
    const bool has_classes_, is_windowed_;
    const Listener on_point_;
    SeriesPoints points_;
    Duration closed_{};                ///< the end of the last point
    RunPart part_ = RunPart::sustain;  ///< in which the present point begins
    bool is_empty_ = true;             ///< nothing was added since the last point
    std::array<RunPartCounts, kRunParts> parts_{};
};

}  // namespace synfin::app
