#include "procedure.hh"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "config/quantity.hh"
#include "procedure_criteria.hh"
#include "scenario.hh"
#include "trials/search.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double mean_open(const ordered_json& result, double from, double to) {
    double sum = 0, n = 0;
    if (result.contains("series"))
        for (const ordered_json& second : result["series"])
            if (const double t = second.value("t", 0.0); t > from && t <= to) {
                sum += second.value("open", 0.0);
                ++n;
            }
    return n > 0 ? sum / n : 0;
}

/// When sustain began and ended, in seconds of the series.
std::pair<double, double> sustain_of(const ordered_json& result) {
    if (result.contains("phases"))
        for (const ordered_json& phase : result["phases"])
            if (phase.value("name", "") == "sustain")
                return {phase.value("from_s", 0.0), phase.value("to_s", 0.0)};
    return {0, 0};
}

/// One row: the steps for one size of object.
class Row {
  public:
    Row(const Config& config, const Scenario& scenario, uint64_t object, const RunLoad& run,
        const std::function<bool()>& can_go_on)
        : config_(config), scenario_(scenario), object_(object), run_(run), can_go_on_(can_go_on) {}

    ordered_json steps() {
        const uint64_t target =
            std::max<uint64_t>(1, config_.scenario.target * scenario_.percent_of_target / 100);
        const uint64_t initial = config_.scenario.initial.value_or(std::max<uint64_t>(1, target / 10));
        const Duration sustain = config_.load.phases.sustain;
        if (trial("qualify", initial, sustain) != TrialOutcome::pass) return row(std::nullopt);
        const TrialOutcome at_target = trial("target", target, sustain);
        if (at_target == TrialOutcome::pass) return row(target);
        if (at_target == TrialOutcome::fail && scenario_.is_searched) return row(searched(initial, target));
        return row(std::nullopt);
    }

  private:
    /// Step 3: the greatest value below the target value that meets the criteria.
    std::optional<uint64_t> searched(uint64_t initial, uint64_t target) {
        const Duration sustain = config_.load.phases.sustain;
        Search search({.first = std::max(initial, target / 2),
                       .least = initial,
                       .most = target,
                       .resolution_ppm = config_.load.search.resolution,
                       .trial = std::min(config_.load.search.trial, sustain),
                       .full = sustain});
        while (const auto step = search.next()) {
            if (!can_go_on_())
                search.stop();
            else
                search.record(trial(step->is_full ? "confirm" : "iterate", step->value, step->duration));
        }
        limited_by_ = name(search.limited_by());
        return search.found();
    }

    TrialOutcome trial(std::string_view step, uint64_t value, Duration sustain) {
        if (!can_go_on_()) return TrialOutcome::invalid;
        Config load = scenario_load(config_, scenario_, object_, value);
        load.load.phases.sustain = sustain;
        const ordered_json result = run_(load);
        const auto [from, to] = sustain_of(result);
        const auto judged = judge_procedure(result, scenario_.criteria, static_cast<double>(value), from, to);
        const TrialOutcome outcome = outcome_of(result, judged);
        ordered_json trial = ordered_json::object();
        trial["step"] = step;
        trial["value"] = value;
        trial["sustain_s"] = seconds(sustain);
        trial["outcome"] = name(outcome);
        trial["valid"] = result.value("valid", false);
        if (result.contains("invalid_because")) trial["invalid_because"] = result["invalid_because"];
        trial["criteria"] = criteria_json(judged);
        trial["kpi"] = kpi(result, from, to);
        if (outcome == TrialOutcome::pass) kpis_[value] = trial["kpi"];
        fmt::print(stderr, "{} {}: {} {} for {}: {}{}\n", scenario_.name, object_text(), step,
                   count_text(static_cast<double>(value)), duration_text(sustain), name(outcome),
                   missed(judged));
        trials_.push_back(std::move(trial));
        return outcome;
    }

    TrialOutcome outcome_of(const ordered_json& result, const std::vector<ProcedureJudgement>& judged) const {
        if (!result.value("valid", false)) return TrialOutcome::invalid;
        bool is_undecidable = false;
        for (const ProcedureJudgement& each : judged) {
            if (each.verdict == Verdict::fail) return TrialOutcome::fail;
            // A short run can't have the sample that the standard's shares need.
            if (each.verdict == Verdict::undecidable) is_undecidable |= !config_.scenario.is_short;
        }
        return is_undecidable ? TrialOutcome::undecidable : TrialOutcome::pass;
    }

    static std::string missed(const std::vector<ProcedureJudgement>& judged) {
        std::string text;
        for (const ProcedureJudgement& each : judged)
            if (each.verdict == Verdict::fail)
                text += fmt::format("; {}: {} {:.4g} %, limit {:.4g} %", each.id, each.rule,
                                    each.value.value_or(0), each.limit);
            else if (each.verdict == Verdict::undecidable)
                text += fmt::format("; {}: {}", each.id, each.why);
        return text;
    }

    static ordered_json criteria_json(const std::vector<ProcedureJudgement>& judged) {
        ordered_json all = ordered_json::array();
        for (const ProcedureJudgement& each : judged) {
            ordered_json json = ordered_json::object();
            json["id"] = std::string(1, each.id);
            json["rule"] = each.rule;
            json["value_percent"] = each.value ? ordered_json(*each.value) : ordered_json();
            json["limit_percent"] = each.limit;
            json["verdict"] = name(each.verdict);
            if (!each.why.empty()) json["why"] = each.why;
            all.push_back(std::move(json));
        }
        return all;
    }

