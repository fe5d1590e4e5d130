#pragma once
/// @file
/// Criteria: the conditions under which a run passes: `failed<0.1%, connect.p99<5ms, cps>=100k`.

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
    /// The unit of the limit.
    enum class Unit : uint8_t { percent, count, per_second, microseconds };

    std::string of_class;  ///< empty: of all classes together
    std::string name;      ///< as written: "connect.p99", "status(5xx)", "web.cps"
    std::string limit;     ///< operator and value as written: "<5ms"
    Figure figure = Figure::failed;
    Statistic statistic = Statistic::none;  ///< latencies only
    unsigned status_first = 0, status_last = 0;
    Op op = Op::less;
    Unit unit = Unit::percent;
    double value = 0;      ///< the limit, in `unit`
    bool assumed = false;  ///< the default criterion, not given by the user: see judge()

    std::string text() const { return name + limit; }
};

/// Parses a list separated by commas. The error names the column (from 1) of the wrong word, and the nearest
/// valid word.
Parsed<std::vector<Criterion>> parse_criteria(std::string_view text);

/// The default criterion: `failed` below `percent` ("1%").
Criterion assumed_criterion(std::string_view percent);

/// Whether a word is a figure of the criteria, and therefore no name of a class.
bool is_figure(std::string_view word) noexcept;

/// The measurements that criteria can refer to.
struct Measures {
    double seconds = 0;                     ///< time in which connections were opened
    uint64_t opened = 0, failed = 0;        ///< connections of the whole run
    uint64_t completed = 0, responses = 0;  ///< within `seconds`
    uint64_t answered = 0;                  ///< HTTP responses of any status, of the whole run
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
    std::optional<double> value;  ///< in `unit`; empty without a sample
    std::string unit;             ///< "%", "connections", "responses", "/s", "us"
    uint64_t samples = 0;         ///< number of connections, responses or latencies behind the value
    Verdict verdict = Verdict::undecidable;
    std::string why;  ///< undecidable: the sample size that is needed
};

/// Decides whether the run meets the criterion. If the sample is too small to show that it does, the verdict
/// is `undecidable`:
///   - a share below p % needs 100/p connections (responses), so that one failure would show; the default
///     criterion passes with fewer if none failed;
///   - a quantile needs one sample beyond it: 2 for p50, 10 for p90, 100 for p99, 1,000 for p999;
///   - a rate needs a run long enough for ten events at the limit;
///   - a maximum, a mean and a count need one sample.
Judgement judge(const Criterion& criterion, const Measures& run);

}  // namespace synfin::app
