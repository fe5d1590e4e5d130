#include "time/timer_wheel.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/random.hh"

namespace synfin {
namespace {

constexpr uint32_t kAll = ~uint32_t{0};
constexpr auto kNever = [](uint32_t) { return std::optional<uint32_t>(); };

// Fires everything that is due, and gives the ids in order.
std::vector<uint32_t> fired(TimerWheel& wheel, uint32_t now) {
    std::vector<uint32_t> ids;
    wheel.advance(now, kAll, [&](uint32_t id) {
        ids.push_back(id);
        return std::optional<uint32_t>();
    });
    return ids;
}

using Ids = std::vector<uint32_t>;

class FromTick : public testing::TestWithParam<uint32_t> {};
// 0; the end of a block of each level; the sign change; the wrap.
INSTANTIATE_TEST_SUITE_P(TimerWheel, FromTick,
                         testing::Values(0u, 1u, 0xfeu, 0xffffu, 0xfffff0u, 0x7ffffff0u, 0x80000000u,
                                         0xffffff80u, 0xffffffffu));

TEST_P(FromTick, FiresAtItsTickAndNotBefore) {
    for (uint32_t delay :
         {1u, 2u, 255u, 256u, 257u, 65'535u, 65'536u, 1u << 24, (1u << 24) + 1, 0x7fffffffu}) {
        TimerWheel wheel(4, GetParam());
        wheel.arm(3, GetParam() + delay);
        EXPECT_EQ(wheel.next_tick(), GetParam() + delay);
        EXPECT_EQ(fired(wheel, GetParam() + delay - 1), Ids{}) << delay;
        EXPECT_EQ(wheel.next_tick(), GetParam() + delay);
        EXPECT_EQ(fired(wheel, GetParam() + delay), Ids{3}) << delay;
        EXPECT_EQ(wheel.next_tick(), std::nullopt);
        EXPECT_EQ(wheel.entries(), 0u);
    }
}

TEST_P(FromTick, ADeadlineThatHasPassedFiresAtTheNextAdvance) {
    TimerWheel wheel(4, GetParam());
    wheel.arm(0, GetParam() - 5);
    EXPECT_EQ(wheel.next_tick(), GetParam());
    EXPECT_EQ(fired(wheel, GetParam()), Ids{0});
    wheel.arm(1, GetParam());
    EXPECT_EQ(fired(wheel, GetParam()), Ids{1});
}

TEST_P(FromTick, TimeThatStandsStillOrGoesBackFiresNothing) {
    TimerWheel wheel(4, GetParam());
    wheel.arm(0, GetParam() + 10);
    EXPECT_EQ(fired(wheel, GetParam() + 9), Ids{});
    EXPECT_EQ(fired(wheel, GetParam() + 9), Ids{});
    EXPECT_EQ(fired(wheel, GetParam() + 3), Ids{});
    EXPECT_EQ(fired(wheel, GetParam() + 10), Ids{0});
}

TEST_P(FromTick, FiresInOrderOfTicks) {
    TimerWheel wheel(8, GetParam());
    const uint32_t t = GetParam();
    wheel.arm(0, t + 70'000);
    wheel.arm(1, t + 300);
    wheel.arm(2, t + 5);
    wheel.arm(3, t + 20'000'000);
    wheel.arm(4, t + 299);
    EXPECT_EQ(fired(wheel, t + 30'000'000), (Ids{2, 4, 1, 0, 3}));
}

TEST_P(FromTick, AnEmptyWheelGoesToAnyTick) {
    TimerWheel wheel(4, 0);
    EXPECT_EQ(fired(wheel, GetParam()), Ids{});
    wheel.arm(2, GetParam() + 5);
    EXPECT_EQ(wheel.next_tick(), GetParam() + 5);
    EXPECT_EQ(fired(wheel, GetParam() + 4), Ids{});
    EXPECT_EQ(fired(wheel, GetParam() + 5), Ids{2});
}

// What is left after a jump, with a cap so that cascades are cut short.
Ids fired_by_steps(TimerWheel& wheel, uint32_t now) {
    Ids ids;
    do {
        wheel.advance(now, 3, [&](uint32_t id) {
            ids.push_back(id);
            return std::optional<uint32_t>();
        });
    } while (wheel.is_behind(now));
    std::sort(ids.begin(), ids.end());
    return ids;
}

constexpr uint64_t kJumps[] = {1,
                               200,
                               256,
                               3'600'000,
                               172'800'000,
                               2'073'600'000,
                               (uint64_t{1} << 31) - 1,
                               uint64_t{1} << 31,
                               (uint64_t{1} << 32) - 1,
                               uint64_t{1} << 32,
                               (uint64_t{1} << 32) + 3'600'000};

TEST_P(FromTick, AJumpMakesDueWhatItPassesAndNothingElse) {
    Random random(GetParam());
    for (const uint64_t jump : kJumps) {
        TimerWheel wheel(300, GetParam());
        std::map<uint32_t, Ids> of_delay;
        for (uint32_t id = 0; id < 300; ++id) {
            const uint32_t delay = id < 5 ? static_cast<uint32_t>(jump) - 2 + id
                                          : static_cast<uint32_t>(random.next()) >> (1 + random.below(31));
            if (delay >> 31 != 0) continue;
            wheel.arm(id, GetParam() + delay);
            of_delay[delay].push_back(id);
        }
        wheel.jump(jump);
        Ids due;
        while (!of_delay.empty() && of_delay.begin()->first <= jump) {
            due.insert(due.end(), of_delay.begin()->second.begin(), of_delay.begin()->second.end());
            of_delay.erase(of_delay.begin());
        }
        std::sort(due.begin(), due.end());
        ASSERT_EQ(fired_by_steps(wheel, GetParam() + static_cast<uint32_t>(jump)), due) << jump;
        for (const auto& [delay, ids] : of_delay) {
            if (delay > jump + 1) {
                ASSERT_EQ(fired(wheel, GetParam() + delay - 1), Ids{}) << jump;
            }
            ASSERT_EQ(fired_by_steps(wheel, GetParam() + delay), ids) << jump << " and " << delay;
        }
        ASSERT_EQ(wheel.entries(), 0u);
    }
}

TEST_P(FromTick, AfterAJumpDeadlinesReachAsFarAsBefore) {
    for (const uint64_t jump : kJumps) {
        TimerWheel wheel(4, GetParam());
        wheel.arm(0, GetParam() + 100);
        wheel.jump(jump);
        const uint32_t now = GetParam() + static_cast<uint32_t>(jump);
        wheel.arm(1, now + 1000);
        wheel.arm(2, now + 0x7fffffff);
        EXPECT_EQ(fired(wheel, now + 999), Ids{0}) << jump;
        EXPECT_EQ(fired(wheel, now + 1000), Ids{1}) << jump;
        EXPECT_EQ(fired(wheel, now + 0x7ffffffe), Ids{}) << jump;
        EXPECT_EQ(fired(wheel, now + 0x7fffffff), Ids{2}) << jump;
    }
}

TEST(TimerWheel, AJumpWithADebtGoesToThePresent) {
    TimerWheel wheel(1000, 0);
    for (uint32_t id = 0; id < 1000; ++id) wheel.arm(id, 10);
    EXPECT_EQ(wheel.advance(15, 100, kNever), 100u);
    EXPECT_EQ(wheel.overdue(), 5u);
    wheel.jump(3'600'000);
    EXPECT_EQ(wheel.next_tick(), 3'600'015u);
    EXPECT_EQ(wheel.advance(3'600'015, kAll, kNever), 900u);
    EXPECT_EQ(wheel.overdue(), 0u);
}

// An entry that a jump has passed may be moved out of the list that is being fired.
TEST(TimerWheel, FireMayArmWhatAJumpHasPassed) {
    constexpr uint32_t kIds = 20, kNow = 0x80000000 - 50;
    TimerWheel wheel(kIds, 0);
    for (uint32_t id = 0; id < kIds; ++id) wheel.arm(id, 100 + id);
    wheel.jump(kNow);
    Ids order;
    const auto announce = [](uint32_t id) { EXPECT_LT(id, 20u); };
    wheel.advance(kNow, kAll, announce, [&](uint32_t id) {
        order.push_back(id);
        for (uint32_t ahead = 5; ahead < 10; ++ahead) wheel.arm(ahead, kNow + 0x7fffffff);
        return std::optional<uint32_t>();
    });
    EXPECT_EQ(order, (Ids{0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
    EXPECT_EQ(wheel.next_tick(), kNow + 0x7fffffff);
    EXPECT_EQ(fired(wheel, kNow + 0x7fffffff), (Ids{5, 6, 7, 8, 9}));
}

TEST(TimerWheel, ALaterDeadlineFilesNothing) {
    TimerWheel wheel(4, 0);
    wheel.arm(1, 100);
    wheel.arm(1, 200);
    EXPECT_EQ(wheel.armed_at(1), 100u);
    EXPECT_EQ(wheel.entries(), 1u);
    // The owner, which knows better, answers with its own deadline.
    uint32_t calls = 0;
    auto owner = [&](uint32_t) {
        ++calls;
        return calls == 1 ? std::optional<uint32_t>(200) : std::nullopt;
    };
    EXPECT_EQ(wheel.advance(150, kAll, owner), 1u);
    EXPECT_EQ(wheel.armed_at(1), 200u);
    EXPECT_EQ(wheel.advance(199, kAll, owner), 0u);
    EXPECT_EQ(wheel.advance(200, kAll, owner), 1u);
    EXPECT_EQ(wheel.entries(), 0u);
}

TEST(TimerWheel, AnEarlierDeadlineMovesTheOneEntry) {
    TimerWheel wheel(4, 0);
    wheel.arm(1, 7'200'000);
    for (uint32_t deadline = 5000; deadline > 0; deadline -= 10) {
        wheel.arm(1, deadline);
        ASSERT_EQ(wheel.entries(), 1u);
        ASSERT_EQ(wheel.next_tick(), deadline);
    }
    EXPECT_EQ(fired(wheel, 7'200'000), Ids{1});
}

TEST(TimerWheel, TheCapLeavesADebtThatIsPaid) {
    TimerWheel wheel(1000, 0);
    for (uint32_t id = 0; id < 1000; ++id) wheel.arm(id, 10);
    for (uint32_t call = 1; call < 10; ++call) {
        EXPECT_EQ(wheel.advance(15, 100, kNever), 100u);
        EXPECT_EQ(wheel.overdue(), 5u);
        EXPECT_EQ(wheel.next_tick(), 10u);
        EXPECT_EQ(wheel.entries(), 1000 - 100 * call);
    }
    EXPECT_EQ(wheel.advance(15, 200, kNever), 100u);
    EXPECT_EQ(wheel.overdue(), 0u);
    EXPECT_EQ(wheel.advance(15, 0, kNever), 0u);
}

TEST(TimerWheel, TheCapHoldsForCascadesToo) {
    constexpr uint32_t kIds = 5000;
    TimerWheel wheel(kIds, 0);
    for (uint32_t id = 0; id < kIds; ++id) wheel.arm(id, 70'000 + id % 7);
    const uint32_t now = 70'003;
    EXPECT_EQ(wheel.advance(now, 10, kNever), 0u);  // 10 fires buy fewer moves than there are entries
    ASSERT_TRUE(wheel.next_tick());
    EXPECT_TRUE(TimerWheel::is_at_or_before(*wheel.next_tick(), now));
    EXPECT_GT(wheel.overdue(), 0u);
    // What is brought forward meanwhile, out of a bucket half moved, is neither lost nor fired twice.
    for (uint32_t id = 0; id < kIds; id += 3) wheel.arm(id, now);
    std::vector<uint32_t> count(kIds);
    while (wheel.next_tick() && TimerWheel::is_at_or_before(*wheel.next_tick(), now))
        wheel.advance(now, 10, [&](uint32_t id) {
            ++count[id];
            return std::optional<uint32_t>();
        });
    for (uint32_t id = 0; id < kIds; ++id) ASSERT_EQ(count[id], id % 7 <= 3 || id % 3 == 0 ? 1u : 0u) << id;
    EXPECT_EQ(wheel.overdue(), 0u);
}

TEST(TimerWheel, AnAnswerThatHasPassedFiresAtTheNextTick) {
    TimerWheel wheel(4, 0);
    wheel.arm(2, 10);
    auto hasty = [](uint32_t) { return std::optional<uint32_t>(0); };
    EXPECT_EQ(wheel.advance(10, kAll, hasty), 1u);
    EXPECT_EQ(wheel.armed_at(2), 11u);
    EXPECT_EQ(wheel.advance(20, kAll, hasty), 10u);  // once per tick, not for ever
}

TEST(TimerWheel, FireMayArm) {
    TimerWheel wheel(4, 0);
    wheel.arm(0, 10);
    wheel.arm(1, 5000);
    Ids ids;
    auto fire = [&](uint32_t id) -> std::optional<uint32_t> {
        ids.push_back(id);
        if (id != 0) return std::nullopt;
        wheel.arm(0, 300);  // itself: the earlier of this and the answer stands
        wheel.arm(1, 0);    // another, due at once
        wheel.arm(2, 12);
        return 400;
    };
    EXPECT_EQ(wheel.advance(11, kAll, fire), 2u);
    EXPECT_EQ(ids, (Ids{0, 1}));
    EXPECT_EQ(wheel.armed_at(0), 300u);
    EXPECT_EQ(wheel.armed_at(2), 12u);
    EXPECT_EQ(wheel.entries(), 2u);
}

TEST(TimerWheel, EveryFireWasAnnouncedOnce) {
    constexpr uint32_t kIds = 1000;
    TimerWheel wheel(kIds, 0);
    for (uint32_t id = 0; id < kIds; ++id) wheel.arm(id, 10 + id / 100);
    std::set<uint32_t> announced;
    auto prefetch = [&](uint32_t id) { EXPECT_TRUE(announced.insert(id).second); };
    auto fire = [&](uint32_t id) {
        EXPECT_EQ(announced.count(id), 1u);
        return std::optional<uint32_t>();
    };
    EXPECT_EQ(wheel.advance(100, kAll, prefetch, fire), kIds);
    EXPECT_EQ(announced.size(), kIds);
}

// The wheel against an ordered map, with an owner that keeps its deadlines to itself as a stack does:
// lengthens them without a word, tells of shortened ones, and reuses ids without clearing anything.
class Model {
  public:
    Model(uint64_t seed, uint32_t start)
        : random_(seed), now_(start), wheel_(kIds, start), entry_(kIds), deadline_(kIds) {}

    void step() {
        for (uint32_t n = random_.below(20); n > 0; --n) set_deadline();
        if (random_.below(3) == 0) now_ += random_delay();
        const uint32_t cap = random_.below(4) == 0 ? random_.below(5) : kAll;
        const uint32_t fires = wheel_.advance(now_, cap, [this](uint32_t id) { return fire(id); });
        ASSERT_LE(fires, cap);
        ASSERT_EQ(wheel_.entries(), order_.size());
        const std::optional<uint32_t> next = wheel_.next_tick();
        ASSERT_EQ(next.has_value(), !order_.empty());
        for (const uint32_t tick : {now_, now_ + 1, now_ + 300})  // the present one has a way of its own
            ASSERT_EQ(wheel_.is_behind(tick), next && TimerWheel::is_at_or_before(*next, tick));
        if (!next) return;
        const uint32_t first = order_.begin()->first.second;
        ASSERT_TRUE(TimerWheel::is_at_or_before(*next, first)) << *next << " after " << first;
        if (cap != kAll) return;
        // All is paid: nothing due is left, and whoever sleeps until next_tick() gets nearer to the first.
        ASSERT_EQ(wheel_.overdue(), 0u);
        ASSERT_FALSE(TimerWheel::is_at_or_before(first, now_)) << first << " now " << now_;
        ASSERT_FALSE(TimerWheel::is_at_or_before(*next, now_));
        if ((first ^ now_) < 256) {
            ASSERT_EQ(*next, first);
        }
        for (uint32_t id = 0; id < kIds; ++id)
            ASSERT_FALSE(deadline_[id] && TimerWheel::is_at_or_before(*deadline_[id], now_)) << id;
    }
    void check_every_id() {
        for (uint32_t id = 0; id < kIds; ++id) ASSERT_EQ(wheel_.armed_at(id), entry_[id]) << id;
    }
    uint64_t expired() const { return expired_; }

  private:
    static constexpr uint32_t kIds = 300;
    // Ticks as they follow each other: unwrapped around the present.
    using Key = std::pair<int64_t, uint32_t>;  // unwrapped, tick

    int64_t unwrap(uint32_t tick) {
        unwrapped_now_ += static_cast<int32_t>(now_ - last_);
        last_ = now_;
        return unwrapped_now_ + static_cast<int32_t>(tick - now_);
    }
    uint32_t random_delay() {
        switch (random_.below(8)) {
            case 0: return random_.below(1u << 29);
            case 1: return random_.below(1u << 25);
            case 2: return random_.below(200'000);
            case 3: return random_.below(3);
            default: return random_.below(600);
        }
    }
    void set_deadline() {
        const uint32_t id = random_.below(kIds);
        if (random_.below(10) == 0) {  // freed; its entry stays
            deadline_[id].reset();
            return;
        }
        const uint32_t deadline = now_ + random_delay();
        deadline_[id] = deadline;
        wheel_.arm(id, deadline);
        if (entry_[id] && TimerWheel::is_at_or_before(*entry_[id], deadline)) return;
        remove_entry(id);
        add_entry(id, deadline);
    }
    void add_entry(uint32_t id, uint32_t tick) {
        entry_[id] = tick;
        order_.emplace(Key{unwrap(tick), tick}, id);
    }
    void remove_entry(uint32_t id) {
        if (!entry_[id]) return;
        for (auto [it, end] = order_.equal_range(Key{unwrap(*entry_[id]), *entry_[id]}); it != end; ++it)
            if (it->second == id) {
                order_.erase(it);
                break;
            }
        entry_[id].reset();
    }
    std::optional<uint32_t> fire(uint32_t id) {
        EXPECT_TRUE(entry_[id]) << "fired without an entry: " << id;
        if (!entry_[id]) return std::nullopt;
        const uint32_t tick = *entry_[id];
        EXPECT_TRUE(TimerWheel::is_at_or_before(tick, now_)) << "fired early";
        EXPECT_EQ(tick, order_.begin()->first.second) << "fired out of order";
        remove_entry(id);
        if (!deadline_[id]) return std::nullopt;
        if (!TimerWheel::is_at_or_before(*deadline_[id], now_)) {  // not yet: file again
            add_entry(id, *deadline_[id]);
            return deadline_[id];
        }
        ++expired_;
        deadline_[id].reset();
        if (random_.below(2) == 0) return std::nullopt;
        deadline_[id] = now_ + 1 + random_delay();
        add_entry(id, *deadline_[id]);
        return deadline_[id];
    }

    Random random_;
    uint32_t now_;
    uint32_t last_ = now_;
    int64_t unwrapped_now_ = 0;
    TimerWheel wheel_;
    std::vector<std::optional<uint32_t>> entry_;     // what the wheel should hold
    std::vector<std::optional<uint32_t>> deadline_;  // what the owner wants
    std::multimap<Key, uint32_t> order_;
    uint64_t expired_ = 0;
};

TEST(TimerWheel, AgreesWithAnOrderedMap) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        const uint32_t start = seed % 2 == 0 ? 0u - static_cast<uint32_t>(seed) * 1000
                                             : static_cast<uint32_t>(seed * 0x9e3779b1u);
        Model model(seed, start);
        for (int i = 0; i < 5000 && !testing::Test::HasFailure(); ++i) {
            model.step();
            if (i % 50 == 0) model.check_every_id();
        }
        ASSERT_FALSE(testing::Test::HasFailure());
        EXPECT_GT(model.expired(), 1000u);
    }
}

// The sleeper: jumping from next_tick() to next_tick() misses nothing and wakes in vain a few times at most.
TEST(TimerWheel, SleepingUntilNextTickMissesNothing) {
    Random random(7);
    constexpr uint32_t kIds = 2000;
    const uint32_t start = 0xfffff000u;
    TimerWheel wheel(kIds, start);
    std::vector<uint32_t> deadline(kIds);
    for (uint32_t id = 0; id < kIds; ++id) {
        wheel.arm(id, start + 20'000'000 + random.below(1'000'000));  // brought forward below
        deadline[id] = start + random.below(10'000'000);
        wheel.arm(id, deadline[id]);
    }
    uint32_t fires = 0, wakes = 0;
    while (wheel.next_tick()) {
        const uint32_t now = *wheel.next_tick();
        ++wakes;
        fires += wheel.advance(now, kAll, [&](uint32_t id) {
            EXPECT_EQ(deadline[id], now);
            return std::optional<uint32_t>();
        });
    }
    EXPECT_EQ(fires, kIds);
    EXPECT_LE(wakes, kIds);
}

TEST(TimerWheel, ChurnOfShortLivesFilesHardlyAnything) {
    // One id, a million lives of 3 ticks, each armed for 1 s and then for 200 ms: the entry fires every
    // 200 ms at most.
    TimerWheel wheel(2, 0);
    uint32_t fires = 0;
    uint32_t deadline = 0;
    for (uint32_t now = 0; now < 3'000'000; now += 3) {
        fires += wheel.advance(now, kAll, [&](uint32_t) { return std::optional<uint32_t>(deadline); });
        wheel.arm(1, deadline = now + 1000);
        wheel.arm(1, deadline = now + 200);
        ASSERT_EQ(wheel.entries(), 1u);
    }
    EXPECT_LE(fires, 3'000'000u / 195);
}

}  // namespace
}  // namespace synfin
