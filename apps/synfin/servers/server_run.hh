#pragma once
/// @file
/// ServerRun: runs a server on one engine, from its first connection to a clean end.

#include <utility>
#include <vector>

#include "config/quantity.hh"
#include "server.hh"
#include "synfin/core_time.hh"
#include "synfin/drain.hh"
#include "synfin/stack.hh"

namespace synfin::app {

template <Server S>
class ServerRun {
  public:
    static constexpr Duration kDrain = 2s;

    template <typename... Arguments>
    explicit ServerRun(std::vector<PortRange> ports, Arguments&&... arguments)
        : server_(std::forward<Arguments>(arguments)...), ports_(std::move(ports)) {}
    template <typename... Arguments>
    explicit ServerRun(PortRange ports, Arguments&&... arguments)
        : ServerRun(std::vector<PortRange>{ports}, std::forward<Arguments>(arguments)...) {}

    /// Call before the first turn. Errors: as Stack::listen.
    Result<void> listen(Stack& stack) noexcept {
        for (const PortRange& range : ports_)
            for (uint32_t port = range.first; port <= range.last; ++port)
                if (const auto done = stack.listen(static_cast<uint16_t>(port)); !done) return done.error();
        return {};
    }
    /// One turn of the engine. Returns whether anything happened.
    bool turn(Stack& stack, Instant now) noexcept {
        server_.turn(now);
        if constexpr (requires(S & server) { server.make_room(stack, now); })
            if (!drain_.has_begun()) server_.make_room(stack, now);
        const bool busy = stack.poll(*this, now);
        if (drain_.has_begun()) drain_.turn(stack, now);
        return busy;
    }
    /// Stops listening and drains the engine: sends FIN on open connections, some with each turn, and RST on
    /// those still open after `drain`. 0: RST at once.
    void end(Stack& stack, Instant now, Duration drain = kDrain) noexcept { drain_.begin(stack, now, drain); }
    bool over() const noexcept { return drain_.is_over(); }
    ServerTally tally() const noexcept { return server_.tally(); }
    /// Bytes of the application's records of connections. Most servers keep only a user_tag, or nothing.
    size_t memory_bytes() const noexcept {
        if constexpr (requires(const S& server) { server.memory_bytes(); })
            return server_.memory_bytes();
        else
            return 0;
    }

    void on_open(Connection c) noexcept { server_.on_open(c); }
    void on_data(Connection c, RxView& view) noexcept { server_.on_data(c, view); }
    void on_writable(Connection c) noexcept { server_.on_writable(c); }
    void on_peer_fin(Connection c) noexcept { server_.on_peer_fin(c); }
    void on_close(Connection c, const CloseInfo& why) noexcept { server_.on_close(c, why); }

    S& server() noexcept { return server_; }

    /// The owner adds the cycles of its turns.
    BusyCycles cycles{};

  private:
    S server_;
    std::vector<PortRange> ports_;
    Drain drain_;
};

}  // namespace synfin::app
