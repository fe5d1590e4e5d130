#pragma once
/// Two endpoints in virtual time and the wire between them.

#include <string>

#include "synfin/virtual_stack.hh"

namespace synfin {

struct TwoStacks {
    static constexpr Ipv4 kNear{0x0a000001}, kFar{0x0a000002};
    static VirtualConfig config(Ipv4 address) {
        VirtualConfig out{.address = {address, 24}};
        out.stack.seed = address.value;
        out.stack.max_connections = 64;
        return out;
    }
    explicit TwoStacks(const VirtualConfig& near_config = config(kNear),
                       const VirtualConfig& far_config = config(kFar))
        : near(near_config), far(far_config) {}

    /// Until the wire is silent.
    void exchange() {
        for (bool moved = true; moved;) {
            moved = false;
            for (auto packet = near.output(); packet; packet = near.output(), moved = true)
                far.input(*packet);
            for (auto packet = far.output(); packet; packet = far.output(), moved = true) near.input(*packet);
        }
    }
    void advance(Duration by) {
        near.advance(near.now() + by);
        far.advance(far.now() + by);
        exchange();
    }
    Connection connect(uint16_t port) {
        const auto c = near.connect({kFar, port});
        exchange();
        return c ? *c : Connection();
    }

    VirtualStack near, far;
};

/// The events of one kind since the last call.
inline std::vector<Event> take(VirtualStack& stack, Event::Kind kind) {
    std::vector<Event> out;
    for (const Event& event : stack.take_events())
        if (event.kind == kind) out.push_back(event);
    return out;
}

}  // namespace synfin
