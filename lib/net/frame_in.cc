/// @file
/// The general path for a received frame: all checks, in the order of the headers. frame_in6.cc has IPv6.

#include "net/frame_in.hh"

#include <algorithm>

#include "wire/icmp.hh"

namespace synfin::net {

namespace {

FrameContent dropped(DropReason reason) noexcept {
    return {FrameKind::dropped, reason, {}, {}, {}};
}

}  // namespace

FrameIn::FrameIn(const LocalAddresses& ours, const Link& link, const AddressFold& fold) noexcept
    : ours_(ours), link_(link), l2_(link.header_bytes()), fold_(fold) {
    expect_link(usual_, wire::kEtherTypeIpv4);
    expect_link(usual6_, wire::kEtherTypeIpv6);
    usual6_.expect(l2_, 0x60, 0xf0);  // version 6
    usual6_.expect(l2_ + 6u, wire::kProtocolTcp);
    usual_.expect(l2_, 0x45);           // version 4, no options
    usual_.expect(l2_ + 1u, 0, 0x01);   // not CE (nor ECT(1)): only read() looks at CE
    usual6_.expect(l2_ + 1u, 0, 0x10);  // the same
    usual_.expect(l2_ + 6u, 0, 0x3f);   // no fragment
    usual_.expect(l2_ + 7u, 0);
    usual_.expect(l2_ + 9u, wire::kProtocolTcp);
}

/// A received header looks like ours with our MAC as destination.
void FrameIn::expect_link(wire::FramePattern& pattern, uint16_t ethertype) const noexcept {
    if (!link_.is_ethernet()) return;
    uint8_t header[wire::kEtherBytes + 2 * wire::kVlanTagBytes];
    link_.write_header(header, link_.mac(), ethertype);
    for (uint32_t i = 0; i < 6; ++i) pattern.expect(i, header[i]);
    for (uint32_t i = 12; i < l2_; ++i) pattern.expect(i, header[i]);
    // Any priority and DEI of a tag are accepted.
    for (uint32_t at = wire::kEtherBytes; at < l2_; at += wire::kVlanTagBytes)
        pattern.expect(at, header[at], wire::kVidMask >> 8);
}

/// Parses a second time: the options of read_options() stay in registers.
[[gnu::noinline]] void FrameIn::read_sack(Bytes bytes, tcp::Segment& seg) noexcept {
    wire::TcpOptions options;
    if (wire::parse_tcp_options_general(bytes, options))
        std::copy_n(options.sack, options.sack_count, seg.sack);
}

bool FrameIn::read_options(Bytes bytes, tcp::Segment& seg) noexcept {
    wire::TcpOptions options;
    if (!wire::parse_tcp_options(bytes, options)) return false;
    seg.has_ts = false;
    if (options.has_timestamps) set_timestamps(options.ts_val, options.ts_ecr, seg);
    seg.mss = options.has_mss ? options.mss : uint16_t{0};
    seg.has_wscale = options.has_window_scale;
    seg.wscale = options.window_scale;
    seg.sack_permitted = options.sack_permitted;
    seg.sack_count = options.sack_count;
    if (options.sack_count != 0) [[unlikely]]
        read_sack(bytes, seg);
    return true;
}

FrameContent FrameIn::read(const ReceivedFrame& frame, SegmentIn& segment) const noexcept {
    const Bytes bytes(frame.data, frame.length);
    if (!link_.is_ethernet()) {
        const bool is_v6 = !bytes.empty() && bytes[0] >> 4 == 6;
        return is_v6 ? read_ip6(frame, bytes, false, segment) : read_ip(frame, bytes, segment);
    }
    wire::EtherHeader ether;
    if (!wire::parse_ether(bytes, ether)) return dropped(DropReason::runt);
    if (link_.queue_tags() && ether.length != wire::kEtherBytes)
        return dropped(DropReason::bad_ethertype);  // a second tag behind the one that the queue removed
    if (!link_.has_right_tags(ether)) return dropped(DropReason::bad_vlan);
    const Bytes payload = bytes.subspan(ether.length);
    if (ether.ethertype == wire::kEtherTypeIpv4) {
        // Neither TCP (RFC 1122 4.2.3.10) nor ICMP (3.2.2.6) answers a broadcast.
        if (ether.destination != link_.mac()) return dropped(DropReason::not_for_us);
        return read_ip(frame, payload, segment);
    }
    if (ether.ethertype == wire::kEtherTypeIpv6) {
        // IPv6 multicast arrives at 33:33 and the last four octets of the group (RFC 2464 7).
        const bool is_multicast = ether.destination.octets[0] == 0x33 && ether.destination.octets[1] == 0x33;
        if (ether.destination != link_.mac() && !is_multicast) return dropped(DropReason::not_for_us);
        return read_ip6(frame, payload, is_multicast, segment);
    }
    if (ether.ethertype != wire::kEtherTypeArp) return dropped(DropReason::bad_ethertype);
    if (ether.destination != link_.mac() && ether.destination != Mac::broadcast())
        return dropped(DropReason::not_for_us);
    return {FrameKind::arp, DropReason::none, payload, {}, {}};
}

FrameContent FrameIn::read_ip(const ReceivedFrame& frame, Bytes bytes, SegmentIn& segment) const noexcept {
    // Software checks again what a device calls bad: it is rare, and a wrong verdict would lose the packet
    // and all its retransmissions.
    wire::Ipv4Header ip;
    switch (wire::parse_ipv4(bytes, frame.ip_verdict != buf::Verdict::good, ip)) {
        case wire::Ipv4Check::ok: break;
        case wire::Ipv4Check::runt: return dropped(DropReason::runt);
        case wire::Ipv4Check::bad_header: return dropped(DropReason::bad_ip_header);
        case wire::Ipv4Check::bad_checksum: return dropped(DropReason::bad_ip_checksum);
    }
    const uint32_t local = ours_.find(ip.destination);
    if (local == LocalAddresses::kNone) return dropped(DropReason::not_for_us);
    // DEVIATION: RFC 1122 3.3.2 requires reassembly of fragments; here they are dropped. TCP with path MTU
    // discovery sends none.
    if (ip.fragment) return dropped(DropReason::ip_fragment);
    // DEVIATION: RFC 9293 MUST-51 requires that source routes be honoured; here they are dropped, as RFC 7126
    // 4.3 advises.
    if (ip.source_route) return dropped(DropReason::ip_source_route);
    const Bytes payload = bytes.first(ip.total_length).subspan(ip.header_length);
    // Connections::arrive checks the source of segments that have no connection.
    if (ip.protocol == wire::kProtocolTcp) return read_tcp(frame, ip, payload, local, segment);
    if (!ours_.is_unicast(ip.source) || ours_.find(ip.source) != LocalAddresses::kNone)
        return dropped(DropReason::bad_ip_source);
    if (ip.protocol != wire::kProtocolIcmp) return dropped(DropReason::bad_protocol);
    if (!wire::icmp_checksum_ok(payload)) return dropped(DropReason::bad_icmp);
    const auto kind = wire::is_echo_request(payload) ? FrameKind::echo_request : FrameKind::icmp;
    return {kind, DropReason::none, payload, ip, {}};
}

FrameContent FrameIn::read_tcp(const ReceivedFrame& frame, const wire::Ipv4Header& ip, Bytes bytes,
                               uint32_t local, SegmentIn& segment) const noexcept {
    wire::TcpHeader tcp;
    if (!wire::parse_tcp(bytes, tcp)) return dropped(DropReason::bad_tcp_header);
    if (frame.tcp_verdict != buf::Verdict::good && !wire::tcp_checksum_ok(ip.source, ip.destination, bytes))
        return dropped(DropReason::bad_tcp_checksum);
    if (!read_segment(bytes.data(), static_cast<uint32_t>(bytes.size()), segment))
        return dropped(DropReason::bad_tcp_options);  // the only check left in read_segment
    if ((ip.tos & wire::kEcnMask) == wire::kEcnCe) segment.seg.flags |= tcp::kCe;
    segment.tuple = {ip.source.value, tcp.source_port, tcp.destination_port, local};
    return {FrameKind::segment, DropReason::none, {}, {}, {}};
}

}  // namespace synfin::net
