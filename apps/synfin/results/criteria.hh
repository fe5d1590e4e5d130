#pragma once
/// @file
/// Criteria: what a target must do for a run to pass: `failed<0.1%, connect.p99<5ms, cps>=100k`.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/quantity.hh"
#include "histogram.hh"

namespace synfin::app {

/// One condition: a figure of the run, an operator, a limit.
struct Criterion {
    enum class Figure : uint8_t { failed, cps, requests_per_s, status, connect, first_byte, last_byte, life };
    enum class Statistic : uint8_t { none, p50, p90, p99, p999, max, mean };
    enum class Op : uint8_t { less, at_most, more, at_least, equal };
    /// What the limit is a number of.
    enum class Unit : uint8_t { percent, count, per_second, microseconds };

    std::string name;   ///< as written: "connect.p99", "status(5xx)"
    std::string limit;  ///< operator and value as written: "<5ms"
    Figure figure = Figure::failed;
    Statistic statistic = Statistic::none;  ///< latencies only
    unsigned status_first = 0, status_last = 0;
    Op op = Op::less;
    Unit unit = Unit::percent;
    double value = 0;      ///< the limit, in `unit`
    bool assumed = false;  ///< nobody asked for it: see judge()

    std::string text() const { return name + limit; }
};

/// Parses a list separated by commas. An error names the column (from 1) of what it does not understand, and
/// the nearest right word.
Parsed<std::vector<Criterion>> parse_criteria(std::string_view text);

/// The criterion of a run that was given none: `failed` below so many percent ("1%").
Criterion assumed_criterion(std::string_view percent);

/// What a run measured, as far as criteria ask for it.
struct Measures {
    double seconds = 0;                     ///< in which connections were opened
    uint64_t opened = 0, failed = 0;        ///< connections, from the first to the last
    uint64_t completed = 0, responses = 0;  ///< in those seconds
    uint64_t answered = 0;                  ///< HTTP responses of any status, from the first to the last
    std::map<unsigned, uint64_t> statuses;
    const Histogram* connect = nullptr;
    const Histogram* first_byte = nullptr;
    const Histogram* last_byte = nullptr;
    const Histogram* life = nullptr;
};

enum class Verdict : uint8_t { pass, fail, undecidable };
std::string_view name(Verdict verdict) noexcept;

struct Judgement {
    std::string name, limit;
    std::optional<double> value;  ///< in `unit`; none without a sample
    std::string unit;             ///< "%", "connections", "responses", "/s", "us"
    uint64_t samples = 0;         ///< connections, responses or latencies that the value is made from
    Verdict verdict = Verdict::undecidable;
    std::string why;  ///< undecidable: what the sample would have to be
};

/// Whether the run meets the criterion. A sample that is too small to show that it does is undecidable:
///   - a share below p % needs 100/p connections (responses), so that one failure would have been seen;
///     an assumed criterion passes with fewer when none failed;
///   - a quantile needs one sample beyond it: 2 for p50, 10 for p90, 100 for p99, 1,000 for p999;
///   - a rate needs time for ten events at the limit;
///   - a maximum, a mean and a count need one.
Judgement judge(const Criterion& criterion, const Measures& run);

}  // namespace synfin::app
