/// An engine's information about its records, and visits to all open connections.

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "buf/memory_port.hh"
#include "fakes/family.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"

namespace synfin::stack {
namespace {

constexpr uint32_t kMax = 1'000;

/// SYN-SENT connections of a client whose packets are lost.
struct Opens {
    static buf::QueueCaps caps() {
        buf::QueueCaps c;
        c.ethernet = false;
        return c;
    }
    static StackConfig config() {
        StackConfig c;
        c.addresses = {fakes::net_host(1)};
        c.max_connections = kMax;
        c.max_half_open = c.max_time_wait = 16;
        c.seed = 7;
        return c;
    }
    std::vector<Connection> open(int n) {
        std::vector<Connection> all;
        for (int i = 0; i < n; ++i) all.push_back(*stack.connect({fakes::host(2), 80}));
        return all;
    }
    void turn() {
        stack.begin(now);
        while (stack.next_event() != nullptr) {
        }
        stack.end();
        while (port.take()) {
        }
    }
    buf::MemoryPort port{caps(), 4096};
    QueueEngine<buf::MemoryPort> engine{config(), port, HashKey{1, 2}};
    Stack stack{engine};
    Instant now = Instant::from_ns(5'000'000'000);
};

TEST(VisitOpen, EachOneOnceInParts) {
    Opens opens;
    opens.turn();
    auto all = opens.open(100);
    ASSERT_TRUE(all[10].abort());  // gone, though nobody has been told yet
    std::set<uint32_t> seen;
    uint32_t at = 0, calls = 0;
    do {
        uint32_t visited = 0;
        at = opens.stack.visit_open(at, 7, [&](Connection c) {
            ++visited;
            EXPECT_TRUE(seen.insert(c.index()).second);
            EXPECT_EQ(c.state(), State::syn_sent);
        });
        EXPECT_LE(visited, 7u);
        ASSERT_LT(++calls, 100u);
    } while (at != 0);
    EXPECT_EQ(seen.size(), 99u);
    EXPECT_FALSE(seen.contains(all[10].index()));
}

TEST(VisitOpen, MayEndWhatItVisits) {
    Opens opens;
    opens.turn();
    opens.open(100);
    for (uint32_t at = 0;;) {
        at = opens.stack.visit_open(at, 32, [](Connection c) { EXPECT_TRUE(c.abort()); });
        if (at == 0) break;
    }
    opens.turn();
    EXPECT_EQ(opens.stack.records().open, 0u);
}

TEST(VisitOpen, AFewAmongManyFreeRecordsTakeBoundedWork) {
    Opens opens;
    opens.turn();
    auto all = opens.open(kMax);
    for (size_t i = 0; i + 1 < all.size(); ++i) ASSERT_TRUE(all[i].abort());
    opens.turn();
    EXPECT_EQ(opens.stack.records().open, 1u);
    uint32_t at = 0, calls = 0, seen = 0;
    do {
        at = opens.stack.visit_open(at, 10, [&](Connection) { ++seen; });
        ++calls;
    } while (at != 0);
    EXPECT_EQ(seen, 1u);
    EXPECT_GE(calls, kMax / 160) << "a call looks at 16 times as many records as it may visit";
}

/// A generation of 16 bits would also match the 65,536th connection after it.
TEST(Handle, OfAnOldConnectionNeverReachesAnotherOne) {
    Opens opens;
    opens.turn();
    const Connection old = opens.open(1)[0];
    uint32_t same_record = 0;
    for (int i = 0; i < 70'000; ++i) {
        Connection c = i == 0 ? old : opens.open(1)[0];
        same_record += c.index() == old.index();
        if (i != 0) {
            ASSERT_EQ(old.state(), State::closed) << i;
            ASSERT_NE(c, old);
        }
        ASSERT_TRUE(c.abort());
        opens.turn();
    }
    EXPECT_GT(same_record, 65'536u);
    EXPECT_EQ(Connection(old).send(std::vector<uint8_t>(1)).error(), Error::gone);
    EXPECT_EQ(sizeof(Connection), 16u);
}

/// The peer's address lies beside a record of IPv6.
const uint32_t kAddress = fakes::is_ipv6() ? 16 : 0;

TEST(Records, MemoryIsOfWhatWasUsed) {
    Opens opens;
    opens.turn();
    const MemoryUse before = opens.stack.memory();
    opens.open(100);
    const MemoryUse after = opens.stack.memory();
    EXPECT_EQ(before.open, 0u);
    EXPECT_EQ(after.open, 100 * (Stack::tcb_bytes() + 16u + kAddress))
        << "with generation, user tag and the count of challenge ACKs beside each";
    EXPECT_EQ(after.timers - before.timers, 100 * 12u) << "an entry of the wheel for each";
    EXPECT_EQ(after.table, before.table);
    EXPECT_EQ(after.half_open + after.time_wait + after.text, 0u);
    EXPECT_EQ(after.total(), after.open + after.flows + after.table + after.timers);
    EXPECT_EQ(opens.stack.records().open, opens.stack.occupancy().open);
}

/// All memory of one connection, in a full table.
TEST(Records, StayWithinTheirBudgets) {
    constexpr uint32_t kEntries = 1u << 16;
    const net::ConnectionTable table(kEntries, HashKey{1, 2});
    const double place = static_cast<double>(table.memory_bytes()) / kEntries;
    EXPECT_LT(place, 8.6);
    Opens opens;
    opens.turn();
    const MemoryUse before = opens.stack.memory();
    opens.open(kMax);
    const MemoryUse after = opens.stack.memory();
    const size_t records = after.total() - after.table - (before.total() - before.table);
    EXPECT_LE(static_cast<double>(records) / kMax + place, 112.0 + kAddress)
        << "idle: control block, beside, timer";
    EXPECT_LE(sizeof(tcp::TimeWait) + sizeof(tcp::TimeWaitExpiry) + place, 44.0) << "TIME-WAIT";
    EXPECT_EQ(sizeof(tcp::HalfOpen), 64u) << "half-open, beside its place in the table";
}

TEST(UserTag, Has64BitsAndGoesWithItsConnection) {
    Opens opens;
    opens.turn();
    constexpr uint64_t kTag = 0xfedc'ba98'7654'3210;
    Connection c = *opens.stack.connect({fakes::host(2), 80}, {.user_tag = kTag});
    EXPECT_EQ(c.user_tag(), kTag);
    c.set_user_tag(kTag + 1);
    EXPECT_EQ(c.user_tag(), kTag + 1);
    ASSERT_TRUE(c.abort());
    const Event* end = nullptr;
    while (const Event* event = opens.stack.next_event()) {
        end = event;
        EXPECT_EQ(event->why.user_tag, kTag + 1);
    }
    ASSERT_NE(end, nullptr);
    EXPECT_EQ(c.user_tag(), 0u) << "gone";
    c.set_user_tag(5);
    // The free record's next connection, a record that was never used, and none.
    for (Connection nobody : {Connection(c.owner(), c.index(), c.generation() + 1),
                              Connection(c.owner(), c.index() + 1, 0), Connection(c.owner(), 0, 0)}) {
        EXPECT_EQ(nobody.user_tag(), 0u);
        nobody.set_user_tag(5);
        EXPECT_EQ(nobody.user_tag(), 0u);
    }
    Connection next = opens.open(1)[0];
    ASSERT_EQ(next.index(), c.index());
    EXPECT_EQ(next.user_tag(), 0u) << "what is set for a connection that is gone reaches no other one";
}

/// The clock has run for long when the engine is made, also beyond half of its ticks.
TEST(BeforeTheFirstTurn, ASynIsTimedFromTheCallOn) {
    for (const int64_t ms : {int64_t{5'000}, int64_t{1} << 31, int64_t{3} << 30, (int64_t{1} << 32) - 500}) {
        buf::MemoryPort port(Opens::caps(), 64);
        const Instant start = Instant::from_ns(ms * 1'000'000);
        QueueEngine<buf::MemoryPort> engine(Opens::config(), port, HashKey{1, 2}, start);
        Stack stack(engine);
        ASSERT_TRUE(stack.connect({fakes::host(2), 80}));
        for (const auto& [after, again] :
             {std::pair(10ms, 0u), std::pair(990ms, 0u), std::pair(1'010ms, 1u)}) {
            stack.begin(start + after);
            stack.end();
            EXPECT_EQ(stack.counters()[Counter::syn_retransmitted], again) << ms << " + " << after.count();
            EXPECT_EQ(stack.counters()[Counter::tx_packets], 1 + again);
        }
    }
}

}  // namespace
}  // namespace synfin::stack
