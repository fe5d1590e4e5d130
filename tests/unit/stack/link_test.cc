/// @file
/// The engine on Ethernet, over a port in plain memory: ARP, VLAN, ICMP echo, and dropped frames.

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "buf/memory_port.hh"
#include "fakes/deadlines.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"
#include "wire/dump.hh"
#include "wire/icmp.hh"

namespace synfin::stack {
namespace {

const Mac kOurs{{2, 0, 0, 0, 0, 1}};
const Mac kPeer{{2, 0, 0, 0, 0, 2}};
const Ipv4 kOurIp = *Ipv4::parse("10.0.0.1");
const Ipv4 kPeerIp = *Ipv4::parse("10.0.0.2");

using Frame = std::vector<uint8_t>;

buf::QueueCaps ethernet() {
    buf::QueueCaps caps;
    caps.mac = kOurs;
    return caps;
}

StackConfig small_config() {
    StackConfig c;
    c.addresses = {*Cidr::parse("10.0.0.1/24")};
    c.gateway = *Ipv4::parse("10.0.0.254");
    c.max_connections = 128;
    c.max_time_wait = 128;
    c.max_half_open = 128;
    c.seed = 7;
    return c;
}

Frame arp(uint16_t operation, Mac sender_mac, Ipv4 sender, Mac target_mac, Ipv4 target,
          Mac to = Mac::broadcast(), std::optional<uint16_t> vid = std::nullopt,
          std::optional<uint16_t> outer = std::nullopt) {
    Frame frame(64);
    const uint8_t l2 = wire::write_ether(frame.data(), to, sender_mac, vid, wire::kEtherTypeArp, outer);
    wire::write_arp(frame.data() + l2, {operation, sender_mac, sender, target_mac, target});
    return frame;
}

struct Link {
    explicit Link(const StackConfig& config = small_config(), uint32_t packets = 256,
                  const buf::QueueCaps& caps = ethernet())
        : port(caps, packets), engine(config, port, HashKey{1, 2}), stack(engine) {
        turn();
    }
    ~Link() {
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
    void in(const Frame& frame) {
        ASSERT_TRUE(port.deliver(frame));
        turn();
    }
    /// The peer has answered ARP; nothing is due.
    void know_peer() {
        static_cast<void>(stack.reach(kPeerIp));
        turn();
        in(arp(wire::kArpReply, kPeer, kPeerIp, kOurs, kOurIp, kOurs));
        while (out()) {
        }
    }
    std::optional<Frame> out() { return port.take(); }
    std::string out_text() {
        const auto frame = out();
        return frame ? wire::dump_frame(*frame) : "nothing";
    }
    uint64_t dropped(DropReason reason) const { return stack.counters()[reason]; }

    Instant now = Instant::from_ns(5'000'000'000);
    buf::MemoryPort port;
    QueueEngine<buf::MemoryPort> engine;
    Stack stack;
    std::vector<Event> events;
};

Frame ip_frame(uint8_t protocol, const Frame& payload, Mac to = kOurs, Ipv4 from = kPeerIp,
               Ipv4 dest = kOurIp, std::optional<uint16_t> vid = std::nullopt,
               std::optional<uint16_t> outer = std::nullopt) {
    Frame frame(22 + 20 + payload.size());
    const uint8_t l2 = wire::write_ether(frame.data(), to, kPeer, vid, wire::kEtherTypeIpv4, outer);
    wire::Ipv4Emit ip;
    ip.source = from;
    ip.destination = dest;
    ip.total_length = static_cast<uint16_t>(20 + payload.size());
    ip.protocol = protocol;
    wire::write_ipv4(frame.data() + l2, ip, true);
    std::copy(payload.begin(), payload.end(), frame.begin() + l2 + 20);
    frame.resize(l2 + 20 + payload.size());
    return frame;
}

Frame syn(uint16_t port = 80, Ipv4 from = kPeerIp, Ipv4 dest = kOurIp) {
    Frame segment(20);
    wire::TcpHeader tcp;
    tcp.source_port = 4000;
    tcp.destination_port = port;
    tcp.seq = 100;
    tcp.flags = wire::kSyn;
    tcp.window = 1000;
    wire::write_tcp(segment.data(), tcp);
    wire::store_be16(segment.data() + wire::kTcpChecksumAt, wire::tcp_checksum(from, dest, segment));
    return segment;
}

TEST(Arp, RequestsForOurAddressAreAnswered) {
    Link link;
    link.in(arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp));
    const auto frame = link.out();
    ASSERT_TRUE(frame);
    wire::EtherHeader ether;
    wire::ArpPacket reply;
    ASSERT_TRUE(wire::parse_ether(*frame, ether));
    ASSERT_TRUE(wire::parse_arp(Bytes(*frame).subspan(ether.length), reply));
    EXPECT_EQ(ether.destination, kPeer);
    EXPECT_EQ(reply.operation, wire::kArpReply);
    EXPECT_EQ(reply.sender_mac, kOurs);
    EXPECT_EQ(reply.sender_ip, kOurIp);
    EXPECT_EQ(reply.target_ip, kPeerIp);
}

TEST(Arp, RequestsForOthersAreNotAnswered) {
    Link link;
    link.in(arp(wire::kArpRequest, kPeer, kPeerIp, {}, *Ipv4::parse("10.0.0.77")));
    EXPECT_EQ(link.out_text(), "nothing");
}

TEST(Arp, AnOpenAsksAndTheSynWaitsForTheAnswer) {
    Link link;
    ASSERT_TRUE(link.stack.connect({kPeerIp, 80}));
    link.turn();
    EXPECT_NE(link.out_text().find("who-has 10.0.0.2"), std::string::npos);
    EXPECT_EQ(link.out_text(), "nothing");
    link.in(arp(wire::kArpReply, kPeer, kPeerIp, kOurs, kOurIp, kOurs));
    const auto frame = link.out();
    ASSERT_TRUE(frame);
    wire::EtherHeader ether;
    ASSERT_TRUE(wire::parse_ether(*frame, ether));
    EXPECT_EQ(ether.destination, kPeer);
    EXPECT_NE(wire::dump_frame(*frame).find("Flags [S]"), std::string::npos);
}

/// Otherwise each new neighbour of a busy server would be asked for a second later, when a dropped request is
/// due again.
TEST(Arp, AFullDeviceLosesNoRequestAndTextDoesNotGoFirst) {
    Link link;
    link.in(arp(wire::kArpReply, kPeer, kPeerIp, kOurs, kOurIp, kOurs));
    link.port.refuse_tx(1'000'000);
    ASSERT_TRUE(link.stack.connect({*Ipv4::parse("10.0.0.3"), 80}));
    for (uint16_t i = 0; i < 100; ++i)
        ASSERT_TRUE(link.stack.connect({kPeerIp, static_cast<uint16_t>(1000 + i)}));
    for (int i = 0; i < 3; ++i) {
        link.stack.begin(link.now);
        link.stack.end();
    }
    EXPECT_EQ(link.out_text(), "nothing");
    link.port.refuse_tx(0);
    link.turn();
    int before = 0;
    for (std::string frame = link.out_text(); frame.find("who-has 10.0.0.3") == std::string::npos;
         frame = link.out_text()) {
        ASSERT_NE(frame, "nothing");
        ++before;
    }
    EXPECT_LE(before, 32) << "what the burst had already";
    EXPECT_EQ(link.dropped(DropReason::tx_full), 0u);
    while (link.out()) {
    }
}

TEST(Arp, WhatIsNotOnLinkGoesToTheGateway) {
    Link link;
    ASSERT_TRUE(link.stack.connect({*Ipv4::parse("192.0.2.9"), 80}));
    link.turn();
    EXPECT_NE(link.out_text().find("who-has 10.0.0.254"), std::string::npos);
}

TEST(Arp, SilenceFailsTheOpenOnceAndByName) {
    Link link;
    ASSERT_TRUE(link.stack.connect({kPeerIp, 80}));
    link.advance(10s);
    ASSERT_EQ(link.events.size(), 1u);
    EXPECT_EQ(link.events[0].kind, Event::Kind::close);
    EXPECT_EQ(link.events[0].why.reason, CloseReason::unreachable);
    EXPECT_GE(link.dropped(DropReason::neighbour_failed), 1u);
    EXPECT_EQ(link.stack.occupancy().open, 0u);
    while (link.out()) {
    }
}

TEST(Arp, ReachTellsWhenTheNextHopIsKnown) {
    Link link;
    EXPECT_EQ(link.stack.reach(kPeerIp), Reach::resolving);
    link.turn();
    link.in(arp(wire::kArpReply, kPeer, kPeerIp, kOurs, kOurIp, kOurs));
    EXPECT_EQ(link.stack.reach(kPeerIp), Reach::yes);
    EXPECT_EQ(link.stack.reach(*Ipv4::parse("192.0.2.9")), Reach::resolving);
    while (link.out()) {
    }
}

/// A request has an address of ours as its sender.
TEST(Arp, WithoutAnAddressOfOursNothingIsReached) {
    buf::QueueCaps caps;
    caps.ethernet = true;
    caps.mac = kOurs;
    caps.max_frame = 1514;
    buf::MemoryPort port(caps, 64);
    StackConfig config;
    config.gateway = kPeerIp;
    config.max_connections = config.max_half_open = config.max_time_wait = 16;
    QueueEngine<buf::MemoryPort> engine(config, port, HashKey{1, 2});
    EXPECT_EQ(engine.reach(kPeerIp), Reach::no_route);
    engine.begin(Instant::from_ns(1'000'000'000));
    engine.end();
    EXPECT_EQ(port.sent(), 0u);
}

TEST(Arp, NobodyElseMayClaimOurAddress) {
    Link link;
    link.in(arp(wire::kArpReply, kPeer, kOurIp, kOurs, kOurIp, kOurs));
    EXPECT_EQ(link.dropped(DropReason::address_conflict), 1u);
    EXPECT_EQ(link.out_text(), "nothing");
}

TEST(Arp, OurOwnMacIsNoNeighbours) {
    Link link;
    link.know_peer();
    link.in(arp(wire::kArpReply, kOurs, kPeerIp, kOurs, kOurIp, kOurs));
    link.in(arp(wire::kArpRequest, kOurs, *Ipv4::parse("10.0.0.9"), {}, kOurIp));
    EXPECT_EQ(link.dropped(DropReason::arp_own_mac), 2u);
    EXPECT_EQ(link.out_text(), "nothing");
    EXPECT_EQ(link.stack.reach(*Ipv4::parse("10.0.0.9")), Reach::resolving) << "not learned";
    link.turn();
    while (link.out()) {
    }
}

TEST(Arp, APinnedGatewayIsUsedAtOnceAndNotChanged) {
    StackConfig config = small_config();
    config.gateway_mac = kPeer;
    Link link(config);
    const Mac forger{{2, 0, 0, 0, 0, 9}};
    link.in(arp(wire::kArpReply, forger, *config.gateway, kOurs, kOurIp, kOurs));
    EXPECT_EQ(link.dropped(DropReason::arp_pinned), 1u);
    ASSERT_TRUE(link.stack.connect({*Ipv4::parse("192.0.2.9"), 80}));
    link.turn();
    const auto frame = link.out();
    ASSERT_TRUE(frame);
    wire::EtherHeader ether;
    ASSERT_TRUE(wire::parse_ether(*frame, ether));
    EXPECT_EQ(ether.destination, kPeer);
    EXPECT_NE(wire::dump_frame(*frame).find("Flags [S]"), std::string::npos) << "without a question";
    EXPECT_EQ(link.out_text(), "nothing");
}

TEST(Icmp, EchoIsAnsweredToTheSender) {
    Link link;
    link.in(arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp));
    ASSERT_TRUE(link.out());
    Frame echo = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
    wire::store_be16(echo.data() + 2, wire::internet_checksum(echo));
    link.in(ip_frame(wire::kProtocolIcmp, echo));
    const auto frame = link.out();
    ASSERT_TRUE(frame);
    wire::Ipv4Header ip;
    const Bytes packet = Bytes(*frame).subspan(14);
    ASSERT_EQ(wire::parse_ipv4(packet, true, ip), wire::Ipv4Check::ok);
    EXPECT_EQ(ip.destination, kPeerIp);
    const Bytes icmp = packet.subspan(20, ip.total_length - 20u);
    EXPECT_TRUE(wire::icmp_checksum_ok(icmp));
    EXPECT_TRUE(wire::is_echo_reply(icmp));
    EXPECT_TRUE(std::equal(icmp.begin() + 4, icmp.end(), echo.begin() + 4, echo.end()));
}

TEST(Icmp, ABadChecksumIsCountedAndNotAnswered) {
    Link link;
    link.in(ip_frame(wire::kProtocolIcmp, {8, 0, 1, 2, 0, 0, 0, 1}));
    EXPECT_EQ(link.dropped(DropReason::bad_icmp), 1u);
    EXPECT_EQ(link.out_text(), "nothing");
}

TEST(Drops, EachHasItsReason) {
    Link link;
    ASSERT_TRUE(link.stack.listen(80));
    link.in(Frame(10));
    EXPECT_EQ(link.dropped(DropReason::runt), 1u);
    link.in(ip_frame(wire::kProtocolTcp, syn(), kPeer));
    EXPECT_EQ(link.dropped(DropReason::not_for_us), 1u);
    link.in(ip_frame(wire::kProtocolTcp, syn(), Mac::broadcast()));  // RFC 1122 4.2.3.10
    EXPECT_EQ(link.dropped(DropReason::not_for_us), 2u);
    link.in(ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, 5));
    EXPECT_EQ(link.dropped(DropReason::bad_vlan), 1u);
    link.in(ip_frame(17, Frame(8)));
    EXPECT_EQ(link.dropped(DropReason::bad_protocol), 1u);
    link.in(ip_frame(wire::kProtocolTcp, syn(80, kOurIp), kOurs, kOurIp));  // LAND
    EXPECT_EQ(link.dropped(DropReason::bad_ip_source), 1u);
    Frame corrupt = ip_frame(wire::kProtocolTcp, syn());
    corrupt.back() ^= 1;
    link.in(corrupt);
    EXPECT_EQ(link.dropped(DropReason::bad_tcp_checksum), 1u);
    corrupt = ip_frame(wire::kProtocolTcp, syn());
    corrupt[14 + 8] ^= 1;
    link.in(corrupt);
    EXPECT_EQ(link.dropped(DropReason::bad_ip_checksum), 1u);
    EXPECT_EQ(link.out_text(), "nothing");
    EXPECT_EQ(link.stack.occupancy().half_open, 0u);
}

/// Software checks the checksum of a packet that the device calls bad before dropping it, but not of one
/// called good.
TEST(Drops, ADevicesBadIsLookedIntoItsGoodIsBelieved) {
    using buf::Verdict;
    Link link;
    ASSERT_TRUE(link.stack.listen(80));
    Frame corrupt = ip_frame(wire::kProtocolTcp, syn());
    corrupt.back() ^= 1;
    const auto half_open_after = [&](const Frame& frame, buf::Arrival arrival) {
        EXPECT_TRUE(link.port.deliver(frame, arrival));
        link.turn();
        return link.stack.occupancy().half_open;
    };
    EXPECT_EQ(half_open_after(corrupt, {.ip = Verdict::good, .tcp = Verdict::bad}), 0u);
    EXPECT_EQ(link.dropped(DropReason::bad_tcp_checksum), 1u);
    EXPECT_EQ(half_open_after(ip_frame(wire::kProtocolTcp, syn()), {.ip = Verdict::bad, .tcp = Verdict::bad}),
              1u);
    EXPECT_EQ(link.dropped(DropReason::bad_ip_checksum), 0u);
    EXPECT_EQ(half_open_after(corrupt, {.ip = Verdict::good, .tcp = Verdict::good}), 1u);
    EXPECT_EQ(link.dropped(DropReason::bad_tcp_checksum), 1u) << "as a device says that is trusted";
}

TEST(Vlan, TaggedBothWays) {
    StackConfig config = small_config();
    config.vlan = 7;
    Link link(config);
    ASSERT_TRUE(link.stack.listen(80));
    link.in(arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp, Mac::broadcast(), 7));
    auto frame = link.out();
    ASSERT_TRUE(frame);
    wire::EtherHeader ether;
    ASSERT_TRUE(wire::parse_ether(*frame, ether));
    EXPECT_EQ(ether.vid, 7);
    link.in(ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, 7));
    frame = link.out();
    ASSERT_TRUE(frame);
    ASSERT_TRUE(wire::parse_ether(*frame, ether));
    EXPECT_EQ(ether.vid, 7);
    EXPECT_NE(wire::dump_frame(*frame).find("[S.]"), std::string::npos);
    link.in(ip_frame(wire::kProtocolTcp, syn()));  // untagged
    EXPECT_EQ(link.dropped(DropReason::bad_vlan), 1u);
    for (unsigned bit = 0; bit < 12; ++bit) {
        const auto other = static_cast<uint16_t>(7 ^ 1u << bit);
        link.in(ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, other));
        EXPECT_EQ(link.dropped(DropReason::bad_vlan), 2u + bit) << "VID " << other;
    }
    auto urgent = ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, 7);
    urgent[14] |= 0xf0;  // the tag's priority, and DEI
    link.in(urgent);
    EXPECT_EQ(link.dropped(DropReason::bad_vlan), 13u);
}

