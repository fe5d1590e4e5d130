#include "net/nd_resolver.hh"

#include "net/link_local.hh"

namespace synfin::net {

NdResolver::NdResolver(const LocalAddresses& ours, const Link& link, HashKey key, uint32_t opens,
                       Counters& counters)
    : NextHops(ours, neighbour_config(ours, link, key), opens, counters), link_(link) {}

/// A /64 has more hosts than any table has entries, so the table has its largest size. Its pages are mapped
/// when used.
NeighbourConfig NdResolver::neighbour_config(const LocalAddresses& ours, const Link& link,
                                             HashKey key) noexcept {
    NeighbourConfig out;
    out.capacity = link.is_ethernet() && ours.count6() != 0 ? 1u << 16 : 1;
    out.most_held /= 2;  // with those of ARP, three quarters of a pool at most
    out.key = key;
    return out;
}

DiscoveryPacket NdResolver::hear_solicitation(const Ipv6& source, const wire::NdMessage& message,
                                              bool overrides, Instant now) noexcept {
    // A host of another network gets an answer, but no entry: we would send to the gateway.
    if (message.source_link && ours_.is_neighbour(source))
        static_cast<void>(learn(source, *message.source_link, now, true, false));
    DiscoveryPacket out = advertisement(message.target);
    out.destination = source;
    out.to = message.source_link;
    out.nd.solicited = true;
    out.nd.overrides = overrides;
    return out;
}

DiscoveryPacket NdResolver::defend(const Ipv6& address) const noexcept {
    DiscoveryPacket out = advertisement(address);
    out.destination = kAllNodes;
    out.to = multicast_mac(kAllNodes);
    out.nd.overrides = true;
    return out;
}

bool NdResolver::hear_advertisement(const wire::NdMessage& message, Instant now) noexcept {
    const std::optional<Mac> known = neighbours_.mac(message.target);
    // RFC 4861 7.2.4: the answer to a unicast solicitation need not repeat the MAC address.
    const std::optional<Mac> claimed = message.target_link ? message.target_link : known;
    if (neighbours_.slot(message.target) == 0 || !claimed) {
        counters_.drop(DropReason::nd_ignored);
        return false;
    }
    // RFC 4861 7.2.5: without the override flag, an answer replaces no known MAC address.
    const bool may_replace = message.overrides || !known || *known == *claimed;
    const bool answers = message.solicited && may_replace;
    return learn(message.target, *claimed, now, answers, answers);
}

/// @return whether the neighbour has this MAC address now.
bool NdResolver::learn(const Ipv6& neighbour, const Mac& mac, Instant now, bool for_us,
                       bool is_reply) noexcept {
    switch (neighbours_.learn(neighbour, mac, now, for_us, is_reply)) {
        case Heard::ignored: return false;
        case Heard::taken: return true;
        case Heard::hint: counters_.add(Counter::nd_hints); return false;
        case Heard::refused: counters_.drop(DropReason::nd_pinned); return false;
    }
    return false;
}

DiscoveryPacket NdResolver::solicitation(const Ipv6& target, std::optional<Mac> to) const noexcept {
    DiscoveryPacket out;
    out.source = ours_.soliciting(target);
    out.destination = to ? target : solicited_node(target);
    out.to = to ? *to : multicast_mac(out.destination);
    out.nd.type = wire::kNdNeighbourSolicitation;
    out.nd.target = target;
    out.nd.source_link = link_.mac();
    return out;
}

DiscoveryPacket NdResolver::advertisement(const Ipv6& address) const noexcept {
    DiscoveryPacket out;
    out.source = address;
    out.nd.type = wire::kNdNeighbourAdvertisement;
    out.nd.target = address;
    out.nd.target_link = link_.mac();
    return out;
}

}  // namespace synfin::net
