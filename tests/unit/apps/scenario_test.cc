// The scenarios: the load of each step, the criteria of RFC 9411, and the order of the steps.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/user_error.hh"
#include "config/yaml_config.hh"
#include "scenarios/procedure.hh"
#include "scenarios/procedure_criteria.hh"
#include "scenarios/scenario.hh"

using namespace synfin;
using namespace synfin::app;
using nlohmann::ordered_json;

namespace {

Config with(const std::string& scenario) {
    Config config;
    read_yaml(config,
              "device: tap:x\nscenario:\n  clients: 198.18.0.1-198.18.0.100/15\n  servers: "
              "198.19.0.1-198.19.0.4/15\n" +
                  scenario,
              "f.yaml");
    return config;
}

std::string refusal(const std::string& scenario) {
    try {
        validate_scenario(with(scenario));
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

/// A result as load writes it, of a target that carries `capacity` connections per second.
ordered_json result_of(double rate, double capacity, double seconds) {
    const double done = std::min(rate, capacity), opened = rate * seconds;
    ordered_json json = {
        {"valid", true},
        {"connections", {{"opened", opened}, {"failed", (rate - done) * seconds}}},
        {"requests", {{"sent", opened}}},
        {"rates",
         {{"cps", done}, {"established_per_s", done}, {"requests_per_s", done}, {"rx_bps", 8e3 * done}}}};
    json["phases"] = {{{"name", "ramp-up"}, {"from_s", 0}, {"to_s", 30}},
                      {{"name", "sustain"}, {"from_s", 30}, {"to_s", 38}}};
    for (int t = 1; t <= 40; ++t)
        json["series"].push_back({{"t", t},
                                  {"requests", t > 30 && t <= 38 ? done : 0},
                                  {"open", t > 30 && t <= 38 ? done / 10 : 0}});
    return json;
}

TEST(Scenario, AllHaveATargetARuleAndDepartures) {
    for (const Scenario& each : scenarios()) {
        EXPECT_EQ(find_scenario(each.name), &each);
        EXPECT_FALSE(each.criteria.empty());
        const Config config = with(fmt::format("  name: {}\n  target: 1k\n  short: true\n", each.name));
        EXPECT_NO_THROW(validate_scenario(config));
        EXPECT_FALSE(departures(each, config).empty());
        const Config base = scenario_base(config);
        EXPECT_EQ(base.load.targets.size(), 4u);
        EXPECT_EQ(base.addresses.size(), 1u);
        const Config load = scenario_load(base, each, objects_of(each, config.scenario).front(), 1'000);
        EXPECT_NO_THROW(validate_load(load)) << each.name;
    }
    EXPECT_EQ(find_scenario("rfc9411/http-cp"), nullptr);
}

TEST(Scenario, TheLoadsAreWhatTheStandardSays) {
    const Config base = scenario_base(with("  name: rfc9411/http-cps\n  target: 1k\n"));
    const Config cps = scenario_load(base, *find_scenario("rfc9411/http-cps"), 16'000, 400);
    EXPECT_EQ(cps.load.rate, 400u);
    EXPECT_EQ(cps.load.targets.at(0).path, "/object/16000");
    EXPECT_EQ(cps.load.requests_per_connection, (CountRange{1, 1}));
    EXPECT_EQ(cps.load.phases.sustain, 300s);
    EXPECT_EQ(cps.load.phases.ramp_down, cps.load.phases.ramp_up);
    const Config bits = scenario_load(base, *find_scenario("rfc9411/http-throughput"), 64'000, 1'000'000'000);
    EXPECT_EQ(bits.load.requests_per_connection, (CountRange{10, 10}));
    EXPECT_NEAR(static_cast<double>(bits.load.rate) * 10 * 64'000 * 8, 1e9, 1e7);
    const Config open = scenario_load(base, *find_scenario("rfc9411/http-concurrency"), 1'000, 5'000);
    EXPECT_EQ(open.load.rate, 0u);
    EXPECT_EQ(open.load.connections, 5'000u);
    EXPECT_EQ(open.load.think->a, 33e9) << "a tenth of ramp-up and sustain, in ns";
    const Config hero = scenario_load(base, *find_scenario("dash/hero"), 0, 1'000);
    ASSERT_EQ(hero.load.classes.size(), 2u);
    EXPECT_EQ(hero.load.classes[0].rate, 1'000u);
    EXPECT_EQ(hero.load.classes[1].connections, 4'000u);
    EXPECT_EQ(hero.load.classes[1].requests_per_connection, (CountRange{0, 0})) << "they stay open";
    EXPECT_EQ(hero.load.classes[1].heartbeat, 1s);
}

TEST(Scenario, ServeHasARouteForEachObject) {
    const Config serve =
        scenario_serve(with("  name: rfc9411/http-cps\n  target: 1\n  objects: [1kB, 2kB]\n"));
    ASSERT_EQ(serve.serve.routes.size(), 2u);
    EXPECT_EQ(serve.serve.routes[1].text(), "/object/2000=200,2000B");
    EXPECT_EQ(serve.addresses.at(0).text(), "198.19.0.1-198.19.0.4/15");
    Config none;
    EXPECT_TRUE(scenario_serve(none).serve.routes.empty());
}

TEST(Scenario, ErrorsNameTheRemedy) {
    EXPECT_EQ(refusal("  name: rfc9411/http-cpss\n  target: 1\n"),
              "--scenario rfc9411/http-cpss: there is no such scenario; did you mean 'rfc9411/http-cps'?");
    EXPECT_EQ(refusal("  name: rfc9411/http-cps\n"), "--scenario rfc9411/http-cps: no target value");
    EXPECT_EQ(refusal("  name: rfc9411/http-cps\n  target: 5\n  initial: 6\n"),
              "scenario.initial is greater than scenario.target");
    EXPECT_EQ(refusal("  name: dash/hero\n  target: 5\n  objects: [1kB]\n"),
              "scenario.objects: dash/hero transfers no objects");
    EXPECT_EQ(refusal("  name: dash/hero\n  target: 5\nload: {repeat: 2}\n"),
              "--scenario, and --search or --repeat");
}

TEST(ProcedureCriteria, AShareNeedsAHundredThousand) {
    const auto judged = [](double opened, double failed) {
        const ordered_json result = {{"connections", {{"opened", opened}, {"failed", failed}}},
                                     {"requests", {{"sent", opened}}}};
        return judge_procedure(result, "a", 0, 0, 0).at(0).verdict;
    };
    EXPECT_EQ(judged(100'000, 0), Verdict::pass);
    EXPECT_EQ(judged(99'999, 0), Verdict::undecidable);
    EXPECT_EQ(judged(100'000, 1), Verdict::fail) << "not below 0.001 %";
    EXPECT_EQ(judged(100'001, 1), Verdict::pass);
    EXPECT_EQ(judged(10, 1), Verdict::fail) << "few samples show a failure, too";
    EXPECT_EQ(judged(0, 0), Verdict::undecidable);
}

TEST(ProcedureCriteria, RateAndConcurrencyAreJudgedInSustainOnly) {
    ordered_json result;
    for (const auto& [t, requests, open] :
         {std::tuple{1, 0, 0}, {2, 100, 50}, {3, 100, 50}, {4, 104, 54}, {5, 7, 7}})
        result["series"].push_back({{"t", t}, {"requests", requests}, {"open", open}});
    EXPECT_EQ(judge_procedure(result, "c", 0, 1, 4).at(0).verdict, Verdict::pass);
    EXPECT_EQ(judge_procedure(result, "d", 0, 1, 4).at(0).verdict, Verdict::pass);
    EXPECT_EQ(judge_procedure(result, "c", 0, 1, 5).at(0).verdict, Verdict::fail);
    EXPECT_EQ(judge_procedure(result, "c", 0, 9, 11).at(0).verdict, Verdict::undecidable);
    result["rates"]["established_per_s"] = 99;
    EXPECT_EQ(judge_procedure(result, "e", 100, 0, 0).at(0).verdict, Verdict::pass);
    EXPECT_EQ(judge_procedure(result, "e", 101, 0, 0).at(0).verdict, Verdict::fail);
}

/// Runs the procedure against a target with this capacity; returns it and the values tried.
std::pair<ordered_json, std::vector<uint64_t>> procedure(const std::string& scenario, double capacity) {
    std::vector<uint64_t> values;
    const Config config = scenario_base(with(scenario));
    const ordered_json json = run_procedure(
        config,
        [&](const Config& load) {
            values.push_back(load.load.rate);
            return result_of(static_cast<double>(load.load.rate), capacity,
                             std::chrono::duration<double>(load.load.phases.sustain).count());
        },
        [] { return true; });
    return {json, values};
}

TEST(Procedure, QualifiesThenRunsAtTheTarget) {
    const auto [json, values] =
        procedure("  name: rfc9411/http-cps\n  target: 10k\n  objects: [1kB]\n", 20'000);
    EXPECT_EQ(values, (std::vector<uint64_t>{1'000, 10'000}));
    EXPECT_TRUE(json["passed"]);
    EXPECT_EQ(json["rows"][0]["found"], 10'000);
    EXPECT_EQ(json["rows"][0]["kpi"]["cps"], 10'000.0);
    EXPECT_EQ(json["rows"][0]["trials"][1]["step"], "target");
    EXPECT_NE(procedure_text(json).find("10.00k connections/s"), std::string::npos) << procedure_text(json);
}

TEST(Procedure, SearchesWhenTheTargetIsMissed) {
    const auto [json, values] =
        procedure("  name: rfc9411/http-cps\n  target: 10k\n  objects: [1kB]\n", 7'000);
    ASSERT_FALSE(json["rows"][0]["found"].is_null());
    const double found = json["rows"][0]["found"];
    EXPECT_LE(found, 7'000);
    EXPECT_GE(found, 0.98 * 7'000);
    EXPECT_EQ(json["rows"][0]["trials"].back()["step"], "confirm");
    EXPECT_LE(values.size(), 30u);
}

TEST(Procedure, StopsWhereItDoesNotQualify) {
    const auto [json, values] = procedure("  name: rfc9411/http-cps\n  target: 10k\n  objects: [1kB]\n", 500);
    EXPECT_EQ(values, (std::vector<uint64_t>{1'000}));
    EXPECT_FALSE(json["passed"]);
    EXPECT_TRUE(json["rows"][0]["found"].is_null());
}

TEST(Procedure, AShortRunCountsASmallSampleWithoutFailuresAsMet) {
    const std::string few = "  name: rfc9411/http-cps\n  target: 100\n  objects: [1kB]\n";
    EXPECT_FALSE(procedure(few, 200).first["passed"]) << "30,000 connections decide nothing";
    EXPECT_TRUE(procedure(few + "  short: true\n", 200).first["passed"]);
}

TEST(Procedure, LatencyRunsAtHalfAndIsNotSearched) {
    const auto [json, values] =
        procedure("  name: rfc9411/http-latency\n  target: 10k\n  objects: [1kB]\n", 4'000);
    EXPECT_EQ(values, (std::vector<uint64_t>{500, 5'000}));
    EXPECT_FALSE(json["passed"]);
}

}  // namespace
