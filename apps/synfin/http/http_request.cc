#include "http_request.hh"

#include <algorithm>
#include <string_view>

namespace synfin::app {

HttpRequest::Outcome HttpRequest::feed(Bytes bytes, uint32_t& used, KnownHead<HttpRequest>& known) noexcept {
    const bool is_first = !started();
    if (is_first && (used = known.recall(bytes, *this)) != 0) return Outcome::complete;
    const uint32_t allowed = kMaxHead - read_;
    const Bytes head = bytes.first(std::min<size_t>(bytes.size(), allowed));
    used = 0;
    const HttpStep outcome = step(head, used);
    read_ = static_cast<uint16_t>(read_ + used);
    switch (outcome) {
        case HttpStep::complete:
            if (is_first) known.learn(bytes.first(used), *this);
            return Outcome::complete;
        case HttpStep::bad: return Outcome::bad;
        case HttpStep::more: return read_ == kMaxHead ? Outcome::too_large : Outcome::more;
    }
    return Outcome::bad;
}

HttpStep HttpRequest::step(Bytes bytes, uint32_t& at) noexcept {
    while (at < bytes.size()) {
        if (at_ == At::fields) return fields_.feed(bytes, at);
        if (line_byte(bytes[at]) == HttpStep::bad) return HttpStep::bad;
        ++at;
    }
    return HttpStep::more;
}

/// Handles a byte of the request line (RFC 9112 3).
HttpStep HttpRequest::line_byte(uint8_t byte) noexcept {
    static constexpr std::string_view kVersion = "HTTP/1.";
    const auto step = [](bool good) { return good ? HttpStep::more : HttpStep::bad; };
    switch (at_) {
        case At::before:
            // RFC 9112 2.2: ignore empty lines before the request line.
            if (byte == '\n') return HttpStep::more;
            at_ = byte == '\r' ? At::before_lf : At::method;
            if (byte == '\r') return HttpStep::more;
            [[fallthrough]];
        case At::method:
            if (byte == ' ') {
                at_ = At::target_first;
                return step(!word_.empty());
            }
            // Methods are case-sensitive (RFC 9110 9.1): "get" is not GET.
            word_.add(byte >= 'a' && byte <= 'z' ? uint8_t{'?'} : byte);
            return step(is_token_byte(byte));
        case At::before_lf: at_ = At::before; return step(byte == '\n');
        case At::target_first:
            method_ = word_.is("get")    ? Method::get
                      : word_.is("head") ? Method::head
                      : word_.is("post") ? Method::post
                      : word_.is("put")  ? Method::put
                                         : Method::other;
            [[fallthrough]];
        case At::scheme:
        case At::authority:
        case At::path:
        case At::rest: return target_byte(byte);
        case At::version:
            if (matched_ < kVersion.size()) return step(byte == static_cast<uint8_t>(kVersion[matched_++]));
            minor_ = static_cast<uint8_t>(byte - '0');
            at_ = At::line_cr;
            return step(byte >= '0' && byte <= '9');
        case At::line_cr:
            at_ = byte == '\r' ? At::line_lf : At::fields;
            return step(byte == '\r' || byte == '\n');
        case At::line_lf: at_ = At::fields; return step(byte == '\n');
        case At::fields: break;  // step() reads them
    }
    return HttpStep::bad;
}

/// Handles a byte of the target (RFC 9112 3.2): a path, "http://authority/path", or anything for methods that
/// this server does not support.
HttpStep HttpRequest::target_byte(uint8_t byte) noexcept {
    static constexpr std::string_view kScheme = "://";
    if (byte < ' ' || byte >= 0x7f) return HttpStep::bad;
    if (byte == ' ') {
        // A target can't consist of a scheme alone.
        const bool good = at_ != At::target_first && at_ != At::scheme;
        if (at_ == At::authority) add_to_path('/');
        if (at_ == At::path) end_path();
        at_ = At::version;
        matched_ = 0;
        return good ? HttpStep::more : HttpStep::bad;
    }
    switch (at_) {
        case At::target_first:
            at_ = byte == '/' ? At::path : method_ == Method::other ? At::rest : At::scheme;
            if (at_ == At::path) path_byte(byte);
            return at_ != At::scheme || is_token_byte(byte) ? HttpStep::more : HttpStep::bad;
        case At::scheme:
            if (matched_ == 0 && byte != ':') return is_token_byte(byte) ? HttpStep::more : HttpStep::bad;
            if (byte != static_cast<uint8_t>(kScheme[matched_])) return HttpStep::bad;
            if (++matched_ == kScheme.size()) at_ = At::authority;
            return HttpStep::more;
        case At::authority:
            if (byte == '/' || byte == '?') add_to_path('/');
            if (byte == '/') at_ = At::path;
            if (byte == '?') at_ = At::rest;
            return HttpStep::more;
        case At::path:
            if (byte == '?') {
                end_path();
                at_ = At::rest;
            } else {
                path_byte(byte);
            }
            return HttpStep::more;
        case At::rest: return HttpStep::more;
        case At::before:
        case At::before_lf:
        case At::method:
        case At::version:
        case At::line_cr:
        case At::line_lf:
        case At::fields: break;
    }
    return HttpStep::bad;
}

/// Decodes %XX (RFC 3986 2.1); a '%' without two hexadecimal digits stays as it was sent.
void HttpRequest::path_byte(uint8_t byte) noexcept {
    const unsigned digit = hex_digit(byte);
    if (escape_at_ != 0 && digit < 16) {
        escape_[escape_at_ - 1] = byte;
        if (escape_at_++ == 1) return;
        add_to_path(static_cast<uint8_t>(hex_digit(escape_[0]) << 4 | digit));
        escape_at_ = 0;
        return;
    }
    end_path();
    if (byte == '%')
        escape_at_ = 1;
    else
        add_to_path(byte);
}

/// Hashes the bytes of an incomplete %XX unchanged.
void HttpRequest::end_path() noexcept {
    if (escape_at_ != 0) add_to_path('%');
    if (escape_at_ == 2) add_to_path(escape_[0]);
    escape_at_ = 0;
}

}  // namespace synfin::app
