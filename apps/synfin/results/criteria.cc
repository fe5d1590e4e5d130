#include "criteria.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace synfin::app {

namespace {

using Figure = Criterion::Figure;
using Statistic = Criterion::Statistic;
using Op = Criterion::Op;
using Unit = Criterion::Unit;

constexpr std::array<std::pair<std::string_view, Figure>, 8> kFigures = {
    {{"failed", Figure::failed},
     {"cps", Figure::cps},
     {"requests_per_s", Figure::requests_per_s},
     {"status", Figure::status},
     {"connect", Figure::connect},
     {"first_byte", Figure::first_byte},
     {"last_byte", Figure::last_byte},
     {"life", Figure::life}}};
constexpr std::array<std::pair<std::string_view, Statistic>, 6> kStatistics = {{{"p50", Statistic::p50},
                                                                                {"p90", Statistic::p90},
                                                                                {"p99", Statistic::p99},
                                                                                {"p999", Statistic::p999},
                                                                                {"max", Statistic::max},
                                                                                {"mean", Statistic::mean}}};
constexpr std::string_view kClassLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
constexpr std::string_view kNames =
    "failed, cps, requests_per_s, status(5xx), or connect, first_byte, last_byte, life with .p50, .p90, "
    ".p99, "
    ".p999, .max or .mean";

template <typename Table>
auto find(const Table& table, std::string_view word) {
    return std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.first == word; });
}
template <typename Table>
std::string meant(const Table& table, std::string_view word) {
    std::vector<std::string> known;
    for (const auto& entry : table) known.emplace_back(entry.first);
    const auto near = nearest(word, known);
    return near ? fmt::format("; did you mean '{}'?", *near) : "";
}

bool is_latency(Figure figure) {
    return figure >= Figure::connect;
}

