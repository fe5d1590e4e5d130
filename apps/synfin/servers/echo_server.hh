#pragma once
/// @file
/// EchoServer: returns every byte (RFC 862); closes when the peer has sent FIN and all is returned.

#include "timed_server.hh"

namespace synfin::app {

/// Back-pressure is exact: only what the send queue took is taken from the receive queue, so a peer that does
/// not read closes its own window. The stack tells of the peer's FIN when all before it has been taken, so
/// nothing need be remembered of a connection.
class EchoServer : public TimedServer {
  public:
    explicit EchoServer(ConnectionTimers* timers = nullptr) : TimedServer(timers) {}

    void on_data(Connection c, RxView& view) noexcept {
        const uint32_t sent = c.send(view).value_or(0);
        view.take(sent);
        if (sent == view.size())
            wait(c, ConnectionTimers::send);
        else
            wait_for_room(c);
    }
    void on_writable(Connection c) noexcept { static_cast<void>(c.resume()); }
};

static_assert(Server<EchoServer>);

}  // namespace synfin::app