/// Offloads of the device do not change which packets are sent, accepted and dropped.
TEST(Vlan, TheSameWhereThePortSeesToIt) {
    StackConfig config = small_config();
    config.vlan = 7;
    buf::QueueCaps caps = ethernet();
    caps.vid = 7;
    Link ours(config), ports(config, 256, caps);
    for (Link* link : {&ours, &ports}) ASSERT_TRUE(link->stack.listen(80));
    const auto tagged = [](Frame frame, std::initializer_list<uint8_t> tags) {
        frame.insert(frame.begin() + 12, tags);
        return frame;
    };
    const Frame plain = ip_frame(wire::kProtocolTcp, syn());
    const Frame frames[] = {
        arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp, Mac::broadcast(), 7),
        ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, 7),
        ip_frame(wire::kProtocolTcp, syn(), kPeer, kPeerIp, kOurIp, 7),  // another station's
        ip_frame(17, Frame(8), kOurs, kPeerIp, kOurIp, 7),
        plain,
        tagged(plain, {0x81, 0, 0, 0}),  // priority alone
        tagged(plain, {0x81, 0, 0, 8}),
        tagged(plain, {0x88, 0xa8, 0, 7}),                 // 802.1ad's
        tagged(plain, {0x88, 0xa8, 0, 9, 0x81, 0, 0, 7}),  // two
        tagged(plain, {0x81, 0, 0, 7, 0x81, 0, 0, 7}),
        tagged(plain, {0x81, 0, 0, 7, 0x81, 0, 0, 0}),
        tagged(plain, {0x81, 0, 0, 7, 0x88, 0xa8, 0, 7}),
    };
    uint64_t sent = 0;
    for (const Frame& frame : frames) {
        ours.in(frame);
        ports.in(frame);
        for (auto a = ours.out(), b = ports.out(); a || b; a = ours.out(), b = ports.out(), ++sent)
            ASSERT_EQ(a, b);
        for (size_t d = 0; d < static_cast<size_t>(DropReason::kCount); ++d) {
            const auto reason = static_cast<DropReason>(d);
            const uint64_t by_port = reason == DropReason::bad_vlan ? ports.port.bad_vlan() : 0;
            EXPECT_EQ(ours.dropped(reason), ports.dropped(reason) + by_port) << name(reason);
        }
    }
    EXPECT_EQ(sent, 3u) << "with a question whether the peer is what it said";
    EXPECT_EQ(ours.dropped(DropReason::bad_vlan), 5u);
    EXPECT_EQ(ours.dropped(DropReason::bad_ethertype), 3u);
}

