#include "net/arp_resolver.hh"

namespace synfin::net {

ArpResolver::ArpResolver(const LocalAddresses& ours, const Link& link, HashKey key, uint32_t opens,
                         Counters& counters)
    : ours_(ours),
      link_(link),
      counters_(counters),
      neighbours_(neighbour_config(ours, link, key)),
      waits_(neighbours_.capacity(), opens) {}

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

DropReason ArpResolver::hold(Ipv4 next_hop, void* packet) noexcept {
    if (neighbours_.hold(next_hop, packet)) return DropReason::none;
    return neighbours_.is_failed(next_hop) ? DropReason::neighbour_failed : DropReason::neighbour_queue_full;
}

void ArpResolver::add_waiting(Ipv4 next_hop, uint32_t open) noexcept {
    if (const uint32_t neighbour = neighbours_.slot(next_hop); neighbour != 0) waits_.add(neighbour, open);
}

}  // namespace synfin::net
