#pragma once
/// @file
/// Invariants: conditions that must hold for every connection between any two steps, whatever the packets.
/// Used by the conformance tests, the simulation and the fuzzer.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "synfin/virtual_stack.hh"

namespace synfin::fakes {

class Invariants {
  public:
    /// Checks every connection of `stack`. @return the violations as text, or nothing.
    std::string check(const Stack& stack);

  private:
    using Tuple = std::tuple<IpAddress, uint16_t, IpAddress, uint16_t>;
    struct Seen {
        ConnectionInfo info;
        uint64_t round = 0;
    };
    void look(const ConnectionInfo& info);
    std::map<Tuple, Seen> seen_;
    uint64_t round_ = 0;
    std::string broken_;
};

/// Whether figure 5 of RFC 9293 has a path from `from` to `to`, of any length, that does not pass CLOSED.
bool is_reachable(tcp::State from, tcp::State to);

/// The fields of `occupancy` that are not zero, as text; without timers if `timers` is false.
std::string in_use(const Occupancy& occupancy, bool timers = true);

}  // namespace synfin::fakes
