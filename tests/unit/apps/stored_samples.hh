#pragma once
/// @file
/// Stored results made by hand, for the tests of compare and report.

#include <nlohmann/json.hpp>
#include <string>

#include "base/random.hh"
#include "report/stored_result.hh"
#include "results/histogram_json.hh"

namespace synfin::app {

/// A result of load with a rate of about `cps` in each of `seconds`, and latencies around `us`.
inline StoredResult stored_load(const std::string& label, double cps, double us, int seconds = 30,
                                uint64_t seed = 1) {
    Random random(seed);
    const auto around = [&](double middle) {
        return middle * (0.99 + 0.02 * static_cast<double>(random.next() % 1'000) / 1'000);
    };
    nlohmann::ordered_json json =
        nlohmann::ordered_json::parse(R"({"schema": "synfin.result/1", "command": "load",
        "config": {"load": {"target": ["http://10.0.0.2:80/"], "connections": 64}}, "host": {"cpu": "A CPU"},
        "valid": true, "invalid_because": [], "passed": true, "warnings": [], "deviations": [],
        "criteria": [{"name": "failed", "limit": "<1%", "value": 0.1, "unit": "%", "samples": 1000, "verdict": "pass"}],
        "statuses": {"200": 9990, "503": 10}, "interrupted": false})");
    const auto opened = static_cast<uint64_t>(cps * seconds);
    json["duration_s"] = seconds;
    json["connections"] = {{"offered", opened},        {"opened", opened}, {"established", opened},
                           {"completed", opened - 10}, {"failed", 10},     {"failed_by", {{"reset", 10}}}};
    json["rates"] = {{"cps", cps},
                     {"established_per_s", cps},
                     {"requests_per_s", 2 * cps},
                     {"rx_bps", 8e6},
                     {"tx_bps", 4e6}};
    for (const char* phase : {"connect", "first_byte", "last_byte", "life"}) {
        Histogram histogram;
        for (int i = 0; i < 20'000; ++i)
            histogram.record(Duration(static_cast<int64_t>(1e3 * around(us) * (i % 100 == 0 ? 10 : 1))));
        json["latency_us"][phase] = {
            {"p50", histogram.quantile_us(0.5)},  {"p90", histogram.quantile_us(0.9)},
            {"p99", histogram.quantile_us(0.99)}, {"p999", histogram.quantile_us(0.999)},
            {"max", histogram.max_us()},          {"mean", histogram.mean_us()},
            {"count", histogram.count()},         {"histogram", to_json(histogram)}};
    }
    for (int t = 1; t <= seconds; ++t) {
        const double n = around(cps);
        json["series"].push_back(
            {{"t", t},
             {"seconds", 1},
             {"phase", "sustain"},
             {"offered", n},
             {"opened", n},
             {"established", n},
             {"completed", n},
             {"failed", 0},
             {"open", 64},
             {"requests", 2 * n},
             {"statuses", {{"200", n}}},
             {"latency", {{"connect", {{"p50", us}, {"p99", around(2 * us)}, {"max", 3 * us}}}}}});
    }
    return {label + ".json", label, std::move(json)};
}

}  // namespace synfin::app
