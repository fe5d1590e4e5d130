/// IPv6 on an Ethernet port behind a router whose MAC address is configured: tags, verdicts, replies that
/// wait. Neighbour discovery has tests of its own.

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "buf/memory_port.hh"
#include "fakes/packet.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"

namespace synfin::stack {
namespace {

using namespace fakes;  // NOLINT(google-build-using-namespace)
using Frame = std::vector<uint8_t>;

const Mac kOurs{{2, 0, 0, 0, 0, 1}}, kRouter{{2, 0, 0, 0, 0, 0xfe}};

/// A peer behind the router.
IpAddress peer(uint8_t n = 1) {
    return Ipv6{{0x20, 0x01, 0x0d, 0xb8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n}};
}
IpAddress us() {
    return host(1, Family::v6);
}

StackConfig config() {
    StackConfig out;
    out.addresses = {on_net(us())};
    out.gateway6 = host(254, Family::v6).v6;
    out.gateway6_mac = kRouter;
    out.dad = Dad::off;
    out.max_connections = out.max_time_wait = 16;
    out.max_half_open = 4096;
    out.seed = 7;
    return out;
}
buf::QueueCaps ethernet() {
    buf::QueueCaps caps;
    caps.mac = kOurs;
    return caps;
}

/// A tag as EtherType and VID.
using Tags = std::vector<std::pair<uint16_t, uint16_t>>;

Frame framed(Bytes packet, const Tags& tags = {}, const Mac& to = kOurs) {
    Frame out(to.octets.begin(), to.octets.end());
    out.insert(out.end(), kRouter.octets.begin(), kRouter.octets.end());
    for (const auto& [type, vid] : tags)
        out.insert(out.end(), {static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type),
                               static_cast<uint8_t>(vid >> 8), static_cast<uint8_t>(vid)});
    out.insert(out.end(), {0x86, 0xdd});
    out.insert(out.end(), packet.begin(), packet.end());
    return out;
}
Frame syn(const IpAddress& from = peer(), uint16_t port = 80) {
    Packet p;
    p.src = from, p.dst = us();
    p.sport = 4000, p.dport = port;
    p.seq = 100, p.flags = kSyn, p.wnd = 1000;
    return build(p);
}

struct Link6 {
    explicit Link6(const StackConfig& of = config(), uint32_t packets = 256)
        : port(ethernet(), packets), engine(of, port, HashKey{1, 2}), stack(engine) {
        EXPECT_TRUE(stack.listen(80));
        turn();
        while (port.take()) {  // multicast listener reports
        }
    }
    ~Link6() {
        engine.release_packets();
        EXPECT_EQ(port.in_use(), port.sent()) << "packets leaked";
    }
    void turn() {
        do {
            stack.begin(now);
            while (stack.next_event() != nullptr) {
            }
            stack.end();
        } while (engine.has_work() && port.sent() < 1000);
    }
    void in(const Frame& frame, const buf::Arrival& arrival = {}) {
        ASSERT_TRUE(port.deliver(frame, arrival));
        turn();
    }
    /// The next packet sent, which must have these tags and go to the router.
    std::optional<Packet> out(const Tags& tags = {}) {
        const auto frame = port.take();
        if (!frame) return std::nullopt;
        const Frame head = framed({}, tags, kRouter);
        EXPECT_GT(frame->size(), head.size());
        EXPECT_TRUE(std::equal(head.begin(), head.begin() + 6, frame->begin())) << "to the router";
        EXPECT_TRUE(std::equal(head.begin() + 12, head.end(), frame->begin() + 12)) << "tags, EtherType";
        std::string complaint;
        Packet packet = parse(Bytes(*frame).subspan(head.size()), complaint);
        EXPECT_EQ(complaint, "");
        return packet;
    }
    uint64_t dropped(DropReason reason) const { return stack.counters()[reason]; }

