#pragma once
/// @file
/// HttpServer: a small HTTP/1.1 origin server: one resource of a settable size at every path.

#include <vector>

#include "base/line_vector.hh"
#include "http_request.hh"
#include "server.hh"
#include "slot_pool.hh"

namespace synfin::app {

/// GET and HEAD are answered with 200, other methods with 405, what can't be parsed with 400 and close, a
/// head over 8 KiB with 431 and close. Keep-alive and pipelining as HTTP/1.1 has them; with "Connection:
/// close" or HTTP/1.0 the server closes first. One difference to RFC 9112 3.2: a request without Host is
/// served.
class HttpServer {
  public:
    /// @param response_size   bytes of the body; any, sent from one buffer of 64 KiB
    /// @param max_connections records for as many; memory is touched on demand
    HttpServer(uint64_t response_size, uint32_t max_connections);

    void turn(Instant now) noexcept;
    void on_open(Connection c) noexcept;
    void on_data(Connection c, RxView& view) noexcept;
    void on_writable(Connection c) noexcept;
    void on_peer_fin(Connection c) noexcept;
    void on_close(Connection c, const CloseInfo& why) noexcept;

    const ServerTally& tally() const noexcept { return tally_; }
    size_t memory_bytes() const noexcept { return exchanges_.memory_bytes(); }

    /// How long and how much a closing server reads on, so that its last response is not lost to a RST
    /// (RFC 9112 9.6).
    static constexpr Duration kLinger = 2s;

  private:
    enum class After : uint8_t {
        next,   ///< read the next request
        close,  ///< the exchange is over: FIN, and done
        linger  ///< more bytes may come that nobody wants: FIN, then read them away for a while
    };
    /// A response's head with as much of the body as one buffer holds.
    struct Message {
        std::vector<uint8_t> bytes;
        uint64_t body_left = 0;  ///< bytes of the body that are not in `bytes`
    };
    /// Made when there is something to remember: a request in parts, a response that does not fit. Until
    /// then a connection's cookie is 0.
    struct Exchange {
        HttpRequest request;
        uint64_t skip = 0;                  ///< bytes of a request body to read away
        const Message* response = nullptr;  ///< being sent
        uint64_t sent = 0;                  ///< bytes of it
        After after = After::next;
        bool holding = false;    ///< the stack keeps bytes that were not taken
        bool fin_seen = false;   ///< the peer will send no more
        bool lingering = false;  ///< our FIN is sent; the rest is read away
    };

    struct Answer {
        const Message* message;
        After after;
    };

    static Message make(std::string_view status, std::string_view fields, uint64_t body, bool with_body,
                        bool close);
    Exchange* begin_exchange(Connection c) noexcept;
    bool answer_at_once(Connection c, Bytes bytes) noexcept;
    Answer answer_to(const HttpRequest& request, bool more_behind) noexcept;
    void respond(Exchange& exchange, const Message& message, After after) noexcept;
    bool send_response(Connection c, Exchange& exchange) noexcept;
    void finish(Connection c, Exchange& exchange) noexcept;

    SlotPool<Exchange> exchanges_;
    KnownHead<HttpRequest> known_;
    ServerTally tally_;
    std::vector<uint8_t> body_;  ///< the pattern that bodies beyond the first buffer repeat
    // [0] keep-alive, [1] Connection: close
    Message ok_[2], ok_head_[2], not_allowed_[2];
    Message bad_request_, too_large_;
    /// Connections that linger, oldest first, with the time at which each is closed for good.
    struct Lingering {
        Connection connection;
        Instant until;
    };
    LineVector<Lingering> lingering_;  ///< a ring
    size_t oldest_ = 0, lingering_count_ = 0;
    Instant now_{};
};

static_assert(Server<HttpServer>);

}  // namespace synfin::app
