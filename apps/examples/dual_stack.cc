/// One listener for both families, and a client that tries IPv6 first and IPv4 a moment later, on two
/// endpoints in virtual time.

#include <cstdio>
#include <string>
#include <vector>

#include <synfin/virtual_stack.hh>

namespace {

using namespace synfin;

/// Two endpoints, each with an address of either family.
struct DualWire {
    VirtualStack client{{.address = *Cidr::parse("10.0.0.1/24"),
                         .stack = {.addresses = {*Cidr::parse("2001:db8::1/64")}, .seed = 1}}};
    VirtualStack server{{.address = *Cidr::parse("10.0.0.2/24"),
                         .stack = {.addresses = {*Cidr::parse("2001:db8::2/64")}, .seed = 2}}};
    bool loses_ipv6 = false;

    void run(Duration time) {
        for (bool again = true; again;) {
            again = carry(client, server);
            again |= carry(server, client);
        }
        client.advance(client.now() + time);
        server.advance(server.now() + time);
    }
    bool carry(VirtualStack& from, VirtualStack& to) const {
        bool any = false;
        for (auto packet = from.output(); packet; packet = from.output(), any = true)
            if (!loses_ipv6 || packet->front() >> 4 == 4) to.input(*packet);
        return any;
    }
};

// [dual stack]
/// Opens a connection to the first endpoint that answers. Tries them in the order given, each 250 ms after
/// the one before (RFC 8305). Only the connection that is returned stays open; null: none answered.
Connection connect_any(DualWire& wire, const std::vector<Endpoint>& endpoints) {
    std::vector<Connection> attempts;
    const auto is_open = [](Connection c) { return c.state() == State::established; };
    for (const Endpoint& endpoint : endpoints) {
        // The stack chooses the source address (RFC 6724).
        if (const auto c = wire.client.connect(endpoint)) attempts.push_back(*c);
        wire.run(250ms);
        for (const Connection winner : attempts) {
            if (!is_open(winner)) continue;
            for (const Connection other : attempts)
                if (!(other == winner)) (void)wire.client.abort(other);
            return winner;
        }
    }
    for (const Connection attempt : attempts) (void)wire.client.abort(attempt);
    return {};
}
// [dual stack]

}  // namespace

int main() {
    for (const bool loses_ipv6 : {false, true}) {
        DualWire wire;
        wire.loses_ipv6 = loses_ipv6;
        if (!wire.server.listen(80)) return 1;  // one listener answers both families
        const Connection c =
            connect_any(wire, {*Endpoint::parse("[2001:db8::2]:80"), *Endpoint::parse("10.0.0.2:80")});
        const auto peer = c.peer();
        if (!peer || peer->addr.is_v4() != loses_ipv6) return 1;
        std::printf("%s: connected to %s\n", loses_ipv6 ? "IPv6 is lost" : "both work", peer->text().c_str());
    }
    return 0;
}
