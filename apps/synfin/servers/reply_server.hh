#pragma once
/// @file
/// ReplyServer: answers each request of a known size with a response of a known size; the server of the
/// bench's profiles.

#include <vector>

#include "server.hh"

namespace synfin::app {

/// Requests and responses are only lengths here. The user_tag counts the bytes of the request that is coming
/// in.
class ReplyServer {
  public:
    struct Shape {
        uint32_t request_size = 64;      ///< bytes, at least 1
        uint32_t response_size = 64;     ///< bytes; must fit the send buffer with one request per connection
        bool close_after_reply = false;  ///< the server sends the first FIN, behind the response
    };
    explicit ReplyServer(const Shape& shape) : shape_(shape), response_(shape.response_size, 'r') {}

    void turn(Instant) noexcept {}
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection c, RxView& view) noexcept {
        uint64_t have = c.user_tag() + view.size();
        for (; have >= shape_.request_size; have -= shape_.request_size) {
            ++tally_.requests;
            const auto sent = c.send_static(response_);
            // The bench has one request in flight, so its response always has room; a response that does not
            // go out would leave the client waiting and the figure wrong: end the connection, visibly.
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
