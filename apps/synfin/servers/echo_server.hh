#pragma once
/// @file
/// EchoServer: returns every byte (RFC 862). It closes when the peer has sent FIN and all bytes are returned.

#include "timed_server.hh"

namespace synfin::app {

/// Back-pressure is exact: the server takes only as many received bytes as the send queue accepted, so a peer
/// that does not read closes its own window. The stack reports the peer's FIN after all earlier bytes were
/// taken, so the server needs no state per connection.
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