/// Two tags, or an 802.1ad tag alone: on sent ARP, TCP and ICMP, and only such frames are accepted.
TEST(Vlan, DoublyTaggedBothWays) {
    for (const std::optional<uint16_t> inner : {std::optional<uint16_t>(7), std::optional<uint16_t>()}) {
        StackConfig config = small_config();
        config.vlan = inner;
        config.outer_vlan = 100;
        Link link(config);
        ASSERT_TRUE(link.stack.listen(80));
        Frame echo = {8, 0, 0, 0, 0, 0, 0, 1};
        wire::store_be16(echo.data() + 2, wire::internet_checksum(echo));
        const Frame frames[] = {
            arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp, Mac::broadcast(), inner, 100),
            ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, inner, 100),
            ip_frame(wire::kProtocolIcmp, echo, kOurs, kPeerIp, kOurIp, inner, 100)};
        const char* const kAnswers[] = {"is-at", "[S.]", "echo reply"};
        const std::string tags = inner ? ", vlan 100.7, " : ", vlan 100.0, ";
        for (size_t i = 0; i < std::size(frames); ++i) {
            link.in(frames[i]);
            const std::string answer = link.out_text();
            EXPECT_NE(answer.find(tags), std::string::npos) << answer;
            EXPECT_NE(answer.find(kAnswers[i]), std::string::npos) << answer;
            while (link.out()) {  // a question whether the peer is what it said
            }
        }
        EXPECT_EQ(link.dropped(DropReason::bad_vlan), 0u);
        uint64_t refused = 0;
        const std::optional<uint16_t> kVids[] = {{}, 6, 7, 100}, kOuter[] = {{}, 7, 99, 100};
        for (const auto vid : kVids) {
            for (const auto outer : kOuter) {
                if (vid == inner && outer == uint16_t{100}) continue;
                link.in(ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, vid, outer));
                EXPECT_EQ(link.dropped(DropReason::bad_vlan), ++refused);
            }
        }
        EXPECT_EQ(link.out_text(), "nothing");
    }
}

