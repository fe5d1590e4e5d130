/// @file
/// Rarely built frames: large ones, echo replies, ARP.

#include "net/frame_out.hh"

#include "wire/icmp.hh"

namespace synfin::net {

FrameOut::FrameOut(const LocalAddresses& ours, const Link& link, const buf::QueueCaps& caps, uint8_t ttl,
                   uint8_t dscp) noexcept
    : ours_(ours),
      own4_(ours.all4().data()),
      link_(link),
      l2_(link.header_bytes()),
      by_device_(caps),
      ttl_(ttl) {
    constexpr uint32_t kMostHeader = wire::kIpv4Bytes + wire::kTcpBytes + wire::kPaddedTimestampsBytes;
    if (caps.large_frame != 0) large_text_ = caps.large_frame - l2_ - kMostHeader;
    if (link_.is_ethernet()) link_.write_header(head_.data(), Mac{}, wire::kEtherTypeIpv4);
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
             .segment_bytes = s.segment_bytes}};
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
