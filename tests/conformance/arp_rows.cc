/// Row 86: unsolicited ARP, and neighbours that do not answer, on an Ethernet port.
#include <map>

#include "buf/memory_port.hh"
#include "fakes/deadlines.hh"
#include "fakes/world.hh"
#include "stack/queue_engine.hh"
#include "wire/dump.hh"

namespace synfin::fakes {
namespace {

using Frame = std::vector<uint8_t>;
using Engine = stack::QueueEngine<buf::MemoryPort>;

const Mac kOurs{{2, 0, 0, 0, 0, 1}};
const Ipv4 kUs{0x0a000001};
const Ipv4 kRouter{0x0a00fffe};
const Mac kRouterMac{{2, 0, 0, 0, 0, 0xfe}};
const Mac kForger{{2, 0, 0, 0, 0, 9}};

/// 10.0.0.1/16 on a LAN where a router answers ARP, and other hosts as the test says.
struct Lan {
    explicit Lan(const stack::StackConfig& config) : engine(config, port, HashKey{1, 2}) {
        hosts[kRouter] = kRouterMac;
        turn();
        EXPECT_EQ(stack.reach(kRouter), Reach::resolving);
        advance(10ms);
        EXPECT_EQ(stack.reach(kRouter), Reach::yes);
    }
    ~Lan() { engine.release_packets(); }

    static stack::StackConfig config(uint32_t connections) {
        stack::StackConfig out;
        out.addresses = {*Cidr::parse("10.0.0.1/16")};
        out.gateway = kRouter;
        out.max_connections = connections;
        out.max_time_wait = 16;
        out.seed = 1;
        return out;
    }
    static buf::QueueCaps caps() {
        buf::QueueCaps out;
        out.mac = kOurs;
        return out;
    }

    void turn() {
        do {
            said = false;
            stack.begin(now);
            while (const Event* event = stack.next_event())
                if (event->kind == Event::Kind::close) ++closes[event->why.reason];
            stack.end();
            while (const auto frame = port.take()) take(*frame);
        } while (engine.has_work() || said);
    }
    void advance(Duration d) {
        turn();
        fakes::advance(stack, now, d, [this] { turn(); });
    }
    void take(const Frame& frame) {
        wire::EtherHeader ether;
        wire::ArpPacket arp;
        ASSERT_TRUE(wire::parse_ether(frame, ether));
        if (ether.ethertype != wire::kEtherTypeArp) {
            ++sent[ether.destination.octets[5]];
            return;
        }
        ASSERT_TRUE(wire::parse_arp(Bytes(frame).subspan(ether.length), arp));
        if (arp.operation != wire::kArpRequest) return;
        asked.push_back(arp.target_ip);
        const auto host = hosts.find(arp.target_ip);
        if (host == hosts.end()) return;
        if (ether.destination != Mac::broadcast() && ether.destination != host->second) return;
        say(wire::kArpReply, host->first, host->second, kUs);
    }
    void say(uint16_t operation, Ipv4 who, Mac mac, Ipv4 to) {
        Frame frame(64);
        const uint8_t l2 = wire::write_ether(frame.data(), to == kUs ? kOurs : Mac::broadcast(), mac,
                                             std::nullopt, wire::kEtherTypeArp, std::nullopt);
        wire::write_arp(frame.data() + l2, {operation, mac, who, kOurs, to});
        ASSERT_TRUE(port.deliver(frame));
        said = true;
    }
    void syn_from(Ipv4 from, uint16_t sport = 4000) {
        Packet syn;
        syn.src = from;
        syn.dst = kUs;
        syn.sport = sport;
        syn.dport = 80;
        syn.flags = kSyn;
        syn.wnd = 1000;
        const auto bytes = build(syn);
        Frame frame(14 + bytes.size());
        wire::write_ether(frame.data(), kOurs, kForger, std::nullopt, wire::kEtherTypeIpv4, std::nullopt);
        std::copy(bytes.begin(), bytes.end(), frame.begin() + 14);
        ASSERT_TRUE(port.deliver(frame));
    }

