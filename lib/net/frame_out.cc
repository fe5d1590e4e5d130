/// @file
/// Rarely built frames: large ones, echo replies, ARP, ICMPv6 parameter problems.

#include "net/frame_out.hh"

#include <algorithm>

#include "wire/icmp.hh"
#include "wire/icmpv6.hh"

namespace synfin::net {

FrameOut::FrameOut(const LocalAddresses& ours, const Link& link, const buf::QueueCaps& caps, uint8_t ttl,
                   uint8_t dscp, HashKey flow_label_key) noexcept
    : ours_(ours),
      own4_(ours.all4().data()),
      link_(link),
      l2_(link.header_bytes()),
      by_device_(caps),
      ttl_(ttl),
      first_word6_(uint32_t{6} << 28 | uint32_t{dscp} << 22),
      count4_(ours.count4()),
      own6_(ours.all6().data()),
      flow_labels_(flow_label_key) {
    const uint32_t ip_header = ours.count6() != 0 ? wire::kIpv6Bytes : wire::kIpv4Bytes;
    const uint32_t most_header = ip_header + wire::kTcpBytes + wire::kPaddedTimestampsBytes;
    if (caps.large_frame != 0) large_text_ = caps.large_frame - l2_ - most_header;
    if (link_.is_ethernet()) {
        link_.write_header(head_.data(), Mac{}, wire::kEtherTypeIpv4);
        link_.write_header(head6_.data(), Mac{}, wire::kEtherTypeIpv6);
    }
    head6_[l2_ + 6] = wire::kProtocolTcp;
    head6_[l2_ + 7] = ttl;
    wire::Ipv4Emit ip;
    ip.ttl = ttl;
    ip.tos = static_cast<uint8_t>(dscp << 2);
    wire::write_ipv4(head_.data() + l2_, ip, false);
    head_sum_ = wire::fold(wire::sum_bytes(Bytes(head_.data() + l2_, wire::kIpv4Bytes)));
}

FrameOut::Built FrameOut::build_large(uint8_t* frame, const SegmentOut& s,
                                      const buf::BlockPool& blocks) const noexcept {
    const uint32_t length = write(frame, s, blocks, by_device_);
    uint8_t* ip = frame + l2_;
    // The device adds the length of each segment to the pseudo-header's sum.
    const uint64_t addresses = uint64_t{wire::load_be32(ip + 12)} + wire::load_be32(ip + 16);
    wire::store_be16(ip + wire::kIpv4Bytes + wire::kTcpChecksumAt,
                     wire::fold_numbers(addresses + wire::kProtocolTcp));
    return {length,
            {.l2_len = static_cast<uint8_t>(l2_),
             .l3_len = wire::kIpv4Bytes,
             .ip_checksum = by_device_.ip(),
             .tcp_checksum = true,
             .l4_len = static_cast<uint8_t>(length - s.len - l2_ - wire::kIpv4Bytes),
             .segment_bytes = static_cast<uint16_t>(s.segment_bytes)}};
}

FrameOut::Built FrameOut::build_large6(uint8_t* frame, const SegmentOut& s,
                                       const buf::BlockPool& blocks) const noexcept {
    const uint32_t length = write6(frame, s, blocks, by_device_);
    uint8_t* ip = frame + l2_;
    // The device adds the length of each segment to the pseudo-header's sum.
    const uint64_t pseudo =
        wire::pseudo_header_sum(wire::load_ipv6(ip + 8), s.remote6, wire::kProtocolTcp, 0);
    wire::store_be16(ip + wire::kIpv6Bytes + wire::kTcpChecksumAt, wire::fold(pseudo));
    buf::TxMeta meta = segment_meta6();
    meta.tcp_checksum = true;
    meta.l4_len = static_cast<uint8_t>(length - s.len - l2_ - wire::kIpv6Bytes);
    meta.segment_bytes = s.segment_bytes;
    return {length, meta};
}

void FrameOut::set_ect(uint8_t* frame, bool is_v6) const noexcept {
    uint8_t* ip = frame + l2_;
    if (is_v6) {
        ip[1] |= wire::kEcnEct0 << 4;  // the upper 4 bits of the traffic class end the first octet
        return;
    }
    ip[1] |= wire::kEcnEct0;
    if (by_device_.ip()) return;
    // RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
    const uint32_t sum = static_cast<uint16_t>(~wire::load_be16(ip + 10)) + uint32_t{wire::kEcnEct0};
    wire::store_be16(ip + 10, static_cast<uint16_t>(~wire::fold_numbers(sum)));
}

uint32_t FrameOut::build_echo_reply(uint8_t* frame, Bytes icmp,
                                    const wire::Ipv4Header& asked) const noexcept {
    std::memcpy(frame, head_.data(), kHeadBytes);
    uint8_t* out = frame + l2_;
    std::memcpy(out + wire::kIpv4Bytes, icmp.data(), icmp.size());
    wire::turn_echo_request_into_reply(MutableBytes(out + wire::kIpv4Bytes, icmp.size()));
    wire::Ipv4Emit ip;
    ip.source = asked.destination;
    ip.destination = asked.source;
    ip.total_length = static_cast<uint16_t>(wire::kIpv4Bytes + icmp.size());
    ip.protocol = wire::kProtocolIcmp;
    ip.ttl = ttl_;
    ip.tos = asked.tos;
    wire::write_ipv4(out, ip, true);
    return l2_ + ip.total_length;
}

void FrameOut::write_answer6(uint8_t* frame, const wire::Ipv6Header& to,
                             uint32_t payload_length) const noexcept {
    std::memcpy(frame, head6_.data(), l2_);
    wire::Ipv6Header ip;
    ip.source = to.destination.is_multicast() ? ours_.towards(to.source) : to.destination;
    ip.destination = to.source;
    ip.payload_length = static_cast<uint16_t>(payload_length);
    ip.next_header = wire::kProtocolIcmp6;
    ip.hop_limit = ttl_;
    ip.traffic_class = to.traffic_class;
    wire::write_ipv6(frame + l2_, ip);
}

uint32_t FrameOut::build_echo_reply6(uint8_t* frame, Bytes icmp,
                                     const wire::Ipv6Header& asked) const noexcept {
    write_answer6(frame, asked, static_cast<uint32_t>(icmp.size()));
    const uint8_t* ip = frame + l2_;
    const MutableBytes reply(frame + l2_ + wire::kIpv6Bytes, icmp.size());
    std::memcpy(reply.data(), icmp.data(), icmp.size());
    reply[0] = wire::kIcmp6EchoReply;
    wire::store_be16(&reply[2], 0);
    wire::store_be16(&reply[2],
                     wire::icmp6_checksum(wire::load_ipv6(ip + 8), wire::load_ipv6(ip + 24), reply));
    return echo_reply6_bytes(icmp);
}

uint32_t FrameOut::build_parameter_problem(uint8_t* frame, const wire::ParameterProblem& problem,
                                           Bytes packet, const wire::Ipv6Header& ip) const noexcept {
    constexpr size_t kMostQuote = wire::kLeastIpv6Mtu - wire::kIpv6Bytes - wire::kIcmp6Bytes;
    const size_t quote = std::min(packet.size(), kMostQuote);
    const auto length = static_cast<uint32_t>(wire::kIcmp6Bytes + quote);
    wire::Ipv6Header to = ip;
    to.traffic_class = 0;
    write_answer6(frame, to, length);
    const uint8_t* header = frame + l2_;
    const MutableBytes icmp(frame + l2_ + wire::kIpv6Bytes, length);
    icmp[0] = wire::kIcmp6ParameterProblem;
    icmp[1] = problem.code;
    wire::store_be16(&icmp[2], 0);
    wire::store_be32(&icmp[4], problem.pointer);
    std::memcpy(&icmp[wire::kIcmp6Bytes], packet.data(), quote);
    wire::store_be16(&icmp[2],
                     wire::icmp6_checksum(wire::load_ipv6(header + 8), wire::load_ipv6(header + 24), icmp));
    return l2_ + wire::kIpv6Bytes + length;
}

uint32_t FrameOut::build_arp(uint8_t* frame, const wire::ArpPacket& arp, const Mac& to) const noexcept {
    link_.write_header(frame, to, wire::kEtherTypeArp);
    wire::write_arp(frame + l2_, arp);
    return l2_ + wire::kArpBytes;
}

std::optional<Tuple> FrameOut::tuple_of_syn(const uint8_t* frame) const noexcept {
    const uint8_t* ip = frame + l2_;
    const uint8_t* tcp = ip + wire::kIpv4Bytes;
    if (ip[9] != wire::kProtocolTcp || (tcp[13] & wire::kSyn) == 0) return std::nullopt;
    const uint32_t local = ours_.find(Ipv4{wire::load_be32(ip + 12)});
    return Tuple{wire::load_be32(ip + 16), wire::load_be16(tcp + 2), wire::load_be16(tcp), local};
}

}  // namespace synfin::net
