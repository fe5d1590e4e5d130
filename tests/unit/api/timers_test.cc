/// Stack::after and Stack::cancel, in virtual time.

#include <gtest/gtest.h>

#include "two_stacks.hh"

namespace synfin {
namespace {

VirtualStack stack_of(uint32_t max_timers = 100) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kNear);
    config.stack.max_timers = max_timers;
    config.start = Instant::from_ns(1'000'300'000);
    return VirtualStack(config);
}

TEST(Timers, ComesUpAtItsTimeAndNeverEarly) {
    VirtualStack stack = stack_of();
    ASSERT_TRUE(stack.after(5ms, 7));
    stack.advance(Instant::from_ns(1'005'300'000));
    EXPECT_TRUE(stack.take_events().empty()) << "rounded up to the next whole millisecond";
    EXPECT_EQ(stack.next_deadline(), Instant::from_ns(1'006'000'000));
    stack.advance(Instant::from_ns(1'006'000'000));
    const auto events = stack.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, Event::Kind::timer);
    EXPECT_EQ(events[0].tag, 7u);
    EXPECT_FALSE(events[0].connection);
    EXPECT_EQ(stack.next_deadline(), std::nullopt);
}

TEST(Timers, ZeroIsTheNextMillisecond) {
    VirtualStack stack = stack_of();
    ASSERT_TRUE(stack.after(0ms, 1));
    stack.advance(stack.now());
    EXPECT_TRUE(stack.take_events().empty());
    stack.advance(Instant::from_ns(1'001'000'000));
    EXPECT_EQ(stack.take_events().size(), 1u);
}

TEST(Timers, ComeUpInOrderOfTheirTimes) {
    VirtualStack stack = stack_of(2'000);
    for (uint64_t i = 0; i < 2'000; ++i)
        ASSERT_TRUE(stack.after((i * 7919 % 2'000) * 100ms, i * 7919 % 2'000));
    stack.advance(stack.now() + 300s);
    const auto events = stack.take_events();
    ASSERT_EQ(events.size(), 2'000u);
    for (uint64_t i = 0; i < 2'000; ++i) EXPECT_EQ(events[i].tag, i);
}

TEST(Timers, ManyOfOneMillisecondComeUpInOneTurnOfVirtualTime) {
    VirtualStack stack = stack_of(1'000);
    for (uint64_t i = 0; i < 1'000; ++i) ASSERT_TRUE(stack.after(3ms, i));
    stack.advance(stack.now() + 4ms);
    EXPECT_EQ(stack.take_events().size(), 1'000u) << "a turn's cap does not lose any";
}

// A connection that has ended may leave an entry in the wheel, which is no reason to wake.
TEST(Timers, WorkAfterAnIdleTimeOfAnyLength) {
    for (const int days : {1, 24, 25, 30, 45, 49, 50, 80}) {
        TwoStacks both;
        ASSERT_TRUE(both.far.listen(80));
        Connection c = both.connect(80);
        ASSERT_TRUE(both.near.send(c, std::string_view("request")));
        ASSERT_TRUE(both.near.abort(c));
        both.exchange();
        EXPECT_EQ(both.near.next_deadline(), std::nullopt);
        both.near.advance(both.near.now() + days * 24h);
        while (both.near.output()) {
        }

        ASSERT_TRUE(both.near.connect({TwoStacks::kFar, 81}));
        EXPECT_TRUE(both.near.output());
        const auto due = both.near.next_deadline();
        ASSERT_TRUE(due);
        EXPECT_EQ(*due, both.near.now() + 1s);
        // Not to the end of advance(), which would not return if the timer did not fire.
        both.near.advance(*due - 1ms);
        EXPECT_FALSE(both.near.output());
        Stack& stack = both.near.stack();
        stack.begin(*due);
        EXPECT_TRUE(stack.has_work()) << "a SYN to send again, after " << days << " days";
        while (stack.next_event()) {
        }
        stack.end();
    }
}

TEST(Timers, ManyConnectionsRetransmitInOneMillisecond) {
    VirtualConfig config = TwoStacks::config(TwoStacks::kNear);
    config.stack.max_connections = 600;
    VirtualStack stack(config);
    for (int i = 0; i < 600; ++i) ASSERT_TRUE(stack.connect({TwoStacks::kFar, 80}));
    stack.advance(stack.now() + 1'100ms);
    EXPECT_EQ(stack.stack().counters()[Counter::syn_retransmitted], 600u);
}

TEST(Timers, CancelledOnesStaySilent) {
    VirtualStack stack = stack_of();
    const auto first = stack.after(5ms, 1);
    const auto second = stack.after(5ms, 2);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(stack.cancel(*first));
    EXPECT_EQ(stack.cancel(*first).error(), Error::gone);
    stack.advance(stack.now() + 10ms);
    const auto events = stack.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].tag, 2u);
    EXPECT_EQ(stack.cancel(*second).error(), Error::gone);
    EXPECT_EQ(stack.cancel(TimerId{}).error(), Error::gone);
    EXPECT_EQ(stack.cancel(TimerId{77, 0}).error(), Error::gone);
}

TEST(Timers, AnIdDoesNotNameTheNextTimerOfItsRecord) {
    VirtualStack stack = stack_of(1);
    const auto first = stack.after(50ms, 1);
    ASSERT_TRUE(first);
    ASSERT_TRUE(stack.cancel(*first));
    const auto second = stack.after(5s, 2);  // later than the wheel's entry that is left
    ASSERT_TRUE(second);
    EXPECT_EQ(stack.cancel(*first).error(), Error::gone);
    stack.advance(stack.now() + 4s);
    EXPECT_TRUE(stack.take_events().empty());
    const auto third = stack.after(1ms, 3);
    EXPECT_EQ(third.error(), Error::no_memory);
    stack.advance(stack.now() + 2s);
    EXPECT_EQ(stack.take_events().size(), 1u);
}

TEST(Timers, CancelReachesOneThatIsDueAndNotTold) {
    VirtualStack virtual_stack = stack_of(1);
    Stack& stack = virtual_stack.stack();
    const auto timer = stack.after(5ms, 1);
    ASSERT_TRUE(timer);
    ASSERT_TRUE(stack.begin(virtual_stack.now() + 10ms));
    EXPECT_TRUE(stack.cancel(*timer));
    EXPECT_EQ(stack.cancel(*timer).error(), Error::gone);
    EXPECT_EQ(stack.next_event(), nullptr);
    stack.end();
    EXPECT_TRUE(stack.after(1ms, 2)) << "its record is free again";
}

TEST(Timers, OneTooManyIsRefusedAndCounted) {
    VirtualStack stack = stack_of(2);
    ASSERT_TRUE(stack.after(1ms, 1));
    ASSERT_TRUE(stack.after(1ms, 2));
    EXPECT_EQ(stack.after(1ms, 3).error(), Error::no_memory);
    EXPECT_EQ(stack.stack().counters()[DropReason::timers_full], 1u);
    stack.advance(stack.now() + 3ms);
    EXPECT_TRUE(stack.after(1ms, 3));
}

TEST(Timers, DurationsOutsideAreRefused) {
    VirtualStack stack = stack_of();
    EXPECT_EQ(stack.after(-1ns, 1).error(), Error::invalid);
    EXPECT_EQ(stack.after(20 * 24h + 1ns, 1).error(), Error::invalid);
    ASSERT_TRUE(stack.after(20 * 24h, 1));
    stack.advance(stack.now() + 20 * 24h - 1s);
    EXPECT_TRUE(stack.take_events().empty());
    stack.advance(stack.now() + 2s);
    EXPECT_EQ(stack.take_events().size(), 1u);
}

/// An application with the optional handlers, and one that sets its timer anew in the handler.
struct Ticker {
    Stack* stack = nullptr;
    std::vector<uint64_t> told;
    void on_open(Connection) noexcept {}
    void on_data(Connection, RxView&) noexcept {}
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection) noexcept {}
    void on_close(Connection, const CloseInfo&) noexcept {}
    void on_timer(uint64_t tag) {
        told.push_back(tag);
        static_cast<void>(stack->after(0ms, tag + 1));
    }
    void on_post(const Message& message) { told.push_back(message.tag); }
};
static_assert(Application<Ticker>);

TEST(Timers, HandlerThatSetsItAgainIsToldOnceATurn) {
    VirtualStack virtual_stack = stack_of();
    Ticker ticker{&virtual_stack.stack(), {}};
    Instant now = virtual_stack.now();
    ASSERT_TRUE(ticker.stack->after(0ms, 10));
    for (int turn = 0; turn < 3; ++turn) {
        now += 1ms;
        EXPECT_TRUE(ticker.stack->poll(ticker, now));
        EXPECT_FALSE(ticker.stack->poll(ticker, now)) << "nothing more at the same time";
    }
    EXPECT_EQ(ticker.told, (std::vector<uint64_t>{10, 11, 12}));
}

TEST(Posts, AreToldInOrderAndSomeATurn) {
    VirtualStack virtual_stack = stack_of();
    Ticker ticker{&virtual_stack.stack(), {}};
    Stack& stack = virtual_stack.stack();
    for (uint64_t i = 0; i < 1'024; ++i) ASSERT_TRUE(stack.post(i));
    EXPECT_EQ(stack.post(0).error(), Error::no_memory);
    EXPECT_TRUE(stack.has_work());
    EXPECT_TRUE(stack.poll(ticker, virtual_stack.now()));
    EXPECT_EQ(ticker.told.size(), 256u);
    while (stack.has_work()) stack.poll(ticker, virtual_stack.now());
    ASSERT_EQ(ticker.told.size(), 1'024u);
    for (uint64_t i = 0; i < 1'024; ++i) EXPECT_EQ(ticker.told[i], i);
    EXPECT_EQ(stack.counters()[DropReason::posts_full], 1u);
}

/// A program may ask for events in several rounds before it ends the turn, as synfin_poll() does with an
/// array that is smaller than what waits.
TEST(Posts, AreLimitedInATurnHoweverOftenItsEventsAreAskedFor) {
    VirtualStack virtual_stack = stack_of();
    Stack& stack = virtual_stack.stack();
    for (uint64_t i = 0; i < 1'024; ++i) ASSERT_TRUE(stack.post(i));
    for (int turn = 0; turn < 2; ++turn) {
        uint32_t told = 0;
        stack.begin(virtual_stack.now());
        for (int round = 0; round < 3; ++round)
            while (stack.next_event() != nullptr) ++told;
        stack.end();
        EXPECT_EQ(told, 256u);
    }
}

TEST(Posts, WakeTheDescriptorUntilTheyAreTold) {
    VirtualStack stack = stack_of();
    ASSERT_TRUE(stack.stack().wake_fd());
    ASSERT_TRUE(stack.stack().post(5, 6));
    stack.advance(stack.now());
    const auto events = stack.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, Event::Kind::post);
    EXPECT_EQ(events[0].message.tag, 5u);
    EXPECT_EQ(events[0].message.value, 6u);
    EXPECT_FALSE(stack.stack().mailbox().has_signal());
}

}  // namespace
}  // namespace synfin
