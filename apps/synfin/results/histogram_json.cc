#include "histogram_json.hh"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

/// More durations than any run can have; sums of several results do not overflow.
constexpr uint64_t kMostCount = uint64_t{1} << 52;

bool is_pair(const ordered_json& pair) {
    return pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() &&
           pair[1].is_number_unsigned();
}

}  // namespace

ordered_json to_json(const Histogram& histogram) {
    ordered_json json = ordered_json::object();
    json["precision_bits"] = Histogram::kPrecisionBits;
    json["sum_ns"] = static_cast<uint64_t>(histogram.sum_ns());
    json["max_ns"] = histogram.max_ns();
    auto& buckets = json["buckets"] = ordered_json::array();
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < Histogram::kBuckets && seen < histogram.count(); ++bucket) {
        const uint64_t count = histogram.count_of(bucket);
        if (count == 0) continue;
        seen += count;
        ordered_json pair = ordered_json::array();
        pair.push_back(Histogram::last_of(bucket));
        pair.push_back(count);
        buckets.push_back(std::move(pair));
    }
    return json;
}

std::string add_from_json(Histogram& into, const ordered_json& json) {
    if (!json.is_object()) return "histogram: expected an object";
    const auto bits = json.find("precision_bits"), sum = json.find("sum_ns"), most = json.find("max_ns"),
               buckets = json.find("buckets");
    if (bits == json.end() || *bits != Histogram::kPrecisionBits)
        return fmt::format("histogram: expected precision_bits {}", Histogram::kPrecisionBits);
    if (sum == json.end() || !sum->is_number() || most == json.end() || !most->is_number_unsigned())
        return "histogram: expected the numbers sum_ns and max_ns";
    if (buckets == json.end() || !buckets->is_array() || buckets->size() > Histogram::kBuckets)
        return fmt::format("histogram: expected at most {} buckets", Histogram::kBuckets);
    uint64_t total = into.count();
    int64_t before = -1;
    for (const ordered_json& pair : *buckets) {
        if (!is_pair(pair)) return "histogram: expected buckets as pairs [last_ns, count]";
        const auto last = pair[0].get<uint64_t>(), count = pair[1].get<uint64_t>();
        const uint32_t bucket = Histogram::bucket_of(last);
        if (Histogram::last_of(bucket) != last)
            return fmt::format("histogram: {} ns is not the last nanosecond of a bucket", last);
        if (int64_t{bucket} <= before) return "histogram: expected the buckets in ascending order";
        if (count > kMostCount || (total += count) > kMostCount) return "histogram: the counts are too large";
        before = bucket;
    }
    for (const ordered_json& pair : *buckets)
        into.add(Histogram::bucket_of(pair[0].get<uint64_t>()), pair[1].get<uint64_t>());
    into.add_totals(sum->get<double>(), most->get<uint64_t>());
    return {};
}

}  // namespace synfin::app
