#pragma once
/// @file
/// TimedServer: what the servers of plain bytes (echo, discard, chargen) have in common: a tally, and limits
/// for connections that do nothing.

#include "server.hh"
#include "traffic/connection_timers.hh"

namespace synfin::app {

class TimedServer {
  public:
    /// @param timers the owner calls its turn(), and on_timer() for what is over; null: there are no limits
    explicit TimedServer(ConnectionTimers* timers) noexcept : timers_(timers) {}

    void turn(Instant now) noexcept { now_ = now; }
    void on_open(Connection c) noexcept {
        ++tally_.established;
        wait(c, ConnectionTimers::idle);
    }
    void on_peer_fin(Connection c) noexcept {
        static_cast<void>(c.close());
        wait(c, ConnectionTimers::send);
    }
    void on_close(Connection c, const CloseInfo& why) noexcept {
        tally_.ended(why);
        if (timers_ != nullptr) timers_->disarm(c);
    }
    /// The connection has waited for as long as it may; ConnectionTimers has taken it from its list.
    void on_timer(Connection c, uint8_t wait) noexcept {
        if (wait == ConnectionTimers::idle) {
            if (c.close()) ++tally_.timed_out_idle;
            return;
        }
        if (timers_->progress(c, now_) != ConnectionTimers::Progress::stalled) return;
        ++tally_.timed_out_send;
        static_cast<void>(c.abort());
    }
    const ServerTally& tally() const noexcept { return tally_; }

  protected:
    void wait(Connection c, uint8_t wait) noexcept {
        if (timers_ != nullptr) timers_->arm(c, wait, now_);
    }
    /// Text waits for room: that it moves on is seen by what the peer acknowledges, not by this.
    void wait_for_room(Connection c) noexcept {
        if (timers_ != nullptr) timers_->arm_once(c, ConnectionTimers::send, now_);
    }
    ServerTally tally_;

  private:
    ConnectionTimers* timers_;
    Instant now_{};
};

}  // namespace synfin::app
