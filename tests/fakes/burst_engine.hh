#pragma once
/// @file
/// BurstEngine: one engine over a MemoryPort that receives several packets at once, as from a NIC, with the
/// handlers of an Application. A World delivers packets one by one.

#include "buf/memory_port.hh"
#include "fakes/family.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"

namespace synfin::fakes {

struct BurstEngine {
    static constexpr uint32_t kPackets = 256;

    /// host(1), with few records, so that a test can fill them.
    static stack::StackConfig small(Cidr address = net_host(1)) {
        stack::StackConfig out;
        out.addresses = {address};
        out.mtu = same_mtu(1500);
        out.max_connections = out.max_time_wait = out.max_half_open = 16;
        out.seed = 1;
        return out;
    }
    static buf::QueueCaps caps() {
        buf::QueueCaps out;
        out.ethernet = false;
        out.max_frame = same_mtu(1500);
        return out;
    }
    static constexpr Instant kStart = Instant::from_ns(1'000'000'000);

    explicit BurstEngine(const stack::StackConfig& config = small(), const stack::Keys& keys = HashKey{1, 2},
                         Instant start = kStart)
        : engine(config, port, keys, start), now(start) {}

    /// Advances time, then runs one turn.
    template <Application App>
    bool turn(App& app, Duration d = std::chrono::milliseconds(1)) {
        now += d;
        return stack.poll(app, now);
    }

    buf::MemoryPort port{caps(), kPackets};
    stack::QueueEngine<buf::MemoryPort> engine;
    Stack stack{engine};
    Instant now;
};

}  // namespace synfin::fakes
