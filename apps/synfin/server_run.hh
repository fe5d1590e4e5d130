#pragma once
/// @file
/// ServerRun: a server on one engine from its first connection to a clean end.

#include "engine_watch.hh"
#include "server.hh"
#include "synfin/stack.hh"
#include "units.hh"

namespace synfin::app {

template <Server S>
class ServerRun {
  public:
    static constexpr Duration kDrain = 2s;
    static constexpr Duration kCut = 100ms;
    static constexpr uint32_t kEndsPerTurn = 64;

    template <typename... Arguments>
    explicit ServerRun(PortRange ports, Arguments&&... arguments)
        : server_(std::forward<Arguments>(arguments)...), ports_(ports) {}

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
    /// No more connections; FIN to those that are open, some with each turn, then RST to what is still there
    /// after `drain`. 0: RST at once.
    void end(Stack& stack, Instant now, Duration drain = kDrain) noexcept {
        if (phase_ != Phase::serving) return;
        for (uint32_t port = ports_.first; port <= ports_.last; ++port)
            static_cast<void>(stack.unlisten(static_cast<uint16_t>(port)));
        drain_ = drain;
        begin(drain == Duration::zero() ? Phase::cutting : Phase::draining, now);
    }
    bool over() const noexcept { return phase_ == Phase::over; }
    const ServerTally& tally() const noexcept { return server_.tally(); }
    /// Bytes that the application keeps for its connections; most keep a cookie, if anything.
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

    /// The owner adds what its turns cost.
    BusyCycles cycles{};

  private:
    enum class Phase : uint8_t { serving, draining, cutting, over };

    void begin(Phase phase, Instant now) noexcept {
        phase_ = phase;
        is_ending_ = true;
        end_next_ = 0;
        until_ = now + (phase == Phase::cutting ? kCut : drain_);
    }

    void drain(Stack& stack, Instant now) noexcept {
        if (phase_ == Phase::over) return;
        const bool cuts = phase_ == Phase::cutting;
        if (is_ending_) {
            end_next_ = stack.visit_open(end_next_, kEndsPerTurn, [cuts](Connection c) noexcept {
                static_cast<void>(cuts ? c.abort() : c.close());
            });
            is_ending_ = end_next_ != 0;
            if (is_ending_) until_ = now + (cuts ? kCut : drain_);
        }
        if (stack.records().open == 0 || (cuts && now >= until_)) {
            phase_ = Phase::over;
        } else if (now >= until_) {
            begin(Phase::cutting, now);
        }
    }

    S server_;
    PortRange ports_;
    Phase phase_ = Phase::serving;
    bool is_ending_ = false;  ///< connections are still to be told
    uint32_t end_next_ = 0;   ///< where that goes on, see Stack::visit_open
    Duration drain_{};
    Instant until_{};
};

}  // namespace synfin::app
