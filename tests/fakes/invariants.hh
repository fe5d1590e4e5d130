#pragma once
/// @file
/// What must hold of every connection between any two steps, whatever the packets were: the oracle of the
/// conformance harness, the simulation and the fuzzer.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "synfin/virtual_stack.hh"

namespace synfin::fakes {

class Invariants {
  public:
    /// Looks at every connection of `stack`. @return what is broken, or nothing.
    std::string check(const Stack& stack);

  private:
    using Tuple = std::tuple<uint32_t, uint16_t, uint32_t, uint16_t>;
    struct Seen {
        ConnectionInfo info;
        uint64_t round = 0;
    };
    void look(const ConnectionInfo& info);
    std::map<Tuple, Seen> seen_;
    uint64_t round_ = 0;
    std::string broken_;
};

/// Whether figure 5 of RFC 9293 leads from `from` to `to` in any number of steps without passing CLOSED.
bool is_reachable(tcp::State from, tcp::State to);

/// What of `occupancy` is not zero, as text; timers are left out when `timers` is false.
std::string in_use(const Occupancy& occupancy, bool timers = true);

}  // namespace synfin::fakes
