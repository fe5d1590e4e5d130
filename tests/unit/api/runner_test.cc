/// The runner's loop on hosts without a device: one thread with a clock that is told the time, or a thread
/// for each core.
#include "synfin/runner.hh"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "fakes/two_ends.hh"

namespace synfin {
namespace {

/// The engines of each core.
using Cores = std::vector<std::vector<unsigned>>;
const Cores kOneEngine(1, std::vector<unsigned>{0}), kBothOnOneCore(1, std::vector<unsigned>{0, 1}),
    kACoreEach{std::vector<unsigned>{0}, std::vector<unsigned>{1}};

/// A host whose engine i is end i of a wire, each on a core of its own or all on one.
class FakeHost {
  public:
    explicit FakeHost(Cores stacks_on) : stacks_on_(std::move(stacks_on)) {
        for (unsigned core = 0; core < stacks_on_.size(); ++core) cores_.push_back(core);
    }
    Stack& stack(unsigned index) { return index == 0 ? ends.client() : ends.server(); }
    std::span<const unsigned> cores() const { return cores_; }
    Instant now() { return clock ? clock() : Instant::from_ns(now_.fetch_add(1'000)); }
    IdlePolicy idle_policy() const { return IdlePolicy::yield; }
    Inspector& inspector() { return inspector_; }
    template <typename Body>
    Result<void> run(Body&& body) {
        std::vector<std::thread> threads;
        for (unsigned core = 1; core < cores_.size(); ++core)
            threads.emplace_back([&, core] { body(std::span<const unsigned>(stacks_on_[core]), core); });
        body(std::span<const unsigned>(stacks_on_[0]), 0u);
        for (std::thread& thread : threads) thread.join();
        return {};
    }

    fakes::TwoEnds ends;
    std::function<Instant()> clock;  ///< null: a microsecond with each look

  private:
    Cores stacks_on_;
    std::vector<unsigned> cores_;
    std::atomic<int64_t> now_{1'000'000'000};
    Inspector inspector_{2};
};

/// Work that does what the test says, and touches no engine.
struct Script {
    struct alignas(64) Engine {
        std::function<bool(Instant)> turn = [](Instant) { return false; };
        std::atomic<bool> is_over{false};
        std::atomic<uint64_t> turns{0};
        uint64_t shown = 0;
        BusyCycles cycles;
    };
    std::array<Engine, 2> engines;
    bool is_counted = true;

    bool turn(unsigned index, Stack&, Instant now) {
        ++engines[index].turns;
        return engines[index].turn(now);
    }
    bool is_over(unsigned index) const { return engines[index].is_over; }
    BusyCycles& cycles(unsigned index) { return engines[index].cycles; }
    bool is_measured(unsigned) const { return is_counted; }
    void show(unsigned index) { ++engines[index].shown; }
};

TEST(Runner, TurnsUntilAllEnginesOfACoreAreOver) {
    FakeHost host(kBothOnOneCore);
    Script script;
    script.engines[0].turn = [&](Instant) { return script.engines[0].is_over = true; };
    script.engines[1].turn = [&](Instant) {
        return script.engines[1].is_over = script.engines[1].turns == 5;
    };
    ASSERT_TRUE(Runner(host, script).run());
    EXPECT_EQ(script.engines[0].turns, 5u) << "the engine that was over first went on";
    const EngineSnapshot first = host.inspector().snapshot(0), second = host.inspector().snapshot(1);
    EXPECT_EQ(first.turns, 5u);
    EXPECT_EQ(first.busy_turns, 5u);
    EXPECT_EQ(second.turns, 5u);
    EXPECT_EQ(second.busy_turns, 1u);
    EXPECT_LT(second.cycles.busy, second.cycles.all);
    EXPECT_EQ(host.inspector().sum().turns, 10u);
}

TEST(Runner, CoresLeaveTogether) {
    FakeHost host(kACoreEach);
    Script script;
    script.engines[0].is_over = true;
    // The second core ends only after the first, which is over, has gone on for a while.
    script.engines[1].turn = [&](Instant) {
        script.engines[1].is_over = script.engines[0].turns > 50;
        return false;
    };
    ASSERT_TRUE(Runner(host, script).run());
    EXPECT_GT(script.engines[0].turns, 50u);
}

TEST(CommonEnd, ACoreThatThrowsKeepsNobodyWaiting) {
    struct Stop {};
    CommonEnd end(2);
    std::thread other([&] {
        CommonEnd::Core core(end);
        while (!core.is_reached(true)) std::this_thread::yield();
    });
    try {
        const CommonEnd::Core core(end);
        throw Stop();
    } catch (const Stop&) {
    }
    other.join();
}

TEST(Runner, PublishesAtIntervalsAndAtTheEnd) {
    FakeHost host(kOneEngine);
    Script script;
    Instant now = Instant::from_ns(1'000'000'000);
    host.clock = [&] { return now; };
    script.engines[0].turn = [&](Instant) {
        now = now + 1ms;
        script.engines[0].is_over = script.engines[0].turns == 25;
        return true;
    };
    ASSERT_TRUE(Runner(host, script, {.show_every = 10ms}).run());
    EXPECT_EQ(script.engines[0].shown, 4u) << "at 0, 10, 20 ms, and the end at 24 ms";
    EXPECT_EQ(host.inspector().snapshot(0).at, Instant::from_ns(1'024'000'000));
}

TEST(Runner, CountsTheTimeThatSomethingElseHadTheCoreWhileWorkWasDue) {
    for (const bool is_counted : {true, false}) {
        FakeHost host(kOneEngine);
        Script script;
        script.is_counted = is_counted;
        Instant now = Instant::from_ns(1'000'000'000);
        host.clock = [&] { return now; };
        script.engines[0].turn = [&](Instant) {
            const uint64_t turn = script.engines[0].turns;
            now = now + (turn == 3 ? Duration(7ms) : turn == 6 ? Duration(5ms) : Duration(10us));
            script.engines[0].is_over = turn == 9;
            return true;
        };
        ASSERT_TRUE(Runner(host, script, {.gap = 1ms}).run());
        EXPECT_EQ(host.inspector().snapshot(0).lost, is_counted ? 12ms + Duration::zero() : Duration::zero());
        EXPECT_EQ(host.inspector().snapshot(0).longest_gap,
                  is_counted ? 7ms + Duration::zero() : Duration::zero());
    }
}

TEST(Runner, WhatAnIdleLoopRestsIsNotLost) {
    FakeHost host(kOneEngine);
    Script script;
    Instant now = Instant::from_ns(1'000'000'000);
    uint64_t looks = 0;
    // Before a turn, after an idle one, after its rest: only the last look finds that time has passed.
    host.clock = [&] { return ++looks % 3 == 1 ? now = now + 5ms : now; };
    script.engines[0].turn = [&](Instant) {
        script.engines[0].is_over = script.engines[0].turns == 9;
        return script.engines[0].is_over.load();
    };
    ASSERT_TRUE(Runner(host, script, {.gap = 1ms}).run());
    EXPECT_EQ(host.inspector().snapshot(0).lost, Duration::zero());
}

/// Connections between the two ends of a host, made in virtual time.
std::vector<Connection> connect(FakeHost& host, uint32_t n) {
    NoApplication nobody;
    const auto turn = [&](Stack& stack, Instant now) { stack.poll(nobody, now); };
    EXPECT_TRUE(host.ends.server().listen(80));
    std::vector<Connection> made;
    for (uint32_t i = 0; i < n; ++i) {
        made.push_back(*host.ends.client().connect({fakes::TwoEnds::kServer, 80}, {.user_tag = i + 1}));
        if (i % 100 == 99) host.ends.run(1ms, turn, turn, [] { return false; });
    }
    host.ends.run(1ms, turn, turn, [] { return false; });
    return made;
}

TEST(Inspector, CountsConnectionsByState) {
    FakeHost host(kOneEngine);
    const std::vector<Connection> made = connect(host, 300);
    for (Connection c : std::span(made).first(10)) EXPECT_TRUE(c.close());
    NoApplication nobody;
    host.ends.client().poll(nobody, host.ends.now());
    StateCount count;
    uint32_t steps = 1;
    while (!count.step(host.ends.client(), host.ends.now())) ++steps;
    EXPECT_EQ(steps, 300 / Question::kRecordsPerStep + 1) << "a bounded number of records in each";
    EXPECT_EQ(count.by_state()[static_cast<size_t>(State::established)], 290u);
    EXPECT_EQ(count.by_state()[static_cast<size_t>(State::fin_wait_1)], 10u);
}

TEST(Inspector, PagesThroughConnections) {
    FakeHost host(kOneEngine);
    connect(host, 250);
    std::vector<bool> seen(251);
    std::vector<ConnectionPage::Row> rows(100);
    uint32_t next = 0, pages = 0;
    do {
        ConnectionPage page(next, rows);
        while (!page.step(host.ends.client(), host.ends.now())) {
        }
        for (const ConnectionPage::Row& row : page.rows()) {
            EXPECT_FALSE(seen[row.user_tag]) << row.user_tag;
            seen[row.user_tag] = true;
            EXPECT_EQ(row.info.state, State::established);
            EXPECT_EQ(row.info.peer, (Endpoint{fakes::TwoEnds::kServer, 80}));
        }
        next = page.next();
        ++pages;
    } while (next != 0);
    EXPECT_EQ(pages, 3u);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 250);
}

TEST(Inspector, PagesShowWhatTheFilterWants) {
    FakeHost host(kOneEngine);
    const std::vector<Connection> made = connect(host, 200);
    uint16_t wanted = made[150].local()->port;
    std::vector<ConnectionPage::Row> rows(10);
    ConnectionPage page(
        0, rows,
        [](void* context, const ConnectionInfo& info) {
            return info.local.port == *static_cast<const uint16_t*>(context);
        },
        &wanted);
    while (!page.step(host.ends.client(), host.ends.now())) {
    }
    ASSERT_EQ(page.rows().size(), 1u);
    EXPECT_EQ(page.rows()[0].user_tag, 151u);
    EXPECT_EQ(page.next(), 0u);
}

TEST(Inspector, AnEngineThatRunsAnswersOthersDoNot) {
    FakeHost host(kOneEngine);
    Script script;
    StateCount before;
    EXPECT_FALSE(host.inspector().ask(0, before)) << "no loop runs";
    std::atomic<bool> has_begun{false}, is_answered{false};
    script.engines[0].turn = [&](Instant) {
        has_begun = true;
        script.engines[0].is_over = is_answered.load();
        return true;
    };
    std::thread asker([&] {
        while (!has_begun) std::this_thread::yield();
        StateCount during;
        EXPECT_TRUE(host.inspector().ask(0, during));
        is_answered = true;
    });
    ASSERT_TRUE(Runner(host, script).run());
    asker.join();
    StateCount after;
    EXPECT_FALSE(host.inspector().ask(0, after));
    EXPECT_TRUE(host.inspector().snapshot(0).turns > 0);
    EXPECT_FALSE(host.inspector().have_all_begun()) << "the second engine has no loop";
}

TEST(Inspector, ALoopThatEndsGivesTheQuestionBack) {
    FakeHost host(kOneEngine);
    Script script;
    struct Endless final : Question {
        bool step(Stack&, Instant) noexcept override {
            ++steps;
            return false;
        }
        std::atomic<uint64_t> steps{0};
    } endless;
    std::atomic<bool> has_begun{false};
    script.engines[0].turn = [&](Instant) {
        has_begun = true;
        script.engines[0].is_over = endless.steps == 3;
        return false;
    };
    std::thread asker([&] {
        while (!has_begun) std::this_thread::yield();
        EXPECT_FALSE(host.inspector().ask(0, endless));
    });
    ASSERT_TRUE(Runner(host, script).run());
    asker.join();
    EXPECT_GE(endless.steps, 3u);
}

TEST(Published, ReadersSeeWholeValues) {
    struct Value {
        std::array<uint64_t, 40> words{};
    };
    Published<Value> published;
    EXPECT_FALSE(published.has_been_shown());
    EXPECT_EQ(published.see().words[0], 0u);
    std::atomic<bool> is_over{false};
    std::thread writer([&] {
        Value value;
        for (uint64_t n = 1; n <= 20'000; ++n) {
            value.words.fill(n);
            published.show(value);
        }
        is_over = true;
    });
    uint64_t last = 0;
    for (bool once_more = true; once_more;) {
        once_more = !is_over;
        const Value value = published.see();
        for (const uint64_t word : value.words) ASSERT_EQ(word, value.words[0]);
        ASSERT_GE(value.words[0], last);
        last = value.words[0];
    }
    writer.join();
    EXPECT_EQ(published.see().words[39], 20'000u);
}

}  // namespace
}  // namespace synfin
