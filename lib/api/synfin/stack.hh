#pragma once
/// @file
/// Stack: one engine, on one core, as the application sees it.

#include <cstdint>
#include <optional>
#include <span>

#include "base/counters.hh"
#include "base/result.hh"
#include "base/units.hh"
#include "stack/config.hh"
#include "synfin/application.hh"
#include "synfin/connection.hh"

namespace synfin {

namespace stack {
class Engine;
}

/// What happened to a connection, in order. `data` is valid until the next poll.
struct Event {
    enum class Kind : uint8_t { open, data, writable, peer_fin, close };
    Kind kind = Kind::open;
    Connection connection;
    Bytes data;         ///< kind data
    uint32_t item = 0;  ///< kind data: the stack's own
    CloseInfo why;      ///< kind close
};

/// How many records are in use, by state and by pool: what must be zero when everything has ended.
struct Occupancy {
    uint32_t by_state[11] = {};  ///< index: State. Half-open and TIME-WAIT records included
    uint32_t half_open = 0, open = 0, time_wait = 0;  ///< records by size
    uint32_t flow_lines = 0;                          ///< second lines
    uint32_t send_blocks = 0, held_packets = 0, packets_in_use = 0;
    uint32_t timers = 0;  ///< wheel entries; lazily removed, so this may lag behind
};

struct ConnectOptions {
    std::optional<Ipv4> source;  ///< one of ours; default the first
    uint16_t source_port = 0;    ///< 0: an ephemeral one (RFC 6056)
    uint32_t cookie = 0;
};

/// One engine. Not thread-safe: everything happens on its core.
class Stack {
  public:
    explicit Stack(stack::Engine& engine) noexcept : engine_(&engine) {}

    /// Passive OPEN (RFC 9293 3.10.1): every SYN to this port, on any of our addresses or only on `addr`.
    /// Errors: in_use, invalid (port 0, an address that is not ours).
    Result<void> listen(uint16_t port, std::optional<Ipv4> addr = std::nullopt) noexcept;
    /// Stops accepting; half-open records of the port are dropped, open connections stay.
    Result<void> unlisten(uint16_t port, std::optional<Ipv4> addr = std::nullopt) noexcept;

    /// Active OPEN. The SYN leaves with the current burst; on_open or on_close tells the outcome.
    /// Errors: no_port, no_memory (connections_full), in_use (the tuple asked for), invalid (port 0,
    /// multicast or broadcast: RFC 9293 MUST-46), no_route, not_supported (IPv6).
    Result<Connection> connect(Endpoint peer, const ConnectOptions& options = {}) noexcept;

    /// One turn: receive a burst, run TCP and due timers, call the handlers, send. Returns whether anything
    /// happened.
    template <Application App>
    bool poll(App& app, Instant now) noexcept {
        bool busy = begin(now);
        while (const Event* event = next_event()) dispatch(app, *event);
        return end() || busy;
    }

    /// The same in three parts, for who must do something in between (a load generator's opens).
    bool begin(Instant now) noexcept;
    /// The next event, or null when all are handled. Calls made meanwhile may add events.
    const Event* next_event() noexcept;
    /// Tells the stack how much of a data event was taken.
    void taken(const Event& event, uint32_t bytes) noexcept;
    bool end() noexcept;

    template <Application App>
    void dispatch(App& app, const Event& event) noexcept {
        switch (event.kind) {
            case Event::Kind::open: app.on_open(event.connection); return;
            case Event::Kind::data: {
                RxView view(event.data);
                app.on_data(event.connection, view);
                taken(event, view.taken());
                return;
            }
            case Event::Kind::writable: app.on_writable(event.connection); return;
            case Event::Kind::peer_fin: app.on_peer_fin(event.connection); return;
            case Event::Kind::close: app.on_close(event.connection, event.why); return;
        }
    }

    /// When begin() must be called next at the latest, packets or not; none when nothing is pending.
    std::optional<Instant> next_deadline() const noexcept;

    const Counters& counters() const noexcept;
    Occupancy occupancy() const noexcept;
    const stack::StackConfig& config() const noexcept;
    /// Every open, half-open and TIME-WAIT connection, slowly; for `synfin ss` and tests.
    void for_each(void (*visit)(void* context, const ConnectionInfo&), void* context) const;

    stack::Engine& engine() noexcept { return *engine_; }

  private:
    stack::Engine* engine_;
};

}  // namespace synfin
