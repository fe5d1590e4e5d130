#include "port/rx_checksum.hh"

#include <rte_ether.h>
#include <rte_ip.h>

#include "port/ether_payload.hh"
#include "port/ipv6_payload.hh"

namespace synfin::port {

namespace {

enum class Partial : bool { refused, taken };

/// The flag for a TCP segment of `length` bytes, by the folded sum of its pseudo-header, not complemented
/// (as rte_raw_cksum() and the functions for pseudo-headers return it).
uint64_t judge_tcp(const uint8_t* tcp, uint32_t length, uint16_t pseudo, Partial partial_sums) noexcept {
    const uint32_t sum = uint32_t{pseudo} + rte_raw_cksum(tcp, length);
    const bool complete = ((sum & 0xffff) + (sum >> 16)) == 0xffff;
    uint16_t field;
    __builtin_memcpy(&field, tcp + 16, sizeof field);
    const bool partial = partial_sums == Partial::taken && field == pseudo;
    return complete || partial ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

uint64_t judge_ipv4(const uint8_t* packet, uint32_t length, Partial partial_sums, bool& cut) noexcept {
    if (length < sizeof(rte_ipv4_hdr)) return 0;
    const auto* ip = reinterpret_cast<const rte_ipv4_hdr*>(packet);
    const uint32_t header = rte_ipv4_hdr_len(ip);
    const uint32_t total = rte_be_to_cpu_16(ip->total_length);
    cut = total > length;
    if (cut || header < sizeof(rte_ipv4_hdr) || total < header) return 0;  // the stack drops and counts it

    const uint64_t ip_flag =
        rte_raw_cksum(ip, header) == 0xffff ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : RTE_MBUF_F_RX_IP_CKSUM_BAD;
    const bool fragment = (ip->fragment_offset & rte_cpu_to_be_16(0x3fff)) != 0;
    if (ip->next_proto_id != IPPROTO_TCP || total < header + 20 || fragment) return ip_flag;
    return ip_flag | judge_tcp(packet + header, total - header, rte_ipv4_phdr_cksum(ip, 0), partial_sums);
}

/// IPv6 has no header checksum. A card may take extension headers for TCP's, so a segment behind them gets a
/// verdict only if its checksum may be partial.
uint64_t judge_ipv6(const uint8_t* packet, uint32_t length, Partial partial_sums, bool& cut) noexcept {
    if (length < sizeof(rte_ipv6_hdr)) return 0;
    auto ip = *reinterpret_cast<const rte_ipv6_hdr*>(packet);
    const uint32_t payload = rte_be_to_cpu_16(ip.payload_len);
    cut = payload > length - sizeof(rte_ipv6_hdr);
    if (cut || (ip.proto != IPPROTO_TCP && partial_sums == Partial::refused)) return 0;
    const uint32_t end = sizeof(rte_ipv6_hdr) + payload;
    const Ipv6Payload found = ipv6_payload(packet, end);
    if (found.protocol != IPPROTO_TCP || end - found.offset < 20) return 0;
    ip.proto = IPPROTO_TCP;  // the pseudo-header's, and its length
    ip.payload_len = rte_cpu_to_be_16(static_cast<uint16_t>(end - found.offset));
    return judge_tcp(packet + found.offset, end - found.offset, rte_ipv6_phdr_cksum(&ip, 0), partial_sums);
}

/// Returns the flags for a frame. Sets `cut` when the frame ends before its packet.
uint64_t judge(const uint8_t* frame, uint32_t length, Partial partial_sums, bool& cut) noexcept {
    const auto [type, offset] = ether_payload(frame, length);
    if (type == RTE_ETHER_TYPE_IPV4) return judge_ipv4(frame + offset, length - offset, partial_sums, cut);
    if (type == RTE_ETHER_TYPE_IPV6) return judge_ipv6(frame + offset, length - offset, partial_sums, cut);
    return 0;
}

}  // namespace

bool judge_local_checksums(rte_mbuf* packet) noexcept {
    packet->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
    if (packet->nb_segs != 1) return true;
    bool cut = false;
    packet->ol_flags |=
        judge(rte_pktmbuf_mtod(packet, const uint8_t*), rte_pktmbuf_data_len(packet), Partial::taken, cut);
    return !cut;
}

bool has_false_verdict(const rte_mbuf* packet) noexcept {
    if (packet->nb_segs != 1) return false;
    bool cut = false;
    const uint64_t truth =
        judge(rte_pktmbuf_mtod(packet, const uint8_t*), rte_pktmbuf_data_len(packet), Partial::refused, cut);
    // Both flags of a mask together mean "none": no verdict.
    const auto is_false = [&](uint64_t mask, uint64_t good, uint64_t bad) {
        const uint64_t said = packet->ol_flags & mask, is = truth & mask;
        return (said == good || said == bad) && is != 0 && said != is;
    };
    return is_false(RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_BAD) ||
           is_false(RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD);
}

}  // namespace synfin::port
