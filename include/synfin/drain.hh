#pragma once
/// @file
/// Drain: closes everything that is open on one engine, and tells every peer.

#include "synfin/stack.hh"

namespace synfin {

/// Ends an engine's connections. begin() removes the listeners and their half-open connections, and sends RST
/// to at most 1,024 of these; the others time out. turn() closes the open connections, kEndsPerTurn at a
/// time, and resets those that are still open when the time is over. Connections in TIME-WAIT stay: their
/// peers have closed already.
///
/// @code
///   drain.begin(stack, now, 2s);
///   while (!drain.is_over()) { stack.poll(app, now = clock()); drain.turn(stack, now); }
/// @endcode
/// @note cost: begin() visits every half-open record; turn() visits at most kEndsPerTurn connections.
class Drain {
  public:
    static constexpr uint32_t kEndsPerTurn = 64;
    /// How long the last RSTs may take to leave.
    static constexpr Duration kCut = 100ms;

    /// @param time how long connections get to close; 0: RST at once
    void begin(Stack& stack, Instant now, Duration time) noexcept {
        if (phase_ != Phase::none) return;
        stack.unlisten_all();
        time_ = time;
        enter(time <= Duration::zero() ? Phase::cutting : Phase::closing, now);
    }
    bool has_begun() const noexcept { return phase_ != Phase::none; }
    bool is_over() const noexcept { return phase_ == Phase::over; }

    /// Call after each poll since begin(). Returns whether the drain is over.
    bool turn(Stack& stack, Instant now) noexcept {
        if (phase_ == Phase::none || phase_ == Phase::over) return is_over();
        const bool cuts = phase_ == Phase::cutting;
        if (is_telling_) {
            next_ = stack.visit_open(next_, kEndsPerTurn, [cuts](Connection c) noexcept {
                static_cast<void>(cuts ? c.abort() : c.close());
            });
            is_telling_ = next_ != 0;
            if (is_telling_)
                until_ = now + (cuts ? kCut : time_);  // the time begins when all have been closed or reset
        }
        const bool is_done = stack.records().open == 0 && !stack.has_work();
        if (is_done || (cuts && now >= until_))
            phase_ = Phase::over;
        else if (now >= until_)
            enter(Phase::cutting, now);
        return is_over();
    }

  private:
    enum class Phase : uint8_t { none, closing, cutting, over };

    void enter(Phase phase, Instant now) noexcept {
        phase_ = phase;
        is_telling_ = true;
        next_ = 0;
        until_ = now + (phase == Phase::cutting ? kCut : time_);
    }

    Phase phase_ = Phase::none;
    bool is_telling_ = false;  ///< some connections are still to be closed or reset
    uint32_t next_ = 0;        ///< where to go on, see Stack::visit_open
    Duration time_{};
    Instant until_{};
};

/// An application that ignores every event: for the last events of connections whose own application is gone.
/// It discards timers and posts.
struct NoApplication {
    void on_open(Connection) noexcept {}
    void on_data(Connection, RxView&) noexcept {}
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection) noexcept {}
    void on_close(Connection, const CloseInfo&) noexcept {}
};

}  // namespace synfin
