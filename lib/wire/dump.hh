#pragma once
/// @file
/// Packets as text, one line each, close to what tcpdump prints. For failing tests and for people: it
/// allocates and is slow. Any bytes may be given; what cannot be parsed is said, and the rest is left out.

#include <string>

#include "synfin/units.hh"

namespace synfin::wire {

/// "10.0.0.1.4000 > 10.0.0.2.80: Flags [S.], seq 1, ack 2, win 65535, options [mss 1460,sackOK], length 0".
/// Sequence numbers are absolute. `ip_packet` begins with the IPv4 header.
std::string dump_packet(Bytes ip_packet);

/// The same with the Ethernet header before it, ARP too:
/// "02:00:00:00:00:01 > 02:00:00:00:00:02, vlan 7, IP 10.0.0.1.4000 > ...". Two tags: "vlan 100.7".
std::string dump_frame(Bytes frame);

}  // namespace synfin::wire
