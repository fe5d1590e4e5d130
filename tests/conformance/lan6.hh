#pragma once
/// @file
/// Lan6: one engine on an Ethernet link with IPv6, beside a router and hosts that the test makes up. It reads
/// and writes neighbour discovery with code of its own.

#include <algorithm>
#include <map>
#include <vector>

#include "buf/memory_port.hh"
#include "fakes/deadlines.hh"
#include "fakes/world.hh"
#include "stack/queue_engine.hh"

namespace synfin::fakes {

class Lan6 {
  public:
    using Frame = std::vector<uint8_t>;
    using Engine = stack::QueueEngine<buf::MemoryPort>;

    inline static const Mac kOurs{{2, 0, 0, 0, 0, 1}}, kRouterMac{{2, 0, 0, 0, 0, 0xfe}};
    inline static const Mac kForger{{2, 0, 0, 0, 0, 9}};
    static Ipv6 us() { return host(1, Family::v6).v6; }
    static Ipv6 router() { return host(0xfffe, Family::v6).v6; }
    /// Somewhere behind the router.
    static Ipv6 beyond(uint8_t n = 1) {
        return {{0x20, 0x01, 0x0d, 0xb8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n}};
    }
    static Ipv6 all_nodes() { return {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}; }
    static Ipv6 solicited_node(const Ipv6& a) {
        return {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a.octets[13], a.octets[14], a.octets[15]}};
    }
    static Mac group_mac(const Ipv6& a) {
        return {{0x33, 0x33, a.octets[12], a.octets[13], a.octets[14], a.octets[15]}};
    }

    /// 2001:db8::1/64, the router as gateway, and no duplicate address detection.
    static stack::StackConfig config(uint32_t connections = 1000) {
        stack::StackConfig out;
        out.addresses = {{us(), 64}};
        out.gateway6 = router();
        out.dad = Dad::off;
        out.max_connections = connections;
        out.max_time_wait = 16;
        out.seed = 1;
        return out;
    }

    explicit Lan6(const stack::StackConfig& config) : engine(config, port, HashKey{1, 2}) {
        hosts[router()] = kRouterMac;
    }
    ~Lan6() { engine.release_packets(); }
    Lan6(const Lan6&) = delete;
    Lan6& operator=(const Lan6&) = delete;

    /// Until the router's MAC address is known.
    void settle() {
        turn();
        EXPECT_NE(stack.reach(router()), Reach::no_route);
        advance(10ms);
        EXPECT_EQ(stack.reach(router()), Reach::yes);
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

    void frame(Bytes packet, const Mac& from, const Mac& to = kOurs) {
        Frame out(14);
        std::copy(to.octets.begin(), to.octets.end(), out.begin());
        std::copy(from.octets.begin(), from.octets.end(), out.begin() + 6);
        out[12] = 0x86, out[13] = 0xdd;
        out.insert(out.end(), packet.begin(), packet.end());
        ASSERT_TRUE(port.deliver(out));
        said = true;
    }
    /// A neighbour solicitation or advertisement: `head` is the reserved word or the flags. Option: source
    /// (1) or target (2) link-layer address, or none (0).
    static std::vector<uint8_t> nd(uint8_t type, const Ipv6& from, const Ipv6& to, uint8_t head,
                                   const Ipv6& target, uint8_t option, const Mac& mac,
                                   uint8_t hop_limit = 255, uint8_t code = 0) {
        std::vector<uint8_t> body{head, 0, 0, 0};
        body.insert(body.end(), target.octets.begin(), target.octets.end());
        if (option != 0) {
            body.insert(body.end(), {option, 1});
            body.insert(body.end(), mac.octets.begin(), mac.octets.end());
        }
        return icmp6(from, to, type, code, body, hop_limit);
    }
    static constexpr uint8_t kRouterFlag = 0x80, kSolicited = 0x40, kOverride = 0x20;
    void solicit(const Ipv6& who, const Mac& mac, const Ipv6& target) {
        frame(nd(135, who, solicited_node(target), 0, target, 1, mac), mac,
              group_mac(solicited_node(target)));
    }
    void advertise(const Ipv6& who, const Mac& mac, const Ipv6& to, uint8_t flags) {
        frame(nd(136, who, to, flags, who, 2, mac), mac, to.is_multicast() ? group_mac(to) : kOurs);
    }
    void syn_from(const Ipv6& from, uint16_t sport = 4000) {
        Packet syn;
        syn.src = from, syn.dst = us();
        syn.sport = sport, syn.dport = 80;
        syn.flags = kSyn;
        syn.wnd = 1000;
        frame(build(syn), kForger);
    }

    struct Solicitation {
        Packet packet;
        Mac to;
        Ipv6 target;
    };

    Instant now = Instant::from_ns(5'000'000'000);
    buf::MemoryPort port{caps(), 4096};
    Engine engine;
    Stack stack{engine};
    bool said = false;                 ///< a packet is waiting for the stack
    std::map<Ipv6, Mac> hosts;         ///< those that answer solicitations
    std::map<uint8_t, uint32_t> sent;  ///< TCP segments, by the last byte of the MAC address
    std::vector<Packet> segments;
    std::vector<Solicitation> asked;
    std::vector<std::pair<Packet, Mac>> advertised, others;  ///< and where to: others are MLD, routers
    std::map<CloseReason, uint32_t> closes;

  private:
    static buf::QueueCaps caps() {
        buf::QueueCaps out;
        out.mac = kOurs;
        return out;
    }
    void take(const Frame& frame) {
        ASSERT_GE(frame.size(), 54u);
        ASSERT_EQ(frame[12] << 8 | frame[13], 0x86dd);
        Mac to;
        std::copy_n(frame.begin(), 6, to.octets.begin());
        std::string complaint;
        Packet packet = parse(Bytes(frame).subspan(14), complaint);
        EXPECT_EQ(complaint, "");
        if (packet.dst.is_multicast()) {
            EXPECT_EQ(to, group_mac(packet.dst.v6));
        }
        const Bytes icmp = icmp6_of(packet);
        if (icmp.empty()) {
            ++sent[to.octets[5]];
            segments.push_back(std::move(packet));
            return;
        }
        if (icmp[0] == 136) {
            advertised.emplace_back(std::move(packet), to);
            return;
        }
        if (icmp[0] != 135 || icmp.size() < 24) {
            others.emplace_back(std::move(packet), to);
            return;
        }
        Ipv6 target;
        std::copy_n(icmp.begin() + 8, 16, target.octets.begin());
        const bool probe = packet.src.is_unspecified();
        asked.push_back({std::move(packet), to, target});
        const auto found = hosts.find(target);
        if (found == hosts.end()) return;
        if (to != group_mac(solicited_node(target)) && to != found->second) return;
        const uint8_t flags = found->second == kRouterMac ? kOverride | kRouterFlag : kOverride;
        advertise(target, found->second, probe ? all_nodes() : us(),
                  probe ? flags : static_cast<uint8_t>(flags | kSolicited));
    }
};

}  // namespace synfin::fakes
