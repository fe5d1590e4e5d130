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
    static constexpr std::string_view kVersion = "HTTP/1.";
    while (at < bytes.size()) {
        const uint8_t byte = bytes[at];
        switch (at_) {
            case At::before:
                // RFC 9112 2.2: empty lines before the request line are ignored.
                if (byte == '\r' || byte == '\n') break;
                at_ = At::method;
                continue;
            case At::method:
                if (byte == ' ') {
                    if (word_.empty()) return HttpStep::bad;
                    at_ = At::target_first;
                } else if (is_token_byte(byte)) {
                    // Methods are case-sensitive (RFC 9110 9.1): "get" is another method, not GET.
                    word_.add(byte >= 'a' && byte <= 'z' ? uint8_t{'?'} : byte);
                } else {
                    return HttpStep::bad;
                }
                break;
            case At::target_first:
                if (byte <= ' ' || byte >= 0x7f) return HttpStep::bad;
                method_ = word_.is("get") ? Method::get : word_.is("head") ? Method::head : Method::other;
                at_ = At::target;
                break;
            case At::target:
                if (byte == ' ')
                    at_ = At::version;
                else if (byte < ' ' || byte >= 0x7f)
                    return HttpStep::bad;
                break;
            case At::version:
                if (version_at_ < kVersion.size()) {
                    if (byte != static_cast<uint8_t>(kVersion[version_at_])) return HttpStep::bad;
                    ++version_at_;
                    break;
                }
                if (byte < '0' || byte > '9') return HttpStep::bad;
                minor_ = static_cast<uint8_t>(byte - '0');
                at_ = At::line_cr;
                break;
            case At::line_cr:
                if (byte != '\r' && byte != '\n') return HttpStep::bad;
                at_ = byte == '\r' ? At::line_lf : At::fields;
                break;
            case At::line_lf:
                if (byte != '\n') return HttpStep::bad;
                at_ = At::fields;
                break;
            case At::fields: return fields_.feed(bytes, at);
        }
        ++at;
    }
    return HttpStep::more;
}

}  // namespace synfin::app
