#pragma once
/// @file
/// Stack: the application's interface to one engine on one core.

#include <cstdint>
#include <optional>
#include <span>

#include "synfin/application.hh"
#include "synfin/connection.hh"
#include "synfin/counters.hh"
#include "synfin/event.hh"   // IWYU pragma: export
#include "synfin/ledger.hh"  // IWYU pragma: export
#include "synfin/result.hh"
#include "synfin/stack_config.hh"
#include "synfin/units.hh"

namespace synfin {

namespace stack {
class Engine;
}

/// One engine. Only post() is thread-safe; make all other calls on the engine's core.
class Stack {
  public:
    explicit Stack(stack::Engine& engine) noexcept : engine_(&engine) {}

    /// Passive OPEN (RFC 9293 3.10.1): accepts SYNs to this port, on all of our addresses, of both families,
    /// or only on `addr`. A listener on one address takes precedence over one on all addresses (RFC 9293
    /// MUST-42). Errors: in_use, invalid (port 0, an address that is not ours), no_memory (65,534 listeners).
    Result<ListenerId> listen(uint16_t port, std::optional<IpAddress> addr = std::nullopt) noexcept {
        return listen(port, ListenOptions{.address = addr});
    }
    Result<ListenerId> listen(uint16_t port, const ListenOptions& options) noexcept;
    /// Stops accepting and resets the listener's half-open connections; open connections stay. Errors:
    /// invalid (there is no such listener).
    /// @note cost: visits every half-open record.
    Result<void> unlisten(ListenerId listener) noexcept;
    Result<void> unlisten(uint16_t port, std::optional<IpAddress> addr = std::nullopt) noexcept;
    /// The same for all listeners.
    void unlisten_all() noexcept;

    /// Active OPEN. The SYN leaves with the current burst; on_open or on_close reports the outcome. Errors:
    /// no_port, no_memory (connections_full), in_use (the tuple of options.source_port), invalid (port 0,
    /// multicast or broadcast: RFC 9293 MUST-46, an address of ours, a source that is not ours or of the
    /// other family), no_route (also when a global IPv6 peer would be reached from link-local addresses
    /// only).
    Result<Connection> connect(const Endpoint& peer, const ConnectOptions& options = {}) noexcept;

    /// Whether packets to a destination can leave now; if not, it resolves the next hop by ARP or neighbour
    /// discovery. Wait for Reach::yes before opening many connections: only a few packets wait for a next
    /// hop.
    Reach reach(const IpAddress& destination) noexcept;

    /// The first of our IPv6 addresses that duplicate address detection has found in use by another host;
    /// none: no duplicate so far. After a duplicate the stack sends no IPv6 packet, and reach() gives
    /// no_route for IPv6. The remedy is another configuration.
    /// @note cost: a load.
    const std::optional<DuplicateAddress>& duplicate_address() const noexcept;

    /// Sets a timer. Event::Kind::timer (on_timer) with this tag comes in the first turn at or after the
    /// present turn's time plus `delay`, rounded up to a whole millisecond of the clock; never in the present
    /// millisecond. Timers of the same millisecond expire in any order.
    /// @param delay 0 to 20 days. Errors: invalid (outside), no_memory (StackConfig::max_timers are set;
    ///        `timers_full` counts it).
    /// @note cost: O(1), also for cancel(). Memory: 40 bytes times the largest number of timers that were
    ///       ever set at once.
    Result<TimerId> after(Duration delay, uint64_t tag) noexcept;
    /// Cancels a timer. Errors: gone (it has expired, or was cancelled).
    Result<void> cancel(TimerId timer) noexcept;

    /// Sends a message to this engine, from any thread. Event::Kind::post (on_post) comes in a later turn; a
    /// turn delivers at most 256. Wakes a sleeping core (IdlePolicy::sleep). Messages that wait when the
    /// stack ends are lost. Errors: no_memory (StackConfig::max_posts wait; `posts_full` counts it).
    /// @note cost: see Mailbox::post
    Result<void> post(uint64_t tag, uint64_t value = 0) noexcept { return mailbox().post(tag, value); }
    template <typename T>
    Result<void> post(uint64_t tag, T* pointer) noexcept {
        return mailbox().post(tag, pointer);
    }
    /// The mailbox of post(); it lives as long as the engine. Other threads may call Mailbox::post only; only
    /// the engine takes messages.
    Mailbox& mailbox() noexcept;
    /// A descriptor that is readable while posts wait (see Mailbox::wake_fd), for programs whose own epoll
    /// loop polls this stack. Packets and timers do not make it readable: poll at next_deadline() at the
    /// latest, and as often as the wanted packet latency requires.
    Result<int> wake_fd() noexcept { return mailbox().wake_fd(); }

