/// Rest between turns: what ends a sleep.

#include "synfin/idle.hh"

#include <gtest/gtest.h>

#include "synfin/mailbox.hh"

namespace synfin {
namespace {

TEST(Idle, APostEndsASleep) {
    Mailbox box(2);
    const auto fd = box.wake_fd();
    ASSERT_TRUE(fd);
    // A nap that nobody waits for: the test ends only when the descriptor ends each of them.
    Idle idle(IdlePolicy::sleep, 1h);
    idle.wake_on(*fd);
    ASSERT_TRUE(idle.sleeps());
    ASSERT_TRUE(box.post(1));
    for (int turn = 0; turn < 2'000; ++turn) idle.turn(false);
}

}  // namespace
}  // namespace synfin
