/// @file
/// A whole search in virtual time: the generator against a server of a known capacity, judged as a run on a
/// device.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "results/verdict.hh"
#include "servers/reply_server.hh"
#include "servers/server_run.hh"
#include "traffic/client_run.hh"
#include "trials/scaled_load.hh"
#include "trials/search.hh"
#include "trials/trial_verdict.hh"
#include "two_ends.hh"

namespace synfin::app {
namespace {

constexpr double kCapacity = 2'000;  // connections per second
constexpr uint32_t kBytes = 64;

/// Answers this many connections per second, those that came first; the others wait.
class SlowServer {
  public:
    void turn(Instant now) noexcept {
        now_ = now;
        while (!waiting_.empty() && now >= next_) {
            const bool is_open = waiting_.front().send_static(response_).value_or(0) != 0;
            waiting_.pop_front();
            // A server that was idle makes up for 5 ms at most.
            if (is_open) next_ = std::max(next_, now - 5ms) + Duration(static_cast<int64_t>(1e9 / kCapacity));
        }
    }
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection c, RxView& view) {
        const uint64_t have = c.user_tag() + view.size();
        c.set_user_tag(have);
        if (have == kBytes) waiting_.push_back(c);
    }
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection c) noexcept { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo& why) noexcept { tally_.ended(why); }
    const ServerTally& tally() const noexcept { return tally_; }

  private:
    Instant now_{}, next_{};
    std::deque<Connection> waiting_;
    std::vector<uint8_t> response_ = std::vector<uint8_t>(kBytes, 'r');
    ServerTally tally_;
};
static_assert(Server<SlowServer>);

/// The trials run one after the other on the same two engines.
class Bed {
  public:
    Bed() {
        ends_.step_time = 20us;
        EXPECT_TRUE(server_.listen(ends_.server()));
    }

    TrialVerdict run(const SearchStep& step, const TrialTask& task) {
        GeneratorPlan plan;
        plan.calls.push_back({Endpoint{fakes::TwoEnds::kServer, 7}, pattern_request(kBytes), {}});
        plan.sources = {fakes::TwoEnds::kClient};
        plan.connections = 10'000;
        plan.response_size = kBytes;
        plan.open_loop = true;
        plan.rate = static_cast<double>(step.value);
        const std::atomic<bool> stop = false;
        ClientRun run(std::move(plan), step.duration, stop);
        run.start(ends_.now(), ends_.client().counters());
        EXPECT_TRUE(ends_.run(
            60s, [&](Stack& stack, Instant now) { run.turn(stack, now); },
            [this](Stack& stack, Instant now) { server_.turn(stack, now); }, [&] { return run.over(); }));
        RunResult result;
        result.open_loop = true;
        result.duration_s = std::chrono::duration<double>(run.duration()).count();
        result.measured = run.measured();
        result.tally = run.tally();
        result.times = &run.generator().times();
        result.asked = result.tally.offered;
        // Each trial counts its own packets, though the engine has sent those of all.
        EXPECT_GE(run.counters()[Counter::tx_packets], 3 * result.tally.opened);
        EXPECT_LE(run.counters()[Counter::tx_packets], 8 * result.tally.opened + 10);
        reach_verdict(result, *parse_criteria("failed<1%").value, {});
        return judge_trial(result, task);
    }

  private:
    fakes::TwoEnds ends_;
    ServerRun<SlowServer> server_{PortRange{7, 7}};
};

TEST(SearchRun, FindsTheRateOfASlowServerWithinTwoPercent) {
    Bed bed;
    Search search({.first = 500, .trial = 400ms, .full = 3s});
    TrialTask task;
    unsigned trials = 0;
    std::string course;
    while (const auto step = search.next()) {
        task.value = step->value;
        const TrialVerdict verdict = bed.run(*step, task);
        course += std::to_string(step->value) + ": " + std::string(name(verdict.outcome)) + " " +
                  verdict.why + "\n";
        search.record(verdict.outcome);
        ASSERT_LE(++trials, 30u);
    }
    ASSERT_TRUE(search.found()) << course;
    EXPECT_NEAR(static_cast<double>(*search.found()), kCapacity, 0.02 * kCapacity) << course;
    EXPECT_EQ(search.limited_by(), SearchLimit::target);
}

}  // namespace
}  // namespace synfin::app
