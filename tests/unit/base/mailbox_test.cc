#include "synfin/mailbox.hh"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>
#include <utility>

namespace {
/// Runs once, before the next write to an eventfd: what the reader does while a poster is interrupted there.
std::function<void()> before_write;
/// Runs once, after the next write to an eventfd: what the reader does when the write has woken it.
std::function<void()> after_write;
}  // namespace

/// Takes the place of the C library's function in this program.
extern "C" int eventfd_write(int fd, eventfd_t value) {
    if (const auto act = std::exchange(before_write, nullptr)) act();
    const bool is_done = ::write(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value);
    if (const auto act = std::exchange(after_write, nullptr)) act();
    return is_done ? 0 : -1;
}

namespace synfin {
namespace {

bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

TEST(Mailbox, GivesMessagesInOrder) {
    Mailbox box(4);
    EXPECT_EQ(box.take(), std::nullopt);
    int object = 0;
    ASSERT_TRUE(box.post(1, 10));
    ASSERT_TRUE(box.post(2, &object));
    EXPECT_TRUE(box.has_signal());
    auto message = box.take();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->tag, 1u);
    EXPECT_EQ(message->value, 10u);
    message = box.take();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->tag, 2u);
    EXPECT_EQ(message->pointer<int>(), &object);
    EXPECT_EQ(box.take(), std::nullopt);
    EXPECT_FALSE(box.has_signal());
}

TEST(Mailbox, RefusesAndCountsWhatDoesNotFit) {
    Mailbox box(3);
    ASSERT_EQ(box.capacity(), 4u);
    for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(box.post(i));
    EXPECT_EQ(box.post(4).error(), Error::no_memory);
    EXPECT_EQ(box.post(5).error(), Error::no_memory);
    EXPECT_EQ(box.refused(), 2u);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(box.take()->tag, i);
    EXPECT_TRUE(box.post(6));
    EXPECT_EQ(box.take()->tag, 6u);
}

TEST(Mailbox, DescriptorIsReadableWhileMessagesWait) {
    Mailbox box(4);
    const auto fd = box.wake_fd();
    ASSERT_TRUE(fd);
    EXPECT_EQ(*box.wake_fd(), *fd);
    EXPECT_FALSE(is_readable(*fd));
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(box.post(1));
        ASSERT_TRUE(box.post(2));
        EXPECT_TRUE(is_readable(*fd));
        ASSERT_TRUE(box.take());
        EXPECT_TRUE(is_readable(*fd)) << "one is left";
        ASSERT_TRUE(box.take());
        EXPECT_EQ(box.take(), std::nullopt);
        EXPECT_FALSE(is_readable(*fd));
    }
}

TEST(Mailbox, LateWakeUpDoesNotLeaveTheDescriptorReadable) {
    Mailbox box(4);
    const auto fd = box.wake_fd();
    ASSERT_TRUE(fd);
    int taken = 0;
    before_write = [&] {
        while (box.take()) ++taken;
        ASSERT_TRUE(box.post(2));  // sees the first post's signal and relies on its wake-up
    };
    ASSERT_TRUE(box.post(1));
    EXPECT_EQ(taken, 1);
    EXPECT_TRUE(is_readable(*fd));
    EXPECT_EQ(box.take()->tag, 2u);
    EXPECT_EQ(box.take(), std::nullopt);
    EXPECT_FALSE(is_readable(*fd));
    EXPECT_FALSE(box.has_signal());
    before_write = [&] {
        while (box.take()) ++taken;
    };
    ASSERT_TRUE(box.post(3));
    EXPECT_EQ(taken, 2);
    EXPECT_EQ(box.take(), std::nullopt);
    EXPECT_FALSE(is_readable(*fd)) << "readable for ever: the reader would never rest";
}

TEST(Mailbox, ReaderThatTheWriteWakesRestsAtOnce) {
    Mailbox box(4);
    const auto fd = box.wake_fd();
    ASSERT_TRUE(fd);
    for (uint64_t round = 0; round < 3; ++round) {
        bool is_woken = false;
        after_write = [&] {
            is_woken = true;
            EXPECT_EQ(box.take()->tag, round);
            EXPECT_EQ(box.take(), std::nullopt);
            EXPECT_FALSE(is_readable(*fd)) << "until the poster goes on";
        };
        ASSERT_TRUE(box.post(round));
        EXPECT_TRUE(is_woken);
        EXPECT_FALSE(is_readable(*fd));
        EXPECT_FALSE(box.has_signal()) << "nothing is left to take";
    }
}

TEST(Mailbox, DescriptorTellsOfWhatWasPostedBeforeIt) {
    Mailbox box(4);
    ASSERT_TRUE(box.post(1));
    const auto fd = box.wake_fd();
    ASSERT_TRUE(fd);
    EXPECT_TRUE(is_readable(*fd));
    ASSERT_TRUE(box.take());
    EXPECT_EQ(box.take(), std::nullopt);
    EXPECT_FALSE(is_readable(*fd));
}

}  // namespace
}  // namespace synfin
