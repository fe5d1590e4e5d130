/// Many threads post, one takes: for the thread sanitizer, and for lost wake-ups.

#include "synfin/mailbox.hh"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "synfin/virtual_stack.hh"

namespace synfin::sharing {
namespace {

constexpr uint64_t kPosters = 4;
constexpr uint64_t kEach = 5'000;

/// Posts `kEach` numbers as poster `poster`, each as often as it is refused. Each comes with an object,
/// written before.
void post_all(uint64_t poster, std::vector<uint64_t>& objects, auto&& post) {
    for (uint64_t i = 0; i < kEach; ++i) {
        objects[i] = poster * kEach + i;
        while (!post(poster, &objects[i])) std::this_thread::yield();
    }
}

/// What the reader must see: every poster's objects, in its order.
class Reader {
  public:
    void take(const Message& message) {
        ASSERT_LT(message.tag, kPosters);
        ASSERT_EQ(*message.pointer<uint64_t>(), message.tag * kEach + next_[message.tag]);
        ++next_[message.tag];
        ++taken_;
    }
    bool has_all() const { return taken_ == kPosters * kEach; }

  private:
    std::array<uint64_t, kPosters> next_{};
    uint64_t taken_ = 0;
};

/// Runs kPosters threads that post while read() reads.
void exchange(auto&& post, auto&& read) {
    std::vector<std::vector<uint64_t>> objects(kPosters, std::vector<uint64_t>(kEach));
    std::vector<std::thread> posters;
    for (uint64_t p = 0; p < kPosters; ++p) posters.emplace_back([&, p] { post_all(p, objects[p], post); });
    read();
    for (std::thread& poster : posters) poster.join();
}

TEST(Mailbox, ReaderThatPollsGetsAllInOrder) {
    Mailbox box(64);
    Reader reader;
    exchange([&](uint64_t tag, uint64_t* object) { return bool(box.post(tag, object)); },
             [&] {
                 while (!reader.has_all() && !testing::Test::HasFailure()) {
                     if (const auto message = box.take())
                         reader.take(*message);
                     else
                         std::this_thread::yield();
                 }
             });
    EXPECT_EQ(box.take(), std::nullopt);
}

TEST(Mailbox, ReaderThatSleepsIsAlwaysWoken) {
    Mailbox box(16);
    Reader reader;
    exchange([&](uint64_t tag, uint64_t* object) { return bool(box.post(tag, object)); },
             [&] {
                 // Made while others post: they must not be missed.
                 const auto fd = box.wake_fd();
                 ASSERT_TRUE(fd);
                 while (!reader.has_all() && !testing::Test::HasFailure()) {
                     pollfd entry{*fd, POLLIN, 0};
                     // A lost wake-up shows as this long wait; it is never waited for otherwise.
                     ASSERT_EQ(::poll(&entry, 1, 60'000), 1) << "not woken";
                     // Some at a time: what is left must keep the descriptor readable.
                     for (int i = 0; i < 3; ++i) {
                         const auto message = box.take();
                         if (!message) break;
                         reader.take(*message);
                     }
                 }
             });
}

TEST(Mailbox, EngineIsPostedToWhileItTurns) {
    VirtualConfig config{.address = *Cidr::parse("10.0.0.1/24")};
    config.stack.max_posts = 32;
    config.stack.max_connections = 16;
    VirtualStack engine(config);
    Reader reader;
    exchange([&](uint64_t tag, uint64_t* object) { return bool(engine.stack().post(tag, object)); },
             [&] {
                 while (!reader.has_all() && !testing::Test::HasFailure()) {
                     engine.advance(engine.now() + 1ms);
                     for (const Event& event : engine.take_events()) {
                         ASSERT_EQ(event.kind, Event::Kind::post);
                         reader.take(event.message);
                     }
                     std::this_thread::yield();
                 }
             });
    EXPECT_EQ(engine.stack().counters()[DropReason::posts_full], engine.stack().mailbox().refused());
}

}  // namespace
}  // namespace synfin::sharing