    Instant now = Instant::from_ns(5'000'000'000);
    buf::MemoryPort port;
    QueueEngine<buf::MemoryPort> engine;
    Stack stack;
};

TEST(Link6, WhatIsNotOnLinkGoesToTheGateway) {
    Link6 link;
    link.in(framed(syn()));
    const auto answer = link.out();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, kSyn | kAck);
    EXPECT_EQ(answer->dst, peer());
    ASSERT_TRUE(link.stack.connect({peer(2), 80}));
    link.turn();
    const auto open = link.out();
    ASSERT_TRUE(open);
    EXPECT_EQ(open->dst, peer(2));
    EXPECT_EQ(link.stack.reach(peer(3)), Reach::yes);
}

TEST(Link6, TcpInAFrameToAGroupOrToAnotherMacIsNotOurs) {
    Link6 link;
    link.in(framed(syn(), {}, {{0x33, 0x33, 0, 0, 0, 1}}));
    link.in(framed(syn(), {}, {{0x33, 0x33, 0xff, 0, 0, 1}}));
    link.in(framed(syn(), {}, Mac::broadcast()));
    link.in(framed(syn(), {}, {{2, 0, 0, 0, 0, 2}}));
    EXPECT_FALSE(link.out());
    EXPECT_EQ(link.dropped(DropReason::not_for_us), 4u);
    EXPECT_EQ(link.stack.occupancy().half_open, 0u);
}

TEST(Link6, ADevicesBadIsLookedIntoItsGoodIsBelieved) {
    using buf::Verdict;
    Link6 link;
    Frame corrupt = framed(syn());
    corrupt.back() ^= 1;
    // Devices give no verdict on a header checksum that IPv6 has not.
    for (const Verdict ip : {Verdict::unknown, Verdict::good}) {
        const uint32_t before = link.stack.occupancy().half_open;
        link.in(corrupt, {.ip = ip, .tcp = Verdict::bad});
        link.in(corrupt, {.ip = ip, .tcp = Verdict::unknown});
        EXPECT_EQ(link.stack.occupancy().half_open, before);
    }
    EXPECT_EQ(link.dropped(DropReason::bad_tcp_checksum), 4u);
    link.in(framed(syn()), {.ip = Verdict::bad, .tcp = Verdict::bad});
    EXPECT_EQ(link.stack.occupancy().half_open, 1u);
    EXPECT_EQ(link.dropped(DropReason::bad_ip_checksum), 0u);
    Frame other = framed(syn(peer(2)));
    other.back() ^= 1;
    link.in(other, {.ip = Verdict::unknown, .tcp = Verdict::good});
    EXPECT_EQ(link.stack.occupancy().half_open, 2u) << "as a device says that is trusted";
}

TEST(Link6, VlansAreTaggedBothWays) {
    constexpr uint16_t kInner = 0x8100, kOuter = 0x88a8;
    for (const bool two : {false, true}) {
        StackConfig tagged = config();
        tagged.vlan = 7;
        if (two) tagged.outer_vlan = 100;
        const Tags right = two ? Tags{{kOuter, 100}, {kInner, 7}} : Tags{{kInner, 7}};
        Link6 link(tagged);
        link.in(framed(syn(), right));
        const auto answer = link.out(right);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->flags, kSyn | kAck);
        const std::vector<uint8_t> body{0, 1, 0, 2};
        link.in(framed(icmp6(peer().v6, us().v6, 128, 0, body), right));
        const auto echo = link.out(right);
        ASSERT_TRUE(echo);
        EXPECT_EQ(icmp6_of(*echo)[0], 129);
        uint64_t refused = 0;
        for (const Tags& wrong :
             {Tags{}, Tags{{kInner, 6}}, Tags{{kOuter, 100}}, Tags{{kOuter, 99}, {kInner, 7}},
              two ? Tags{{kInner, 7}} : Tags{{kOuter, 100}, {kInner, 7}}}) {
            link.in(framed(syn(peer(9)), wrong));
            EXPECT_EQ(link.dropped(DropReason::bad_vlan), ++refused);
        }
        EXPECT_FALSE(link.out(right));
    }
}

/// Replies outlive the burst whose packets they answer; each still goes to its peer.
TEST(Link6, NothingIsLostOrMixedWhenTheDeviceIsFull) {
    Link6 link(config(), 512);
    link.port.refuse_tx(40);
    for (uint8_t n = 1; n <= 100; ++n) {
        ASSERT_TRUE(link.port.deliver(framed(syn(peer(n), n % 2 == 0 ? 80 : 81))));
        link.stack.begin(link.now);
        link.stack.end();
    }
    link.turn();
    std::set<IpAddress> resets, answers;
    while (const auto packet = link.out()) {
        (packet->has(kRst) ? resets : answers).insert(packet->dst);
        EXPECT_EQ(packet->ack, 101u);
    }
    EXPECT_EQ(resets.size(), 50u);
    EXPECT_EQ(answers.size(), 50u);
    EXPECT_EQ(answers.count(peer(2)), 1u);
    EXPECT_EQ(resets.count(peer(1)), 1u);
    EXPECT_EQ(link.dropped(DropReason::tx_full), 0u);
}

/// SYNs with forged on-link sources: a /64 has any number of them, and each answer waits for its next hop.
TEST(Link6, ForgedNeighboursDoNotHoldTheWholePool) {
    Link6 link(config(), 4096);
    for (uint32_t n = 0; n < 5000; ++n) {
        link.in(framed(syn(host(1000 + n, Family::v6))));
        while (link.port.take()) {  // solicitations
        }
    }
    EXPECT_EQ(link.engine.packets_held(), 2048u);
    link.in(framed(syn()));
    const auto answer = link.out();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->dst, peer());
}

}  // namespace
}  // namespace synfin::stack
