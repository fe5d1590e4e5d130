/// @file
/// The engine on an IPv6 link, over a port in plain memory: next hops, duplicate addresses, routers.

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "buf/memory_port.hh"
#include "fakes/deadlines.hh"
#include "net/discovery_packet.hh"
#include "net/link_local.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"
#include "wire/icmpv6.hh"
#include "wire/ipv6.hh"

namespace synfin::stack {
namespace {

const Mac kOurs{{2, 0, 0, 0, 0, 1}};
const Mac kPeerMac{{2, 0, 0, 0, 0, 2}};
const Ipv6 kUs = *Ipv6::parse("2001:db8::1");
const Ipv6 kPeer = *Ipv6::parse("2001:db8::2");
const Ipv6 kRouter = *Ipv6::parse("fe80::fe");
const Ipv6 kFar = *Ipv6::parse("2001:db8:f::1");
const Ipv6 kOurLinkLocal = net::link_local_of(kOurs);

using Frame = std::vector<uint8_t>;

StackConfig small_config(Dad dad = Dad::off) {
    StackConfig out;
    out.addresses = {*Cidr::parse("2001:db8::1/64")};
    out.dad = dad;
    out.max_connections = 128;
    out.max_time_wait = 128;
    out.max_half_open = 128;
    out.seed = 7;
    return out;
}

buf::QueueCaps ethernet() {
    buf::QueueCaps out;
    out.mac = kOurs;
    return out;
}

/// What one frame carries.
struct Seen {
    Mac to;
    wire::Ipv6Header ip;
    Frame payload;
    uint8_t icmp_type() const {
        return ip.next_header == wire::kProtocolIcmp6 && !payload.empty() ? payload[0] : uint8_t{0};
    }
    wire::NdMessage nd() const {
        wire::NdMessage out;
        EXPECT_TRUE(wire::parse_nd(payload, out));
        return out;
    }
};

/// A peer writes its frames with the same functions, but another MAC address.
const net::Link kPeerLink(
    [] {
        buf::QueueCaps caps;
        caps.mac = kPeerMac;
        return caps;
    }(),
    std::nullopt, std::nullopt);

struct Lan {
    explicit Lan(const StackConfig& config = small_config())
        : port(ethernet(), 256), engine(config, port, HashKey{1, 2}), stack(engine) {
        turn();
        if (config.dad == Dad::off) forget();
    }
    ~Lan() {
        engine.release_packets();
        EXPECT_EQ(port.in_use(), port.sent()) << "packets leaked";
    }
    void turn() {
        do {
            stack.begin(now);
            while (const Event* event = stack.next_event()) events.push_back(*event);
            stack.end();
        } while (engine.has_work() && port.sent() < 1000);
    }
    void advance(Duration d) {
        fakes::advance(stack, now, d, [this] { turn(); });
    }
    void forget() {
        while (port.take()) {
        }
    }
    void in(const Frame& frame) {
        ASSERT_TRUE(port.deliver(frame));
        turn();
    }
    void hear(const Ipv6& source, const Ipv6& destination, const wire::NdMessage& message) {
        net::DiscoveryPacket packet;
        packet.source = source;
        packet.destination = destination;
        packet.to = destination.is_multicast() ? net::multicast_mac(destination) : kOurs;
        packet.nd = message;
        Frame frame(1500);
        frame.resize(net::build_discovery(frame.data(), kPeerLink, packet));
        in(frame);
    }
    void answer(const Ipv6& neighbour) {
        wire::NdMessage message;
        message.type = wire::kNdNeighbourAdvertisement;
        message.target = neighbour;
        message.target_link = kPeerMac;
        message.solicited = message.overrides = true;
        hear(neighbour, kUs, message);
    }
    /// The next frame, reports of groups left out.
    std::optional<Seen> out() {
        while (const auto frame = port.take()) {
            Seen seen;
            std::copy_n(frame->begin(), 6, seen.to.octets.begin());
            EXPECT_EQ(wire::parse_ipv6(Bytes(*frame).subspan(14), seen.ip), wire::Ipv6Check::ok);
            if (seen.ip.next_header == 0) continue;
            seen.payload.assign(frame->begin() + 54, frame->end());
            return seen;
        }
        return std::nullopt;
    }
    uint64_t dropped(DropReason reason) const { return stack.counters()[reason]; }

