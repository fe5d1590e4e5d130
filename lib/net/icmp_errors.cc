#include "net/icmp_errors.hh"

#include <algorithm>

#include "wire/icmp.hh"
#include "wire/icmpv6.hh"

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

/// RFC 5461 2.1: "administratively prohibited" and "port unreachable" are hard errors.
SegmentError::Kind kind_of6(uint8_t type, uint8_t code) noexcept {
    if (type == wire::kIcmp6TooBig) return SegmentError::Kind::too_big;
    const bool is_hard = type == wire::kIcmp6Unreachable &&
                         (code == wire::kIcmp6Prohibited || code == wire::kIcmp6PortUnreachable);
    return is_hard ? SegmentError::Kind::hard : SegmentError::Kind::soft;
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

std::optional<SegmentError> read_icmp6_error(Bytes icmp, const LocalAddresses& ours,
                                             const AddressFold& fold) noexcept {
    wire::Icmp6Error error;
    if (!wire::parse_icmp6_error(icmp, error) || !error.quoted_tcp) return std::nullopt;
    const uint32_t local = ours.find(error.quoted_source);
    if (local == LocalAddresses::kNone) return std::nullopt;
    SegmentError out;
    out.tuple = {fold(error.quoted_destination), error.quoted_destination_port, error.quoted_source_port,
                 local};
    out.remote6 = error.quoted_destination;
    out.kind = kind_of6(error.type, error.code);
    if (out.kind == SegmentError::Kind::too_big)
        out.mtu = static_cast<uint16_t>(std::clamp<uint32_t>(error.parameter, 1, 65'535));
    out.quoted_seq = tcp::Seq(error.quoted_seq);
    return out;
}

}  // namespace synfin::net
