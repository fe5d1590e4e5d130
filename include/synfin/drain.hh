#pragma once
/// @file
/// Drain: the end of what is open on one engine, so that every peer is told.

#include "synfin/stack.hh"

namespace synfin {

/// The listeners go, and half-open connections with them (RST, to 1,024 of them at most: the others time
/// out). FIN to every connection, some with each turn, and RST to those that are still there when the time is
/// over. Connections in TIME-WAIT are left: their peers know.
///
/// @code
///   drain.begin(stack, now, 2s);
///   while (!drain.is_over()) { stack.poll(app, now = clock()); drain.turn(stack, now); }
/// @endcode
/// @note cost: begin() goes through the half-open records; turn() is bounded by kEndsPerTurn.
class Drain {
  public:
    static constexpr uint32_t kEndsPerTurn = 64;
    /// How long the last RSTs may wait for the device.
    static constexpr Duration kCut = 100ms;

    /// @param time how long the connections get to close; 0: RST at once
    void begin(Stack& stack, Instant now, Duration time) noexcept {
        if (phase_ != Phase::none) return;
        stack.unlisten_all();
        time_ = time;
        enter(time <= Duration::zero() ? Phase::cutting : Phase::closing, now);
    }
    bool has_begun() const noexcept { return phase_ != Phase::none; }
    bool is_over() const noexcept { return phase_ == Phase::over; }

    /// After each poll since begin(). Returns whether it is over.
    bool turn(Stack& stack, Instant now) noexcept {
        if (phase_ == Phase::none || phase_ == Phase::over) return is_over();
        const bool cuts = phase_ == Phase::cutting;
        if (is_telling_) {
            next_ = stack.visit_open(next_, kEndsPerTurn, [cuts](Connection c) noexcept {
                static_cast<void>(cuts ? c.abort() : c.close());
            });
            is_telling_ = next_ != 0;
            if (is_telling_) until_ = now + (cuts ? kCut : time_);  // it begins when all have been told
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
    bool is_telling_ = false;  ///< connections are still to be told
    uint32_t next_ = 0;        ///< where that goes on, see Stack::visit_open
    Duration time_{};
    Instant until_{};
};

/// An application that does nothing: for a connection's last events when its own application is gone. Its
/// timers and posts are taken and forgotten.
struct NoApplication {
    void on_open(Connection) noexcept {}
    void on_data(Connection, RxView&) noexcept {}
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection) noexcept {}
    void on_close(Connection, const CloseInfo&) noexcept {}
};

}  // namespace synfin
