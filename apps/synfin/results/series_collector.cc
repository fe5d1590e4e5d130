#include "series_collector.hh"

#include <algorithm>
#include <utility>

namespace synfin::app {

SeriesCollector::SeriesCollector(const std::deque<ClientRun>& runs, bool has_classes, bool is_windowed,
                                 Listener on_point)
    : classes_(runs.empty() ? 0 : runs.front().classes()),
      has_classes_(has_classes),
      is_windowed_(is_windowed),
      on_point_(std::move(on_point)),
      points_(SeriesPoints::most_of(has_classes ? classes_.size() : 0)) {
    for (const ClientRun& run : runs)
        for (size_t i = 0; i < classes_.size(); ++i) sources_.emplace_back(&run, i);
}

void SeriesCollector::collect() {
    while (take_some()) {
        const Duration end = sources_.front().end;
        if (std::all_of(sources_.begin(), sources_.end(),
                        [&](const Source& each) { return each.end == end; }))
            close(end);
    }
}

/// Takes at most one interval of each source; of sources that are ahead of others none. Returns whether it
/// took any.
bool SeriesCollector::take_some() {
    Duration first = Duration::max(), last{};
    for (const Source& each : sources_) {
        first = std::min(first, each.end);
        last = std::max(last, each.end);
    }
    bool has_taken = false;
    for (Source& each : sources_) {
        if (first != last && each.end == last) continue;
        has_taken |= each.run->intervals(each.of_class).take([&](const Interval& interval) {
            add(each, interval.end, interval.part, interval.tally, interval.times);
        });
    }
    return has_taken;
}

void SeriesCollector::add(Source& source, Duration end, RunPart part, const LoadTally& tally,
                          const LoadTimes& times) {
    Class& of = classes_[source.of_class];
    LoadTally counts = tally;
    counts -= source.seen;
    source.seen = tally;
    source.end = end;
    of.counts += counts;
    of.times += times;
    if (!is_windowed_ || part == RunPart::sustain) of.measured += times;
    parts_[static_cast<size_t>(part)].counts += counts;
    if (std::exchange(is_empty_, false)) part_ = part;
}

uint64_t SeriesCollector::open_now(size_t of_class) const noexcept {
    uint64_t open = 0;
    for (const Source& each : sources_)
        if (each.of_class == of_class) open += each.seen.open_now();
    return open;
}

void SeriesCollector::close(Duration end) {
    is_empty_ = true;
    if (end <= closed_) return;  // two cuts at the same time: a part of the run ends with a second
    SeriesPoint point{.begin = closed_, .end = end, .part = part_, .total = {}, .classes = {}};
    closed_ = end;
    LoadTally counts;
    uint64_t open = 0;
    for (size_t i = 0; i < classes_.size(); ++i) {
        Class& of = classes_[i];
        const uint64_t open_of_class = open_now(i);
        counts += of.counts;
        open += open_of_class;
        if (has_classes_) point.classes.push_back(SeriesRow::of(of.counts, of.times, open_of_class));
        const LoadTimes& answers = of.measured.connect.count() != 0 ? of.measured : of.times;
        const double p99 = std::max(answers.connect.quantile_us(0.99), answers.first_byte.quantile_us(0.99));
        for (const Source& each : sources_)
            if (each.of_class == i) each.run->intervals(i).tell_answers(p99);
        if (i != 0) classes_.front().times += of.times;  // of which the point has been made
    }
    point.total = SeriesRow::of(counts, classes_.front().times, open);
    parts_[static_cast<size_t>(point.part)].open = open;
    for (Class& of : classes_) {
        of.counts = {};
        of.times.clear();
    }
    if (on_point_) on_point_(point);
    points_.add(std::move(point));
}

void SeriesCollector::finish() {
    collect();
    Duration end = closed_;
    bool is_open = !is_empty_;
    for (Source& each : sources_) {
        while (each.run->intervals(each.of_class).take([&](const Interval& interval) {
            add(each, interval.end, interval.part, interval.tally, interval.times);
        })) {
        }
        const Generator& generator = each.run->generator(each.of_class);
        const LoadTally& now = generator.tally();
        is_open |= now.open_now() != each.seen.open_now() || now.offered != each.seen.offered ||
                   now.responses != each.seen.responses || now.completed != each.seen.completed ||
                   now.failed() != each.seen.failed();
        end = std::max({end, each.end, each.run->whole()});
        add(each, end, each.run->part(), now, generator.times());
    }
    if (is_open && end > closed_) close(end);
}

std::vector<RunPartCounts> SeriesCollector::parts() const {
    std::vector<RunPartCounts> all;
    Duration begin{};
    for (size_t i = 0; i < kRunParts; ++i) {
        const auto part = static_cast<RunPart>(i);
        Duration end{};
        for (const Source& each : sources_) end = std::max(end, each.run->end_of(part).value_or(Duration{}));
        if (end <= begin) continue;
        RunPartCounts counts = parts_[i];
        counts.part = part;
        counts.begin = std::exchange(begin, end);
        counts.end = end;
        all.push_back(counts);
    }
    return all;
}

}  // namespace synfin::app
