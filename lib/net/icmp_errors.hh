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

/// An error about a segment that this engine may have sent: whether it did, the connection's sequence numbers
/// tell.
struct SegmentError {
    Tuple tuple;  ///< of the quoted segment, as the connection table has it
    uint8_t type = 0, code = 0;
    bool is_too_big = false;  ///< "fragmentation needed": the two fields below are set
    uint16_t mtu = 0;         ///< of the next hop; 0: a router from before RFC 1191
    uint16_t quoted_length = 0;
    tcp::Seq quoted_seq;
};

/// Judges an ICMP message whose checksum is right.
/// @return none: no error, not about TCP, or the quoted source is no address of ours.
std::optional<SegmentError> read_icmp_error(Bytes icmp, const LocalAddresses& ours) noexcept;

}  // namespace synfin::net
