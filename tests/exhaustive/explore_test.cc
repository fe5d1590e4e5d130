/// @file
/// The explorations that the tests run. Each ends when its state space is exhausted or at its depth limit.
/// With SYNFIN_EXHAUSTIVE_SECONDS=N the budgets are larger, and the explorations share N seconds.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "explorer.hh"

namespace synfin::exhaustive {

/// For googletest, which would otherwise print the bytes.
void PrintTo(const Scenario& scenario, std::ostream* out) {
    *out << scenario.name;
}

namespace {

constexpr uint8_t kCloses = kShutdown | kClose;

constexpr Scenario kScenarios[] = {
    // A connects, B listens.
    {.name = "open_close",
     .side = {{.connects = 1, .calls = kCloses}, {.listens = true, .calls = kCloses}},
     .budget = {.drops = 2, .duplicates = 1, .time_outs = 2}},
    {.name = "open_give_up",
     .side = {{.connects = 1, .calls = kClose}, {.listens = true, .calls = kClose}},
     .budget = {.drops = 0, .duplicates = 0, .time_outs = 6},
     .in_flight = 2},
    {.name = "open_request",
     .side = {{.connects = 1, .sends = 1, .calls = kShutdown}, {.listens = true, .calls = kClose}},
     .budget = {.drops = 1, .duplicates = 1, .time_outs = 1}},
    {.name = "open_exchange",
     .side = {{.connects = 1, .sends = 1, .calls = kShutdown},
              {.listens = true, .sends = 1, .calls = kShutdown}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "open_exchange_close",
     .side = {{.connects = 1, .sends = 1, .calls = kClose}, {.listens = true, .sends = 1, .calls = kClose}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "open_timestamps",
     .side = {{.connects = 1, .sends = 1, .calls = kShutdown}, {.listens = true, .calls = kClose}},
     .timestamps = true,
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "open_timestamps_ipv6",
     .side = {{.connects = 1, .sends = 1, .calls = kShutdown}, {.listens = true, .calls = kClose}},
     .timestamps = true,
     .ipv6 = true,
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "open_abort",
     .side = {{.connects = 1, .sends = 1, .calls = kAbort}, {.listens = true, .calls = kClose | kAbort}},
     .budget = {.drops = 2, .duplicates = 1, .time_outs = 2}},
    // Three segments leave at once: holes, SACK, recovery records, tail loss probes, timeouts.
    {.name = "open_holes",
     .side = {{.connects = 1, .sends = 1, .calls = kShutdown}, {.listens = true, .calls = 0}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1},
     .burst = 3},
    {.name = "open_holes_timestamps",
     .side = {{.connects = 1, .sends = 1, .calls = 0}, {.listens = true, .calls = 0}},
     .timestamps = true,
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 2},
     .burst = 2},
    // Each side sends two segments at once.
    {.name = "open_holes_exchange",
     .side = {{.connects = 1, .sends = 1, .calls = 0}, {.listens = true, .sends = 1, .calls = 0}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1},
     .burst = 2},
    // Both connect: simultaneous open if the SYNs cross.
    {.name = "cross_close",
     .side = {{.connects = 1, .calls = kCloses}, {.connects = 1, .calls = kCloses}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "cross_request",
     .side = {{.connects = 1, .sends = 1, .calls = kShutdown}, {.connects = 1, .calls = kClose}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "cross_abort",
     .side = {{.connects = 1, .calls = kAbort}, {.connects = 1, .calls = kClose | kAbort}},
     .budget = {.drops = 1, .duplicates = 1, .time_outs = 2}},
    // The tuple is reused: TIME-WAIT, old duplicates.
    {.name = "again",
     .side = {{.connects = 2, .calls = kClose}, {.listens = true, .calls = kClose}},
     .budget = {.drops = 1, .duplicates = 1, .time_outs = 1}},
    {.name = "again_timestamps",
     .side = {{.connects = 2, .calls = kClose}, {.listens = true, .calls = kClose}},
     .timestamps = true,
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
    {.name = "again_abort",
     .side = {{.connects = 2, .calls = kAbort}, {.listens = true, .calls = kAbort}},
     .budget = {.drops = 1, .duplicates = 1, .time_outs = 1}},
    // Both listen, and both may connect: LISTEN meets the crossing SYN.
    {.name = "both_listen",
     .side = {{.listens = true, .connects = 1, .calls = kClose},
              {.listens = true, .connects = 1, .calls = kClose}},
     .budget = {.drops = 1, .duplicates = 0, .time_outs = 1}},
};

Explorer* running = nullptr;

/// The core's CHECKs end the process; the path to the failure helps more than its source line.
void on_abort(int) {
    if (running != nullptr) std::fprintf(stderr, "%s", running->current_trace().c_str());
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

/// The sum of all scenarios.
class Together : public testing::Environment {
  public:
    void add(const char* name, const Report& report) {
        edges_.add(report.witness.edges);
        states_[name] = report.states;
    }
    void TearDown() override {
        if (states_.size() != std::size(kScenarios)) return;
        EXPECT_EQ(states_["open_timestamps"], states_["open_timestamps_ipv6"])
            << "the core does the same in both families";
        std::printf("all scenarios:\n%s", edges_.text().c_str());
        EXPECT_EQ(edges_.missing(), "");
    }

  private:
    EdgeTable edges_;
    std::map<std::string, uint64_t> states_;
};
Together* const together =
    static_cast<Together*>(testing::AddGlobalTestEnvironment(new Together));  // googletest's own

class Exhaustive : public testing::TestWithParam<Scenario> {};

TEST_P(Exhaustive, EveryChoiceEndsWell) {
    Scenario scenario = GetParam();
    Limits limits;
    if (const char* seconds = std::getenv("SYNFIN_EXHAUSTIVE_SECONDS")) {
        limits.seconds = std::atof(seconds) / static_cast<double>(std::size(kScenarios));
        scenario.budget.drops += 1;
        scenario.budget.duplicates += 1;
        scenario.budget.time_outs += 3;
        scenario.depth = 200;
    }
    if (const char* budget = std::getenv("SYNFIN_EXHAUSTIVE_BUDGET")) {
        unsigned drops = 0, duplicates = 0, time_outs = 0, in_flight = scenario.in_flight;
        ASSERT_GE(std::sscanf(budget, "%u,%u,%u,%u", &drops, &duplicates, &time_outs, &in_flight), 3);
        scenario.budget = {static_cast<uint8_t>(drops), static_cast<uint8_t>(duplicates),
                           static_cast<uint8_t>(time_outs)};
        scenario.in_flight = static_cast<uint8_t>(in_flight);
        scenario.depth = 200;
    }
    Explorer explorer(scenario);
    running = &explorer;
    std::signal(SIGABRT, on_abort);
    const Report report = explorer.run(limits);
    running = nullptr;
    std::printf("%s: %u drops, %u duplicates, %u time-outs\n%s", scenario.name, scenario.budget.drops,
                scenario.budget.duplicates, scenario.budget.time_outs, report.text().c_str());
    together->add(scenario.name, report);
    EXPECT_TRUE(report.fault.empty()) << report.fault << "\n" << report.trace;
}

INSTANTIATE_TEST_SUITE_P(Scenario, Exhaustive, testing::ValuesIn(kScenarios),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace synfin::exhaustive
