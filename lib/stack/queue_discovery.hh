#pragma once
/// @file
/// QueueEngine's next hops of IPv6, and what net::Discovery sends and hears. Included by queue_engine.hh
/// alone.

#include <algorithm>
#include <cstring>

#include "net/link_local.hh"
#include "stack/queue_engine.hh"

namespace synfin::stack {

/// Every IPv6 interface has a link-local address (RFC 4291 2.1): the source of router solicitations and group
/// reports. Added behind the configured addresses if none of them is link-local.
template <buf::QueuePair P>
StackConfig QueueEngine<P>::with_link_local(StackConfig config, const buf::QueueCaps& caps) {
    const auto is_v6 = [](const Cidr& each) { return each.addr.is_v6(); };
    const auto is_link_local = [](const Cidr& each) {
        return each.addr.is_v6() && each.addr.v6.is_link_local();
    };
    std::vector<Cidr>& all = config.addresses;
    if (caps.ethernet && std::any_of(all.begin(), all.end(), is_v6) &&
        std::none_of(all.begin(), all.end(), is_link_local))
        all.push_back(Cidr{net::link_local_of(caps.mac), 64});
    return config;
}

template <buf::QueuePair P>
Reach QueueEngine<P>::reach(const IpAddress& destination) noexcept {
    const net::LocalAddresses& ours = connections_.addresses();
    if (destination.is_v6()) {
        if (ours.count6() == 0 || discovery_.duplicate()) return Reach::no_route;
        const Ipv6 next_hop = ours.next_hop(destination.v6);
        if (next_hop.is_unspecified())
            return discovery_.is_waiting_for_router() ? Reach::resolving : Reach::no_route;
        if (!link_.is_ethernet() || discovery_.mac_of(next_hop, connections_.now()) != nullptr)
            return Reach::yes;
        return discovery_.resolver().is_failed(next_hop) ? Reach::no_answer : Reach::resolving;
    }
    // Without an address of ours, a request would have no sender.
    if (ours.count4() == 0) return Reach::no_route;
    const Ipv4 next_hop = ours.next_hop(destination.v4);
    if (next_hop.is_unspecified()) return Reach::no_route;
    if (!link_.is_ethernet() || resolver_.mac_of(next_hop, connections_.now()) != nullptr) return Reach::yes;
    return resolver_.is_failed(next_hop) ? Reach::no_answer : Reach::resolving;
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::hear_discovery(const net::FrameContent& content,
                                                                 const uint8_t* frame) noexcept {
    Mac from;
    if (link_.is_ethernet()) std::memcpy(from.octets.data(), frame + 6, 6);
    const uint16_t mtu = discovery_.mtu();
    if (const auto reply = discovery_.hear(content.ip6, content.payload, from, connections_.now()))
        send_discovery(*reply);
    duplicate_ = discovery_.duplicate();
    if (discovery_.mtu() != mtu) connections_.set_mtu6(discovery_.mtu());
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::send_discovery(
    const net::DiscoveryPacket& message) noexcept {
    Packet* packet = bursts_.take();
    if (packet == nullptr) {
        count().drop(DropReason::no_packet);
        return;
    }
    uint8_t* frame = P::data(packet);
    P::finish(packet, net::build_discovery(frame, link_, message), {});
    count().add(net::counter_of(message));
    if (message.to)
        queue(packet);
    else
        send_frame6(packet, frame, message.destination, nullptr);
}

/// @note cost: five compares with nothing due; only engines with an IPv6 address on Ethernet call it.
template <buf::QueuePair P>
[[gnu::noinline]] void QueueEngine<P>::poll_discovery() noexcept {
    timers_behind_ |= discovery_.poll(
        connections_.now(), [this](uint16_t packets) noexcept { return bursts_.has_room(packets); },
        [this](const net::DiscoveryPacket& message) noexcept { send_discovery(message); },
        [this](void* held, const Mac& mac) noexcept { send_held(held, mac); },
        [this](void* held) noexcept { bursts_.give_back(static_cast<Packet*>(held)); });
}

/// Sends a packet that has waited for its next hop's MAC address.
template <buf::QueuePair P>
void QueueEngine<P>::send_held(void* held, const Mac& mac) noexcept {
    auto* packet = static_cast<Packet*>(held);
    std::memcpy(P::data(packet), mac.octets.data(), 6);
    queue(packet);
}

/// Fills in the destination MAC of a frame and sends it.
template <buf::QueuePair P>
[[gnu::always_inline]] inline void QueueEngine<P>::send_frame6(Packet* packet, uint8_t* frame,
                                                               const Ipv6& destination,
                                                               const net::SegmentOut* segment) noexcept {
    if (link_.is_ethernet()) {
        const Ipv6 next_hop = connections_.addresses().next_hop(destination);
        const Mac* mac = discovery_.mac_of(next_hop, connections_.now());
        if (mac == nullptr) [[unlikely]] {
            send_unresolved6(packet, next_hop, segment);
            return;
        }
        std::memcpy(frame, mac->octets.data(), 6);
    }
    queue(packet);
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::send_unresolved6(Packet* packet, const Ipv6& next_hop,
                                                                   const net::SegmentOut* segment) noexcept {
    DropReason drop = DropReason::no_route;
    if (!next_hop.is_unspecified()) {
        if (segment != nullptr && (segment->flags & wire::kSyn) != 0)
            if (const uint32_t open = connections_.open_of(segment->tuple, &segment->remote6); open != 0)
                discovery_.resolver().add_waiting(next_hop, open);
        drop = discovery_.hold(next_hop, packet);
        if (drop == DropReason::none) return;
    }
    count().drop(drop);
    bursts_.give_back(packet);
}

}  // namespace synfin::stack
