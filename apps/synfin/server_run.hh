#pragma once
/// @file
/// ServerRun: a server on one engine from its first connection to a clean end.

#include "base/mapped_array.hh"
#include "engine_watch.hh"
#include "server.hh"
#include "synfin/stack.hh"
#include "units.hh"

namespace synfin::app {

/// The open connections of one engine, by their index: only looked at when the run ends.
class Roster {
  public:
    /// Address space for max_connections; a page is touched when its first connection opens.
    explicit Roster(uint32_t max_connections) : entries_(max_connections) {}
    void add(Connection c) noexcept {
        if (c.index() >= entries_.size()) return;
        entries_[c.index()] = c;
        if (c.index() >= used_) used_ = c.index() + 1;
    }
    /// Those that have ended meanwhile are called too, and answer `gone`.
    template <typename Call>
    void for_each(Call&& call) noexcept {
        for (uint32_t i = 0; i < used_; ++i)
            if (entries_[i]) call(entries_[i]);
    }

  private:
    uint32_t used_ = 0;
    MappedArray<Connection> entries_;
};

template <Server S>
class ServerRun {
  public:
    static constexpr Duration kDrain = 2s;
    static constexpr Duration kCut = 100ms;

    template <typename... Arguments>
    ServerRun(PortRange ports, uint32_t max_connections, Arguments&&... arguments)
        : server_(std::forward<Arguments>(arguments)...), ports_(ports), roster_(max_connections) {}

    /// Before the first turn. Errors: as Stack::listen.
    Result<void> listen(Stack& stack) noexcept {
        for (uint32_t port = ports_.first; port <= ports_.last; ++port)
            if (const auto done = stack.listen(static_cast<uint16_t>(port)); !done) return done;
        return {};
    }
    /// One turn of the engine. Returns whether anything happened.
    bool turn(Stack& stack, Instant now) noexcept {
        server_.turn(now);
        const bool busy = stack.poll(*this, now);
        if (phase_ != Phase::serving) drain(stack, now);
        return busy;
    }
    /// No more connections; FIN to those that are open, RST to what is still there after `drain`. 0: RST at
    /// once.
    void end(Stack& stack, Instant now, Duration drain = kDrain) noexcept {
        if (phase_ != Phase::serving) return;
        for (uint32_t port = ports_.first; port <= ports_.last; ++port)
            static_cast<void>(stack.unlisten(static_cast<uint16_t>(port)));
        if (drain == Duration::zero()) return cut(now);
        roster_.for_each([](Connection c) { static_cast<void>(c.close()); });
        phase_ = Phase::draining;
        until_ = now + drain;
    }
    bool over() const noexcept { return phase_ == Phase::over; }
    const ServerTally& tally() const noexcept { return server_.tally(); }

    void on_open(Connection c) noexcept {
        roster_.add(c);
        server_.on_open(c);
    }
    void on_data(Connection c, RxView& view) noexcept { server_.on_data(c, view); }
    void on_writable(Connection c) noexcept { server_.on_writable(c); }
    void on_peer_fin(Connection c) noexcept { server_.on_peer_fin(c); }
    void on_close(Connection c, const CloseInfo& why) noexcept { server_.on_close(c, why); }

    /// The owner adds what its turns cost.
    BusyCycles cycles{};

  private:
    enum class Phase : uint8_t { serving, draining, cutting, over };

    void cut(Instant now) noexcept {
        roster_.for_each([](Connection c) { static_cast<void>(c.abort()); });
        phase_ = Phase::cutting;
        until_ = now + kCut;
    }

    void drain(Stack& stack, Instant now) noexcept {
        const bool empty = stack.occupancy().open == 0;
        if (phase_ == Phase::draining && !empty && now >= until_) {
            cut(now);
        } else if (empty || (phase_ == Phase::cutting && now >= until_)) {
            phase_ = Phase::over;
        }
    }

    S server_;
    PortRange ports_;
    Roster roster_;
    Phase phase_ = Phase::serving;
    Instant until_{};
};

}  // namespace synfin::app
