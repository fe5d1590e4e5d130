#pragma once
/// @file
/// BlindVictim: one connection of a server in virtual time, into which an attacker who sees nothing injects
/// packets in the client's name.

#include <memory>
#include <vector>

#include "fakes/packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::simulation {

using fakes::Packet;

enum class VictimState : uint8_t {
    idle,          ///< ESTABLISHED, nothing in flight, nothing ever sent
    in_flight,     ///< ESTABLISHED, 10 segments in flight
    syn_received,  ///< the client's ACK is on its way
    syn_sent,      ///< the victim is the client
    time_wait,
};

class BlindVictim {
  public:
    static constexpr uint32_t kClientSeq = 0x40000000;  ///< the client's ISN
    static constexpr uint16_t kClientPort = 40'000;

    BlindVictim(fakes::Family family, VictimState state, bool timestamps = false);

    /// A segment in the client's name, with the numbers that the connection expects next.
    Packet segment(int flags, uint32_t payload = 0) const;
    /// A packet that the victim sent, as an ICMP error would quote it.
    Packet own_segment() const;
    /// True: the packet passed all checks; false: the victim dropped it as not acceptable.
    bool inject(const Packet& packet) { return inject(fakes::build(packet)); }
    bool inject(const std::vector<uint8_t>& packet);

    /// Opens again after the half-open record has ended. False: this state cannot be restored.
    bool restore();
    /// Drops, but for limits of answers and of memory: each is a refusal.
    uint64_t refusals() const;
    bool is_alive() const { return info().state != tcp::State::closed; }
    ConnectionInfo info() const;
    uint32_t window() const { return info().rcv_wnd; }
    VirtualStack& stack() { return *stack_; }
    const IpAddress& client() const { return client_; }
    const IpAddress& server() const { return server_; }
    std::vector<Packet> take();

  private:
    void expect_next(const Packet& from_victim);
    IpAddress client_, server_;
    VictimState state_;
    bool timestamps_;
    std::unique_ptr<VirtualStack> stack_;
    Packet next_;
};

}  // namespace synfin::simulation
