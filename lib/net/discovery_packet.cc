#include "net/discovery_packet.hh"

#include <cstring>

#include "wire/bytes.hh"
#include "wire/icmpv6.hh"
#include "wire/ipv6.hh"
#include "wire/mld.hh"

namespace synfin::net {

namespace {
constexpr uint8_t kNextHopByHop = 0, kNextIcmp6 = 58;
/// A hop-by-hop header with the router alert option for MLD (RFC 2711) and two bytes of padding (RFC 3810 5).
/// Switches that snoop look for it.
constexpr uint8_t kRouterAlert[8] = {kNextIcmp6, 0, 5, 2, 0, 0, 1, 0};
}  // namespace

Counter counter_of(const DiscoveryPacket& packet) noexcept {
    if (!packet.mld.groups.empty()) return Counter::mld_reports_sent;
    switch (packet.nd.type) {
        case wire::kNdRouterSolicitation: return Counter::router_solicitations_sent;
        case wire::kNdNeighbourAdvertisement: return Counter::nd_advertisements_sent;
        default: return Counter::nd_solicitations_sent;
    }
}

uint32_t build_discovery(uint8_t* frame, const Link& link, const DiscoveryPacket& packet) noexcept {
    const bool is_report = !packet.mld.groups.empty();
    uint8_t* ip = frame + link.header_bytes();
    uint8_t* icmp = ip + wire::kIpv6Bytes;
    if (is_report) {
        std::memcpy(icmp, kRouterAlert, sizeof kRouterAlert);
        icmp += sizeof kRouterAlert;
    }
    const uint32_t length = !is_report ? wire::write_nd(icmp, packet.nd)
                            : packet.mld.record_type == 0
                                ? wire::write_mld_report1(icmp, packet.mld.groups[0])
                                : wire::write_mld_report2(icmp, packet.mld.record_type, packet.mld.groups);
    wire::store_be16(icmp + 2, wire::icmp6_checksum(packet.source, packet.destination, Bytes(icmp, length)));
    wire::Ipv6Header header;
    header.source = packet.source;
    header.destination = packet.destination;
    header.payload_length = static_cast<uint16_t>(icmp + length - ip - wire::kIpv6Bytes);
    header.next_header = is_report ? kNextHopByHop : kNextIcmp6;
    header.hop_limit = is_report ? uint8_t{1} : wire::kNdHopLimit;
    wire::write_ipv6(ip, header);
    link.write_header(frame, packet.to.value_or(Mac{}), wire::kEtherTypeIpv6);
    return static_cast<uint32_t>(icmp + length - frame);
}

}  // namespace synfin::net
