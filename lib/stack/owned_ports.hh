#pragma once
/// @file
/// OwnedPorts: for which local ports the answers to an active open return to this engine's queue.

#include <cstdint>

#include "buf/queue_pair.hh"
#include "synfin/units.hh"

namespace synfin::stack {

/// Calls QueuePair::owned_ports() of a queue of any type.
/// @note cost: an indirect call.
class OwnedPorts {
  public:
    /// @param queue must outlive this object.
    template <buf::QueuePair P>
    explicit OwnedPorts(P& queue) noexcept
        : queue_(&queue), ask_([](void* q, Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) {
              return static_cast<P*>(q)->owned_ports(local, first, remote, remote_port);
          }) {}

    /// A bit for each of the 64 local ports from `first` on, a multiple of 64. Bit i is set if packets from
    /// the remote address and port to port first + i arrive at this engine.
    uint64_t operator()(Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) const noexcept {
        return ask_(queue_, local, first, remote, remote_port);
    }

  private:
    void* queue_;
    uint64_t (*ask_)(void* queue, Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port);
};

}  // namespace synfin::stack
