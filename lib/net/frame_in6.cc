/// @file
/// The general path for a received IPv6 packet.

#include "net/frame_in.hh"
#include "wire/icmpv6.hh"

namespace synfin::net {

namespace {

FrameContent dropped(DropReason reason) noexcept {
    return {FrameKind::dropped, reason, {}, {}, {}};
}

DropReason reason_of(wire::ExtensionCheck check) noexcept {
    switch (check) {
        case wire::ExtensionCheck::ok: break;
        case wire::ExtensionCheck::malformed: return DropReason::ip_extension;
        case wire::ExtensionCheck::option: return DropReason::ip_option;
        case wire::ExtensionCheck::routing: return DropReason::ip_source_route;
        case wire::ExtensionCheck::fragment: return DropReason::ip_fragment;
    }
    return DropReason::none;
}

/// Whether a segment of at least 20 bytes holds the pseudo-header's sum instead of its checksum: this host's
/// kernel leaves it so when it sends to a device that is to complete it, and virtio and packet sockets call
/// such a segment good.
bool has_partial_sum(const uint8_t* ip, Bytes segment) noexcept {
    constexpr size_t kChecksumAt = 16;
    const uint64_t sum = wire::pseudo_header_sum(wire::load_ipv6(ip + 8), wire::load_ipv6(ip + 24),
                                                 wire::kProtocolTcp, static_cast<uint32_t>(segment.size()));
    return wire::load_be16(segment.data() + kChecksumAt) == wire::fold(sum);
}

/// Drops the packet, and has its sender told if RFC 4443 2.4 (e) allows it: the packet is no ICMPv6 error or
/// redirect, its destination is no multicast address, and its source names one node.
FrameContent refused(DropReason reason, const std::optional<wire::ParameterProblem>& problem, Bytes packet,
                     const wire::Ipv6Header& ip, bool is_multicast) noexcept {
    FrameContent out = dropped(reason);
    if (!problem || (is_multicast && !problem->to_multicast)) return out;
    if (!LocalAddresses::is_unicast(ip.source)) return out;
    const auto upper = wire::find_upper_layer(packet);
    // An error may hide in a chain that ends too early, so none is answered.
    if (!upper) return out;
    if (upper->protocol == wire::kProtocolIcmp6 &&
        (upper->at == packet.size() || wire::is_icmp6_error(packet[upper->at])))
        return out;
    out.problem = problem;
    out.payload = packet;
    out.ip6 = ip;
    return out;
}

}  // namespace

FrameContent FrameIn::read_ip6(const ReceivedFrame& frame, Bytes bytes, bool mac_is_multicast,
                               SegmentIn& segment) const noexcept {
    wire::Ipv6Header ip;
    switch (wire::parse_ipv6(bytes, ip)) {
        case wire::Ipv6Check::ok: break;
        case wire::Ipv6Check::runt: return dropped(DropReason::runt);
        case wire::Ipv6Check::bad_header: return dropped(DropReason::bad_ip_header);
    }
    const uint32_t local = ours_.find(ip.destination);
    const bool is_group = local == LocalAddresses::kNone && ours_.is_our_group(ip.destination);
    if (local == LocalAddresses::kNone && !is_group) return dropped(DropReason::not_for_us);
    // A unicast packet in a multicast frame: dropped, as RFC 1122 3.3.6 asks for IPv4.
    if (mac_is_multicast && !is_group) return dropped(DropReason::not_for_us);

    const Bytes packet = bytes.first(size_t{wire::kIpv6Bytes} + ip.payload_length);
    wire::Ipv6Extensions extensions;
    const wire::ExtensionCheck check = wire::read_extensions(packet, extensions);
    // The kernel may have the internal address, too: its datagrams are not ours to refuse.
    const bool is_shared = !is_group && ours_.is_internal(local);
    if (check != wire::ExtensionCheck::ok) {
        if (is_shared || ours_.find(ip.source) != LocalAddresses::kNone) extensions.problem.reset();
        return refused(reason_of(check), extensions.problem, packet, ip, is_group);
    }
    const Bytes payload = packet.subspan(extensions.payload_at);
    ip.next_header = extensions.protocol;
    if (ip.next_header == wire::kProtocolTcp) {
        if (is_group) return dropped(DropReason::not_for_us);  // RFC 9293 MUST-57
        // Connections::arrive checks the source of segments that have no connection.
        return read_tcp6(frame, packet.data(), payload, local, segment);
    }
    if (ip.next_header == wire::kProtocolIcmp6) return read_icmp6(ip, payload, extensions.atomic_fragment);
    if (!LocalAddresses::is_unicast(ip.source) || ours_.find(ip.source) != LocalAddresses::kNone)
        return dropped(DropReason::bad_ip_source);
    if (ip.next_header == wire::kNoNextHeader || is_shared) return dropped(DropReason::bad_protocol);
    const wire::ParameterProblem unknown{wire::kUnknownNextHeader, false, extensions.protocol_at};
    return refused(DropReason::bad_protocol, unknown, packet, ip, is_group);
}

FrameContent FrameIn::read_tcp6(const ReceivedFrame& frame, const uint8_t* ip, Bytes bytes, uint32_t local,
                                SegmentIn& segment) const noexcept {
    wire::TcpHeader tcp;
    if (!wire::parse_tcp(bytes, tcp)) return dropped(DropReason::bad_tcp_header);
    // Software checks again what a device calls bad, as for IPv4. A device may take extension headers for
    // TCP's, so behind them its verdict counts only for a partial checksum.
    const bool is_direct = bytes.data() == ip + wire::kIpv6Bytes;
    const bool is_good = frame.tcp_verdict == buf::Verdict::good && (is_direct || has_partial_sum(ip, bytes));
    if (!is_good && !wire::tcp_checksum_ok(wire::load_ipv6(ip + 8), wire::load_ipv6(ip + 24), bytes))
        return dropped(DropReason::bad_tcp_checksum);
    if (!read_segment(bytes.data(), static_cast<uint32_t>(bytes.size()), segment))
        return dropped(DropReason::bad_tcp_options);  // the only check left in read_segment
    if ((ip[1] >> 4 & wire::kEcnMask) == wire::kEcnCe) segment.seg.flags |= tcp::kCe;
    set_peer6(ip, bytes.data(), local, segment);
    return {FrameKind::segment, DropReason::none, {}, {}, {}};
}

FrameContent FrameIn::read_icmp6(const wire::Ipv6Header& ip, Bytes icmp,
                                 bool is_atomic_fragment) const noexcept {
    if (!wire::icmp6_checksum_ok(ip.source, ip.destination, icmp)) return dropped(DropReason::bad_icmp);
    if (wire::is_discovery(icmp[0])) {
        // RFC 6980 5. Its other rules are those of neighbour discovery: the source may be unspecified, or our
        // address on another host.
        if (is_atomic_fragment) return dropped(DropReason::ip_fragment);
        if (ip.source.is_multicast()) return dropped(DropReason::bad_ip_source);
        return {FrameKind::discovery, DropReason::none, icmp, {}, ip};
    }
    if (!LocalAddresses::is_unicast(ip.source) || ours_.find(ip.source) != LocalAddresses::kNone)
        return dropped(DropReason::bad_ip_source);
    const auto kind = wire::is_echo_request6(icmp) ? FrameKind::echo_request6 : FrameKind::icmp6;
    return {kind, DropReason::none, icmp, {}, ip};
}

}  // namespace synfin::net
