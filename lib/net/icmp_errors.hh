#pragma once
/// @file
/// ICMP errors that quote a segment of ours (RFC 1122 3.2.2, RFC 5927).

#include <cstdint>
#include <optional>

#include "base/tuple.hh"
#include "net/local_addresses.hh"
#include "synfin/units.hh"
#include "tcp/seq.hh"

namespace synfin::net {

/// An error about a segment that this engine may have sent; the connection checks that by its sequence
/// numbers.
struct SegmentError {
    Tuple tuple;   ///< of the quoted segment, in the connection table's form
    Ipv6 remote6;  ///< IPv6: the quoted destination. IPv4: not set
    uint8_t type = 0, code = 0;
    bool is_too_big = false;  ///< "fragmentation needed": the two fields below are set
    uint16_t mtu = 0;         ///< of the next hop; 0: the router predates RFC 1191
    uint16_t quoted_length = 0;
    tcp::Seq quoted_seq;
};

/// Parses an ICMP message whose checksum has been verified.
/// @return none: not an error, not about TCP, or the quoted source is not our address.
std::optional<SegmentError> read_icmp_error(Bytes icmp, const LocalAddresses& ours) noexcept;

}  // namespace synfin::net
