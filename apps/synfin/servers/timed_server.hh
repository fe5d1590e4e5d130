#pragma once
/// @file
/// TimedServer: base of the echo, discard and chargen servers. It has the tally and the time-outs of idle
/// connections.

#include "server.hh"
#include "traffic/connection_timers.hh"

namespace synfin::app {

class TimedServer {
  public:
    /// @param timers the owner calls its turn(), and on_timer() for expired waits; null: no limits
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
    /// The connection's wait has expired; ConnectionTimers has removed it from its list.
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
    /// Call when data waits for room in the send buffer. Progress is measured by the peer's ACKs, not by
    /// these calls.
    void wait_for_room(Connection c) noexcept {
        if (timers_ != nullptr) timers_->arm_once(c, ConnectionTimers::send, now_);
    }
    ServerTally tally_;

  private:
    ConnectionTimers* timers_;
    Instant now_{};
};

}  // namespace synfin::app
