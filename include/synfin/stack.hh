#pragma once
/// @file
/// Stack: one engine, on one core, as the application sees it.

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

/// One engine. Not thread-safe but for post(): everything else happens on its core.
class Stack {
  public:
    explicit Stack(stack::Engine& engine) noexcept : engine_(&engine) {}

    /// Passive OPEN (RFC 9293 3.10.1): every SYN to this port, on any of our addresses or only on `addr`. A
    /// listener of one address goes before one of all (RFC 9293 MUST-42).
    /// Errors: in_use, invalid (port 0, an address that is not ours), no_memory (65,534 listeners),
    /// not_supported (IPv6).
    Result<ListenerId> listen(uint16_t port, std::optional<IpAddress> addr = std::nullopt) noexcept {
        return listen(port, ListenOptions{.address = addr});
    }
    Result<ListenerId> listen(uint16_t port, const ListenOptions& options) noexcept;
    /// Stops accepting; half-open connections of the listener are reset, open ones stay. Errors: invalid
    /// (there is no such listener).
    /// @note cost: goes through all half-open records.
    Result<void> unlisten(ListenerId listener) noexcept;
    Result<void> unlisten(uint16_t port, std::optional<IpAddress> addr = std::nullopt) noexcept;
    /// The same for every port.
    void unlisten_all() noexcept;

    /// Active OPEN. The SYN leaves with the current burst; on_open or on_close tells the outcome.
    /// Errors: no_port, no_memory (connections_full), in_use (the tuple asked for), invalid (port 0,
    /// multicast or broadcast: RFC 9293 MUST-46), no_route, not_supported (IPv6).
    Result<Connection> connect(const Endpoint& peer, const ConnectOptions& options = {}) noexcept;

    /// Whether packets to a destination can leave now; starts resolving the next hop if not. Wait for
    /// Reach::yes before opening many connections: only a few packets queue behind an ARP request. An IPv6
    /// destination has no_route until IPv6 is built.
    Reach reach(const IpAddress& destination) noexcept;

    /// Sets a timer: Event::Kind::timer (on_timer) with this tag comes in the first turn whose time is at or
    /// after the present turn's time plus `delay`, rounded up to a whole millisecond of the clock; never in
    /// the present millisecond. Timers of one millisecond come up in no certain order.
    /// @param delay 0 to 20 days. Errors: invalid (outside), no_memory (StackConfig::max_timers are set;
    ///        `timers_full` counts it).
    /// @note cost: O(1), also of cancel(); 40 bytes for each timer of the most that were ever set at once.
    Result<TimerId> after(Duration delay, uint64_t tag) noexcept;
    /// The timer does not come up. Errors: gone (it has, or was cancelled).
    Result<void> cancel(TimerId timer) noexcept;

    /// Any thread: sends a message to this engine. Event::Kind::post (on_post) comes in a turn after that; at
    /// most 256 in a turn. A core that sleeps (IdlePolicy::sleep) wakes. What waits when the stack ends is
    /// lost. Errors: no_memory (StackConfig::max_posts wait; `posts_full` counts it).
    /// @note cost: see Mailbox::post
    Result<void> post(uint64_t tag, uint64_t value = 0) noexcept { return mailbox().post(tag, value); }
    template <typename T>
    Result<void> post(uint64_t tag, T* pointer) noexcept {
        return mailbox().post(tag, pointer);
    }
    /// What post() posts to; it lives as long as the engine. Threads other than the engine's may call
    /// Mailbox::post alone, and the engine alone takes from it.
    Mailbox& mailbox() noexcept;
    /// For programs whose own epoll loop polls this stack: readable while posts wait (see Mailbox::wake_fd).
    /// Packets and timers do not make it readable: poll at the latest at next_deadline(), and as often as the
    /// latency of packets must be small.
    Result<int> wake_fd() noexcept { return mailbox().wake_fd(); }

    /// One turn: receive a burst, run TCP and due timers, call the handlers, send. Returns whether anything
    /// happened.
    template <Application App>
    bool poll(App& app, Instant now) noexcept {
        bool busy = begin(now);
        while (const Event* event = next_event()) {
            busy = true;
            dispatch(app, *event);
        }
        return end() || busy;
    }

    /// The same in three parts, for programs that do something in between: a load generator opens
    /// connections.
    bool begin(Instant now) noexcept;
    /// The next event, or null when all are handled. Calls made meanwhile may add events.
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

    /// When begin() must be called next at the latest, packets or not; none when nothing is pending.
    std::optional<Instant> next_deadline() const noexcept;

    /// Whether another turn at the same time would do something: events to tell, segments to send.
    bool has_work() const noexcept;

    const Counters& counters() const noexcept;
    Occupancy occupancy() const noexcept;
    /// The counts of records alone. @note cost: three loads; occupancy() reads all records.
    RecordCount records() const noexcept;
    /// What connections have needed so far.
    MemoryUse memory() const noexcept;
    /// Calls visit(Connection) for up to at_most connections that on_close has not been told of, from a place
    /// on: 0 at first, then what the call before returned. visit() may close and abort.
    /// @return where to go on, 0 when all have been visited. Connections that are opened meanwhile may be
    ///         missed.
    /// @note cost: bounded by at_most.
    template <typename Visit>
    uint32_t visit_open(uint32_t from, uint32_t at_most, Visit&& visit) noexcept {
        return visit_open(
            from, at_most, [](void* context, Connection c) { (*static_cast<Visit*>(context))(c); }, &visit);
    }
    /// Bytes of an open connection's first record, the one that every segment reads.
    static uint32_t tcb_bytes() noexcept;
    /// Where this engine's cycles go, once `keep(true)` is called.
    Ledger& ledger() noexcept;
    const StackConfig& config() const noexcept;
    /// Every open, half-open and TIME-WAIT connection, slowly; for `synfin ss` and tests.
    void for_each(void (*visit)(void* context, const ConnectionInfo&), void* context) const;

    stack::Engine& engine() noexcept { return *engine_; }

  private:
    uint32_t visit_open(uint32_t from, uint32_t at_most, void (*visit)(void* context, Connection),
                        void* context) noexcept;

    stack::Engine* engine_;
};

}  // namespace synfin