    /// One turn: receives a burst, runs TCP and due timers, calls the handlers, sends. Returns whether
    /// anything happened.
    template <Application App>
    bool poll(App& app, Instant now) noexcept {
        bool busy = begin(now);
        while (const Event* event = next_event()) {
            busy = true;
            dispatch(app, *event);
        }
        return end() || busy;
    }

    /// poll() in three parts (begin, next_event, end), for programs that do something in between. The load
    /// generator opens connections there.
    bool begin(Instant now) noexcept;
    /// The next event, or null when there are no more. Calls on the stack may add events.
    const Event* next_event() noexcept;
    /// Tells the stack how much of a data event was taken.
    void taken(const Event& event, uint32_t bytes) noexcept;
    bool end() noexcept;

    template <Application App>
    void dispatch(App& app, const Event& event) noexcept {
        switch (event.kind) {
            case Event::Kind::open:
                if constexpr (requires { app.on_open(event.connection, event.token); })
                    app.on_open(event.connection, event.token);
                else
                    app.on_open(event.connection);
                return;
            case Event::Kind::data: {
                RxView view(event.data);
                app.on_data(event.connection, view);
                if (event.item != 0 || view.taken() < event.data.size()) [[unlikely]]
                    taken(event, view.taken());
                return;
            }
            case Event::Kind::writable: app.on_writable(event.connection); return;
            case Event::Kind::peer_fin: app.on_peer_fin(event.connection); return;
            case Event::Kind::close: app.on_close(event.connection, event.why); return;
            case Event::Kind::timer:
                if constexpr (requires { app.on_timer(event.tag); }) app.on_timer(event.tag);
                return;
            case Event::Kind::post:
                if constexpr (requires { app.on_post(event.message); }) app.on_post(event.message);
                return;
        }
    }

    /// The latest time for the next call of begin() if no packet arrives; none when nothing is pending.
    std::optional<Instant> next_deadline() const noexcept;

    /// Whether another turn at the same time would find work: events to deliver or segments to send.
    bool has_work() const noexcept;

    const Counters& counters() const noexcept;
    Occupancy occupancy() const noexcept;
    /// How many records are in use. @note cost: three loads; occupancy() reads all records.
    RecordCount records() const noexcept;
    /// The memory of connections. It never shrinks.
    MemoryUse memory() const noexcept;
    /// Calls visit(Connection) for up to at_most open connections, for which on_close has not been called
    /// yet. `from` is 0 at first, then the result of the call before. visit() may close and abort.
    /// @return where to go on, or 0 when all have been visited. Connections opened between the calls may be
    ///         missed.
    /// @note cost: bounded by at_most.
    template <typename Visit>
    uint32_t visit_open(uint32_t from, uint32_t at_most, Visit&& visit) noexcept {
        return visit_open(
            from, at_most, [](void* context, Connection c) { (*static_cast<Visit*>(context))(c); }, &visit);
    }
    /// Bytes of the control block, the record of an open connection that every segment reads.
    static uint32_t tcb_bytes() noexcept;
    /// Counts this engine's cycles by stage, once `keep(true)` is called.
    Ledger& ledger() noexcept;
    const StackConfig& config() const noexcept;
    /// Visits every open, half-open and TIME-WAIT connection in one call; for tests.
    void for_each(void (*visit)(void* context, const ConnectionInfo&), void* context) const;

    stack::Engine& engine() noexcept { return *engine_; }

  private:
    uint32_t visit_open(uint32_t from, uint32_t at_most, void (*visit)(void* context, Connection),
                        void* context) noexcept;

    stack::Engine* engine_;
};

}  // namespace synfin
