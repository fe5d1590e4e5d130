#include "net/icmp_errors.hh"

#include "wire/icmp.hh"

namespace synfin::net {

namespace {

/// RFC 1122 4.2.3.9: protocol and port unreachable are hard errors; "administratively prohibited" is soft.
SegmentError::Kind kind_of(uint8_t type, uint8_t code) noexcept {
    if (type != wire::kIcmpUnreachable) return SegmentError::Kind::soft;
    switch (code) {
        case wire::kIcmpFragmentationNeeded: return SegmentError::Kind::too_big;
        case wire::kIcmpProtocolUnreachable:
        case wire::kIcmpPortUnreachable: return SegmentError::Kind::hard;
        default: return SegmentError::Kind::soft;
    }
}

}  // namespace

std::optional<SegmentError> read_icmp_error(Bytes icmp, const LocalAddresses& ours) noexcept {
    wire::IcmpError error;
    if (!wire::parse_icmp_error(icmp, error) || !error.quoted_tcp) return std::nullopt;
    const uint32_t local = ours.find(error.quoted_source);
    if (local == LocalAddresses::kNone) return std::nullopt;
    SegmentError out;
    out.tuple = {error.quoted_destination.value, error.quoted_destination_port, error.quoted_source_port,
                 local};
    out.kind = kind_of(error.type, error.code);
    out.mtu = error.next_hop_mtu;
    out.quoted_length = error.quoted_total_length;
    out.quoted_seq = tcp::Seq(error.quoted_seq);
    return out;
}

}  // namespace synfin::net
