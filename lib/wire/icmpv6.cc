#include "wire/icmpv6.hh"

#include "wire/ipv6_extensions.hh"

namespace synfin::wire {

bool parse_icmp6_error(Bytes icmp, Icmp6Error& out) noexcept {
    constexpr uint32_t kPortsAndSeq = 8;
    if (icmp.size() < size_t{kIcmp6Bytes} + kIpv6Bytes) return false;
    const uint8_t type = icmp[0];
    if (type < kIcmp6Unreachable || type > kIcmp6ParameterProblem) return false;
    // Not parse_ipv6(): the quote is truncated, so its length may exceed the bytes present.
    const Bytes quote = icmp.subspan(kIcmp6Bytes);
    const uint8_t* ip = quote.data();
    if (ip[0] >> 4 != 6) return false;
    out = Icmp6Error{};
    out.type = type;
    out.code = icmp[1];
    out.parameter = load_be32(icmp.data() + 4);
    out.quoted_source = load_ipv6(ip + 8);
    out.quoted_destination = load_ipv6(ip + 24);
    out.quoted_total_length = uint32_t{kIpv6Bytes} + load_be16(ip + 4);
    const auto upper = find_upper_layer(quote);
    out.quoted_tcp = upper && upper->protocol == kProtocolTcp && quote.size() - upper->at >= kPortsAndSeq;
    if (out.quoted_tcp) {
        const uint8_t* tcp = ip + upper->at;
        out.quoted_source_port = load_be16(tcp);
        out.quoted_destination_port = load_be16(tcp + 2);
        out.quoted_seq = load_be32(tcp + 4);
    }
    return true;
}

}  // namespace synfin::wire