    Instant now = Instant::from_ns(5'000'000'000);
    buf::MemoryPort port{caps(), 4096};
    Engine engine;
    Stack stack{engine};
    bool said = false;  ///< a packet is waiting for the stack
    std::map<Ipv4, Mac> hosts;
    std::map<uint8_t, uint32_t> sent;  ///< IPv4 packets, by the last byte of the MAC address
    std::vector<Ipv4> asked;
    std::map<CloseReason, uint32_t> closes;
};

/// 100,000 opens wait for a target behind the router. When another next hop fails, each open that waits for
/// it costs one visit, and the others cost none.
TEST(Row86, AFailureVisitsOnlyWhoWaitsForIt) {
    ROW(86, "1122-2.3.2.1, project choice", "net::NeighbourWaits");
    IPV4_ONLY("rows 92 to 94 have neighbour discovery");
    stack::StackConfig config = Lan::config(100'100);
    config.tcp.rto_initial = 60s;
    Lan lan(config);
    ASSERT_TRUE(lan.stack.listen(80));
    for (uint32_t i = 0; i < 100'000; ++i) {
        ASSERT_TRUE(lan.stack.connect({Ipv4{0xc0000200 + i % 10}, 80}));
        if (i % 1000 == 0) lan.turn();
    }
    lan.turn();
    EXPECT_EQ(lan.sent[0xfe], 100'000u);
    const Ipv4 silent{0x0a000a0a};
    for (uint16_t port = 1; port <= 7; ++port) ASSERT_TRUE(lan.stack.connect({silent, port}));
    for (uint32_t i = 0; i < 5; ++i) lan.syn_from(Ipv4{0x0a000b00 + i});
    lan.turn();
    EXPECT_EQ(lan.stack.records().half_open, 5u);
    lan.advance(2900ms);
    EXPECT_EQ(lan.engine.neighbour_failure_visits(), 0u);
    lan.advance(200ms);
    EXPECT_EQ(lan.engine.neighbour_failure_visits(), 12u);
    EXPECT_EQ(lan.closes[CloseReason::unreachable], 7u);
    EXPECT_EQ(lan.stack.records().open, 100'000u);
    EXPECT_EQ(lan.stack.records().half_open, 0u) << "a SYN-ACK that never left";
}

/// The router fails: all waiting opens end, a bounded number in each turn.
TEST(Row86, TheVisitsOfATurnAreBounded) {
    ROW(86, "project choice", "net::ArpResolver::end_failed_opens");
    IPV4_ONLY("rows 92 to 94 have neighbour discovery");
    stack::StackConfig config = Lan::config(5000);
    config.tcp.rto_initial = 60s;
    Lan lan(config);
    const Ipv4 silent{0x0a000a0a};
    for (uint32_t i = 0; i < 5000; ++i) ASSERT_TRUE(lan.stack.connect({silent, 80}));
    uint64_t before = 0, most = 0;
    const Instant until = lan.now + 4s;
    for (; lan.now < until; lan.now += 1ms) {
        lan.stack.begin(lan.now);
        while (lan.stack.next_event() != nullptr) {
        }
        lan.stack.end();
        while (lan.port.take()) {
        }
        most = std::max(most, lan.engine.neighbour_failure_visits() - before);
        before = lan.engine.neighbour_failure_visits();
    }
    EXPECT_EQ(before, 5000u);
    EXPECT_LE(most, 256u);
    EXPECT_EQ(lan.stack.records().open, 0u);
}

/// 400 SYNs a second from unused on-link addresses: a new client that asks for us, and one that only sends
/// its SYN, still get a SYN-ACK.
TEST(Row86, ANewClientIsAnsweredBesideAFloodOfMadeUpNeighbours) {
    ROW(86, "1122-2.3.2.1, project choice", "net::Neighbours");
    IPV4_ONLY("rows 92 to 94 have neighbour discovery");
    Lan lan(Lan::config(1000));
    ASSERT_TRUE(lan.stack.listen(80));
    uint32_t clients = 0;
    for (uint32_t i = 0; i < 400 * 20; ++i) {
        lan.syn_from(Ipv4{0x0a001000 + i});
        lan.advance(2500us);
        if (i % 200 != 0) continue;
        const Ipv4 client{0x0a008000 + i};
        const auto number = static_cast<uint8_t>(0x40 + clients);
        const Mac mac{{2, 0, 0, 1, 0, number}};
        lan.hosts[client] = mac;
        if (i % 400 == 0) lan.say(wire::kArpRequest, client, mac, kUs);
        lan.turn();
        lan.syn_from(client);
        lan.advance(10ms);
        ++clients;
        ASSERT_EQ(lan.sent[number], 1u) << i;
    }
    EXPECT_LE(lan.stack.records().half_open, 4 * 400u) << "those whose next hop failed have gone";
}

/// A forged packet of any kind while a connection is in use: no packet goes to the forger.
TEST(Row86, AForgedClaimChangesNothingWhileTheNeighbourAnswers) {
    ROW(86, "826, 4861-7.3 (for IPv4)", "net::Neighbours::learn");
    IPV4_ONLY("rows 92 to 94 have neighbour discovery");
    for (const uint16_t operation : {wire::kArpRequest, wire::kArpReply}) {
        for (const Ipv4 to : {kUs, kRouter}) {
            Lan lan(Lan::config(1000));
            lan.advance(2s);
            lan.sent.clear();
            for (uint32_t i = 0; i < 300; ++i) {
                lan.say(operation, kRouter, kForger, to);
                ASSERT_TRUE(lan.stack.connect({Ipv4{0xc0000201}, 80}));
                lan.advance(10ms);
            }
            EXPECT_EQ(lan.sent[9], 0u);
            EXPECT_GE(lan.sent[0xfe], 300u);
            EXPECT_EQ(lan.stack.counters()[Counter::arp_hints], 300u);
            EXPECT_LE(lan.asked.size(), 1 + 4u) << "a probe each second";
        }
    }
}

/// VRRP: another router takes over the address and announces it once; the old one is silent.
TEST(Row86, AFailoverIsFollowedWithinASecond) {
    ROW(86, "826, 4861-7.3 (for IPv4)", "net::Neighbours::learn");
    IPV4_ONLY("rows 92 to 94 have neighbour discovery");
    Lan lan(Lan::config(1000));
    lan.advance(5s);
    const Mac standby{{2, 0, 0, 0, 0, 0xfd}};
    lan.hosts[kRouter] = standby;
    lan.say(wire::kArpReply, kRouter, standby, kRouter);
    lan.advance(600ms);
    lan.sent.clear();
    ASSERT_TRUE(lan.stack.connect({Ipv4{0xc0000201}, 80}));
    lan.turn();
    EXPECT_EQ(lan.sent[0xfd], 1u);
    EXPECT_EQ(lan.sent[0xfe], 0u);
}

}  // namespace
}  // namespace synfin::fakes
