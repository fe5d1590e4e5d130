#pragma once
/// @file
/// Prints packets as text, one line each, in a format close to tcpdump's. It is for failing tests and for
/// people: it allocates and is slow. Any bytes are accepted; where a header is malformed, the line says so
/// and ends.

#include <string>

#include "synfin/units.hh"

namespace synfin::wire {

/// "10.0.0.1.4000 > 10.0.0.2.80: Flags [S.], seq 1, ack 2, win 65535, options [mss 1460,sackOK], length 0".
/// Sequence numbers are absolute. `ip_packet` begins with the IPv4 or IPv6 header. Before an IPv6 packet with
/// extension headers: "extension headers 8, ", in bytes.
std::string dump_packet(Bytes ip_packet);

/// The same for a frame with its Ethernet header; prints ARP too. IPv6 begins with "IP6". One tag:
/// "02:00:00:00:00:01 > 02:00:00:00:00:02, vlan 7, IP 10.0.0.1.4000 > ...". Two tags: "vlan 100.7".
std::string dump_frame(Bytes frame);

}  // namespace synfin::wire
