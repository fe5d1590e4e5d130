#pragma once
/// @file
/// HttpServer: a small HTTP/1.1 origin server for the resources of an HttpSite.

#include <array>
#include <ctime>
#include <memory>
#include <vector>

#include "http/http_chunked.hh"
#include "http/http_request.hh"
#include "http_site.hh"
#include "server.hh"
#include "traffic/connection_timers.hh"
#include "traffic/payload_pattern.hh"
#include "traffic/slot_pool.hh"

namespace synfin::app {

/// The server answers GET, HEAD, POST and PUT with the site's resource after it has read the body, and other
/// methods with 405. A path of the form /size/N that the site does not have is an object of N bytes of
/// PayloadPattern; it needs no memory, whatever its size. It closes after 400 (a malformed request, or
/// HTTP/1.1 without Host), 431 (a head over 8 KiB), 501 (a transfer coding other than chunked) and 408 (a
/// head that takes too long). It supports keep-alive and pipelining of HTTP/1.1 and HTTP/1.0; without
/// keep-alive it closes first.
class HttpServer {
  public:
    /// @param site the resources; must not change while this server lives
    /// @param max_connections records for as many; memory is touched on demand
    /// @param timers has the site's delays; the owner calls its turn(), and on_timer() for expired waits
    HttpServer(std::shared_ptr<const HttpSite> site, uint32_t max_connections, ConnectionTimers& timers);
    /// One body of this size at every path, and no time-outs.
    HttpServer(uint64_t response_size, uint32_t max_connections);

    void turn(Instant now) noexcept;
    void on_open(Connection c) noexcept;
    void on_data(Connection c, RxView& view) noexcept;
    void on_writable(Connection c) noexcept;
    void on_peer_fin(Connection c) noexcept;
    void on_close(Connection c, const CloseInfo& why) noexcept;
    /// The connection's wait has expired; ConnectionTimers has removed it from its list.
    void on_timer(Connection c, uint8_t wait) noexcept;

    const ServerTally& tally() const noexcept { return tally_; }
    size_t memory_bytes() const noexcept { return exchanges_.memory_bytes(); }

    /// Sets the clock of the Date field, in seconds since 1970; for tests.
    void set_clock(std::time_t (*clock)() noexcept) noexcept {
        clock_ = clock;
        second_ends_ = {};
    }

  private:
    HttpServer(std::shared_ptr<const HttpSite> site, uint32_t max_connections,
               std::unique_ptr<ConnectionTimers> timers);

    enum class After : uint8_t {
        next,   ///< read the next request
        close,  ///< the exchange is over: send FIN
        linger  ///< more bytes may come: send FIN, then read and discard for a while
    };
    /// Whether the connection stays open, as the response's fields say.
    enum Stay : uint8_t { keep, keep_1_0, last, kStays };
    /// A response: the head and a small body in one buffer; a larger body is not copied.
    struct Message {
        std::vector<uint8_t> bytes;
        uint32_t head = 0;       ///< bytes of the head
        uint32_t date_at = 0;    ///< where Date's value is in it
        std::time_t second = 0;  ///< of Date's value
        Bytes body{};            ///< beyond `bytes`; empty: the pattern
        uint64_t body_size = 0;  ///< beyond `bytes`
        uint16_t delay = 0;      ///< as HttpResource's
        uint32_t length_at = 0;  ///< where Content-Length's value belongs; 0: it is there
        bool is_sized() const noexcept { return length_at != 0; }
    };
    /// All responses with the Date of one second. Connections may send from an edition after that second; it
    /// is overwritten only when no connection reads it.
    struct Edition {
        std::vector<Message> messages;
        uint32_t readers = 0;  ///< connections whose last response may not be acknowledged yet
    };
    static constexpr uint32_t kEditions = 64;
    /// With more resources there are no editions: every head is copied into the send queue.
    static constexpr size_t kMostInEditions = 32;

    /// The state of a connection with a partial request or a response that does not fit. Without it a
    /// connection's user_tag is 0, or kReads with the edition that it reads.
    struct Exchange {
        HttpRequest request;
        ChunkedBody chunks;
        uint64_t body_left = 0;       ///< of a request's body with a length
        Message* response = nullptr;  ///< being sent, or delayed
        Message* answer = nullptr;    ///< the response to the request whose body is being read
        uint64_t sent = 0;            ///< bytes of the response
        uint64_t object = 0;          ///< size of an object by size
        uint64_t requests = 0;        ///< of the connection, if the site limits them
        std::time_t second = 0;       ///< of its Date
        uint32_t reads = 0;           ///< the user_tag that the connection had before
        After after = After::next;
        bool in_body = false;    ///< the head has been read
        bool only_head = false;  ///< the response to HEAD
        bool waiting = false;    ///< for the response's delay
        bool holding = false;    ///< the stack keeps bytes that were not taken
        bool fin_seen = false;   ///< the peer has sent FIN
        bool lingering = false;  ///< our FIN is sent; received bytes are discarded
        bool is_idle() const noexcept { return response == nullptr && !in_body && !request.started(); }
    };
    /// Bodies up to this are copied with their head.
    static constexpr uint64_t kSmallBody = 1024;
    static constexpr size_t kMostSizedHead = 320;  ///< bytes of the head of an object by size

