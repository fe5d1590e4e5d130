/// Two endpoints in virtual time transfer ten megabytes over a wire that drops every tenth packet, and wait
/// for a minute of TIME-WAIT without real time. Conformance suites and tests of programs can drive synfin
/// this way.

#include <algorithm>
#include <cstdio>

#include <synfin/virtual_stack.hh>

using namespace synfin;

int main() {
    VirtualStack client({.address = *Cidr::parse("10.0.0.1/24"), .stack = {.seed = 1}});
    VirtualStack server({.address = *Cidr::parse("10.0.0.2/24"), .stack = {.seed = 2}});
    if (!server.listen(7)) return 1;
    const Connection c = client.connect({*Ipv4::parse("10.0.0.2"), 7}).value_or({});

    uint32_t packets = 0;
    auto carry = [&](VirtualStack& from, VirtualStack& to) {
        bool any = false;
        while (auto packet = from.output()) {
            any = true;
            if (++packets % 10 != 0) to.input(*packet);
        }
        return any;
    };

    auto exchange = [&] {
        const bool there = carry(client, server);
        return carry(server, client) || there;
    };

    const std::vector<uint8_t> block(65'536, 'x');
    std::vector<uint8_t> buffer(65'536);
    uint64_t sent = 0, received = 0;
    constexpr uint64_t kTotal = 10'000'000;
    Connection s;
    const Instant start = client.now();
    while (received < kTotal) {
        if (sent < kTotal) {
            const Bytes rest = Bytes(block).first(std::min<uint64_t>(block.size(), kTotal - sent));
            sent += client.send(c, rest).value_or(0);
            if (sent == kTotal) (void)client.shutdown(c);
        }
        const bool moved = exchange();
        if (!s) s = server.accept().value_or({});
        while (const uint32_t n = server.receive(s, buffer).value_or(0)) received += n;
        if (moved) continue;
        // The wire is empty: advance the time to the next deadline.
        const Instant never = Instant::from_ns(INT64_MAX);
        const Instant next =
            std::min(client.next_deadline().value_or(never), server.next_deadline().value_or(never));
        client.advance(next);
        server.advance(next);
    }
    (void)server.close(s);
    while (client.stack().occupancy().open + server.stack().occupancy().open +
               client.stack().occupancy().time_wait !=
           0) {
        while (exchange()) {
        }
        client.advance(client.now() + 1s);
        server.advance(server.now() + 1s);
    }
    std::printf("%llu bytes in %u packets, every tenth lost; %llu retransmitted; %.1f s of virtual time\n",
                static_cast<unsigned long long>(received), packets,
                static_cast<unsigned long long>(client.stack().counters()[Counter::retransmitted]),
                static_cast<double>((client.now() - start).count()) / 1e9);
    return 0;
}
