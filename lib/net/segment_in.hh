#pragma once
/// @file
/// SegmentIn: a TCP segment that passed every check below TCP.

#include "base/tuple.hh"
#include "synfin/units.hh"
#include "tcp/segment.hh"

namespace synfin::net {

struct SegmentIn {
    Tuple tuple;
    const Ipv6* remote6;  ///< IPv6: the peer's address, within the received packet. IPv4: not set
    tcp::Segment seg;
    Bytes text;  ///< seg.len bytes, within the received packet
};

}  // namespace synfin::net
