#pragma once
/// @file
/// ICMP errors that quote a segment of ours (RFC 1122 3.2.2, RFC 5927).

#include <cstdint>
#include <optional>

#include "base/address_hash.hh"
#include "base/tuple.hh"
#include "net/local_addresses.hh"
#include "synfin/units.hh"
#include "tcp/seq.hh"

namespace synfin::net {

/// An error about a segment that this engine may have sent; the connection checks that by its sequence
/// numbers.
struct SegmentError {
    enum class Kind : uint8_t {
        soft,     ///< tells nothing that ends a connection
        hard,     ///< RFC 5461 2.1: the peer's host or port refuses
        too_big,  ///< "fragmentation needed", "packet too big": mtu and quoted_length are set
    };
    Tuple tuple;   ///< of the quoted segment, in the connection table's form
    Ipv6 remote6;  ///< IPv6: the quoted destination. IPv4: not set
    Kind kind = Kind::soft;
    uint16_t mtu = 0;  ///< of the next hop; 0: the router predates RFC 1191. IPv6: larger values as 65,535
    uint16_t quoted_length = 0;  ///< bytes of the quoted packet; IPv4 only
    tcp::Seq quoted_seq;
};

/// Parses an ICMP message whose checksum has been verified.
/// @return none: not an error, not about TCP, or the quoted source is not our address.
std::optional<SegmentError> read_icmp_error(Bytes icmp, const LocalAddresses& ours) noexcept;

/// The same for ICMPv6 (RFC 4443), also if the quoted segment lies behind extension headers. An MTU of 0 is
/// read as 1: no connection takes it, and 0 has the meaning above for IPv4 only.
/// @param fold that of the connection table's tuples
std::optional<SegmentError> read_icmp6_error(Bytes icmp, const LocalAddresses& ours,
                                             const AddressFold& fold) noexcept;

}  // namespace synfin::net
