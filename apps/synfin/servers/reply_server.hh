#pragma once
/// @file
/// ReplyServer: answers each request of a fixed size with a response of a fixed size. The server of the
/// bench's profiles.

#include <vector>

#include "server.hh"

namespace synfin::app {

/// Only the lengths of requests and responses matter. The user_tag counts the received bytes of the present
/// request.
class ReplyServer {
  public:
    struct Shape {
        uint32_t request_size = 64;      ///< bytes, at least 1
        uint32_t response_size = 64;     ///< bytes; must fit the send buffer with one request per connection
        bool close_after_reply = false;  ///< the server sends the first FIN, after the response
    };
    explicit ReplyServer(const Shape& shape) : shape_(shape), response_(shape.response_size, 'r') {}

    void turn(Instant) noexcept {}
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection c, RxView& view) noexcept {
        uint64_t have = c.user_tag() + view.size();
        for (; have >= shape_.request_size; have -= shape_.request_size) {
            ++tally_.requests;
            const auto sent = c.send_static(response_);
            // The bench has one request in flight, so a response always fits. If one does not, the client
            // would wait and falsify the result: reset the connection, which counts as a failure.
            if (!sent || *sent < response_.size()) {
                ++tally_.bad_requests;
                static_cast<void>(c.abort());
                return;
            }
            if (shape_.close_after_reply) {
                static_cast<void>(c.close());
                return;
            }
        }
        c.set_user_tag(have);
    }
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection c) noexcept { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo& why) noexcept { tally_.ended(why); }

    const ServerTally& tally() const noexcept { return tally_; }

  private:
    Shape shape_;
    ServerTally tally_;
    std::vector<uint8_t> response_;
};

static_assert(Server<ReplyServer>);

}  // namespace synfin::app
