#pragma once
/// @file
/// The floor of a bench: the same packets over the same wire with no TCP behind them. What lies between the
/// floor and the bench is TCP's price.

#include <cstdint>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// What crosses the wire, as the bench has just measured it.
struct FloorPlan {
    double client_packets = 0;  ///< per connection, sent by the client
    double server_packets = 0;  ///< per connection, sent by the server
    uint32_t client_frame = 0;  ///< bytes of the client's mean frame
    uint32_t server_frame = 0;
    std::vector<unsigned> cores;  ///< as the bench's: one, or two for each pair
    uint32_t wire_bytes = 0;
    bool no_huge = false;
    Duration duration = 1s;
};

/// TSC cycles of busy turns, and packets' worth of connections over all pairs, in all and per second.
struct Floor {
    double connections = 0;
    double cps = 0;
    double client_cycles = 0, server_cycles = 0;  ///< per connection
};

/// Each packet is allocated, its Ethernet, IPv4 and TCP headers written, its checksums computed, sent,
/// received, its checksums verified, and freed. Bursts of 32, no state, no timer. Throws UserError(failed)
/// when a second wire can't be had. Defined in bench/floor/.
Floor measure_floor(const FloorPlan& plan);

}  // namespace synfin::app
