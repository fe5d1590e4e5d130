#pragma once
/// @file
/// DiscardServer: reads everything and answers nothing (RFC 863).

#include "server.hh"

namespace synfin::app {

class DiscardServer {
  public:
    void turn(Instant) noexcept {}
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection, RxView& view) noexcept { bytes_ += view.size(); }
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection c) noexcept { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo& why) noexcept { tally_.ended(why); }

    const ServerTally& tally() const noexcept { return tally_; }
    uint64_t bytes() const noexcept { return bytes_; }

  private:
    ServerTally tally_;
    uint64_t bytes_ = 0;
};

static_assert(Server<DiscardServer>);

}  // namespace synfin::app
