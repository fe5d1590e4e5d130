/// Two engines, each on its own thread, joined by a wire: no cache line that one of them writes is touched by
/// the other, but the wire's. They take turns, and each turn is watched (line_watch.hh).

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>

#include "line_watch.hh"
#include "own_lines.hh"
#include "port/core_threads.hh"
#include "port/device_port.hh"
#include "port/eal.hh"
#include "port/packet_pool.hh"
#include "servers/reply_server.hh"
#include "servers/server_run.hh"
#include "stack/queue_engine.hh"
#include "traffic/client_run.hh"

namespace synfin::sharing {
namespace {

constexpr Ipv4 kServer{0x0a000001}, kClient{0x0a000100};
constexpr uint16_t kPort = 80;
constexpr uint32_t kBytes = 64;
constexpr uint32_t kConcurrent = 16;
/// Before these are over, everything that is done once has been done: symbols bound, pages touched.
constexpr uint64_t kUnwatched = 200;
constexpr uint64_t kLives = 240;
constexpr uint32_t kWireBytes = 8 * 1024;
constexpr uint32_t kPackets = 512;
constexpr Duration kTurn = 16us;

stack::StackConfig stack_of(Ipv4 address) {
    stack::StackConfig config;
    config.addresses = {{address, 8}};
    config.max_connections = 4 * kConcurrent;
    config.max_half_open = 4 * kConcurrent;
    config.max_time_wait = 1'024;
    config.seed = address.value;
    return config;
}

app::GeneratorPlan plan() {
    app::GeneratorPlan plan;
    plan.calls.push_back(
        {.peer = {kServer, kPort}, .request = app::pattern_request(kBytes), .last_request = {}});
    plan.sources = {kClient};
    plan.ending = app::GeneratorPlan::Ending::fin_by_peer;
    plan.response_size = kBytes;
    plan.connections = kConcurrent;
    plan.limit = kLives;
    return plan;
}

/// One end as a core has it: its pool, port, engine and application.
struct alignas(64) End {
    End(port::WireRing& out, port::WireRing& in, Ipv4 address, port::Refusal& refusal)
        : pool(port::make_pool(kPackets, port::PacketSize::for_frame(caps(address).max_frame, 0), -1,
                               port::Access::processor, refusal)),
          port(out, in, pool.get(), caps(address)),
          engine(stack_of(address), port, HashKey{address.value, 1}),
          stack(engine) {}
    static buf::QueueCaps caps(Ipv4 address) {
        buf::QueueCaps caps;
        caps.max_frame = 1'518;
        caps.mac = Mac{{2, 0, 0, 0, 0, static_cast<uint8_t>(address.value >> 8)}};
        return caps;
    }
    port::PacketPool pool;
    port::DevicePort port;
    stack::QueueEngine<port::DevicePort> engine;
    Stack stack;
};
struct alignas(64) Client {
    std::atomic<bool> never{false};
    app::ClientRun run{plan(), Duration::zero(), never};
};
struct alignas(64) Server {
    app::ServerRun<app::ReplyServer> run{
        app::PortRange{kPort, kPort},
        app::ReplyServer::Shape{.request_size = kBytes, .response_size = kBytes, .close_after_reply = true}};
};

/// The threads' understanding, on a page that is not watched.
struct alignas(4096) Lockstep {
    std::atomic<uint32_t> turn{0};  ///< even: the client's
    std::atomic<bool> over{false};
    std::atomic<bool> watching{false};
    std::array<Range, 2> stacks{};