/// Reads a list of criteria from left to right, up to the first error.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Parsed<std::vector<Criterion>> read() {
        std::vector<Criterion> all;
        do {
            skip_space();
            Criterion criterion;
            if (!read_name(criterion) || !read_limit(criterion))
                return Parsed<std::vector<Criterion>>::refuse(why_);
            all.push_back(std::move(criterion));
        } while (take(','));
        return all;
    }

  private:
    static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string_view word() {
        const size_t begin = at_;
        while (at_ < text_.size() && is_word(text_[at_])) ++at_;
        return text_.substr(begin, at_ - begin);
    }
    /// The text from `at` up to the next space or comma.
    std::string_view found(size_t at) const {
        return text_.substr(at, text_.find_first_of(" \t\n,", at) - at);
    }
    bool refuse(size_t at, const std::string& why) {
        why_ = fmt::format("column {}: {}", at + 1, why);
        return false;
    }

    /// Reads "web." of "web.connect.p99".
    void read_class(Criterion& criterion) {
        const size_t end = text_.find_first_not_of(kClassLetters, at_);
        const std::string_view of = text_.substr(at_, end == text_.npos ? end : end - at_);
        if (end == text_.npos || text_[end] != '.' || of.empty() || is_figure(of)) return;
        const std::string_view rest = text_.substr(end + 1);
        if (!is_figure(rest.substr(0, rest.find_first_not_of(kClassLetters)))) return;
        criterion.of_class = of;
        at_ = end + 1;
    }

    bool read_name(Criterion& criterion) {
        const size_t whole = at_;
        read_class(criterion);
        const size_t begin = at_;
        const std::string_view figure = word();
        const auto known = find(kFigures, figure);
        if (known == kFigures.end()) return refuse_name(begin, figure);
        criterion.figure = known->second;
        if (criterion.figure == Figure::status && !read_status(criterion)) return false;
        if (is_latency(criterion.figure) && !read_statistic(criterion, figure)) return false;
        criterion.name = text_.substr(whole, at_ - whole);
        return true;
    }
    bool refuse_name(size_t begin, std::string_view figure) {
        return refuse(begin, expected_but_found(kNames, found(begin)) + meant(kFigures, figure));
    }
    /// Reads "(404)" or "(5xx)".
    bool read_status(Criterion& criterion) {
        const size_t begin = at_;
        constexpr std::string_view kExpected = "a status such as (404) or (5xx)";
        const auto wrong = [&] { return refuse(begin, expected_but_found(kExpected, found(begin))); };
        if (!take('(')) return wrong();
        const std::string_view code = word();
        if (!take(')') || code.size() != 3 || code[0] < '1' || code[0] > '5') return wrong();
        const unsigned hundreds = 100 * static_cast<unsigned>(code[0] - '0');
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        if (code.substr(1) == "xx") {
            criterion.status_first = hundreds;
            criterion.status_last = hundreds + 99;
        } else if (is_digit(code[1]) && is_digit(code[2])) {
            criterion.status_first = criterion.status_last =
                hundreds + 10 * static_cast<unsigned>(code[1] - '0') + static_cast<unsigned>(code[2] - '0');
        } else {
            return wrong();
        }
        return true;
    }
    bool read_statistic(Criterion& criterion, std::string_view figure) {
        const size_t begin = at_;
        if (!take('.'))
            return refuse(begin, fmt::format("expected a statistic such as {0}.p99, found '{0}'", figure));
        const std::string_view statistic = word();
        const auto known = find(kStatistics, statistic);
        if (known == kStatistics.end())
            return refuse(begin + 1,
                          expected_but_found("p50, p90, p99, p999, max or mean", found(begin + 1)) +
                              meant(kStatistics, statistic));
        criterion.statistic = known->second;
        if (at_ < text_.size() && text_[at_] == '.')
            return refuse(begin + 1,
                          expected_but_found("p50, p90, p99, p999, max or mean", found(begin + 1)) +
                              (statistic == "p99" ? "; did you mean 'p999'?" : ""));
        return true;
    }
    bool read_limit(Criterion& criterion) {
        skip_space();
        const size_t begin = at_;
        if (!read_op(criterion)) return refuse(begin, expected_but_found("<, <=, >, >= or =", found(begin)));
        const std::string_view op = text_.substr(begin, at_ - begin);
        skip_space();
        const std::string_view value = found(at_);
        const std::string why = read_value(criterion, value);
        if (!why.empty()) return refuse(at_, why);
        criterion.limit = fmt::format("{}{}", op, value);
        at_ += value.size();
        skip_space();
        if (at_ < text_.size() && text_[at_] != ',')
            return refuse(at_, expected_but_found("a comma before the next criterion", found(at_)));
        return true;
    }
    bool read_op(Criterion& criterion) {
        if (take('<')) {
            criterion.op = take('=') ? Op::at_most : Op::less;
        } else if (take('>')) {
            criterion.op = take('=') ? Op::at_least : Op::more;
        } else if (take('=')) {
            criterion.op = Op::equal;
        } else {
            return false;
        }
        return true;
    }
    /// @return the error text; empty on success
    static std::string read_value(Criterion& criterion, std::string_view value) {
        if (is_latency(criterion.figure)) {
            const auto parsed = parse_duration(value);
            if (!parsed) return parsed.error;
            criterion.unit = Unit::microseconds;
            criterion.value = static_cast<double>(parsed.value->count()) / 1e3;
            return {};
        }
        const bool is_rate = criterion.figure == Figure::cps || criterion.figure == Figure::requests_per_s;
        if (!is_rate && value.ends_with('%')) {
            const auto parsed = parse_percent(value);
            if (!parsed) return parsed.error;
            criterion.unit = Unit::percent;
            criterion.value = static_cast<double>(*parsed.value) / 1e4;
            return {};
        }
        const auto parsed = parse_count(value);
        if (!parsed)
            return is_rate ? parsed.error : expected_but_found("a share such as 0.1% or a number", value);
        criterion.unit = is_rate ? Unit::per_second : Unit::count;
        criterion.value = static_cast<double>(*parsed.value);
        return {};
    }

    std::string_view text_;
    size_t at_ = 0;
    std::string why_;
};

bool holds(Op op, double value, double limit) {
    switch (op) {
        case Op::less: return value < limit;
        case Op::at_most: return value <= limit;
        case Op::more: return value > limit;
        case Op::at_least: return value >= limit;
        case Op::equal: return value == limit;
    }
    return false;
}

/// Judges one criterion: compares the value with the limit, and the number of samples with the number needed.
class Judge {
  public:
    Judge(const Criterion& criterion, const Measures& run) : criterion_(criterion), run_(run) {
        result_.name = criterion.name;
        result_.limit = criterion.limit;
    }

    Judgement judge() {
        switch (criterion_.figure) {
            case Figure::failed: part(run_.failed, run_.opened, "connections"); break;
            case Figure::status: part(with_status(), run_.answered, "responses"); break;
            case Figure::cps: rate(run_.completed, "connections"); break;
            case Figure::requests_per_s: rate(run_.responses, "responses"); break;
            case Figure::connect: latency(run_.connect); break;
            case Figure::first_byte: latency(run_.first_byte); break;
            case Figure::last_byte: latency(run_.last_byte); break;
            case Figure::life: latency(run_.life); break;
        }
        return std::move(result_);
    }