TEST(Vlan, WhoHasOneTagTakesNoTwo) {
    StackConfig config = small_config();
    config.vlan = 7;
    Link link(config);
    ASSERT_TRUE(link.stack.listen(80));
    link.in(ip_frame(wire::kProtocolTcp, syn(), kOurs, kPeerIp, kOurIp, 7, 100));
    EXPECT_EQ(link.dropped(DropReason::bad_vlan), 1u);
    EXPECT_EQ(link.stack.occupancy().half_open, 0u);
}

TEST(Backpressure, NothingIsLostWhenTheDeviceOrThePoolIsFull) {
    Link link(small_config(), 64);
    ASSERT_TRUE(link.stack.listen(80));
    link.in(arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp));
    ASSERT_TRUE(link.out());
    link.port.refuse_tx(5);
    ASSERT_TRUE(link.port.deliver(ip_frame(wire::kProtocolTcp, syn())));
    link.turn();
    EXPECT_NE(link.out_text().find("[S.]"), std::string::npos);
    EXPECT_EQ(link.dropped(DropReason::tx_full), 0u);
    EXPECT_EQ(link.dropped(DropReason::no_packet), 0u);
}

/// A device that was full for a moment still gets replies first, because they were made earlier.
TEST(Backpressure, NothingOvertakesAReply) {
    buf::QueueCaps caps = ethernet();
    caps.tx_burst = 1;
    Link link(small_config(), 64, caps);
    ASSERT_TRUE(link.stack.listen(80));
    link.know_peer();
    ASSERT_TRUE(link.port.deliver(ip_frame(wire::kProtocolTcp, syn(80))));
    ASSERT_TRUE(link.port.deliver(ip_frame(wire::kProtocolTcp, syn(81))));
    link.port.refuse_tx(1);
    link.stack.begin(link.now);
    ASSERT_TRUE(link.stack.connect({kPeerIp, 99}));
    link.stack.end();
    link.turn();
    EXPECT_NE(link.out_text().find("[S.]"), std::string::npos);
    EXPECT_NE(link.out_text().find("[R.]"), std::string::npos);
    EXPECT_NE(link.out_text().find("[S]"), std::string::npos);
}

