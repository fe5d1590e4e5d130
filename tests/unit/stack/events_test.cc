#include <gtest/gtest.h>

#include <vector>

#include "stack/events.hh"

namespace synfin::stack {
namespace {

/// Held text that finds no memory resets its connection, which adds an event during the walk.
TEST(Events, AreVisitedWhileTheQueueGrowsAndMoves) {
    Events events(1);
    for (uint32_t index = 1; index <= 2; ++index) events.push(Event::Kind::data, index, 7);
    std::vector<uint32_t> visited;
    events.for_each([&](const PendingEvent& event) {
        const uint32_t index = event.index;
        visited.push_back(index);
        if (index < 1'000)
            for (uint32_t i = 0; i < 2; ++i) events.push(Event::Kind::close, index + 1'000, 7);
    });
    EXPECT_EQ(visited, (std::vector<uint32_t>{1, 2, 1'001, 1'001, 1'002, 1'002}));
    for (const uint32_t index : visited) EXPECT_EQ(events.take().index, index);
    EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace synfin::stack
