/// The runtime on an in-memory wire: what it refuses, its threads, and posts to and from them.

#include "synfin/runtime.hh"

#include <gtest/gtest.h>
#include <poll.h>

#include <stdexcept>
#include <thread>

namespace synfin {
namespace {

constexpr uint16_t kPort = 7;

RuntimeConfig config_of(const char* address) {
    RuntimeConfig config;
    config.device = "ring";
    config.stack.addresses = {*Cidr::parse(address)};
    config.stack.max_connections = config.stack.max_half_open = config.stack.max_time_wait = 100;
    config.no_huge = true;
    config.packets = 512;
    config.idle = IdlePolicy::sleep;
    return config;
}

std::unique_ptr<Runtime> open_ring() {
    auto opened = Runtime::open_ring(config_of("10.0.0.1/24"), config_of("10.0.0.2/24"));
    EXPECT_TRUE(opened) << opened.error().why;
    return opened ? *std::move(opened) : nullptr;
}

TEST(Runtime, RefusesWithASentence) {
    RuntimeConfig config = config_of("10.0.0.1/24");
    config.device = "nonsense";
    const auto opened = Runtime::open(config);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().error, Error::invalid);
    EXPECT_NE(opened.error().why.find("nonsense"), std::string::npos) << opened.error().why;
    const auto probed = Runtime::probe(config);
    ASSERT_FALSE(probed);
    EXPECT_EQ(probed.error().error, Error::invalid);
}

TEST(Runtime, RefusesAPrefixThatIsLongerThanTheAddress) {
    RuntimeConfig config = config_of("10.0.0.1/24");
    config.stack.addresses[0].prefix = 33;
    const auto opened = Runtime::open_ring(config, config_of("10.0.0.2/24"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().error, Error::invalid);
    EXPECT_NE(opened.error().why.find("10.0.0.1/33"), std::string::npos) << opened.error().why;
}

TEST(Runtime, RefusesMoreRecordsThanAnEngineCanNumber) {
    RuntimeConfig config = config_of("10.0.0.1/24");
    config.device = "af_packet:lo";
    config.stack.max_connections = 1u << 30;
    config.stack.max_time_wait = 1;
    const auto opened = Runtime::open(config);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().error, Error::invalid);
    EXPECT_NE(opened.error().why.find("max_time_wait"), std::string::npos) << opened.error().why;
    const auto far = Runtime::open_ring(config_of("10.0.0.1/24"), config);
    ASSERT_FALSE(far);
    EXPECT_EQ(far.error().error, Error::invalid);
    config = config_of("10.0.0.1/24");
    config.stack.max_timers = UINT32_MAX;
    EXPECT_EQ(Runtime::open_ring(config, config_of("10.0.0.2/24")).error().error, Error::invalid);
}

TEST(Runtime, TakesIpv6AddressesOnWiresAndRefusesWhatNoHostHas) {
    RuntimeConfig config = config_of("10.0.0.1/24");
    config.stack.addresses.push_back(*Cidr::parse("2001:db8::1/64"));
    const auto wire = Runtime::open_ring(config_of("2001:db8::2/64"), config);
    EXPECT_TRUE(wire) << wire.error().why;
    config.stack.addresses.push_back(*Cidr::parse("ff02::1/64"));
    config.device = "af_packet:lo";
    for (const auto& refused :
         {Runtime::open(config), Runtime::open_ring(config_of("10.0.0.1/24"), config)}) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().error, Error::invalid);
        EXPECT_NE(refused.error().why.find("ff02::1/64"), std::string::npos) << refused.error().why;
    }
}

TEST(Runtime, StartsOnceAndJoins) {
    const auto runtime = open_ring();
    ASSERT_NE(runtime, nullptr);
    std::atomic<unsigned> ran{0};
    const auto body = [&](std::span<const unsigned> stacks, unsigned) {
        ran += static_cast<unsigned>(stacks.size());
        while (!runtime->stopping()) std::this_thread::yield();
    };
    runtime->join();  // nothing runs: nothing to wait for
    ASSERT_TRUE(runtime->start(body));
    const auto twice = runtime->start(body);
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().error, Error::in_use);
    runtime->stop();
    runtime->join();
    EXPECT_EQ(ran, 2u);
    EXPECT_TRUE(runtime->run([&](std::span<const unsigned>, unsigned) { ++ran; }));
    EXPECT_EQ(ran, 3u);
}

TEST(Runtime, JoinThrowsWhatABodyThrew) {
    const auto runtime = open_ring();
    ASSERT_NE(runtime, nullptr);
    ASSERT_TRUE(
        runtime->start([](std::span<const unsigned>, unsigned) { throw std::runtime_error("body"); }));
    EXPECT_THROW(runtime->join(), std::runtime_error);
    runtime->join();
}

TEST(Runtime, EndStopsAndJoins) {
    auto runtime = open_ring();
    ASSERT_NE(runtime, nullptr);
    bool ended = false;
    const std::atomic<bool>& stopping = runtime->stopping();
    ASSERT_TRUE(runtime->start([&](std::span<const unsigned>, unsigned) {
        while (!stopping) std::this_thread::yield();
        ended = true;
    }));
    runtime.reset();
    EXPECT_TRUE(ended);
}

/// Opens a connection for each post, and tells the main thread of what it sees.
struct App {
    Stack* stack = nullptr;
    Mailbox* main = nullptr;
    unsigned opened = 0, closed = 0;

    enum : uint64_t { kConnect = 1, kAccepted = 2 };
    void on_open(Connection, uint64_t token) {
        ++opened;
        if (token != 0) static_cast<void>(main->post(kAccepted, token));
    }
    void on_data(Connection, RxView&) {}
    void on_writable(Connection) {}
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo&) { ++closed; }
    void on_post(const Message& message) {
        if (message.tag == kConnect)
            static_cast<void>(stack->connect({Ipv4{0x0a000002}, static_cast<uint16_t>(message.value)}));
    }
};

TEST(Runtime, ServesPostsUntilItIsStoppedAndClosesWhatIsOpen) {
    const auto runtime = open_ring();
    ASSERT_NE(runtime, nullptr);
    Mailbox main(16);
    const auto fd = main.wake_fd();
    ASSERT_TRUE(fd);
    std::vector<App> apps{{&runtime->stack(0), &main}, {&runtime->stack(1), &main}};
    ASSERT_TRUE(runtime->stack(1).listen(kPort, {.token = 99}));
    Result<void> served = Error::gone;
    std::thread server([&] { served = serve(*runtime, apps); });
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(runtime->post(0, App::kConnect, kPort));
        pollfd entry{*fd, POLLIN, 0};
        ASSERT_EQ(::poll(&entry, 1, 60'000), 1);
        const auto message = main.take();
        ASSERT_TRUE(message);
        EXPECT_EQ(*message, (Message{App::kAccepted, 99}));
        EXPECT_EQ(main.take(), std::nullopt);
    }
    runtime->stop();
    server.join();
    EXPECT_TRUE(served);
    for (const App& app : apps) {
        EXPECT_EQ(app.opened, 3u);
        EXPECT_EQ(app.closed, 3u);
    }
    EXPECT_EQ(runtime->stack(1).records().open, 0u);
}

}  // namespace
}  // namespace synfin