    static Message make(const HttpResource& resource, Stay stay);
    static Message refusal(unsigned status, Stay stay);
    static Message sized(Stay stay);
    /// Whether the connection stays open after the response to its nth request (from 1).
    bool keeps(const HttpRequest& request, uint64_t nth) const noexcept {
        return request.keep_alive() && (most_responses_ == 0 || nth < most_responses_);
    }
    Stay stay_of(const HttpRequest& request, uint64_t nth) const noexcept {
        return !keeps(request, nth) ? last : request.is_http_1_0() ? keep_1_0 : keep;
    }
    uint32_t index_of(const HttpRequest& request, uint64_t nth) const noexcept {
        return kStays * site_->find(request.path_hash()) + stay_of(request, nth);
    }
    static constexpr uint32_t kReads = 1u << 31;
    /// The connection's exchange, or null.
    static uint32_t tag_of(Connection c) noexcept { return static_cast<uint32_t>(c.user_tag()); }
    Exchange* exchange_of(uint32_t user_tag) noexcept {
        return user_tag == 0 || (user_tag & kReads) != 0 ? nullptr : &exchanges_[user_tag];
    }
    Exchange* begin_exchange(Connection c) noexcept;
    bool answer_at_once(Connection c, uint32_t user_tag, Bytes bytes) noexcept;
    bool reads_present_edition(Connection c, uint32_t user_tag) noexcept;
    bool reads_anew(Connection c, uint32_t user_tag) noexcept;
    void delivered(Connection c, Exchange* exchange) noexcept;
    void stop_reading(uint32_t user_tag) noexcept {
        if ((user_tag & kReads) != 0) --editions_[user_tag & ~kReads].readers;
    }
    Message& answer_to(const HttpRequest& request, Exchange& exchange) noexcept;
    uint32_t read_head(Connection c, Exchange& exchange, Bytes bytes) noexcept;
    void begin_request(Connection c, Exchange& exchange, bool more_behind) noexcept;
    uint32_t read_body(Connection c, Exchange& exchange, Bytes bytes) noexcept;
    void end_request(Connection c, Exchange& exchange, bool more_behind) noexcept;
    void respond(Connection c, Exchange& exchange, Message& message, After after) noexcept;
    void refuse(Connection c, Exchange& exchange, Message& message) noexcept;
    bool send_response(Connection c, Exchange& exchange) noexcept;
    bool send_object(Connection c, Exchange& exchange) noexcept;
    void finish(Connection c, Exchange& exchange) noexcept;
    void go_on(Connection c, Exchange& exchange) noexcept;
    void close(Connection c) noexcept;
    void wait_next(Connection c, const Exchange& exchange) noexcept;
    /// Sets the Date of the message to this second.
    void set_date(Message& message, std::time_t second) noexcept {
        if (message.second != second) [[unlikely]]
            write_date(message, second);
    }
    void write_date(Message& message, std::time_t second) noexcept;
    void next_second() noexcept;

    std::shared_ptr<const HttpSite> site_;
    const uint64_t most_responses_;                 ///< for each connection; 0: no limit
    std::unique_ptr<ConnectionTimers> own_timers_;  ///< null: timers_ are the owner's
    ConnectionTimers& timers_;
    SlotPool<Exchange> exchanges_;
    KnownHead<HttpRequest> known_;
    ServerTally tally_;
    std::vector<uint8_t> body_;      ///< pattern for bodies without own bytes
    std::vector<Message> messages_;  ///< kStays for each of the site's resources
    std::vector<Edition> editions_;  ///< empty: none are kept
    uint32_t edition_ = 0;           ///< the present one
    bool has_edition_ = false;       ///< false: all other editions still have readers
    uint32_t whole_room_ = 0;        ///< Connection::room() of a connection without unacknowledged data
    std::array<Message, kStays> not_allowed_, not_found_, sized_;
    const PayloadPattern& pattern_;  ///< of objects by size
    Message bad_request_, timed_out_, too_large_, not_implemented_;
    Instant now_{};
    Instant second_ends_{};  ///< when to read the clock again
    std::time_t second_ = 0;
    std::time_t (*clock_)() noexcept = nullptr;  ///< null: the system's
};

static_assert(Server<HttpServer>);

}  // namespace synfin::app
