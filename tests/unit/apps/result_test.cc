#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "results/bench_result.hh"
#include "results/build_facts.hh"
#include "results/result_json.hh"
#include "results/result_text.hh"

namespace synfin::app {
namespace {

RunResult some_result() {
    RunResult result;
    result.command = Command::load;
    result.config.load.targets = {*Target::parse("tcp://10.0.0.2:7").value};
    result.config.load.connections = 4;
    result.duration_s = 2;
    LoadTally& t = result.tally;
    t.offered = 110;
    t.opened = 100;
    t.skipped_by[static_cast<size_t>(Skip::no_port)] = 10;
    t.established = 90;
    t.failed_before = 6;
    t.pending = 4;
    t.completed = 80;
    t.failed_after = 7;
    t.unfinished = 3;
    t.responses = 80;
    t.failed_by[static_cast<size_t>(CloseReason::refused)] = 6;
    t.failed_by[static_cast<size_t>(Failure::bad_response)] = 7;
    result.measured = t;
    Side client;
    client.final.add(Counter::rx_packets, 300);
    client.final.add(Counter::tx_packets, 420);
    client.final.drop(DropReason::tx_full, 1);
    client.measured = client.final;
    client.cycles = {8'000, 10'000};
    result.client = client;
    result.cores.push_back({3, "client", 0.8});
    return result;
}

TEST(Result, TimeWaitThatYieldedIsADeviation) {
    RunResult result = some_result();
    EXPECT_TRUE(to_json(result)["deviations"].empty());
    result.command = Command::serve;
    result.server = result.client;
    result.client.reset();
    result.server->final.add(Counter::time_wait_yielded, 12);
    const auto deviations = to_json(result)["deviations"];
    ASSERT_EQ(deviations.size(), 1u);
    EXPECT_EQ(deviations[0], "TIME-WAIT shorter than 2MSL for 12 connections: raise --max-time-wait");
}

TEST(Result, HasEveryKeyThatScriptsRelyOn) {
    const auto json = to_json(some_result());
    for (const char* key : {"schema",
                            "command",
                            "config",
                            "host",
                            "build",
                            "duration_s",
                            "connections",
                            "rates",
                            "packets_per_connection",
                            "latency_us",
                            "tcp",
                            "drops",
                            "memory",
                            "cycles_per_connection",
                            "cores",
                            "deviations",
                            "valid",
                            "invalid_because",
                            "passed",
                            "criteria",
                            "interrupted",
                            "warnings"})
        EXPECT_TRUE(json.contains(key)) << key;
    EXPECT_EQ(json["schema"], "synfin.result/1");
    for (const char* key :
         {"offered", "opened", "established", "completed", "failed", "failed_by", "skipped"})
        EXPECT_TRUE(json["connections"].contains(key)) << key;
    for (const char* key :
         {"cps", "established_per_s", "requests_per_s", "rx_pps", "tx_pps", "rx_bps", "tx_bps"})
        EXPECT_TRUE(json["rates"].contains(key)) << key;
    for (const char* phase : {"connect", "first_byte", "life"})
        for (const char* key : {"p50", "p90", "p99", "p999", "max", "mean", "count"})
            EXPECT_TRUE(json["latency_us"][phase].contains(key)) << phase << key;
    for (const char* key : {"retransmitted", "rto_expirations", "out_of_order", "challenge_acks"})
        EXPECT_TRUE(json["tcp"].contains(key)) << key;
    for (const char* key : {"client", "server", "both"})
        EXPECT_TRUE(json["cycles_per_connection"].contains(key)) << key;
    EXPECT_FALSE(json.contains("floor")) << "the bench's only";
}

TEST(Result, TheFloorHasTheFamilyOfTheBench) {
    RunResult result = some_result();
    result.server = result.client;
    EXPECT_EQ(floor_plan(result).value().family, IpAddress::Family::v4);
    result.config.bench.family = IpAddress::Family::v6;
    EXPECT_EQ(floor_plan(result).value().family, IpAddress::Family::v6);
}

TEST(Result, SaysWhichBuildItIsFrom) {
    const auto json = to_json(some_result());
    EXPECT_EQ(json["build"]["version"], build_facts().version);
    EXPECT_EQ(json["build"]["profile_guided"], build_facts().profile_guided);
    EXPECT_EQ(json["build"]["march"], build_facts().march);
    EXPECT_NE(build_facts().march, "native") << "names no instruction set";
    auto result = json;
    result["build"] = {{"version", "1.2.3"}, {"profile_guided", true}, {"march", "znver3"}};
    EXPECT_NE(to_text(result).find("\nbuild        synfin 1.2.3, znver3, profile-guided\n"),
              std::string::npos);
    result["build"]["profile_guided"] = false;
    EXPECT_NE(to_text(result).find("\nbuild        synfin 1.2.3, znver3, not profile-guided\n"),
              std::string::npos);
}

TEST(Result, CountersBalance) {
    const auto c = to_json(some_result())["connections"];
    const auto n = [&](const char* key) { return c[key].get<uint64_t>(); };
    EXPECT_EQ(n("offered"), n("opened") + n("skipped"));
    EXPECT_EQ(n("opened"), n("established") + n("failed_before") + n("pending"));
    EXPECT_EQ(n("established"), n("completed") + (n("failed") - n("failed_before")) + n("unfinished"));
    uint64_t by_cause = 0;
    for (const auto& [cause, number] : c["failed_by"].items()) by_cause += number.get<uint64_t>();
    EXPECT_EQ(n("failed"), by_cause);
    EXPECT_EQ(c["failed_by"]["refused"], 6);
    EXPECT_EQ(c["failed_by"]["bad_response"], 7);
    EXPECT_EQ(c["skipped_by"]["no_port"], 10);
}

TEST(Result, Figures) {
    const auto json = to_json(some_result());
    EXPECT_EQ(json["rates"]["cps"], 40);
    EXPECT_EQ(json["packets_per_connection"]["client"], 9);
    EXPECT_TRUE(json["packets_per_connection"]["server"].is_null());
    EXPECT_EQ(json["cycles_per_connection"]["client"], 100);
    EXPECT_EQ(json["cycles_per_connection"]["both"], 100);
    EXPECT_EQ(json["drops"]["tx_full"], 1);
    EXPECT_EQ(json["drops"].size(), 1u);
}

TEST(Result, TheTextShowsTheSameNumbers) {
    const auto json = to_json(some_result());
    const std::string text = to_text(json);
    for (const char* part :
         {"tcp://10.0.0.2:7", "offered 110", "completed 80", "refused 6", "no_port 10", "pending 4",
          "tx_full 1", "core 3 client 80 % busy, 0.0 % lost", "valid        yes"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Result, RefusedSynsAreTheClients) {
    RunResult result = some_result();
    EXPECT_EQ(to_json(result)["connections"]["stale_syn"], 0);
    result.client->final.add(Counter::stale_syn, 11);
    EXPECT_EQ(to_json(result)["connections"]["stale_syn"], 11);
}

TEST(Result, TheVerdictIsInTheFirstLines) {
    RunResult result = some_result();
    result.invalid_because = {"the first reason", "the second reason"};
    result.criteria.push_back({.name = "failed",
                               .limit = "<1%",
                               .value = 13.0,
                               .unit = "%",
                               .samples = 100,
                               .verdict = Verdict::fail,
                               .why = ""});
    result.criteria.push_back({.name = "connect.p999",
                               .limit = "<5ms",
                               .value = 2'500.0,
                               .unit = "us",
                               .samples = 90,
                               .verdict = Verdict::undecidable,
                               .why = "needs 1000 samples, there were 90"});
    result.warnings = {"a warning"};
    const auto json = to_json(result);
    EXPECT_EQ(json["valid"], false);
    EXPECT_EQ(json["passed"], false);
    EXPECT_EQ(json["interrupted"], false);
    EXPECT_EQ(json["criteria"][0]["value"], 13);
    EXPECT_EQ(json["criteria"][0]["verdict"], "fail");
    EXPECT_EQ(json["criteria"][1]["verdict"], "undecidable");
    const std::string text = to_text(json);
    const std::string expected =
        "valid        NO   the first reason\n"
        "                  the second reason\n"
        "passed       NO   failed<1% (13 %): fail\n"
        "                  connect.p999<5ms (2.5 ms): undecidable, needs 1000 samples,\n"
        "                  there were 90\n"
        "warning           a warning\n"
        "synfin load  tcp://10.0.0.2:7, closed loop of 4 connections, 2.00 s\n";
    EXPECT_EQ(text.substr(0, expected.size()), expected);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40) << "one screen";
}

TEST(Result, TheTextFitsOnATerminal) {
    RunResult result = some_result();
    result.config.load.phases = {.ramp_up = 2s, .sustain = 2s};
    for (const char* name : {"web", "held"}) {
        result.config.load.classes.emplace_back(result.config.load).name = name;
        result.classes.emplace_back().name = name;
        result.classes.back().tally = result.classes.back().measured = result.tally;
        result.classes.back().times.connect.record(3ms);
    }
    result.parts = {{.part = RunPart::lead, .begin = 0s, .end = 2s, .counts = result.tally},
                    {.part = RunPart::sustain, .begin = 2s, .end = 4s, .counts = result.tally}};
    LoadTimes times;
    times.connect.record(3s);
    times.life.record(100us);
    result.times = &times;
    result.invalid_because = {
        "core 0 was shared: its loop was away for 24.0 % of the run while work was due (limit 5%; gaps above "
        "1ms)"};
    const std::string text = to_text(to_json(result));
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        EXPECT_LE(end - at, 80u) << text.substr(at, end - at);
        at = end + 1;
    }
    EXPECT_NE(text.find("\nsynfin load  2 classes of traffic, 2.00 s\nrates "), std::string::npos)
        << "the figures follow the verdict\n"
        << text;
    EXPECT_NE(text.find("\n  web                    45"), std::string::npos) << text;
    EXPECT_NE(text.find("\n  ramp-up               0.0      2.0"), std::string::npos) << text;
    EXPECT_NE(text.find("\n  sustain               2.0      4.0"), std::string::npos) << text;
    EXPECT_NE(text.find(" 3000000 "), std::string::npos) << "no tenths of long times\n" << text;
}

TEST(Result, ASkipNamesTheOptionThatLiftsIt) {
    const std::string text = to_text(to_json(some_result()));
    EXPECT_NE(text.find("skipped by no_port 10 (widen --source-ports or give more --address)"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace synfin::app
