#pragma once
/// @file
/// An IPv6 host's Discovery with a clock, and a record of what it sends and gives back.

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "net/discovery.hh"
#include "net/link_local.hh"
#include "wire/icmpv6.hh"

namespace synfin::net {

inline const Mac kOurMac{{2, 0, 0, 0, 0, 1}};
inline const Mac kPeerMac{{2, 0, 0, 0, 0, 2}};
inline const Mac kOtherMac{{2, 0, 0, 0, 0, 9}};
inline const Mac kRouterMac{{2, 0, 0, 0, 0, 0xfe}};
inline Ipv6 ip6(const char* text) {
    return *Ipv6::parse(text);
}
inline const Ipv6 kUs = ip6("2001:db8::1");
inline const Ipv6 kOurLinkLocal = ip6("fe80::ff:fe00:1");
inline const Ipv6 kPeer = ip6("2001:db8::2");
inline const Ipv6 kRouter = ip6("fe80::fe");
inline const Ipv6 kFar = ip6("2001:db8:f::1");

/// 2001:db8::1/64 and the link-local address of the MAC, without probes for duplicates unless `config` says
/// otherwise. What happens at the start (group reports) is not recorded.
class DiscoveryLan {
  public:
    static buf::QueueCaps caps() {
        buf::QueueCaps out;
        out.mac = kOurMac;
        return out;
    }
    static DiscoveryConfig no_probes() {
        DiscoveryConfig out;
        out.dad = Dad::off;
        return out;
    }
    static DiscoveryConfig with_probes(Dad dad) {
        DiscoveryConfig out;
        out.dad = dad;
        return out;
    }
    static std::vector<Cidr> our_addresses() { return {Cidr{kUs, 64}, Cidr{link_local_of(kOurMac), 64}}; }

    explicit DiscoveryLan(const DiscoveryConfig& config = no_probes(),
                          std::optional<Ipv6> gateway = std::nullopt,
                          const std::vector<Cidr>& addresses = our_addresses())
        : ours(addresses, std::nullopt, gateway),
          link(caps(), std::nullopt, std::nullopt),
          discovery(ours, link, config, HashKey{1, 2}, 64, counters) {}

    /// The first poll and that of the repeated group report; forgets what was sent.
    void settle() {
        poll();
        poll_after(1s);
        sent.clear();
    }

    void poll() {
        discovery.poll(
            now, [&](uint32_t) { return room; },
            [&](const DiscoveryPacket& packet) {
                sent.push_back(packet);
                groups.insert(groups.end(), packet.mld.groups.begin(), packet.mld.groups.end());
            },
            [&](void* packet, const Mac& mac) { ready.emplace_back(packet, mac); },
            [&](void* packet) { lost.push_back(packet); });
    }
    void poll_after(Duration d) {
        now += d;
        poll();
    }
    /// Polls at every deadline of the time that passes.
    void run(Duration d) {
        const Instant end = now + d;
        for (auto due = discovery.next_deadline(); due && *due <= end; due = discovery.next_deadline()) {
            now = std::max(now, *due);
            poll();
        }
        now = end;
        poll();
    }

    const Mac* mac_of(const Ipv6& next_hop) { return discovery.mac_of(next_hop, now); }

    /// Hears a message as it arrives in a frame.
    std::optional<DiscoveryPacket> hear(const Ipv6& source, const Ipv6& destination, const Mac& from,
                                        const wire::NdMessage& message,
                                        uint8_t hop_limit = wire::kNdHopLimit) {
        std::vector<uint8_t> bytes(wire::kMostNdBytes);
        bytes.resize(wire::write_nd(bytes.data(), message));
        return hear_bytes(source, destination, from, bytes, hop_limit);
    }
    std::optional<DiscoveryPacket> hear_bytes(const Ipv6& source, const Ipv6& destination, const Mac& from,
                                              Bytes icmp, uint8_t hop_limit = wire::kNdHopLimit) {
        wire::Ipv6Header ip;
        ip.source = source;
        ip.destination = destination;
        ip.hop_limit = hop_limit;
        return discovery.hear(ip, icmp, from, now);
    }

    static wire::NdMessage solicitation(const Ipv6& target, std::optional<Mac> source_link = std::nullopt) {
        wire::NdMessage out;
        out.type = wire::kNdNeighbourSolicitation;
        out.target = target;
        out.source_link = source_link;
        return out;
    }
    static wire::NdMessage advertisement(const Ipv6& target, std::optional<Mac> target_link,
                                         bool solicited = true, bool overrides = true) {
        wire::NdMessage out;
        out.type = wire::kNdNeighbourAdvertisement;
        out.target = target;
        out.target_link = target_link;
        out.solicited = solicited;
        out.overrides = overrides;
        return out;
    }
    static wire::NdMessage router(uint16_t lifetime_s) {
        wire::NdMessage out;
        out.type = wire::kNdRouterAdvertisement;
        out.router_lifetime_s = lifetime_s;
        out.source_link = kRouterMac;
        return out;
    }
    /// A neighbour's answer to our solicitation.
    void answer(const Ipv6& neighbour, const Mac& mac, bool overrides = true) {
        hear(neighbour, kUs, mac, advertisement(neighbour, mac, true, overrides));
    }
    /// An advertisement that nobody asked for.
    void announce(const Ipv6& neighbour, const Mac& mac, bool overrides = true) {
        hear(neighbour, kAllNodes, mac, advertisement(neighbour, mac, false, overrides));
    }
    /// A neighbour that has answered.
    void know(const Ipv6& neighbour, const Mac& mac) {
        mac_of(neighbour);
        poll();
        answer(neighbour, mac);
        poll();
        sent.clear();
    }
    uint64_t dropped(DropReason reason) const { return counters[reason]; }

    Instant now = Instant::from_ns(5'000'000'000);
    Counters counters;
    LocalAddresses ours;
    Link link;
    Discovery discovery;
    bool room = true;
    std::vector<DiscoveryPacket> sent;
    std::vector<Ipv6> groups;  ///< reported
    std::vector<std::pair<void*, Mac>> ready;
    std::vector<void*> lost;
};

}  // namespace synfin::net
