#include "impair_text.hh"

#include <fmt/format.h>

#include <array>
#include <set>
#include <vector>

namespace synfin::app {

namespace {

struct Share {
    std::string_view key;
    uint32_t Impairment::*at;
};
struct Time {
    std::string_view key;
    Duration Impairment::*at;
};
constexpr std::array<Share, 4> kShares = {{{"loss", &Impairment::loss_ppm},
                                           {"duplicate", &Impairment::duplicate_ppm},
                                           {"corrupt", &Impairment::corrupt_ppm},
                                           {"reorder", &Impairment::reorder_ppm}}};
constexpr std::array<Time, 4> kTimes = {{{"delay", &Impairment::delay},
                                         {"jitter", &Impairment::jitter},
                                         {"reorder-delay", &Impairment::reorder_delay},
                                         {"queue", &Impairment::queue}}};
constexpr Duration kMostTime = 60s;

/// Stores one value. Returns the error text; empty on success.
std::string set(Impairment& faults, std::string_view key, std::string_view value) {
    for (const Share& each : kShares)
        if (each.key == key) {
            const auto parsed = parse_percent(value);
            if (parsed) faults.*each.at = static_cast<uint32_t>(*parsed.value);
            return parsed.error;
        }
    for (const Time& each : kTimes)
        if (each.key == key) {
            const auto parsed = parse_duration(value);
            if (!parsed) return parsed.error;
            if (*parsed.value > kMostTime) return expected_but_found("a time of at most 60s", value);
            faults.*each.at = *parsed.value;
            return {};
        }
    if (key == "rate") {
        const auto parsed = parse_count(value);
        if (!parsed || *parsed.value == 0) return expected_but_found("bits per second such as 100M", value);
        faults.rate_bps = *parsed.value;
        return {};
    }
    std::vector<std::string> known = {"rate", "seed"};
    for (const Share& each : kShares) known.emplace_back(each.key);
    for (const Time& each : kTimes) known.emplace_back(each.key);
    const auto meant = nearest(key, known);
    return expected_but_found(
               "loss, duplicate, corrupt, reorder, delay, jitter, reorder-delay, rate, queue or seed", key) +
           (meant ? fmt::format("; did you mean '{}'?", *meant) : "");
}

/// The first key that has no effect without another; empty: none.
std::string useless(const std::set<std::string>& given, const Impairment& faults,
                    std::string_view direction) {
    if (given.contains(fmt::format("{}.queue", direction)) && faults.rate_bps == 0)
        return "queue has no effect without rate";
    if (given.contains(fmt::format("{}.reorder-delay", direction)) && faults.reorder_ppm == 0)
        return "reorder-delay has no effect without reorder";
    return {};
}

void add_text(std::string& text, std::string_view prefix, const Impairment& faults) {
    const Impairment none;
    const auto add = [&](std::string_view key, const std::string& value) {
        text += fmt::format("{}{}{}={}", text.empty() ? "" : ",", prefix, key, value);
    };
    for (const Share& each : kShares)
        if (faults.*each.at != 0) add(each.key, percent_text(faults.*each.at));
    for (const Time& each : kTimes)
        if (faults.*each.at != none.*each.at) add(each.key, duration_text(faults.*each.at));
    if (faults.rate_bps != 0) add("rate", exact_count_text(faults.rate_bps));
}

}  // namespace

Parsed<Impairments> parse_impairments(std::string_view text) {
    using Result = Parsed<Impairments>;
    Impairments faults;
    std::set<std::string> given;
    for (std::string_view rest = text;;) {
        const size_t comma = rest.find(',');
        const std::string_view word = rest.substr(0, comma);
        const size_t equals = word.find('=');
        if (equals == word.npos) return Result::refuse(expected_but_found("KEY=VALUE such as loss=1%", word));
        std::string_view key = word.substr(0, equals);
        const std::string_view value = word.substr(equals + 1);
        const bool is_rx = key.starts_with("rx."), is_tx = key.starts_with("tx.");
        if (is_rx || is_tx) key.remove_prefix(3);
        std::string why;
        if (key == "seed" && !is_rx && !is_tx) {
            const auto parsed = parse_count(value);
            if (parsed) faults.seed = *parsed.value;
            why = parsed.error;
            if (!given.insert("seed").second) why = "it occurs twice";
        }
        for (const auto& [direction, skipped, at] :
             {std::tuple{"rx", is_tx, &Impairments::rx}, {"tx", is_rx, &Impairments::tx}}) {
            if (skipped || (key == "seed" && !is_rx && !is_tx) || !why.empty()) continue;
            why = set(faults.*at, key, value);
            if (why.empty() && !given.insert(fmt::format("{}.{}", direction, key)).second)
                why = "it occurs twice";
        }
        if (!why.empty()) return Result::refuse(fmt::format("{}: {}", word.substr(0, equals), why));
        if (comma == rest.npos) break;
        rest.remove_prefix(comma + 1);
    }
    for (const auto& [direction, one] : {std::pair{"rx", &faults.rx}, {"tx", &faults.tx}})
        if (const std::string why = useless(given, *one, direction); !why.empty()) return Result::refuse(why);
    return faults;
}

std::string text_of(const Impairments& faults) {
    std::string text;
    if (faults.rx == faults.tx) {
        add_text(text, "", faults.rx);
    } else {
        add_text(text, "rx.", faults.rx);
        add_text(text, "tx.", faults.tx);
    }
    if (!text.empty() && faults.seed != Impairments{}.seed) text += fmt::format(",seed={}", faults.seed);
    return text;
}

}  // namespace synfin::app
