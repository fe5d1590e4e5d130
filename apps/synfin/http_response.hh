#pragma once
/// @file
/// HttpResponse: what the load generator reads of an HTTP/1.1 response: status, and where it ends (RFC
/// 9112 6.3).

#include <cstdint>

#include "http_fields.hh"
#include "known_head.hh"

namespace synfin::app {

/// One response to a GET, head and body, read incrementally; the body is counted, not kept.
class HttpResponse {
  public:
    static constexpr uint32_t kMaxHead = 64 * 1024;

    enum class Outcome : uint8_t {
        more,         ///< feed the next bytes
        complete,     ///< the whole response has been read
        bad,          ///< not an HTTP/1 response
        unsupported,  ///< a transfer coding (chunked): not read
    };

    /// Reads from the front of bytes; `used` is set to how many of them belong to the response. `known` is
    /// what the responses before have said.
    Outcome feed(Bytes bytes, uint32_t& used, KnownHead<HttpResponse>& known) noexcept;
    /// The peer has sent FIN: complete when that is what ends the body, else the response is short.
    Outcome end() const noexcept { return at_ == At::body && until_fin_ ? Outcome::complete : Outcome::more; }
    void clear() noexcept { *this = HttpResponse{}; }

    unsigned status() const noexcept { return status_; }
    /// Whether the server lets the connection stay.
    bool keep_alive() const noexcept { return minor_ >= 1 && !fields_.close() && !until_fin_; }

  private:
    enum class At : uint8_t { version, minor, space, status, reason, fields, body };

    HttpStep head(Bytes bytes, uint32_t& at) noexcept;

    HttpFields fields_;
    uint64_t left_ = 0;  ///< bytes of the body still to come
    uint32_t read_ = 0;  ///< bytes of the head so far
    uint16_t status_ = 0;
    At at_ = At::version;
    uint8_t matched_ = 0;  ///< bytes of the version, then digits of the status
    uint8_t minor_ = 0;
    bool until_fin_ = false;
};

}  // namespace synfin::app
