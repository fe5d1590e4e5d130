#pragma once
/// @file
/// DiscardServer: reads everything and answers nothing (RFC 863).

#include "timed_server.hh"

namespace synfin::app {

class DiscardServer : public TimedServer {
  public:
    explicit DiscardServer(ConnectionTimers* timers = nullptr) : TimedServer(timers) {}

    void on_data(Connection c, RxView& view) noexcept {
        bytes_ += view.size();
        wait(c, ConnectionTimers::idle);
    }
    void on_writable(Connection) noexcept {}
    uint64_t bytes() const noexcept { return bytes_; }

  private:
    uint64_t bytes_ = 0;
};

static_assert(Server<DiscardServer>);

}  // namespace synfin::app
