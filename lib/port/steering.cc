#include "port/steering.hh"

#include <algorithm>
#include <utility>

#include "port/ether_payload.hh"
#include "port/ipv6_payload.hh"

namespace synfin::port {

namespace {

/// Packets that can wait from one engine to another: some bursts of one poll.
constexpr uint32_t kMailboxPackets = 2048;

constexpr uint16_t kEtherIpv4 = 0x0800, kEtherArp = 0x0806, kEtherIpv6 = 0x86dd;
constexpr uint8_t kProtocolIcmp = 1, kProtocolTcp = 6, kProtocolIcmp6 = 58;
constexpr uint8_t kRouterAdvertisement = 134, kNeighbourSolicitation = 135,
                  kNeighbourAdvertisement = 136;  // RFC 4861 4.2 to 4.4
constexpr uint8_t kOnLinkHopLimit = 255;          // of messages that no router has forwarded
constexpr uint8_t kTcpSyn = 0x02;

uint16_t load16(const uint8_t* at) noexcept {
    return static_cast<uint16_t>(at[0] << 8 | at[1]);
}
uint32_t load32(const uint8_t* at) noexcept {
    return uint32_t{load16(at)} << 16 | load16(at + 2);
}

/// Destination Unreachable, Source Quench, Redirect, Time Exceeded, Parameter Problem: these messages quote a
/// packet.
bool quotes_a_packet(uint8_t icmp_type) noexcept {
    return icmp_type == 3 || icmp_type == 4 || icmp_type == 5 || icmp_type == 11 || icmp_type == 12;
}

/// The length of an IPv4 header, which must lie within `length`. 0 when there is no valid header.
uint32_t ipv4_header_bytes(const uint8_t* ip, uint32_t length) noexcept {
    if (length < 20 || ip[0] >> 4 != 4) return 0;
    const uint32_t header = (ip[0] & 0xfu) * 4;
    return header >= 20 && header <= length ? header : 0;
}

bool is_fragment(const uint8_t* ip) noexcept {
    return (load16(ip + 6) & 0x3fff) != 0;
}
bool is_later_fragment(const uint8_t* ip) noexcept {
    return (load16(ip + 6) & 0x1fff) != 0;
}

Destination classify_icmp(const uint8_t* icmp, uint32_t length) noexcept {
    if (length < 8 || !quotes_a_packet(icmp[0])) return {};
    const uint8_t* quoted = icmp + 8;
    const uint32_t header = ipv4_header_bytes(quoted, length - 8);
    if (header == 0 || quoted[9] != kProtocolTcp || length - 8 < header + 4 || is_later_fragment(quoted))
        return {};
    // We sent the quoted packet, so its source is our side.
    const FlowTuple tuple{load32(quoted + 16), load32(quoted + 12), load16(quoted + header + 2),
                          load16(quoted + header)};
    return {Destination::Kind::quoted, false, tuple};
}

Destination classify_ipv4(const uint8_t* ip, uint32_t length) noexcept {
    const uint32_t header = ipv4_header_bytes(ip, length);
    if (header == 0 || is_fragment(ip)) return {};
    const uint8_t* payload = ip + header;
    if (ip[9] == kProtocolTcp && length >= header + 14) {
        const FlowTuple tuple{load32(ip + 12), load32(ip + 16), load16(payload), load16(payload + 2)};
        return {Destination::Kind::segment, (payload[13] & kTcpSyn) != 0, tuple};
    }
    if (ip[9] == kProtocolIcmp) return classify_icmp(payload, length - header);
    return {};
}

/// Only one engine answers an ordinary request, or the peer would get one reply per core. Replies and
/// announcements (a request for the sender's own address, RFC 5227 3) update every engine's neighbours.
Destination classify_arp(const uint8_t* arp, uint32_t length) noexcept {
    if (length < 28) return {};
    const bool request = load16(arp + 6) == 1;
    const bool announcement = load32(arp + 14) == load32(arp + 24);
    if (request && !announcement) return {};
    return {Destination::Kind::everyone, false, {}};
}

Ipv6 load_address(const uint8_t* at) noexcept {
    Ipv6 address;
    std::copy_n(at, address.octets.size(), address.octets.begin());
    return address;
}

/// Destination Unreachable, Packet Too Big, Time Exceeded, Parameter Problem (RFC 4443 3) quote a packet.
/// Advertisements are to neighbour discovery what replies are to ARP. A solicitation from :: probes for a
/// duplicate (RFC 4862 5.4), which concerns the addresses of every engine. Messages of discovery with a hop
/// limit below 255 come from beyond a router (RFC 4861 11.2), so they are not copied: a host on the Internet
/// would give work to all engines. The first engine answers or drops the rest: solicitations, echo requests,
/// multicast listener queries.
Destination6 classify_icmp6(const uint8_t* ip, const uint8_t* icmp, uint32_t length) noexcept {
    using Kind = Destination6::Kind;
    if (length < 8) return {};
    if (ip[7] == kOnLinkHopLimit &&
        (icmp[0] == kRouterAdvertisement || icmp[0] == kNeighbourAdvertisement ||
         (icmp[0] == kNeighbourSolicitation && load_address(ip + 8).is_unspecified())))
        return {Kind::everyone, false, {}};
    if (icmp[0] < 1 || icmp[0] > 4) return {};
    const uint8_t* quoted = icmp + 8;
    const auto [protocol, offset, is_extended] = ipv6_payload(quoted, length - 8);
    if (protocol != kProtocolTcp || length - 8 < offset + 4) return {};
    // We sent the quoted packet, so its source is our side.
    return {Kind::quoted,
            false,
            {load_address(quoted + 24), load_address(quoted + 8), load16(quoted + offset + 2),
             load16(quoted + offset)}};
}

}  // namespace

Destination classify(const uint8_t* frame, uint32_t length) noexcept {
    const auto [type, offset] = ether_payload(frame, length);
    if (type == kEtherIpv4) return classify_ipv4(frame + offset, length - offset);
    if (type == kEtherIpv6) return {Destination::Kind::ipv6, false, {}};
    if (type == kEtherArp) return classify_arp(frame + offset, length - offset);
    return {};
}

Destination6 classify_v6(const uint8_t* frame, uint32_t length) noexcept {
    using Kind = Destination6::Kind;
    const uint32_t ip_at = ether_payload(frame, length).offset;
    if (length < ip_at) return {};
    const uint8_t* ip = frame + ip_at;
    length -= ip_at;
    const auto [protocol, offset, is_extended] = ipv6_payload(ip, length);
    const uint8_t* payload = ip + offset;
    if (protocol == kProtocolIcmp6) return classify_icmp6(ip, payload, length - offset);
    if (protocol != kProtocolTcp || length < offset + 14) return {};
    return {is_extended ? Kind::unhashed : Kind::segment,
            (payload[13] & kTcpSyn) != 0,
            {load_address(ip + 8), load_address(ip + 24), load16(payload), load16(payload + 2)}};
}

SteeringPlan::SteeringPlan(unsigned engines, HashKey key)
    : kind_(engines == 1 ? Steering::one_engine : Steering::software),
      engines_(engines),
      key_(key),
      every_nth_(every_nth(engines)) {
    make_mailboxes();
}

SteeringPlan::SteeringPlan(unsigned engines, HashKey key, RssPrediction prediction)
    : kind_(Steering::rss),
      engines_(engines),
      key_(key),
      prediction_(std::move(prediction)),
      every_nth_(every_nth(engines)) {
    for (unsigned engine = 0; engine < engines; ++engine)
        patterns_.push_back(prediction_.patterns(static_cast<uint16_t>(engine)));
    make_mailboxes();
}

void SteeringPlan::predict_v6(RssPrediction6 prediction) {
    prediction6_ = std::make_unique<RssPrediction6>(std::move(prediction));
    for (unsigned engine = 0; engine < engines_; ++engine)
        patterns6_.push_back(prediction6_->patterns(static_cast<uint16_t>(engine)));
}

uint64_t SteeringPlan::every_nth(unsigned engines) noexcept {
    uint64_t ports = 0;
    for (unsigned port = 0; port < kBlock; port += engines) ports |= uint64_t{1} << port;
    return ports;
}

void SteeringPlan::make_mailboxes() {
    if (engines_ == 1) return;
    for (unsigned from = 0; from < engines_; ++from) {
        for (unsigned to = 0; to < engines_; ++to)
            received_.push_back(from == to ? nullptr : std::make_unique<Mailbox>(kMailboxPackets));
        to_send_.push_back(std::make_unique<Mailbox>(kMailboxPackets));
    }
}

}  // namespace synfin::port