TEST(Backpressure, RepliesThatNoDeviceTakesAreBoundedAndCounted) {
    Link link;
    link.know_peer();
    for (int i = 0; i < 3000; ++i) {  // while the device takes them, there is no bound
        link.in(ip_frame(wire::kProtocolTcp, syn()));
        ASSERT_TRUE(link.out());
    }
    EXPECT_EQ(link.dropped(DropReason::tx_full), 0u);
    link.port.refuse_tx(1'000'000);
    constexpr uint64_t kSegments = 3000;
    for (uint64_t i = 0; i < kSegments; ++i) {  // to a closed port: a RST each
        ASSERT_TRUE(link.port.deliver(ip_frame(wire::kProtocolTcp, syn())));
        link.stack.begin(link.now);
        link.stack.end();
    }
    const uint64_t dropped = link.dropped(DropReason::tx_full);
    EXPECT_GT(dropped, kSegments / 2);
    link.port.refuse_tx(0);
    uint64_t sent = 0;
    for (bool more = true; more;) {
        link.stack.begin(link.now);
        link.stack.end();
        for (more = false; link.out(); more = true) ++sent;
    }
    EXPECT_EQ(sent + dropped, kSegments);
}

/// Counts how much is requested at a time.
class CountingPort : public buf::MemoryPort {
  public:
    using MemoryPort::MemoryPort;
    uint16_t rx_burst(Packet** packets, uint16_t n) noexcept {
        most_asked = std::max(most_asked, n);
        return MemoryPort::rx_burst(packets, n);
    }
    uint16_t tx_burst(Packet** packets, uint16_t n) noexcept {
        most_given = std::max(most_given, n);
        return MemoryPort::tx_burst(packets, n);
    }
    uint16_t most_asked = 0, most_given = 0;
};