    /// Whether the run goes on, once it is this party's turn.
    bool wait(uint32_t party) const noexcept {
        while (turn.load(std::memory_order_acquire) % 2 != party) yield_untouched();
        return !over.load(std::memory_order_relaxed);
    }
};
Lockstep lockstep;

Range range_of(const auto& object) {
    const auto begin = reinterpret_cast<uintptr_t>(&object);
    return {begin, begin + sizeof object};
}

/// Where a ring keeps its frames: an empty one shows the place of its first.
Range frames_of(port::WireRing& ring) {
    constexpr std::array<uint8_t, 128> kFrame{};
    uint32_t length = 0;
    port::WireRing::Writer writer(ring);
    port::WireRing::Reader reader(ring);
    writer.put(kFrame.data(), 60);
    writer.publish();
    const auto begin = reinterpret_cast<uintptr_t>(reader.peek(length)) - port::WireRing::kHeader;
    reader.take(length);
    reader.release();
    return {begin, begin + kWireBytes};
}

TEST(Sharing, EnginesShareNothingButTheWire) {
    const std::vector<unsigned> cpus = port::allowed_cpus();
    if (cpus.size() < 2) GTEST_SKIP() << "one CPU: two threads are not told apart by DPDK";
    port::Refusal refusal;
    ASSERT_NE(port::start_eal({.no_huge = true, .memory_bytes = 64u << 20}, refusal), nullptr) << refusal.why;
    const auto wire = std::make_unique<port::Wire>(kWireBytes);
    const std::array<Range, 2> frames{frames_of(wire->forward), frames_of(wire->backward)};
    const Range indices = range_of(*wire);
    const auto near = std::make_unique<End>(wire->forward, wire->backward, kClient, refusal);
    const auto far = std::make_unique<End>(wire->backward, wire->forward, kServer, refusal);
    ASSERT_TRUE(near->pool && far->pool) << refusal.why;
    const auto client = std::make_unique<Client>();
    const auto server = std::make_unique<Server>();
    ASSERT_TRUE(server->run.listen(far->stack));

    uint64_t allocations = 0;
    const auto client_loop = [&] {
        Instant now = Instant::from_ns(1'000'000'000);
        client->run.start(now);
        bool late = false;
        for (uint32_t after = 0; lockstep.wait(0); now += 2 * kTurn) {
            const bool watching = lockstep.watching.load(std::memory_order_relaxed);
            if (watching) LineWatch::watch(0);
            client->run.turn(near->stack, now);
            if (watching) LineWatch::release();
            if (!watching && client->run.generator().tally().completed >= kUnwatched) {
                LineWatch::begin({range_of(lockstep), lockstep.stacks[0], lockstep.stacks[1]});
                lockstep.watching = true;
                allocations = OwnLines::allocations();
            }
            // TIME-WAIT ends too, and every timer.
            late = late || client->run.over();
            if (late && ++after == 20) lockstep.over = true;
            if (late) now += 5s;
            lockstep.turn.fetch_add(1, std::memory_order_release);
        }
    };
    const auto server_loop = [&] {
        Instant now = Instant::from_ns(1'000'000'000) + kTurn;
        for (uint32_t turns = 0; lockstep.wait(1); ++turns, now += 2 * kTurn) {
            const bool watching = lockstep.watching.load(std::memory_order_relaxed);
            if (far->stack.counters()[Counter::closed] == kLives) now += 5s;
            if (watching) LineWatch::watch(1);
            server->run.turn(far->stack, now);
            if (watching) LineWatch::release();
            lockstep.turn.fetch_add(1, std::memory_order_release);
        }
        lockstep.turn.fetch_add(1, std::memory_order_release);
    };
    const bool ran = port::run_on_cores(
        std::array{cpus[0], cpus[1]},
        [&](size_t i) {
            lockstep.stacks[i] = LineWatch::own_stack();
            if (i == 0) {
                // The other's stack must be known before anything is watched.
                while (lockstep.stacks[1].end == 0) yield_untouched();
                client_loop();
            } else {
                server_loop();
            }
        },
        refusal);
    ASSERT_TRUE(ran) << refusal.why;
    allocations = OwnLines::allocations() - allocations;
    EXPECT_EQ(allocations, 0u) << "made while packets were handled";
    ASSERT_EQ(client->run.generator().tally().completed, kLives);
    ASSERT_EQ(far->stack.occupancy().time_wait, 0u);

    RecordProperty("accesses", std::to_string(LineWatch::accesses()));
    // That something was seen at all: some thousand accesses to each life, and both sides of the wire.
    EXPECT_GT(LineWatch::accesses(), 1'000 * (kLives - kUnwatched));
    unsigned shared_indices = 0, shared_frames = 0;
    for (const Line& line : LineWatch::lines()) {
        const bool is_written = line.written[0] || line.written[1];
        EXPECT_FALSE(is_written && OwnLines::reaches_out(line.address))
            << "written, and another's allocation may lie in it: " << LineWatch::text(line);
        if (!line.is_shared()) continue;
        if (indices.contains(line.address)) {
            ++shared_indices;
            EXPECT_FALSE(line.written[0] && line.written[1])
                << "two writers of an index: " << LineWatch::text(line);
        } else if (std::any_of(frames.begin(), frames.end(),
                               [&](const Range& range) { return range.contains(line.address); })) {
            ++shared_frames;
            EXPECT_FALSE(line.written[0] && line.written[1])
                << "a frame written by both: " << LineWatch::text(line);
        } else {
            ADD_FAILURE() << "shared, and not the wire's: " << LineWatch::text(line);
        }
    }
    EXPECT_EQ(shared_indices, 4u) << "head and tail of each direction";
    EXPECT_GT(shared_frames, 100u);
}

}  // namespace
}  // namespace synfin::sharing
