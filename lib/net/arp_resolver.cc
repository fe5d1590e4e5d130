#include "net/arp_resolver.hh"

namespace synfin::net {

ArpResolver::ArpResolver(const LocalAddresses& ours, const Link& link, HashKey key, uint32_t opens,
                         Counters& counters)
    : NextHops(ours, neighbour_config(ours, link, key), opens, counters), link_(link) {}

/// One entry for every on-link address, up to 2^16: then forged addresses displace nobody.
NeighbourConfig ArpResolver::neighbour_config(const LocalAddresses& ours, const Link& link,
                                              HashKey key) noexcept {
    NeighbourConfig out;
    const auto on_link = static_cast<uint32_t>(std::min<uint64_t>(ours.on_link(), 1u << 16));
    out.capacity = link.is_ethernet() ? std::max(out.capacity, on_link) : 1;
    out.key = key;
    return out;
}

std::optional<ArpResolver::Message> ArpResolver::hear(Bytes packet, Instant now) noexcept {
    wire::ArpPacket arp;
    if (!wire::parse_arp(packet, arp) || arp.sender_mac.is_multicast()) {
        counters_.drop(DropReason::bad_arp);
        return std::nullopt;
    }
    if (arp.sender_mac == link_.mac()) {  // forged, or our own packet looped back
        counters_.drop(DropReason::arp_own_mac);
        return std::nullopt;
    }
    if (ours_.find(arp.sender_ip) != LocalAddresses::kNone) {
        counters_.drop(DropReason::address_conflict);
        return std::nullopt;
    }
    const bool for_us = ours_.find(arp.target_ip) != LocalAddresses::kNone;
    const bool is_reply = arp.operation == wire::kArpReply;
    switch (neighbours_.learn(arp.sender_ip, arp.sender_mac, now, for_us, is_reply)) {
        case Heard::ignored:
        case Heard::taken: break;
        case Heard::hint: counters_.add(Counter::arp_hints); break;
        case Heard::refused: counters_.drop(DropReason::arp_pinned); return std::nullopt;
    }
    if (!for_us || arp.operation != wire::kArpRequest) return std::nullopt;
    return Message{{.operation = wire::kArpReply,
                    .sender_mac = link_.mac(),
                    .sender_ip = arp.target_ip,
                    .target_mac = arp.sender_mac,
                    .target_ip = arp.sender_ip},
                   arp.sender_mac};
}

ArpResolver::Message ArpResolver::request(Ipv4 target, std::optional<Mac> to) const noexcept {
    return {{.operation = wire::kArpRequest,
             .sender_mac = link_.mac(),
             .sender_ip = ours_.towards(target),
             .target_mac = {},
             .target_ip = target},
            to.value_or(Mac::broadcast())};
}

}  // namespace synfin::net