    Instant now = Instant::from_ns(5'000'000'000);
    buf::MemoryPort port;
    QueueEngine<buf::MemoryPort> engine;
    Stack stack;
    std::vector<Event> events;
};

Frame syn(const Ipv6& destination, uint16_t port = 80) {
    Frame frame(14 + 40 + 20);
    kPeerLink.write_header(frame.data(), kOurs, wire::kEtherTypeIpv6);
    wire::Ipv6Header ip;
    ip.source = kPeer;
    ip.destination = destination;
    ip.payload_length = 20;
    ip.next_header = wire::kProtocolTcp;
    ip.hop_limit = 64;
    wire::write_ipv6(frame.data() + 14, ip);
    wire::TcpHeader tcp;
    tcp.source_port = 4000;
    tcp.destination_port = port;
    tcp.seq = 100;
    tcp.flags = wire::kSyn;
    tcp.window = 1000;
    wire::write_tcp(frame.data() + 54, tcp);
    wire::store_be16(frame.data() + 54 + wire::kTcpChecksumAt,
                     wire::tcp_checksum(ip.source, ip.destination, Bytes(frame).subspan(54)));
    return frame;
}

TEST(EngineDiscovery, AConnectAsksForTheNextHopAndThenSends) {
    Lan lan;
    EXPECT_EQ(lan.stack.reach(kPeer), Reach::resolving);
    ASSERT_TRUE(lan.stack.connect({kPeer, 80}));
    lan.turn();
    const auto question = lan.out();
    ASSERT_TRUE(question);
    EXPECT_EQ(question->icmp_type(), wire::kNdNeighbourSolicitation);
    EXPECT_EQ(question->to, net::multicast_mac(net::solicited_node(kPeer)));
    EXPECT_EQ(question->ip.hop_limit, 255);
    EXPECT_EQ(question->nd().target, kPeer);
    EXPECT_FALSE(lan.out());
    lan.answer(kPeer);
    const auto segment = lan.out();
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->ip.next_header, wire::kProtocolTcp);
    EXPECT_EQ(segment->to, kPeerMac);
    EXPECT_EQ(segment->ip.source, kUs);
    EXPECT_EQ(lan.stack.reach(kPeer), Reach::yes);
    EXPECT_EQ(lan.stack.counters()[Counter::nd_solicitations_sent], 1u);
}

TEST(EngineDiscovery, ASilentNextHopEndsTheOpens) {
    Lan lan;
    ASSERT_TRUE(lan.stack.connect({kPeer, 80}));
    ASSERT_TRUE(lan.stack.connect({kPeer, 81}));
    lan.advance(3500ms);
    ASSERT_EQ(lan.events.size(), 2u);
    for (const Event& event : lan.events) {
        EXPECT_EQ(event.kind, Event::Kind::close);
        EXPECT_EQ(event.why.reason, CloseReason::unreachable);
    }
    EXPECT_EQ(lan.stack.reach(kPeer), Reach::no_answer);
    EXPECT_EQ(lan.engine.packets_held(), 0u);
}

/// The answer to a solicitation teaches us the peer's MAC address, too: a server asks nobody.
TEST(EngineDiscovery, AServerAnswersThePeerThatHasAsked) {
    Lan lan;
    ASSERT_TRUE(lan.stack.listen(80));
    wire::NdMessage question;
    question.type = wire::kNdNeighbourSolicitation;
    question.target = kUs;
    question.source_link = kPeerMac;
    lan.hear(kPeer, net::solicited_node(kUs), question);
    const auto reply = lan.out();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->icmp_type(), wire::kNdNeighbourAdvertisement);
    EXPECT_EQ(reply->to, kPeerMac);
    EXPECT_EQ(reply->nd().target_link, kOurs);
    lan.in(syn(kUs));
    const auto segment = lan.out();
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->ip.next_header, wire::kProtocolTcp);
    EXPECT_EQ(segment->to, kPeerMac);
}

/// A probe without MAC address: its answer waits until we have asked for it.
TEST(EngineDiscovery, AnAdvertisementWaitsForItsNextHop) {
    Lan lan;
    wire::NdMessage probe;
    probe.type = wire::kNdNeighbourSolicitation;
    probe.target = kUs;
    lan.hear(kPeer, kUs, probe);
    const auto question = lan.out();
    ASSERT_TRUE(question);
    EXPECT_EQ(question->nd().target, kPeer);
    EXPECT_FALSE(lan.out());
    lan.answer(kPeer);
    const auto reply = lan.out();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->icmp_type(), wire::kNdNeighbourAdvertisement);
    EXPECT_EQ(reply->to, kPeerMac);
    EXPECT_TRUE(wire::icmp6_checksum_ok(reply->ip.source, reply->ip.destination, reply->payload));
}

TEST(EngineDiscovery, ALinkLocalAddressIsAddedForOurselves) {
    Lan lan;
    EXPECT_EQ(lan.stack.config().addresses.size(), 2u);
    EXPECT_EQ(lan.stack.config().addresses[1].addr.v6, kOurLinkLocal);
    ASSERT_TRUE(lan.stack.listen(80));
    lan.in(syn(kOurLinkLocal));
    lan.in(syn(kOurLinkLocal, 81));
    EXPECT_EQ(lan.dropped(DropReason::not_for_us), 2u) << "neither SYN-ACK nor RST";
    lan.in(syn(kUs));
    EXPECT_EQ(lan.stack.counters()[Counter::passive_opens], 1u);

    auto config = small_config();
    config.addresses.push_back(*Cidr::parse("fe80::1/64"));
    Lan configured(config);
    EXPECT_EQ(configured.stack.config().addresses.size(), 2u) << "one is configured";
    ASSERT_TRUE(configured.stack.listen(80));
    configured.in(syn(*Ipv6::parse("fe80::1")));
    EXPECT_EQ(configured.stack.counters()[Counter::passive_opens], 1u);
}

