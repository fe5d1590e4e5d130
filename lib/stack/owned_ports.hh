#pragma once
/// @file
/// OwnedPorts: which local ports the answers to an active open may come back to, as the engine's queue knows
/// it.

#include <cstdint>

#include "buf/queue_pair.hh"
#include "synfin/units.hh"

namespace synfin::stack {

/// QueuePair::owned_ports() of a queue of any type.
/// @note cost: an indirect call.
class OwnedPorts {
  public:
    /// @param queue outlives this.
    template <buf::QueuePair P>
    explicit OwnedPorts(P& queue) noexcept
        : queue_(&queue), ask_([](void* q, Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) {
              return static_cast<P*>(q)->owned_ports(local, first, remote, remote_port);
          }) {}

    /// Of the 64 local ports from `first`, a multiple of 64, on: bit i is set when packets from the remote
    /// address and port to port first + i arrive at this engine.
    uint64_t operator()(Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) const noexcept {
        return ask_(queue_, local, first, remote, remote_port);
    }

  private:
    void* queue_;
    uint64_t (*ask_)(void* queue, Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port);
};

}  // namespace synfin::stack
