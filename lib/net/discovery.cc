#include "net/discovery.hh"

#include "net/link_local.hh"
#include "wire/mld.hh"

namespace synfin::net {

Discovery::Discovery(LocalAddresses& ours, const Link& link, const DiscoveryConfig& config, HashKey key,
                     uint32_t opens, Counters& counters)
    : ours_(ours),
      link_(link),
      counters_(counters),
      is_on_(link.is_ethernet() && ours.count6() != 0),
      speaks_(config.speaks),
      resolver_(ours, link, key, is_on_ ? opens : 1, counters),
      detection_(ours, config.dad, config.speaks),
      routers_(ours, link.mac(), config.gateway_auto && is_on_, config.speaks, config.mtu, counters),
      reports_(ours, config.speaks && is_on_, siphash(key, 1, 0)),
      is_closed_(is_on_ && detection_.is_closed()) {
    if (is_on_ && config.gateway_mac && !ours.gateway6().is_unspecified())
        resolver_.pin(ours.gateway6(), *config.gateway_mac);
}

DropReason Discovery::hold(const Ipv6& next_hop, void* packet) noexcept {
    if (detection_.duplicate()) return DropReason::address_tentative;
    const DropReason drop = resolver_.hold(next_hop, packet);
    // With a known MAC address, nothing would ever release the packet.
    return drop != DropReason::none && is_closed_ ? DropReason::address_tentative : drop;
}

std::optional<Instant> Discovery::next_deadline() const noexcept {
    if (!is_on_ || detection_.duplicate()) return std::nullopt;
    std::optional<Instant> first = reports_.next_deadline();
    const auto add = [&](std::optional<Instant> other) {
        if (other && (!first || *other < *first)) first = other;
    };
    if (detection_.is_pending()) {
        add(detection_.next_deadline());
    } else {
        add(routers_.next_deadline());
        add(resolver_.next_deadline());
    }
    return first;
}

std::optional<DiscoveryPacket> Discovery::hear(const wire::Ipv6Header& ip, Bytes icmp, const Mac& from,
                                               Instant now) noexcept {
    const auto drop = [&](DropReason reason) {
        counters_.drop(reason);
        return std::nullopt;
    };
    if (!is_on_ || icmp.empty()) return drop(DropReason::nd_ignored);
    // RFC 7527: our own probe can come back. Its MAC address tells, so no nonce is needed.
    if (from == link_.mac()) return drop(DropReason::nd_own_mac);
    if (detection_.duplicate()) return drop(DropReason::address_tentative);
    if (icmp[0] == wire::kMldQuery) {
        hear_group_query(ip, icmp, now);
        return std::nullopt;
    }
    if (icmp[0] < wire::kNdRouterSolicitation || icmp[0] > wire::kNdRedirect)
        return drop(DropReason::nd_ignored);  // reports of other hosts
    if (ip.hop_limit != wire::kNdHopLimit) return drop(DropReason::nd_hop_limit);
    wire::NdMessage message;
    if (!wire::parse_nd(icmp, message) || ip.source.is_multicast()) return drop(DropReason::bad_nd);
    switch (message.type) {
        case wire::kNdNeighbourSolicitation: return hear_solicitation(ip, from, message, now);
        case wire::kNdNeighbourAdvertisement: hear_advertisement(ip, from, message, now); return std::nullopt;
        case wire::kNdRouterAdvertisement: hear_router(ip, message, now); return std::nullopt;
        // DEVIATION: RFC 4861 8.3 lets a router redirect us to another next hop. Any on-link host can forge a
        // redirect, and an endpoint with one gateway gains little from real ones.
        case wire::kNdRedirect: return drop(DropReason::redirect_ignored);
        default: return drop(DropReason::nd_ignored);  // RFC 4861 6.2.6: solicitations are for routers
    }
}

std::optional<DiscoveryPacket> Discovery::hear_solicitation(const wire::Ipv6Header& ip, const Mac& from,
                                                            const wire::NdMessage& message,
                                                            Instant now) noexcept {
    const auto drop = [&](DropReason reason) {
        counters_.drop(reason);
        return std::nullopt;
    };
    // RFC 4861 7.1.1
    if (message.target.is_multicast()) return drop(DropReason::bad_nd);
    const bool is_probe = ip.source.is_unspecified();
    if (is_probe && (ip.destination != solicited_node(message.target) || message.source_link))
        return drop(DropReason::bad_nd);
    if (ours_.find(ip.source) != LocalAddresses::kNone) return drop(DropReason::address_conflict);
    // Other hosts share our solicited-node groups.
    if (ours_.find(message.target) == LocalAddresses::kNone) return drop(DropReason::not_for_us);
    if (is_probe) {
        // Every engine of a device hears the probe; one answers.
        if (!detection_.is_pending())
            return speaks_ ? std::optional(resolver_.defend(message.target)) : std::nullopt;
        found_duplicate(message.target, from);  // RFC 4862 5.4.3: both hosts give up the address
        return std::nullopt;
    }
    if (is_closed_) return drop(DropReason::address_tentative);  // RFC 4862 5.4.3
    return resolver_.hear_solicitation(ip.source, message, !detection_.is_pending(), now);
}

void Discovery::hear_advertisement(const wire::Ipv6Header& ip, const Mac& from,
                                   const wire::NdMessage& message, Instant now) noexcept {
    // RFC 4861 7.1.2
    if (message.target.is_multicast() || ip.source.is_unspecified() ||
        (ip.destination.is_multicast() && message.solicited)) {
        counters_.drop(DropReason::bad_nd);
        return;
    }
    if (ours_.find(message.target) != LocalAddresses::kNone) {  // RFC 4862 5.4.4
        if (detection_.is_pending())
            found_duplicate(message.target, message.target_link.value_or(from));
        else
            counters_.drop(DropReason::address_conflict);
        return;
    }
    const bool is_taken = resolver_.hear_advertisement(message, now);
    if (is_taken && !message.router) routers_.no_router(message.target, now);
}

void Discovery::hear_router(const wire::Ipv6Header& ip, const wire::NdMessage& message,
                            Instant now) noexcept {
    if (!ip.source.is_link_local()) {  // RFC 4861 6.1.2
        counters_.drop(DropReason::bad_nd);
        return;
    }
    if (ours_.find(ip.source) != LocalAddresses::kNone) {
        counters_.drop(DropReason::address_conflict);
        return;
    }
    if (routers_.hear(ip.source, message, now) && message.source_link)
        resolver_.hear_router(ip.source, *message.source_link, now);
}

void Discovery::hear_group_query(const wire::Ipv6Header& ip, Bytes icmp, Instant now) noexcept {
    // RFC 3810 6.2: from this link only.
    const bool is_near = ip.hop_limit == 1 && ip.source.is_link_local();
    if (!is_near || !reports_.hear(icmp, now)) counters_.drop(DropReason::bad_nd);
}

void Discovery::found_duplicate(const Ipv6& address, const Mac& holder) noexcept {
    counters_.drop(DropReason::address_conflict);
    detection_.found(address, holder);
    is_closed_ = true;
}

}  // namespace synfin::net
