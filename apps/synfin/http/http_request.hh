#pragma once
/// @file
/// HttpRequest: parses the head of an HTTP/1.1 request incrementally (RFC 9112 3 and 5), and tells the server
/// how to answer it (RFC 9112 3.2, 6.1 and 6.3; RFC 9110 10.1.1).

#include <cstdint>

#include "http_fields.hh"
#include "known_head.hh"
#include "servers/http_site.hh"
#include "sized_path.hh"

namespace synfin::app {

/// One request head. clear() prepares the object for the next one.
class HttpRequest {
  public:
    static constexpr uint32_t kMaxHead = 8 * 1024;  ///< bytes of request line and header section

    enum class Outcome : uint8_t {
        more,       ///< feed the next bytes
        complete,   ///< the head has been read; judge() says how to answer
        bad,        ///< not an HTTP/1 request
        too_large,  ///< more than kMaxHead bytes
    };
    enum class Method : uint8_t { get, head, post, put, other };
    enum class Verdict : uint8_t {
        good,             ///< answer it
        bad,              ///< 400, and close: its end or its host is ambiguous
        not_implemented,  ///< 501, and close: a transfer coding other than chunked
        not_allowed,      ///< 405: a method that this server does not support
    };

    /// Reads from the front of `bytes`.
    /// @param used set to the number of bytes that belong to the head
    /// @param known cache of the previous head; see KnownHead
    Outcome feed(Bytes bytes, uint32_t& used, KnownHead<HttpRequest>& known) noexcept;
    void clear() noexcept { *this = HttpRequest{}; }

    /// For a complete head. RFC 9112 3.2: HTTP/1.1 has exactly one Host, HTTP/1.0 at most one. 6.1 and 6.3:
    /// no transfer coding in HTTP/1.0, none together with Content-Length, and none but chunked.
    Verdict judge() const noexcept {
        if (fields_.hosts() > 1 || (fields_.hosts() == 0 && minor_ >= 1)) return Verdict::bad;
        if (fields_.has_transfer_coding()) [[unlikely]] {
            if (minor_ == 0 || fields_.has_length() || !fields_.chunked()) return Verdict::bad;
            if (fields_.has_other_coding()) return Verdict::not_implemented;
        }
        return method_ == Method::other ? Verdict::not_allowed : Verdict::good;
    }

    Method method() const noexcept { return method_; }
    bool is_http_1_0() const noexcept { return minor_ == 0; }
    /// True if the client keeps the connection open (RFC 9112 9.3): HTTP/1.1 without "Connection: close",
    /// HTTP/1.0 with "Connection: keep-alive".
    bool keep_alive() const noexcept { return !fields_.close() && (minor_ >= 1 || fields_.keep_alive()); }
    uint64_t content_length() const noexcept { return fields_.content_length(); }
    bool chunked() const noexcept { return fields_.has_transfer_coding(); }
    bool has_body() const noexcept { return chunked() || content_length() != 0; }
    /// True if the client waits for 100 Continue before it sends the body (RFC 9110 10.1.1: never in
    /// HTTP/1.0).
    bool expects_continue() const noexcept { return fields_.expects_continue() && minor_ >= 1 && has_body(); }
    /// The hash of the target's path with %XX decoded, without the query; that of "/" if there is no path.
    uint64_t path_hash() const noexcept { return path_.value(); }
    /// The same path, if it names an object by its size.
    const SizedPath& sized_path() const noexcept { return sized_path_; }
    bool started() const noexcept { return at_ != At::before || read_ != 0; }

  private:
    enum class At : uint8_t {
        before,
        before_lf,
        method,
        target_first,
        scheme,
        authority,
        path,
        rest,  ///< of the target: the query, or a form that is not parsed
        version,
        line_cr,
        line_lf,
        fields
    };

    HttpStep step(Bytes bytes, uint32_t& at) noexcept;
    HttpStep line_byte(uint8_t byte) noexcept;
    HttpStep target_byte(uint8_t byte) noexcept;
    void path_byte(uint8_t byte) noexcept;
    void end_path() noexcept;
    void add_to_path(uint8_t byte) noexcept {
        path_.add(byte);
        sized_path_.add(byte);
    }

    HttpFields fields_;
    HttpWord word_;
    PathHash path_;
    SizedPath sized_path_;
    uint16_t read_ = 0;  ///< bytes of this head so far
    At at_ = At::before;
    Method method_ = Method::other;
    uint8_t matched_ = 0;  ///< bytes of "://", then of "HTTP/1.", that have matched
    uint8_t minor_ = 0;
    uint8_t escape_at_ = 0;   ///< inside %XX: the number of digits so far plus 1; else 0
    uint8_t escape_[2] = {};  ///< its digits
};

}  // namespace synfin::app
