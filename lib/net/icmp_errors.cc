#include "net/icmp_errors.hh"

#include "wire/icmp.hh"

namespace synfin::net {

std::optional<SegmentError> read_icmp_error(Bytes icmp, const LocalAddresses& ours) noexcept {
    wire::IcmpError error;
    if (!wire::parse_icmp_error(icmp, error) || !error.quoted_tcp) return std::nullopt;
    const uint32_t local = ours.find(error.quoted_source);
    if (local == LocalAddresses::kNone) return std::nullopt;
    SegmentError out;
    out.tuple = {error.quoted_destination.value, error.quoted_destination_port, error.quoted_source_port,
                 local};
    out.type = error.type;
    out.code = error.code;
    out.is_too_big = error.type == wire::kIcmpUnreachable && error.code == wire::kIcmpFragmentationNeeded;
    out.mtu = error.next_hop_mtu;
    out.quoted_length = error.quoted_total_length;
    out.quoted_seq = tcp::Seq(error.quoted_seq);
    return out;
}

}  // namespace synfin::net
