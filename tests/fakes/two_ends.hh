#pragma once
/// @file
/// TwoEnds: two engines joined by a wire with a delay, in virtual time. The engines are the same as on a
/// device.

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "buf/memory_port.hh"
#include "fakes/family.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"

namespace synfin::fakes {

class TwoEnds {
  public:
    inline static const IpAddress kClient = host(2), kServer = host(1);
    static constexpr Duration kStep = 10us;
    Duration step_time = kStep;  ///< virtual time of each step()

    explicit TwoEnds(Duration delay = 50us, stack::StackConfig client_config = {},
                     stack::StackConfig server_config = {})
        : delay_(delay),
          a_(with_address(std::move(client_config), kClient)),
          b_(with_address(std::move(server_config), kServer)) {}

    Stack& client() { return a_.stack; }
    Stack& server() { return b_.stack; }
    Instant now() const { return now_; }
    /// Returns true to lose the packet. `to_server`: its direction.
    std::function<bool(Bytes packet, bool to_server)> lose;

    /// Delivers a foreign packet to the server.
    void inject(std::vector<uint8_t> packet) { to_b_.emplace_back(now_ + delay_, std::move(packet)); }

    /// One step of time: both ends run their turns, and packets move. turn_x(Stack&, Instant).
    template <typename ClientTurn, typename ServerTurn>
    void step(ClientTurn&& turn_a, ServerTurn&& turn_b) {
        arrive(to_a_, a_);
        turn_a(a_.stack, now_);
        arrive(to_b_, b_);
        turn_b(b_.stack, now_);
        leave(a_, to_b_, true);
        leave(b_, to_a_, false);
        now_ += step_time;
    }
    /// Steps until done() or until the time is over; returns whether done() was reached.
    template <typename ClientTurn, typename ServerTurn, typename Done>
    bool run(Duration at_most, ClientTurn&& turn_a, ServerTurn&& turn_b, Done&& done) {
        for (const Instant end = now_ + at_most; now_ < end; step(turn_a, turn_b))
            if (done()) return true;
        return done();
    }

  private:
    struct End {
        explicit End(const stack::StackConfig& config)
            : port(caps(), 8192),
              engine(config, port, HashKey{number_of(config.addresses[0].addr), 1}),
              stack(engine) {}
        static buf::QueueCaps caps() {
            buf::QueueCaps c;
            c.ethernet = false;
            c.max_frame = same_mtu(1500);
            return c;
        }
        buf::MemoryPort port;
        stack::QueueEngine<buf::MemoryPort> engine;
        Stack stack;
    };
    using Wire = std::deque<std::pair<Instant, std::vector<uint8_t>>>;

    /// The same in both families, so that their runs are alike.
    static uint32_t number_of(const IpAddress& addr) { return addr == kClient ? 0x0a000002 : 0x0a000001; }
    static stack::StackConfig with_address(stack::StackConfig config, const IpAddress& addr) {
        config.addresses.insert(config.addresses.begin(), on_net(addr, 8));
        config.seed = number_of(addr);
        config.mtu = same_mtu(config.mtu);
        return config;
    }
    void arrive(Wire& wire, End& end) {
        for (; !wire.empty() && wire.front().first <= now_; wire.pop_front())
            static_cast<void>(end.port.deliver(wire.front().second));
    }
    void leave(End& end, Wire& wire, bool to_server) {
        while (auto packet = end.port.take())
            if (!lose || !lose(*packet, to_server)) wire.emplace_back(now_ + delay_, std::move(*packet));
    }

    Duration delay_;
    End a_, b_;
    Wire to_a_, to_b_;
    Instant now_ = Instant::from_ns(1'000'000'000);
};

}  // namespace synfin::fakes