TEST(Bursts, AreAsLongAsThePortLikes) {
    for (const auto& [rx, tx] : {std::pair<uint16_t, uint16_t>{32, 32}, {8, 5}, {64, 64}}) {
        buf::QueueCaps caps = ethernet();
        caps.rx_burst = rx;
        caps.tx_burst = tx;
        CountingPort port(caps, 256);
        QueueEngine<CountingPort> engine(small_config(), port, HashKey{1, 2});
        Stack stack(engine);
        ASSERT_TRUE(port.deliver(arp(wire::kArpRequest, kPeer, kPeerIp, {}, kOurIp)));
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(port.deliver(ip_frame(wire::kProtocolTcp, syn())));
        uint64_t answers = 0;
        for (Instant now = Instant::from_ns(5'000'000'000); answers < 101; now += 1ms) {
            ASSERT_LT(now, Instant::from_ns(6'000'000'000));
            stack.begin(now);
            stack.end();
            for (; port.take(); ++answers) {
            }
        }
        EXPECT_EQ(port.most_asked, std::min<uint16_t>(rx, 32));
        EXPECT_EQ(port.most_given, std::min<uint16_t>(std::min(rx, tx), 32));
        engine.release_packets();
    }
}

TEST(Ports, RunOutByNameAndComeBackWithTimeWaitAge) {
    StackConfig config = small_config();
    config.port_low = 1000;
    config.port_high = 1009;
    Link link(config);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(link.stack.connect({kPeerIp, 80}));
    const auto refused = link.stack.connect({kPeerIp, 80});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), Error::no_port);
    EXPECT_EQ(link.dropped(DropReason::no_port), 1u);
    EXPECT_TRUE(link.stack.connect({kPeerIp, 81}));  // another destination has its own
    link.advance(10s);                               // nobody answers ARP: all fail
    EXPECT_TRUE(link.stack.connect({kPeerIp, 80}));
    link.advance(10s);
    while (link.out()) {
    }
}

}  // namespace
}  // namespace synfin::stack