TEST(EngineDiscovery, NobodyListensOnTheAddressForOurselves) {
    Lan lan;
    ListenOptions options;
    options.address = kOurLinkLocal;
    EXPECT_EQ(lan.stack.listen(80, options).error(), Error::invalid) << "it would take no connection";
    options.address = kUs;
    EXPECT_TRUE(lan.stack.listen(80, options));
}

TEST(EngineDiscovery, Ipv4AloneSaysNothing) {
    auto config = small_config(Dad::wait);
    config.addresses = {*Cidr::parse("10.0.0.1/24")};
    Lan lan(config);
    lan.advance(5s);
    EXPECT_EQ(lan.port.sent(), 0u);
    EXPECT_EQ(lan.stack.config().addresses.size(), 1u);
    EXPECT_EQ(lan.stack.reach(kPeer), Reach::no_route);
}

/// Dad::wait: an open waits for the end of duplicate detection like one whose next hop is unknown.
TEST(EngineDiscovery, AnOpenWaitsForDuplicateDetection) {
    Lan lan(small_config(Dad::wait));
    ASSERT_TRUE(lan.stack.connect({kPeer, 80}));
    EXPECT_EQ(lan.stack.reach(kPeer), Reach::resolving);
    lan.advance(999ms);
    while (const auto seen = lan.out()) EXPECT_TRUE(seen->ip.source.is_unspecified());
    lan.advance(1ms);
    const auto question = lan.out();
    ASSERT_TRUE(question);
    EXPECT_EQ(question->nd().target, kPeer);
    lan.answer(kPeer);
    const auto segment = lan.out();
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->ip.next_header, wire::kProtocolTcp);
}

TEST(EngineDiscovery, ADuplicateIsToldAndEndsAllSending) {
    for (const Dad dad : {Dad::optimistic, Dad::wait}) {
        Lan lan(small_config(dad));
        EXPECT_EQ(lan.stack.duplicate_address(), std::nullopt);
        wire::NdMessage claim;
        claim.type = wire::kNdNeighbourAdvertisement;
        claim.target = kUs;
        claim.target_link = kPeerMac;
        claim.overrides = true;
        lan.hear(kUs, net::kAllNodes, claim);
        ASSERT_TRUE(lan.stack.duplicate_address());
        EXPECT_EQ(lan.stack.duplicate_address()->text(),
                  "address 2001:db8::1 is used by 02:00:00:00:00:02 (duplicate)");
        EXPECT_EQ(lan.stack.reach(kPeer), Reach::no_route);
        lan.forget();
        static_cast<void>(lan.stack.connect({kPeer, 80}));
        lan.in(syn(kUs));
        lan.advance(10s);
        EXPECT_EQ(lan.port.sent(), 0u);
        EXPECT_GT(lan.dropped(DropReason::address_tentative), 0u);
    }
}

/// --gateway auto: the router, its MAC address and its MTU.
TEST(EngineDiscovery, ARouterAdvertisementGivesGatewayAndMtu) {
    auto config = small_config();
    config.gateway_auto = true;
    Lan lan(config);
    EXPECT_EQ(lan.stack.reach(kFar), Reach::resolving) << "an answer may come";
    wire::NdMessage router;
    router.type = wire::kNdRouterAdvertisement;
    router.router_lifetime_s = 1800;
    router.source_link = kPeerMac;
    router.mtu = 1400;
    lan.hear(kRouter, net::kAllNodes, router);
    EXPECT_EQ(lan.stack.reach(kFar), Reach::yes);
    lan.forget();
    ASSERT_TRUE(lan.stack.connect({kFar, 80}));
    lan.turn();
    std::optional<Seen> segment;
    while ((segment = lan.out()) && segment->ip.next_header != wire::kProtocolTcp) {
    }
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->to, kPeerMac);
    EXPECT_EQ(wire::load_be16(segment->payload.data() + 22), 1340) << "MSS: MTU - 60";

    auto other = small_config();
    other.gateway_auto = true;
    Lan nobody(other);
    nobody.advance(12s);
    EXPECT_EQ(nobody.stack.reach(kFar), Reach::no_route) << "after three solicitations";
    EXPECT_EQ(nobody.stack.counters()[Counter::router_solicitations_sent], 3u);
}

TEST(EngineDiscovery, GroupsAreReportedTwice) {
    Lan lan;
    lan.advance(5s);
    EXPECT_EQ(lan.stack.counters()[Counter::mld_reports_sent], 2u);
}

}  // namespace
}  // namespace synfin::stack
