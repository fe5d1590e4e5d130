#pragma once
/// @file
/// EchoServer: returns every byte (RFC 862); closes when the peer has sent FIN and all is returned.

#include "server.hh"

namespace synfin::app {

/// Back-pressure is exact: only what the send queue took is taken from the receive queue, so a peer that does
/// not read closes its own window. The stack tells of the peer's FIN when all before it has been taken, so
/// nothing need be remembered of a connection.
class EchoServer {
  public:
    void turn(Instant) noexcept {}
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection c, RxView& view) noexcept { view.take(c.send(view).value_or(0)); }
    void on_writable(Connection c) noexcept { static_cast<void>(c.resume()); }
    void on_peer_fin(Connection c) noexcept { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo& why) noexcept { tally_.ended(why); }

    const ServerTally& tally() const noexcept { return tally_; }

  private:
    ServerTally tally_;
};

static_assert(Server<EchoServer>);

}  // namespace synfin::app
