#pragma once
/// @file
/// HttpResponse: parses an HTTP/1.1 response for the load generator: its status, its end (RFC 9112 6.3) and
/// whether the connection persists (9.3).

#include <cstdint>

#include "http_chunked.hh"
#include "http_fields.hh"
#include "known_head.hh"

namespace synfin::app {

/// One response, head and body, read incrementally. It counts the body's bytes and keeps none. It skips
/// interim responses (1xx) and empty lines before the response (RFC 9110 15.2, RFC 9112 2.2).
class HttpResponse {
  public:
    /// Most bytes of the head, including the skipped bytes before it.
    static constexpr uint32_t kMaxHead = 64 * 1024;

    enum class Outcome : uint8_t {
        more,      ///< feed the next bytes
        complete,  ///< the whole response has been read
        bad        ///< not an HTTP/1 response
    };

    /// @param to_head the response answers HEAD: it has no body, whatever its fields say
    explicit HttpResponse(bool to_head = false) noexcept : to_head_(to_head) {}

    /// Reads from the front of `bytes`.
    /// @param used set to the number of bytes that belong to the response
    /// @param known cache of the previous head; see KnownHead
    Outcome feed(Bytes bytes, uint32_t& used, KnownHead<HttpResponse>& known) noexcept;
    /// Call it when the peer has sent FIN: complete if FIN ends the body, otherwise the response is
    /// truncated.
    Outcome end() const noexcept { return at_ == At::until_fin ? Outcome::complete : Outcome::more; }
    void clear() noexcept { *this = HttpResponse(to_head_); }

    unsigned status() const noexcept { return status_; }
    /// True if the connection persists after the response: HTTP/1.1 without "close" or HTTP/1.0 with
    /// "keep-alive", and a body that does not end with FIN.
    bool keep_alive() const noexcept { return persistent_; }

  private:
    enum class At : uint8_t {
        version,
        minor,
        space,
        status,
        reason,
        line_lf,
        fields,
        length,
        chunks,
        until_fin
    };

    HttpStep head(Bytes bytes, uint32_t& at) noexcept;
    void begin_body() noexcept;

    HttpFields fields_{HttpFields::Of::response};
    ChunkedBody chunks_;
    uint64_t left_ = 0;  ///< bytes of the body still to come
    uint32_t read_ = 0;  ///< bytes of the head so far
    uint16_t status_ = 0;
    At at_ = At::version;
    uint8_t matched_ = 0;  ///< bytes of the version, then digits of the status, read so far
    uint8_t minor_ = 0;
    bool to_head_;
    bool persistent_ = false;
};

static_assert(sizeof(HttpResponse) <= 104);

}  // namespace synfin::app
