/// Rows 20 and 46: initial sequence numbers and timestamp offsets that nobody can predict.
#include "fakes/world.hh"

#include <algorithm>
#include <cmath>

namespace synfin::fakes {
namespace {

/// The ISN of the answer to a SYN from this peer port; the half-open record is freed afterwards.
uint32_t answered(World& w, uint16_t port) {
    auto& f = w.flow(port);
    f.in({.seq = 0, .flags = kSyn});
    RECV(f, {.ack = 1, .flags = kSyn | kAck});
    const uint32_t isn = f.last().seq;
    f.in({.seq = 1, .flags = kRst});
    f.nxt = 0;
    return isn;
}

/// The ISN of a SYN to this port of the peer.
uint32_t offered(World& w, uint16_t port) {
    const auto c = w.stack().connect({host(2), port}, {.source_port = 50000});
    REQUIRE(c);
    const auto syn = w.out();
    REQUIRE(syn.has_value());
    REQUIRE(w.stack().abort(*c));
    return syn->seq;
}

TEST(Row20, TheClockTicksEveryFourMicroseconds) {
    ROW(20, "9293-3.4.1 MUST-8, 6528-3", "tcp::InitialSequenceNumbers");
    for (const bool active : {false, true}) {
        World w;
        w.listen();
        auto isn = [&] { return active ? offered(w, 7000) : answered(w, 40100); };
        uint32_t before = isn();
        for (const Duration step :
             {Duration(4us), Duration(40us), Duration(1ms), Duration(10s), Duration(3h)}) {
            w.advance(step);
            const uint32_t now = isn();
            EXPECT_EQ(now - before, static_cast<uint32_t>(step / 4us)) << step.count() << " ns";
            before = now;
        }
    }
}

TEST(Row20, TwoOpensOfOneTupleIncrease) {
    ROW(20, "9293-3.4.1 MUST-8/9", "tcp::InitialSequenceNumbers");
    World w;
    w.listen();
    uint32_t before = answered(w, 40100);
    for (int i = 0; i < 1000; ++i) {
        w.advance(Duration(10us) * (i + 1));
        const uint32_t now = answered(w, 40100);
        EXPECT_GT(static_cast<int32_t>(now - before), 0);
        before = now;
    }
}

/// Whether the numbers are distributed over 2^32 like random ones: a chi-square test over 16 bins of the top
/// bits, for the numbers and for the differences of consecutive ones.
void expect_scattered(const std::vector<uint32_t>& numbers) {
    for (const bool differences : {false, true}) {
        double bins[16] = {};
        for (size_t i = differences ? 1 : 0; i < numbers.size(); ++i)
            bins[(differences ? numbers[i] - numbers[i - 1] : numbers[i]) >> 28] += 1;
        const double expected = static_cast<double>(numbers.size() - (differences ? 1 : 0)) / 16;
        double chi = 0;
        for (const double n : bins) chi += (n - expected) * (n - expected) / expected;
        EXPECT_LT(chi, 44.3) << "15 degrees of freedom, p = 0.0001";
    }
    auto sorted = numbers;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end()) << "two tuples share a number";
}

TEST(Row20, OtherTuplesAreUnpredictable) {
    ROW(20, "6528-3", "tcp::InitialSequenceNumbers");
    World w;
    w.listen();
    std::vector<uint32_t> by_peer_port, by_active;
    for (uint16_t i = 0; i < 1024; ++i) {
        by_peer_port.push_back(answered(w, static_cast<uint16_t>(20000 + i)));
        by_active.push_back(offered(w, static_cast<uint16_t>(1 + i)));
    }
    expect_scattered(by_peer_port);
    expect_scattered(by_active);
}

TEST(Row20, AnotherSecretGivesOtherNumbers) {
    ROW(20, "6528-3", "tcp::InitialSequenceNumbers");
    std::vector<uint32_t> numbers;
    for (uint64_t seed = 1; seed <= 256; ++seed) {
        World w([&](WorldConfig& c) { c.stack.seed = seed; });
        w.listen();
        numbers.push_back(answered(w, 40100));
    }
    expect_scattered(numbers);
}

uint32_t first_tsval(World& w, uint16_t port) {
    auto& f = w.flow(port);
    f.in({.seq = 0, .flags = kSyn});
    RECV(f, {.ack = 1, .flags = kSyn | kAck});
    EXPECT_TRUE(f.last().ts.has_value());
    return f.last().ts ? f.last().ts->val : 0;
}

TEST(Row46, EachConnectionHasItsOwnTimestampOffset) {
    ROW(46, "7323-7.1", "tcp::TimestampOffsets");
    World w([](WorldConfig& c) { c.timestamps = true, c.stack.max_half_open = 1024; });
    w.listen();
    std::vector<uint32_t> values;
    for (uint16_t i = 0; i < 512; ++i) values.push_back(first_tsval(w, static_cast<uint16_t>(20000 + i)));
    expect_scattered(values);
}

TEST(Row46, TheTimestampClockTicksOnceAMillisecond) {
    ROW(46, "7323-5.4", "tcp::next_segment");
    World w([](WorldConfig& c) { c.timestamps = true; });
    w.open();
    uint32_t before = w.main().last_tsval;
    const Instant start = w.stack().now();
    for (const Duration step : {Duration(1ms), Duration(7ms), Duration(1s), Duration(1h)}) {
        const Instant then = w.stack().now();
        w.advance(step);
        w.send(1);
        w.discard();
        w.in({.ack = w.main().rcv_nxt});
        const auto ticks = static_cast<uint32_t>((w.stack().now() - then) / 1ms);
        EXPECT_GE(w.main().last_tsval - before, then == start ? 0 : ticks);
        EXPECT_LE(w.main().last_tsval - before, ticks + 1);
        before = w.main().last_tsval;
    }
}

}  // namespace
}  // namespace synfin::fakes
