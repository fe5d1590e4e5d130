#pragma once
/// @file
/// EchoServer: returns every byte (RFC 862); closes when the peer has sent FIN and all is returned.

#include "server.hh"

namespace synfin::app {

/// Back-pressure is exact: only what the send queue took is taken from the receive queue, so a peer that
/// does not read closes its own window. Its state is two bits, kept in the cookie.
class EchoServer {
  public:
    explicit EchoServer(uint32_t max_connections) : retry_(max_connections) {}

    void turn(Instant) noexcept {
        retry_.turn([](Connection c) { static_cast<void>(c.resume()); });
    }
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection c, RxView& view) noexcept {
        const auto sent = c.send(view);
        const uint32_t taken = sent.value_or(0);
        if (taken < view.size()) {
            view.take(taken);
            c.set_cookie(c.cookie() | kHolding);
            if (!sent && sent.error() == Error::no_memory) retry_.add(c);
            return;
        }
        const bool fin_seen = (c.cookie() & kFinSeen) != 0;
        c.set_cookie(c.cookie() & ~kHolding);
        if (fin_seen) static_cast<void>(c.close());
    }
    void on_writable(Connection c) noexcept {
        if ((c.cookie() & kHolding) != 0) static_cast<void>(c.resume());
    }
    void on_peer_fin(Connection c) noexcept {
        if ((c.cookie() & kHolding) != 0)
            c.set_cookie(c.cookie() | kFinSeen);
        else
            static_cast<void>(c.close());
    }
    void on_close(Connection, const CloseInfo& why) noexcept { tally_.ended(why); }

    const ServerTally& tally() const noexcept { return tally_; }

  private:
    static constexpr uint32_t kHolding = 1, kFinSeen = 2;
    ServerTally tally_;
    RetryList retry_;
};

static_assert(Server<EchoServer>);

}  // namespace synfin::app
