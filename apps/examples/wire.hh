#pragma once
/// @file
/// The in-memory wire of the examples: two endpoints in virtual time, 10.0.0.1 and 10.0.0.2, and the wire
/// between them.

#include <synfin/virtual_stack.hh>

namespace examples {

// [wire]
struct Wire {
    synfin::VirtualStack client{{.address = *synfin::Cidr::parse("10.0.0.1/24"), .stack = {.seed = 1}}};
    synfin::VirtualStack server{{.address = *synfin::Cidr::parse("10.0.0.2/24"), .stack = {.seed = 2}}};

    /// Carries packets until both ends are silent, then advances the time, after which both may send again.
    void run(synfin::Duration time) {
        for (bool again = true; again;) {
            again = carry(client, server);
            again |= carry(server, client);
        }
        client.advance(client.now() + time);
        server.advance(server.now() + time);
    }
    static bool carry(synfin::VirtualStack& from, synfin::VirtualStack& to) {
        bool any = false;
        for (auto packet = from.output(); packet; packet = from.output(), any = true) to.input(*packet);
        return any;
    }
};
// [wire]

}  // namespace examples