    /// The figures that the standard reports for this test, and the rates beside them.
    ordered_json kpi(const ordered_json& result, double from, double to) const {
        ordered_json json = ordered_json::object();
        // Beside held connections, the rate is that of the others.
        const bool is_beside = scenario_.traffic == Scenario::Traffic::beside_held;
        const ordered_json& rates = is_beside ? result["classes"]["cps"]["rates"] : result["rates"];
        json["cps"] = rates["cps"];
        json["established_per_s"] = rates["established_per_s"];
        json["transactions_per_s"] = result["rates"]["requests_per_s"];
        json["throughput_gbps"] = result["rates"].value("rx_bps", 0.0) / 1e9;
        if (scenario_.unit == Scenario::Unit::connections || is_beside)
            json["concurrent_mean"] = mean_open(result, from, to);
        for (const auto& [key, of] : {std::pair{"ttfb_us", "first_byte"}, {"ttlb_us", "last_byte"}})
            if (result.contains("latency_us") && result["latency_us"].contains(of)) {
                ordered_json latency = ordered_json::object();
                for (const char* figure : {"mean", "p50", "p99", "max"})
                    latency[figure] = result["latency_us"][of][figure];
                json[key] = std::move(latency);
            }
        return json;
    }

    std::string object_text() const { return object_ == 0 ? "" : exact_bytes_text(object_); }

    ordered_json row(std::optional<uint64_t> found) {
        ordered_json json = ordered_json::object();
        json["object_bytes"] = object_;
        json["found"] = found ? ordered_json(*found) : ordered_json();
        if (!limited_by_.empty()) json["limited_by"] = limited_by_;
        json["kpi"] = found ? kpis_[*found] : ordered_json();
        json["trials"] = std::move(trials_);
        return json;
    }

    const Config& config_;
    const Scenario& scenario_;
    const uint64_t object_;
    const RunLoad& run_;
    const std::function<bool()>& can_go_on_;
    std::vector<ordered_json> trials_;
    std::map<uint64_t, ordered_json> kpis_;  ///< of the trials that passed, by value
    std::string limited_by_;
};

ordered_json phases_json(const PhasesConfig& phases) {
    ordered_json all = ordered_json::array();
    Duration at{};
    for (const auto& [name, time] : {std::pair{"init", phases.init},
                                     {"ramp-up", phases.ramp_up},
                                     {"sustain", phases.sustain},
                                     {"ramp-down", phases.ramp_down}}) {
        ordered_json phase = ordered_json::object();
        phase["name"] = name;
        phase["from_s"] = seconds(at);
        at += time;
        phase["to_s"] = seconds(at);
        all.push_back(std::move(phase));
    }
    return all;
}

}  // namespace

ordered_json run_procedure(const Config& config, const RunLoad& run, const std::function<bool()>& can_go_on) {
    const Scenario& scenario = *find_scenario(config.scenario.name);
    ordered_json json = ordered_json::object();
    json["name"] = scenario.name;
    json["section"] = scenario.section;
    json["title"] = scenario.title;
    json["unit"] = text_of(scenario.unit);
    json["target"] = config.scenario.target;
    json["phases"] = phases_json(config.load.phases);
    ordered_json rows = ordered_json::array();
    bool have_passed = true;
    for (const uint64_t object : objects_of(scenario, config.scenario)) {
        rows.push_back(Row(config, scenario, object, run, can_go_on).steps());
        have_passed &= !rows.back()["found"].is_null();
    }
    json["rows"] = std::move(rows);
    json["passed"] = have_passed;
    json["departures"] = departures(scenario, config);
    return json;
}

std::string procedure_text(const ordered_json& procedure) {
    std::string text = fmt::format(
        "scenario     {}: {}, {}\n             target {} {}\n", procedure["name"].get<std::string>(),
        procedure["section"].get<std::string>(), procedure["title"].get<std::string>(),
        count_text(procedure["target"].get<double>()), procedure["unit"].get<std::string>());
    for (const ordered_json& row : procedure["rows"]) {
        const auto object = row["object_bytes"].get<uint64_t>();
        text += fmt::format("  {:<11}", object == 0 ? "" : exact_bytes_text(object));
        if (row["found"].is_null()) {
            text += row["trials"].size() == 1 ? "not qualified\n" : "no value met the criteria\n";
            continue;
        }
        const ordered_json& kpi = row["kpi"];
        text += fmt::format("{} {}", count_text(row["found"].get<double>()),
                            procedure["unit"].get<std::string>());
        text += fmt::format(
            "; {} connections/s, {} transactions/s, {:.2f} Gbit/s", count_text(kpi["cps"].get<double>()),
            count_text(kpi["transactions_per_s"].get<double>()), kpi["throughput_gbps"].get<double>());
        if (kpi.contains("concurrent_mean"))
            text += fmt::format(", {} open", count_text(kpi["concurrent_mean"].get<double>()));
        if (kpi.contains("ttfb_us"))
            text += fmt::format(", first byte {:.0f} us, last byte {:.0f} us",
                                kpi["ttfb_us"]["mean"].get<double>(), kpi["ttlb_us"]["mean"].get<double>());
        text += "\n";
    }
    for (const ordered_json& each : procedure["departures"])
        text += "departure    " + each.get<std::string>() + "\n";
    return text;
}

}  // namespace synfin::app
