#pragma once
/// @file
/// Engine: the whole endpoint of one core, for any type of queue. queue_engine.hh implements it.

#include <cstdint>
#include <optional>

#include "stack/connections.hh"
#include "synfin/event.hh"
#include "synfin/ledger.hh"

namespace synfin::stack {

/// Has the Connections of one core, and runs the turns that bring packets to them.
class Engine {
  public:
    Engine(const StackConfig& config, const Keys& keys, Instant start, OwnedPorts owned_ports)
        : connections_(config, keys, start, owned_ports) {}
    virtual ~Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// First half of a turn. True if packets arrived or timers fired.
    virtual bool begin(Instant now) noexcept = 0;
    /// Second half. True if packets were sent.
    virtual bool end() noexcept = 0;
    /// The next time at which begin() has work if nothing arrives. Reads all records, so it is for virtual
    /// time only.
    virtual std::optional<Instant> next_deadline() noexcept = 0;
    /// Whether the MAC address of the next hop to a destination is known; if not, starts asking for it.
    virtual Reach reach(const IpAddress& destination) noexcept = 0;
    /// Whether another turn at the same time has work: events to deliver, segments to send.
    virtual bool has_work() const noexcept = 0;
    /// Packet buffers in use: received, to be sent, or waiting for a next hop. 0 when idle.
    virtual uint32_t packets_held() const noexcept = 0;
    /// Packet buffers kept for reuse.
    virtual uint32_t packets_spare() const noexcept = 0;
    /// Returns every packet to the queue. Do not use the engine afterwards.
    virtual void release_packets() noexcept = 0;

    Connections& connections() noexcept { return connections_; }
    const Connections& connections() const noexcept { return connections_; }
    const Counters& counters() const noexcept { return connections_.counters(); }
    Occupancy occupancy() const noexcept {
        Occupancy out = connections_.occupancy();
        out.held_packets = packets_held();
        out.packets_in_use = out.held_packets + packets_spare();
        return out;
    }
    Ledger& ledger() noexcept { return ledger_; }
    /// See Stack::duplicate_address().
    const std::optional<DuplicateAddress>& duplicate_address() const noexcept { return duplicate_; }

  protected:
    Connections connections_;
    Ledger ledger_;
    std::optional<DuplicateAddress> duplicate_;
};

}  // namespace synfin::stack
