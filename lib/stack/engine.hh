#pragma once
/// @file
/// Engine: one core's whole endpoint, whatever its queue is. queue_engine.hh implements it.

#include <cstdint>
#include <optional>

#include "stack/connections.hh"
#include "synfin/ledger.hh"

namespace synfin::stack {

/// Connections, and the turns that bring packets to them.
class Engine {
  public:
    Engine(const StackConfig& config, const Keys& keys, Instant start, OwnedPorts owned_ports)
        : connections_(config, keys, start, owned_ports) {}
    virtual ~Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// First half of a turn. True when packets or timers were there.
    virtual bool begin(Instant now) noexcept = 0;
    /// Second half. True when packets were sent.
    virtual bool end() noexcept = 0;
    /// When begin() has something to do next at the latest, if nothing arrives. Walks all records: for
    /// virtual time.
    virtual std::optional<Instant> next_deadline() noexcept = 0;
    /// Whether the next hop towards a destination is known by its MAC address; asks for it if not.
    virtual Reach reach(const IpAddress& destination) noexcept = 0;
    /// Whether another turn at the same time would do something: events to tell, segments to send.
    virtual bool has_work() const noexcept = 0;
    /// Packet buffers that are on their way somewhere: 0 when nothing is going on.
    virtual uint32_t packets_held() const noexcept = 0;
    /// Packet buffers that are kept for reuse.
    virtual uint32_t packets_spare() const noexcept = 0;
    /// Gives every packet back to the queue. The engine is not used after that.
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

  protected:
    Connections connections_;
    Ledger ledger_;
};

}  // namespace synfin::stack