  private:
    void decide(double value, double needed, std::string_view of) {
        result_.value = value;
        // A missed limit fails the run even with few samples.
        if (!holds(criterion_.op, value, criterion_.value)) {
            result_.verdict = Verdict::fail;
        } else if (static_cast<double>(result_.samples) < needed) {
            undecided(needed, of);
        } else {
            result_.verdict = Verdict::pass;
        }
    }
    void undecided(double needed, std::string_view of) {
        result_.verdict = Verdict::undecidable;
        result_.why = fmt::format("needs {:.0f} {}, there were {}", std::ceil(needed), of, result_.samples);
    }
    /// Judges `n` out of `of`, as a share or as a number.
    void part(uint64_t n, uint64_t of, std::string_view what) {
        const bool is_share = criterion_.unit == Unit::percent;
        result_.unit = is_share ? "%" : what;
        result_.samples = of;
        if (of == 0) return undecided(1, what);
        if (!is_share) return decide(static_cast<double>(n), 1, what);
        const double limit = criterion_.value;
        // 1e-9: in floating point, 100 / 0.1 is slightly more than 1,000.
        const double needed = limit == 0 || criterion_.assumed ? 1 : 100 / limit - 1e-9;
        decide(100 * static_cast<double>(n) / static_cast<double>(of), needed, what);
    }
    void rate(uint64_t n, std::string_view what) {
        constexpr double kEvents = 10;
        result_.unit = "/s";
        result_.samples = n;
        if (run_.seconds <= 0) return undecided(kEvents, what);
        result_.value = static_cast<double>(n) / run_.seconds;
        if (!holds(criterion_.op, *result_.value, criterion_.value)) {
            result_.verdict = Verdict::fail;
        } else if (criterion_.value * run_.seconds < kEvents) {
            result_.why =
                fmt::format("needs {:.3g} s, there were {:.3g} s",
                            criterion_.value > 0 ? kEvents / criterion_.value : kEvents, run_.seconds);
        } else {
            result_.verdict = Verdict::pass;
        }
    }
    void latency(const Histogram* histogram) {
        result_.unit = "us";
        result_.samples = histogram != nullptr ? histogram->count() : 0;
        constexpr std::string_view kOf = "samples";
        if (result_.samples == 0) return undecided(needed_for_statistic(), kOf);
        result_.value = statistic(*histogram);
        // With too few samples a quantile equals the maximum, so it proves neither pass nor fail.
        if (static_cast<double>(result_.samples) < needed_for_statistic())
            return undecided(needed_for_statistic(), kOf);
        decide(*result_.value, 1, kOf);
    }
    double needed_for_statistic() const {
        switch (criterion_.statistic) {
            case Statistic::p50: return 2;
            case Statistic::p90: return 10;
            case Statistic::p99: return 100;
            case Statistic::p999: return 1'000;
            case Statistic::none:
            case Statistic::max:
            case Statistic::mean: return 1;
        }
        return 1;
    }
    double statistic(const Histogram& histogram) const {
        switch (criterion_.statistic) {
            case Statistic::p50: return histogram.quantile_us(0.5);
            case Statistic::p90: return histogram.quantile_us(0.9);
            case Statistic::p99: return histogram.quantile_us(0.99);
            case Statistic::p999: return histogram.quantile_us(0.999);
            case Statistic::max: return histogram.max_us();
            case Statistic::none:
            case Statistic::mean: return histogram.mean_us();
        }
        return 0;
    }
    uint64_t with_status() const {
        uint64_t sum = 0;
        for (auto it = run_.statuses.lower_bound(criterion_.status_first);
             it != run_.statuses.end() && it->first <= criterion_.status_last; ++it)
            sum += it->second;
        return sum;
    }

    const Criterion& criterion_;
    const Measures& run_;
    Judgement result_;
};

}  // namespace

std::string_view name(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::pass: return "pass";
        case Verdict::fail: return "fail";
        case Verdict::undecidable: return "undecidable";
    }
    return "";
}

bool is_figure(std::string_view word) noexcept {
    return find(kFigures, word) != kFigures.end();
}

Parsed<std::vector<Criterion>> parse_criteria(std::string_view text) {
    return Reader(text).read();
}

Criterion assumed_criterion(std::string_view percent) {
    auto parsed = parse_criteria(fmt::format("failed<{}", percent));
    Criterion criterion = std::move(parsed.value->front());
    criterion.assumed = true;
    return criterion;
}

Judgement judge(const Criterion& criterion, const Measures& run) {
    return Judge(criterion, run).judge();
}

}  // namespace synfin::app
