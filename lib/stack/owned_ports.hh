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
    explicit OwnedPorts(P& queue) noexcept : queue_(&queue), ask_(ask<P, Ipv4>), ask6_(ask<P, const Ipv6&>) {}

    /// A bit for each of the 64 local ports from `first` on, a multiple of 64. Bit i is set if packets from
    /// the remote address and port to port first + i arrive at this engine.
    uint64_t operator()(Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) const noexcept {
        return ask_(queue_, local, first, remote, remote_port);
    }
    uint64_t operator()(const Ipv6& local, uint16_t first, const Ipv6& remote,
                        uint16_t remote_port) const noexcept {
        return ask6_(queue_, local, first, remote, remote_port);
    }

  private:
    template <typename P, typename Address>
    static uint64_t ask(void* queue, Address local, uint16_t first, Address remote, uint16_t remote_port) {
        return static_cast<P*>(queue)->owned_ports(local, first, remote, remote_port);
    }
    template <typename Address>
    using Ask = uint64_t (*)(void* queue, Address local, uint16_t first, Address remote,
                             uint16_t remote_port);

    void* queue_;
    Ask<Ipv4> ask_;
    Ask<const Ipv6&> ask6_;
};

}  // namespace synfin::stack
