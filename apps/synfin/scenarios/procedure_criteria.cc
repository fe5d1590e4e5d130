#include "procedure_criteria.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

constexpr double kShareLimit = 0.001, kRateLimit = 5, kConcurrencyLimit = 10, kReached = 99;
constexpr double kShareSample = 100'000;

double number_at(const ordered_json& json, const char* path) {
    const ordered_json::json_pointer at(path);
    return json.contains(at) && json.at(at).is_number() ? json.at(at).get<double>() : 0;
}

void decide(ProcedureJudgement& judgement, double value, bool holds) {
    judgement.value = value;
    judgement.verdict = holds ? Verdict::pass : Verdict::fail;
}

/// A share below kShareLimit; one failure in fewer than 100,000 misses it, none in fewer decides nothing.
void share(ProcedureJudgement& judgement, double part, double whole, std::string_view of) {
    judgement.limit = kShareLimit;
    if (whole > 0) decide(judgement, 100 * part / whole, 100 * part / whole < kShareLimit);
    if (judgement.verdict == Verdict::fail || whole >= kShareSample) return;
    judgement.verdict = Verdict::undecidable;
    judgement.why = fmt::format("needs {:.0f} {}, there were {:.0f}", kShareSample, of, whole);
}

/// How far the samples of sustain are from their mean: max |x - mean| / mean.
void deviation(ProcedureJudgement& judgement, const ordered_json& result, const char* figure, double limit,
               double from, double to) {
    judgement.limit = limit;
    std::vector<double> samples;
    if (result.contains("series"))
        for (const ordered_json& second : result["series"]) {
            const double t = second.value("t", 0.0);
            // `t` is the end of the second: one that began before sustain does not count.
            if (t >= from + 1 && t <= to && second.contains(figure))
                samples.push_back(second[figure].get<double>());
        }
    if (samples.size() < 2) {
        judgement.why = fmt::format("needs 2 seconds of sustain, there were {}", samples.size());
        return;
    }
    double mean = 0, most = 0;
    for (const double x : samples) mean += x / static_cast<double>(samples.size());
    for (const double x : samples) most = std::max(most, std::abs(x - mean));
    const double value = mean > 0 ? 100 * most / mean : 0;
    decide(judgement, value, value < limit);
}

ProcedureJudgement judge_one(char id, const ordered_json& result, double asked, double from, double to) {
    ProcedureJudgement judgement;
    judgement.id = id;
    switch (id) {
        case 'a': {
            judgement.rule = "failed transactions";
            const double sent = number_at(result, "/requests/sent"),
                         opened = number_at(result, "/connections/opened");
            const double failed = number_at(result, "/connections/failed");
            share(judgement, failed, std::max(sent, opened), "transactions");
            break;
        }
        case 'b':
            judgement.rule = "connections that the target reset";
            share(judgement, number_at(result, "/connections/failed_by/reset_by_peer"),
                  number_at(result, "/connections/opened"), "connections");
            break;
        case 'c':
            judgement.rule = "deviation of the forwarding rate";
            deviation(judgement, result, "requests", kRateLimit, from, to);
            break;
        case 'd':
            judgement.rule = "deviation of the concurrent connections";
            deviation(judgement, result, "open", kConcurrencyLimit, from, to);
            break;
        default: {
            judgement.rule = "rate of established connections, of the target";
            judgement.limit = kReached;
            const double value = asked > 0 ? 100 * number_at(result, "/rates/established_per_s") / asked : 0;
            decide(judgement, value, value >= kReached);
        }
    }
    return judgement;
}

}  // namespace

std::vector<ProcedureJudgement> judge_procedure(const ordered_json& result, std::string_view letters,
                                                double asked, double from, double to) {
    std::vector<ProcedureJudgement> all;
    for (const char id : letters) all.push_back(judge_one(id, result, asked, from, to));
    return all;
}

}  // namespace synfin::app
