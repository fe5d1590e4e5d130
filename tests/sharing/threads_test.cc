/// Two engines, each on a thread of its own, joined by a wire, for the thread sanitizer: connections are
/// opened, echoed to and closed while another thread reads what any thread may read. tests/sharing/README.md.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "synfin/runtime.hh"

namespace synfin::sharing {
namespace {

constexpr uint16_t kPort = 7;
constexpr uint32_t kLives = 300;
constexpr std::array<uint8_t, 64> kAsked{1, 2, 3};

/// Opens the next connection when one has ended.
struct Asker {
    Stack* stack = nullptr;
    std::atomic<bool>* stop = nullptr;
    uint32_t opened = 0, answered = 0, closed = 0;

    void open() {
        if (stack->connect({*Ipv4::parse("10.0.0.2"), kPort})) ++opened;
    }
    void on_open(Connection c) { (void)c.send(kAsked); }
    void on_data(Connection c, RxView& data) {
        answered += data.size();
        if (answered % kAsked.size() == 0) (void)c.close();
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo&) {
        if (++closed == kLives) *stop = true;
        if (opened < kLives) open();
    }
};
struct Echoer {
    void on_open(Connection) {}
    void on_data(Connection c, RxView& data) { data.take(c.send(data).value_or(0)); }
    void on_writable(Connection c) { (void)c.resume(); }
    void on_peer_fin(Connection c) { (void)c.close(); }
    void on_close(Connection, const CloseInfo&) {}
};

RuntimeConfig config_of(const char* address) {
    RuntimeConfig config;
    config.stack.addresses = {*Cidr::parse(address)};
    config.stack.max_connections = config.stack.max_half_open = config.stack.max_time_wait = 1'000;
    config.no_huge = true;
    config.packets = 512;
    config.idle = IdlePolicy::yield;  // there may be one core for both
    return config;
}

TEST(Threads, TwoEnginesAndAWatcher) {
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one CPU: both engines would share a thread";
    RuntimeConfig client = config_of("10.0.0.1/24");
    client.cores = {0, 1};
    const auto opened = Runtime::open_ring(client, config_of("10.0.0.2/24"));
    ASSERT_TRUE(opened) << opened.error().why;
    const std::unique_ptr<Runtime>& runtime = *opened;
    ASSERT_EQ(runtime->cores().size(), 2U);

    std::atomic<bool> stop{false}, is_over{false};
    Asker asker{.stack = &runtime->stack(0), .stop = &stop};
    Echoer echoer;
    ASSERT_TRUE(runtime->stack(1).listen(kPort));

    // What is said to be for any thread, at any time.
    std::thread watcher([&] {
        while (!is_over) {
            (void)runtime->device_stats();
            (void)runtime->now();
            std::this_thread::yield();
        }
    });
    const auto ran = runtime->run([&](std::span<const unsigned> stacks, unsigned) {
        const bool is_client = stacks.front() == 0;
        Idle idle(runtime->idle_policy());
        if (is_client) asker.open();
        while (!stop) {
            Stack& stack = runtime->stack(stacks.front());
            idle.turn(is_client ? stack.poll(asker, runtime->now()) : stack.poll(echoer, runtime->now()));
        }
    });
    is_over = true;
    watcher.join();
    EXPECT_TRUE(ran);
    EXPECT_EQ(asker.closed, kLives);
    EXPECT_EQ(asker.answered, kLives * kAsked.size());
}

}  // namespace
}  // namespace synfin::sharing
