#include "resampling.hh"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace synfin::app {

namespace {

constexpr double kZ95 = 1.959964;

/// Twice the mid-ranks of all values (a's first): whole numbers, ties included.
std::vector<uint32_t> doubled_ranks(std::span<const double> a, std::span<const double> b) {
    std::vector<double> all(a.begin(), a.end());
    all.insert(all.end(), b.begin(), b.end());
    std::vector<size_t> order(all.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t x, size_t y) { return all[x] < all[y]; });
    std::vector<uint32_t> ranks(all.size());
    for (size_t from = 0; from < order.size();) {
        size_t to = from;
        while (to < order.size() && all[order[to]] == all[order[from]]) ++to;
        for (size_t i = from; i < to; ++i) ranks[order[i]] = static_cast<uint32_t>(from + 1 + to);
        from = to;
    }
    return ranks;
}

/// The share of all choices of n ranks whose sum is at least as far from the mean as `sum`.
double exact_p(const std::vector<uint32_t>& ranks, size_t n, uint64_t sum) {
    const uint64_t total = std::accumulate(ranks.begin(), ranks.end(), uint64_t{0});
    // ways[k][s]: choices of k ranks with the sum s.
    std::vector<std::vector<double>> ways(n + 1, std::vector<double>(total + 1));
    ways[0][0] = 1;
    for (const uint32_t rank : ranks)
        for (size_t k = n; k-- > 0;)
            for (uint64_t s = total + 1 - rank; s-- > 0;) ways[k + 1][s + rank] += ways[k][s];
    const double mean =
        static_cast<double>(total) * static_cast<double>(n) / static_cast<double>(ranks.size());
    const double away = std::fabs(static_cast<double>(sum) - mean) - 1e-9;
    double all = 0, as_far = 0;
    for (uint64_t s = 0; s <= total; ++s) {
        all += ways[n][s];
        if (std::fabs(static_cast<double>(s) - mean) >= away) as_far += ways[n][s];
    }
    return as_far / all;
}

double normal_p(const std::vector<uint32_t>& ranks, size_t n, uint64_t sum) {
    const auto count = static_cast<double>(ranks.size()), in_a = static_cast<double>(n);
    const double mean = in_a * (count + 1);  // of doubled ranks
    double squares = 0;
    for (const uint32_t rank : ranks) {
        const double off = static_cast<double>(rank) - (count + 1);
        squares += off * off;
    }
    const double variance = in_a * (count - in_a) / (count * (count - 1)) * squares;
    if (variance <= 0) return 1;
    const double away = std::max(0.0, std::fabs(static_cast<double>(sum) - mean) - 1);
    return std::erfc(away / std::sqrt(variance) / std::sqrt(2.0));
}

/// Wilson's score interval of a share.
Interval95 wilson(uint64_t hits, uint64_t of) noexcept {
    const auto n = static_cast<double>(of);
    const double share = std::min(1.0, static_cast<double>(hits) / n), z2 = kZ95 * kZ95;
    const double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
    const double half = kZ95 / (1 + z2 / n) * std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

/// A uniform number in [0, n). std::uniform_int_distribution differs between libraries.
size_t below(std::mt19937_64& random, size_t n) {
    return static_cast<size_t>(static_cast<double>(random() >> 11) * 0x1p-53 * static_cast<double>(n));
}

void resample(std::mt19937_64& random, std::span<const double> from, size_t block,
              std::vector<double>& into) {
    into.clear();
    block = std::clamp<size_t>(block, 1, from.size());
    while (into.size() < from.size()) {
        const size_t start = below(random, from.size() - block + 1);
        for (size_t i = 0; i < block && into.size() < from.size(); ++i) into.push_back(from[start + i]);
    }
}

}  // namespace

double mean_of(std::span<const double> values) noexcept {
    if (values.empty()) return 0;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median_of(std::vector<double> values) noexcept {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double rank_test(std::span<const double> a, std::span<const double> b) {
    constexpr size_t kMostExact = 40;
    if (a.empty() || b.empty()) return 1;
    const std::vector<uint32_t> ranks = doubled_ranks(a, b);
    const uint64_t sum =
        std::accumulate(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(a.size()), uint64_t{0});
    return ranks.size() <= kMostExact ? exact_p(ranks, a.size(), sum) : normal_p(ranks, a.size(), sum);
}

Interval95 bootstrap_change(std::span<const double> a, std::span<const double> b, size_t block,
                            const Statistic& statistic) {
    constexpr size_t kResamples = 2'000;
    std::mt19937_64 random(1);
    std::vector<double> changes, drawn;
    changes.reserve(kResamples);
    for (size_t i = 0; i < kResamples; ++i) {
        resample(random, a, block, drawn);
        const double before = statistic(drawn);
        resample(random, b, block, drawn);
        const double after = statistic(drawn);
        // A change from 0 has no ratio: without bound if there is one.
        changes.push_back(before != 0 ? after / before - 1 : after == 0 ? 0 : HUGE_VAL);
    }
    std::sort(changes.begin(), changes.end());
    return {changes[kResamples / 40], changes[kResamples - 1 - kResamples / 40]};
}

size_t block_length(size_t values) noexcept {
    return std::max<size_t>(1, (values + 5) / 6);
}

Interval95 quantile_interval(const Histogram& histogram, double share) noexcept {
    if (histogram.count() == 0) return {};
    const auto n = static_cast<double>(histogram.count());
    const double half = kZ95 * std::sqrt(share * (1 - share) / n);
    return {histogram.quantile_us(std::max(0.0, share - half)),
            histogram.quantile_us(std::min(1.0, share + half + 1 / n))};
}

Interval95 share_difference(uint64_t a, uint64_t of_a, uint64_t b, uint64_t of_b) noexcept {
    const Interval95 in_a = wilson(a, of_a), in_b = wilson(b, of_b);
    const double share_a = static_cast<double>(a) / static_cast<double>(of_a),
                 share_b = static_cast<double>(b) / static_cast<double>(of_b);
    const auto root = [](double x, double y) { return std::sqrt(x * x + y * y); };
    const double difference = share_b - share_a;
    return {difference - root(share_b - in_b.low, in_a.high - share_a),
            difference + root(in_b.high - share_b, share_a - in_a.low)};
}

}  // namespace synfin::app
