#pragma once
/// @file
/// HttpRequest: the head of an HTTP/1.1 request, read incrementally across segments (RFC 9112 3 and 5).

#include <cstdint>

#include "http_fields.hh"
#include "known_head.hh"

namespace synfin::app {

/// One request head. About 64 bytes; read it again from the start after clear().
class HttpRequest {
  public:
    static constexpr uint32_t kMaxHead = 8 * 1024;  ///< bytes of request line and header section

    enum class Outcome : uint8_t {
        more,       ///< feed the next bytes
        complete,   ///< the head has been read; a body of content_length() bytes follows
        bad,        ///< not an HTTP/1 request
        too_large,  ///< more than kMaxHead bytes
    };
    enum class Method : uint8_t { get, head, other };

    /// Reads from the front of bytes; `used` is set to how many of them belong to the head. `known` is what
    /// the requests before have said.
    Outcome feed(Bytes bytes, uint32_t& used, KnownHead<HttpRequest>& known) noexcept;
    void clear() noexcept { *this = HttpRequest{}; }

    Method method() const noexcept { return method_; }
    /// Whether the client lets the connection stay: HTTP/1.1 without "Connection: close".
    bool keep_alive() const noexcept { return minor_ >= 1 && !fields_.close(); }
    uint64_t content_length() const noexcept { return fields_.content_length(); }
    /// A transfer coding: where the body ends is not looked for.
    bool has_transfer_coding() const noexcept { return fields_.has_transfer_coding(); }
    bool started() const noexcept { return at_ != At::before || read_ != 0; }

  private:
    enum class At : uint8_t { before, method, target_first, target, version, line_cr, line_lf, fields };

    HttpStep step(Bytes bytes, uint32_t& at) noexcept;

    HttpFields fields_;
    HttpWord word_;
    uint16_t read_ = 0;  ///< bytes of this head so far
    At at_ = At::before;
    Method method_ = Method::other;
    uint8_t version_at_ = 0;  ///< how much of "HTTP/1." has matched
    uint8_t minor_ = 0;
};

}  // namespace synfin::app
