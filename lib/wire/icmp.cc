#include "wire/icmp.hh"

#include "wire/ipv4.hh"

namespace synfin::wire {

namespace {
bool is_error(uint8_t type) noexcept {
    return type == kIcmpUnreachable || type == kIcmpSourceQuench || type == kIcmpTimeExceeded ||
           type == kIcmpParameterProblem;
}
}  // namespace

bool parse_icmp_error(Bytes icmp, IcmpError& out) noexcept {
    constexpr size_t kQuotedPayload = 8;
    if (icmp.size() < kIcmpBytes + kIpv4Bytes || !is_error(icmp[0])) return false;
    // Not parse_ipv4(): the quote is truncated, so its total length may exceed the bytes present.
    const Bytes quote = icmp.subspan(kIcmpBytes);
    const uint8_t* ip = quote.data();
    const size_t header_length = (ip[0] & 0xfu) * 4;
    if (ip[0] >> 4 != 4 || header_length < kIpv4Bytes || quote.size() < header_length + kQuotedPayload)
        return false;
    out = IcmpError{};
    out.type = icmp[0];
    out.code = icmp[1];
    if (out.type == kIcmpUnreachable && out.code == kIcmpFragmentationNeeded)
        out.next_hop_mtu = load_be16(icmp.data() + 6);
    out.quoted_total_length = load_be16(ip + 2);
    out.quoted_source = Ipv4{load_be32(ip + 12)};
    out.quoted_destination = Ipv4{load_be32(ip + 16)};
    const uint16_t offset = load_be16(ip + 6) & 0x1fff;
    out.quoted_tcp = ip[9] == kProtocolTcp && offset == 0;
    if (out.quoted_tcp) {
        const uint8_t* tcp = ip + header_length;
        out.quoted_source_port = load_be16(tcp);
        out.quoted_destination_port = load_be16(tcp + 2);
        out.quoted_seq = load_be32(tcp + 4);
    }
    return true;
}

}  // namespace synfin::wire
