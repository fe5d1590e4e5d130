#pragma once
/// @file
/// The floor of a bench: the same packets over the same wire without TCP. The difference between bench and
/// floor is the cost of TCP.

#include <cstdint>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// The traffic to repeat, as the bench measured it.
struct FloorPlan {
    IpAddress::Family family = IpAddress::Family::v4;
    double client_packets = 0;  ///< per connection, sent by the client
    double server_packets = 0;  ///< per connection, sent by the server
    uint32_t client_frame = 0;  ///< bytes of the client's mean frame
    uint32_t server_frame = 0;
    std::vector<unsigned> cores;  ///< the bench's cores: one, or two for each pair
    uint32_t wire_bytes = 0;
    bool no_huge = false;
    Duration duration = 1s;
};

/// The result: connections' worth of packets over all pairs, in total and per second, and TSC cycles of busy
/// turns.
struct Floor {
    double connections = 0;
    double cps = 0;
    double client_cycles = 0, server_cycles = 0;  ///< per connection
};

/// For each packet it allocates a buffer, writes the Ethernet, IP and TCP headers, computes the checksums,
/// sends, receives, verifies the checksums, and frees the buffer. Bursts of 32, no state, no timer. Throws
/// UserError(failed) when the wire can't be opened. Defined in bench/floor/.
Floor measure_floor(const FloorPlan& plan);

}  // namespace synfin::app
