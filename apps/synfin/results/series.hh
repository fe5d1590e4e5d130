#pragma once
/// @file
/// The series of a load: its figures second by second.

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "traffic/interval_ring.hh"
#include "traffic/load_tally.hh"

namespace synfin::app {

/// The figures of one interval: of the whole load, or of a class.
struct SeriesRow {
    /// In microseconds, of the interval's samples.
    struct Latency {
        float p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
        uint64_t count = 0;
    };
    static constexpr size_t kLatencies = 4;  ///< connect, first_byte, last_byte, life

    uint64_t offered = 0, opened = 0, established = 0, completed = 0, failed = 0;
    uint64_t requests = 0;  ///< answered as expected
    uint64_t open = 0;      ///< connections open at the end of the interval
    std::vector<std::pair<uint16_t, uint64_t>> statuses;
    std::array<Latency, kLatencies> latency{};

    /// @param counts counted in the interval
    static SeriesRow of(const LoadTally& counts, const LoadTimes& times, uint64_t open);
    /// Appends the interval that follows. The quantiles become the greater ones of both: a bound, since the
    /// samples are gone.
    void join(const SeriesRow& next);
};

struct SeriesPoint {
    Duration begin{}, end{};  ///< from the first connection of the run
    RunPart part = RunPart::sustain;
    SeriesRow total;
    std::vector<SeriesRow> classes;  ///< empty for a load without classes

    double seconds() const noexcept { return std::chrono::duration<double>(end - begin).count(); }
};

/// A list of points of bounded size. When it is full, each two neighbours of the same part of the run are
/// joined, and points that come later are joined to the same length: a run of 24 hours keeps points of 16 s.
/// @note cost: 250 bytes per point and class
class SeriesPoints {
  public:
    static constexpr size_t kMostRows = 64 * 1024;
    static constexpr size_t kMost = 7'200, kLeast = 600;
    /// @param most points; at least 2
    explicit SeriesPoints(size_t most) noexcept : most_(most) {}
    /// The bound for a load with so many classes (0: it has none).
    static size_t most_of(size_t classes) noexcept;

    void add(SeriesPoint point);
    const std::vector<SeriesPoint>& all() const noexcept { return points_; }

  private:
    void thin();

    std::vector<SeriesPoint> points_;
    size_t most_;
    uint32_t joined_ = 1;  ///< intervals in a point
    uint32_t in_last_ = 0;
};

}  // namespace synfin::app
